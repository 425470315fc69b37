"""What the worker does for rounds: take one, solve it apart, store it, and publish it where that is wanted."""

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from kith_chassis.database import Database
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_matching import clock
from kith_matching.events import IntroductionRoundSolved
from kith_matching.introducing import apart, rounds
from kith_matching.introducing.models import IntroductionRound
from kith_matching.models import Program
from kith_matching.solving import LEASE_SECONDS, MAX_ATTEMPTS, solved

log = logging.getLogger(__name__)

_CLAIM = text("""
UPDATE introduction_rounds
SET status = 'solving', attempts = attempts + 1, lease_until = now() + make_interval(secs => :lease)
WHERE id = (
  SELECT id FROM introduction_rounds WHERE status = 'queued' OR (status = 'solving' AND lease_until < now())
  ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, attempts
""")
_UNPUBLISHED = text("""
SELECT r.id, r.community_id FROM introduction_rounds r JOIN programs p ON p.id = r.program_id
WHERE r.status = 'solved' AND r.automatic AND p.status IN ('open', 'running') ORDER BY r.requested_at LIMIT 1
""")
_EXTEND = text("""
UPDATE introduction_rounds SET lease_until = now() + make_interval(secs => :lease)
WHERE id = :round AND status = 'solving'
""")
# Ordered by what people said of themselves, so that equal communities have equal rounds whatever their members' ids.
_PEOPLE = text("""
SELECT coalesce(json_agg(json_build_object(
  'member_id', e.member_id, 'interests', p.interests, 'languages', p.languages, 'experience_years', p.experience_years,
  'time_zone', p.time_zone, 'availability', p.availability, 'skills_wanted', p.skills_wanted,
  'skills_offered', p.skills_offered
) ORDER BY p.skills_wanted::text, p.skills_offered::text, p.experience_years, p.availability::text, p.interests,
  e.member_id), '[]')::text
FROM enrollments e JOIN participants p ON p.community_id = e.community_id AND p.member_id = e.member_id
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'peer'
  AND NOT e.paused AND e.max_pairings > 0
""")
_MET = text("""
SELECT coalesce(json_agg(json_build_array(a.member, b.member, r.number)), '[]')::text
FROM introductions i JOIN introduction_rounds r ON r.id = i.round_id,
  unnest(i.members) WITH ORDINALITY AS a(member, place), unnest(i.members) WITH ORDINALITY AS b(member, place)
WHERE i.community_id = :community AND i.program_id = :program AND i.status = 'made' AND r.form = 'meet'
  AND a.place < b.place
""")
# Whom somebody is paired with is known here anyhow; who met in a round is in the history.
_TIES = text("""
SELECT coalesce(json_agg(json_build_array(one_id, other_id)), '[]')::text FROM (
  SELECT one_id, other_id FROM ties WHERE community_id = :community
  UNION SELECT least(mentor_id, mentee_id), greatest(mentor_id, mentee_id) FROM pairings
  WHERE community_id = :community AND status = 'accepted'
) t
""")
_HOSTED = text("""
SELECT coalesce(json_object_agg(member, often), '{}')::text FROM (
  SELECT i.members[1] AS member, count(*) AS often FROM introductions i JOIN introduction_rounds r ON r.id = i.round_id
  WHERE i.community_id = :community AND i.program_id = :program AND i.status = 'made' AND r.form = 'meet' GROUP BY 1
) h
""")
_WAITED = text("""
SELECT coalesce(json_agg(member_id), '[]')::text FROM introductions_left_out WHERE round_id = (
  SELECT id FROM introduction_rounds
  WHERE community_id = :community AND program_id = :program AND status = 'published' AND form = 'meet'
  ORDER BY number DESC LIMIT 1
)
""")
_STORE = text("""
INSERT INTO introductions (id, community_id, program_id, round_id, status, members, score, reasons)
SELECT id, :community, :program, :round, 'drafted', ARRAY(SELECT jsonb_array_elements_text(members)::uuid), score,
  reasons
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, members jsonb, score double precision, reasons jsonb)
""")
_STORE_LEFT = text("""
INSERT INTO introductions_left_out (round_id, member_id, community_id, reason)
SELECT :round, member_id, :community, reason
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(member_id uuid, reason text)
""")


async def solve_next(database: Database) -> bool:
    """Take the oldest waiting or abandoned round and solve it; False when there is none."""
    async with database.transaction() as session:
        claimed = (await session.execute(_CLAIM, {"lease": LEASE_SECONDS})).first()
    if claimed is None:
        return False

    async def keep() -> None:
        async with database.transaction() as session:
            await session.execute(_EXTEND, {"round": claimed.id, "lease": LEASE_SECONDS})

    try:
        solution = await solved("kith_matching.solve_round", await _problem(database, claimed.id), keep)
        await _store(database, claimed.id, solution)
    except (ValueError, RuntimeError) as error:
        final = isinstance(error, ValueError) or claimed.attempts >= MAX_ATTEMPTS
        log.warning("round failed", extra={"round": str(claimed.id), "final": final, "reason": str(error)[:200]})
        await _fail(database, claimed.id, reason=str(error), final=final)
    return True


async def publish_next(database: Database) -> bool:
    """Publish the oldest solved round that nobody has to look at first; False when there is none."""
    async with database.transaction() as session:
        one = (await session.execute(_UNPUBLISHED)).first()
    if one is None:
        return False
    async with database.transaction(tenant=one.community_id) as session:
        await rounds.publish(session, round_id=one.id)
    return True


async def _problem(database: Database, round_id: UUID) -> str:
    async with database.transaction() as session:
        one = (await session.scalars(select(IntroductionRound).where(IntroductionRound.id == round_id))).one()
        program = (await session.scalars(select(Program).where(Program.id == one.program_id))).one()
        place = {"community": one.community_id, "program": one.program_id}
        found = {
            name: await session.scalar(statement, place)
            for name, statement in {"people": _PEOPLE, "met": _MET, "hosted": _HOSTED, "first": _WAITED}.items()
        }
        found["ties"] = await session.scalar(_TIES, place) if one.form == "bridge" else "[]"
        never = await apart.pairs(session, one.community_id)
    monday = one.requested_at.date() - timedelta(days=one.requested_at.weekday())
    head = {
        "form": one.form,
        "options": one.options,
        "seed": one.seed,
        "now": one.number,
        "week": monday.isoformat(),
        "weights": program.weights,
        "rules": program.rules,
        "both": program.kind == "peer",
        "trios": one.trios,
        "apart": [[str(each) for each in pair] for pair in never],
    }
    return f"{json.dumps(head)[:-1]}, {', '.join(f'{json.dumps(name)}: {value}' for name, value in found.items())}}}"


async def _store(database: Database, round_id: UUID, solution: Mapping[str, Any]) -> None:
    certificate = solution["certificate"]
    rows = [
        {"id": str(new_id()), "members": each["members"], "score": each["score"],
         "reasons": {name: value for name, value in each.items() if name not in {"members", "score"}}}
        for each in solution["introductions"]
    ]  # fmt: skip
    async with database.transaction() as session:
        one = (
            await session.scalars(select(IntroductionRound).where(IntroductionRound.id == round_id).with_for_update())
        ).one()
        if one.status != "solving":  # discarded, or somebody else finished it with the same result
            return
        place = {"community": one.community_id, "round": round_id}
        await session.execute(_STORE, place | {"program": one.program_id, "rows": json.dumps(rows)})
        await session.execute(_STORE_LEFT, place | {"rows": json.dumps(solution["left_out"])})
        one.status, one.certificate, one.solved_at, one.lease_until = "solved", certificate, clock.now(), None
        emit(
            session,
            IntroductionRoundSolved(
                round_id=one.id,
                program_id=one.program_id,
                introductions=certificate["introductions"],
                left_out=certificate["left_out"],
            ),
            tenant=one.community_id,
        )


async def _fail(database: Database, round_id: UUID, *, reason: str, final: bool) -> None:
    async with database.transaction() as session:
        one = (
            await session.scalars(select(IntroductionRound).where(IntroductionRound.id == round_id).with_for_update())
        ).one()
        if one.status == "solving":
            one.status, one.failure, one.lease_until = ("failed" if final else "queued"), reason[:1000], None
