"""Where mentors stand: judged by a job, read by everybody; what it is judged by, by the mentor alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.events import emit
from kith_chassis.pages import paginate
from kith_matching import clock
from kith_matching.events import MentorTierChanged
from kith_matching.tiers.bars import LEAST_ANSWERING, NAMES, REMEMBERED, Outcomes, Standing, Tier, judged
from kith_matching.tiers.models import MentorStanding

_AT_ONCE = 500
_NIL = UUID(int=0)


def _outcomes(mentors: str) -> TextClause:
    # Pairings brought from outside are none: who knows each other could complete as many as they like. For the same
    # reason it is mentees that are counted, and not pairings.
    return text(f"""
WITH mentors AS ({mentors}), theirs AS (
  SELECT p.* FROM pairings p JOIN mentors m ON m.community_id = p.community_id AND m.mentor_id = p.mentor_id
  WHERE p.status IN ('accepted', 'ended') AND NOT p.private
), said AS (
  SELECT t.community_id, t.mentor_id, t.mentee_id, c.rating FROM theirs t
  JOIN closing_surveys c ON c.pairing_id = t.id AND c.member_id = t.mentee_id
  WHERE c.answered_at > :since
  UNION ALL
  SELECT t.community_id, t.mentor_id, t.mentee_id, u.rating FROM theirs t
  JOIN pulses u ON u.pairing_id = t.id AND u.member_id = t.mentee_id
  WHERE u.answered_at > :since AND u.rating IS NOT NULL
), rated AS (
  SELECT community_id, mentor_id, count(*) AS answering, avg(rating) AS rating
  FROM (SELECT community_id, mentor_id, mentee_id, avg(rating) AS rating FROM said GROUP BY 1, 2, 3) each_mentee
  GROUP BY 1, 2
)
SELECT t.community_id, t.mentor_id,
  count(DISTINCT t.mentee_id) FILTER (WHERE t.end_reason IN ('completed', 'agreed_end')) AS completed,
  extract(day FROM CAST(:now AS timestamptz) - min(coalesce(t.settled_at, t.proposed_at))) AS tenure_days,
  coalesce(max(r.answering), 0) AS answering, coalesce(max(r.rating), 0) AS rating
FROM theirs t LEFT JOIN rated r ON r.community_id = t.community_id AND r.mentor_id = t.mentor_id
GROUP BY t.community_id, t.mentor_id ORDER BY t.community_id, t.mentor_id
""")


_OF_SOME = _outcomes("""
  SELECT DISTINCT community_id, mentor_id FROM pairings
  WHERE status = 'ended' AND NOT private AND (community_id, mentor_id) > (:community, :member)
  ORDER BY community_id, mentor_id LIMIT :most
""")
_OF_ONE = _outcomes("SELECT CAST(:community AS uuid) AS community_id, CAST(:member AS uuid) AS mentor_id")
_MEET = text("""
INSERT INTO mentor_standings (community_id, member_id, rank)
SELECT c, m, 0 FROM unnest(CAST(:communities AS uuid[]), CAST(:members AS uuid[])) AS r(c, m) ORDER BY c, m
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Next:
    """A tier, and the least of what earns it: mentees, days since the first pairing, a mean rating where one counts."""

    tier: Tier
    completed: int
    tenure_days: int
    rating: float | None


@dataclass(frozen=True)
class Own:
    """Where somebody stands, and what the next tier takes; of what mentees said, only whether enough of them did."""

    tier: Tier | None
    since: datetime | None
    completed: int
    tenure_days: int
    enough_answers: bool
    next: Next | None


async def judge(database: Database) -> None:
    """Judge every mentor of an ended pairing anew; in small transactions. Run as a job."""
    last: tuple[UUID, UUID] | None = (_NIL, _NIL)
    while last is not None:
        last = await _judge_some(database, last)


async def _judge_some(database: Database, after: tuple[UUID, UUID]) -> tuple[UUID, UUID] | None:
    async with database.transaction() as session:
        rows = (await session.execute(_OF_SOME, _asked(*after) | {"most": _AT_ONCE})).all()
        if not rows:
            return None
        found = {(row.community_id, row.mentor_id): row for row in rows}
        people = {"communities": [each[0] for each in found], "members": [each[1] for each in found]}
        await session.execute(_MEET, people)
        key = tuple_(MentorStanding.community_id, MentorStanding.member_id)
        statement = select(MentorStanding).where(key.in_(list(found))).order_by(key)
        for kept in await session.scalars(statement.with_for_update(skip_locked=True)):
            _judge(session, kept, found[kept.community_id, kept.member_id])
        return rows[-1].community_id, rows[-1].mentor_id


def _judge(session: AsyncSession, kept: MentorStanding, row: Any) -> None:
    before = Standing(kept.rank, kept.since, kept.below_since)
    after = judged(before, _of(row), now=clock.now())
    kept.rank, kept.since, kept.below_since = after.rank, after.since, after.below_since
    if after.rank != before.rank:
        changed = MentorTierChanged(member_id=kept.member_id, tier=after.tier, before=before.tier)
        emit(session, changed, tenant=kept.community_id)


def _asked(community_id: UUID, member_id: UUID) -> dict[str, Any]:
    now = clock.now()
    return {"community": community_id, "member": member_id, "now": now, "since": now - REMEMBERED}


def _of(row: Any) -> Outcomes:
    return Outcomes(row.completed, int(row.tenure_days), row.answering, float(row.rating))


# --- reads ----------------------------------------------------------------------------------------------------------


async def of_members(session: AsyncSession, member_ids: Sequence[UUID]) -> list[MentorStanding | None]:
    """Where each stands; None for who has no tier."""
    statement = select(MentorStanding).where(
        MentorStanding.community_id == tenant_of(session),
        MentorStanding.member_id.in_(member_ids),
        MentorStanding.rank > 0,
    )
    found = {each.member_id: each for each in await session.scalars(statement)}
    return [found.get(each) for each in member_ids]


async def listed(
    session: AsyncSession, *, tier: Tier | None, first: int, after: str | None
) -> tuple[list[MentorStanding], str | None]:
    """Who has this tier, or any; the highest first."""
    statement = select(MentorStanding).where(
        MentorStanding.community_id == tenant_of(session),
        MentorStanding.rank == NAMES.index(tier) + 1 if tier else MentorStanding.rank > 0,
    )
    order = [MentorStanding.rank, MentorStanding.member_id]
    return await paginate(session, statement, by=order, first=first, after=after, descending=True)


async def own(session: AsyncSession, *, member_id: UUID) -> Own:
    """Where somebody stands and what is missing; for themselves, also when they never mentored."""
    [kept] = await of_members(session, [member_id])
    row = (await session.execute(_OF_ONE, _asked(tenant_of(session), member_id))).first()
    outcomes = _of(row) if row else Outcomes()
    standing = Standing(kept.rank, kept.since) if kept else Standing()
    above = standing.next
    return Own(
        tier=standing.tier,
        since=standing.since,
        completed=outcomes.completed,
        tenure_days=outcomes.tenure_days,
        enough_answers=outcomes.answering >= LEAST_ANSWERING,
        next=None if above is None else Next(above[0], **asdict(above[1])),
    )
