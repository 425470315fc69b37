"""Turning facts into ledger entries and badges, set-wise and once.

Only the consumer calls this, one process at a time, so caps and counts are exact without locks.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import distinct, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_recognition.awards import DEFAULT_RULES, Badge, Fact, Place, Rule, earned, places, reached, week_of
from kith_recognition.events import BadgeAwarded, PointsAwarded
from kith_recognition.models import AwardRule, Kudos, LedgerEntry

_RECOGNIZE = text("""
INSERT INTO recognized (community_id, member_id, kind, thing_id)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, member_id uuid, kind text, thing_id uuid)
ON CONFLICT DO NOTHING RETURNING community_id, member_id, kind, thing_id
""")
_ENTER = text("""
INSERT INTO ledger_entries (id, community_id, member_id, rule, points, event_id, other_id, earned_at)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, community_id uuid, member_id uuid, rule text,
  points bigint, event_id uuid, other_id uuid, earned_at timestamptz)
ON CONFLICT DO NOTHING RETURNING id
""")
_COUNT = text("""
INSERT INTO tallies AS t (community_id, member_id, kind, count)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, member_id uuid, kind text, count bigint)
ON CONFLICT (community_id, member_id, kind) DO UPDATE SET count = t.count + EXCLUDED.count
RETURNING community_id, member_id, kind, count AS total
""")
_AWARD = text("""
INSERT INTO badge_awards (id, community_id, member_id, badge_key, repeatable, evidence_id)
SELECT id, community_id, member_id, badge_key, false, evidence_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(id uuid, community_id uuid, member_id uuid, badge_key text, evidence_id uuid)
ON CONFLICT DO NOTHING RETURNING id, community_id, member_id, badge_key
""")


async def record(session: AsyncSession, facts: Sequence[Fact]) -> None:
    """Enter what these facts earned and give the badges they complete. Of a thing, the first fact counts alone."""
    facts = await _first_of_each(session, facts)
    if not facts:
        return
    rules = await _rules(session, {fact.community_id for fact in facts})
    taken = await _taken(session, facts)
    rows: list[dict[str, Any]] = []
    for community_id, its_rules in rules.items():
        its_facts = [fact for fact in facts if fact.community_id == community_id]
        rows.extend(_entry(each.fact, each.points) for each in earned(its_facts, its_rules, taken))
    if rows:
        entered = set((await session.execute(_ENTER, {"rows": json.dumps(rows)})).scalars())
        for row in rows:
            if UUID(row["id"]) in entered:
                awarded = PointsAwarded(
                    entry_id=UUID(row["id"]),
                    member_id=UUID(row["member_id"]),
                    points=row["points"],
                    rule=row["rule"],
                )
                emit(session, awarded, tenant=UUID(row["community_id"]))
    await _give_badges(session, facts)


async def _first_of_each(session: AsyncSession, facts: Sequence[Fact]) -> Sequence[Fact]:
    """These facts without those whose thing was recognized before, here or earlier."""
    about = sorted({_thing(fact) for fact in facts if fact.thing_id is not None})
    if not about:
        return facts
    rows = [dict(zip(("community_id", "member_id", "kind", "thing_id"), each, strict=True)) for each in about]
    found = await session.execute(_RECOGNIZE, {"rows": json.dumps(rows)})
    new = {tuple(map(str, row)) for row in found}
    kept = []
    for fact in facts:
        if fact.thing_id is None or _thing(fact) in new:
            new.discard(_thing(fact))
            kept.append(fact)
    return kept


def _thing(fact: Fact) -> tuple[str, ...]:
    return str(fact.community_id), str(fact.member_id), fact.kind, str(fact.thing_id)


def _entry(fact: Fact, points: int) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "community_id": str(fact.community_id),
        "member_id": str(fact.member_id),
        "rule": fact.kind,
        "points": points,
        "event_id": str(fact.event_id),
        "other_id": str(fact.other_id) if fact.other_id else None,
        "earned_at": fact.at.isoformat(),
    }


async def _rules(session: AsyncSession, community_ids: set[UUID]) -> dict[UUID, dict[str, Rule]]:
    """Each community's rules: the defaults with what it changed."""
    rules = {community_id: dict(DEFAULT_RULES) for community_id in community_ids}
    for row in await session.scalars(select(AwardRule).where(AwardRule.community_id.in_(community_ids))):
        rules[row.community_id][row.kind] = Rule(row.points, row.daily_cap)  # a cap per pair is nobody's to lift
    return rules


async def _taken(session: AsyncSession, facts: Sequence[Fact]) -> Counter[Place]:
    """How often these members have earned by these rules in the weeks of these facts, by day and by pair."""
    weeks = sorted({week_of(fact.day) for fact in facts})
    at = func.timezone("UTC", LedgerEntry.earned_at)
    day = func.date(at).label("day")
    statement = (
        select(LedgerEntry.member_id, LedgerEntry.rule, day, LedgerEntry.other_id, func.count().label("n"))
        .where(
            LedgerEntry.community_id.in_({fact.community_id for fact in facts}),
            LedgerEntry.member_id.in_({fact.member_id for fact in facts}),
            LedgerEntry.earned_at >= datetime.combine(weeks[0], time.min, UTC),
            func.date(func.date_trunc("week", at)).in_(weeks),
        )
        .group_by(LedgerEntry.member_id, LedgerEntry.rule, day, LedgerEntry.other_id)
    )
    taken = Counter[Place]()
    for row in await session.execute(statement):
        taken.update(dict.fromkeys(places(row.member_id, row.rule, row.day, row.other_id), row.n))
    return taken


async def _give_badges(session: AsyncSession, facts: Sequence[Fact]) -> None:
    new = Counter((fact.community_id, fact.member_id, fact.kind) for fact in facts)
    last = {(fact.community_id, fact.member_id, fact.kind): fact for fact in facts}
    counted = [
        {"community_id": str(community), "member_id": str(member), "kind": kind, "count": n}
        for (community, member, kind), n in sorted(new.items())  # one order, so that no two batches deadlock
    ]
    due: list[tuple[Badge, Fact]] = []
    for row in (await session.execute(_COUNT, {"rows": json.dumps(counted)})).all():
        place = (row.community_id, row.member_id, row.kind)
        due.extend((badge, last[place]) for badge in reached(row.total - new[place], row.total, row.kind))
    givers = await _givers(session, [fact for badge, fact in due if badge.givers])
    rows = [
        {
            "id": str(new_id()),
            "community_id": str(fact.community_id),
            "member_id": str(fact.member_id),
            "badge_key": badge.key,
            "evidence_id": str(fact.event_id),
        }
        for badge, fact in due
        if givers.get((fact.community_id, fact.member_id), 0) >= badge.givers
    ]
    if rows:
        for row in (await session.execute(_AWARD, {"rows": json.dumps(rows)})).all():
            awarded = BadgeAwarded(badge_award_id=row.id, badge_key=row.badge_key, member_id=row.member_id)
            emit(session, awarded, tenant=row.community_id)


async def _givers(session: AsyncSession, facts: Sequence[Fact]) -> dict[tuple[UUID, UUID], int]:
    """From how many people each of these members has received kudos."""
    if not facts:
        return {}
    statement = (
        select(Kudos.community_id, Kudos.receiver_id, func.count(distinct(Kudos.giver_id)).label("n"))
        .where(
            Kudos.held.is_(False),
            tuple_(Kudos.community_id, Kudos.receiver_id).in_([(fact.community_id, fact.member_id) for fact in facts]),
        )
        .group_by(Kudos.community_id, Kudos.receiver_id)
    )
    return {(row.community_id, row.receiver_id): row.n for row in await session.execute(statement)}
