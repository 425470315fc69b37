"""Newcomers are enrolled when they join, where a program wants that, and paired as soon as somebody has room.

The enrollment is the queue: who is a mentee of a program that pairs by itself, and has nobody, waits. A job looks who
could have whom; each pair is then made in a transaction of its own, which counts and asks everything again under lock.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text

from kith_chassis.database import Database
from kith_chassis.errors import Problem
from kith_matching import clock, pairings, programs, runs
from kith_matching.introducing import apart
from kith_matching.loads import evidence
from kith_matching.models import Program
from kith_matching.programs import NewEnrollment
from kith_matching.scoring import Cohort, Rules, Weights, person
from kith_matching.training.gate import held_back
from kith_matching.welcoming.spreading import shared_out

log = logging.getLogger(__name__)
_AT_ONCE = 1000
NEWCOMERS = 50  # at a time
VETERANS = 1000  # looked at for them: those with most room; the others are found by a match run

# The lock passes over rows that a consumer is writing: they are greeted at the next turn.
_GREET = text("""
WITH joined AS (
  SELECT community_id, member_id FROM participants WHERE joined_at IS NOT NULL AND NOT greeted
  LIMIT :at_once FOR UPDATE SKIP LOCKED
), greeted AS (
  UPDATE participants p SET greeted = true FROM joined s
  WHERE p.community_id = s.community_id AND p.member_id = s.member_id
  RETURNING p.community_id, p.member_id, p.joined_at, p.left_at
)
SELECT g.community_id, g.member_id, r.id AS program_id FROM greeted g
LEFT JOIN programs r ON r.community_id = g.community_id AND r.newcomers_since <= g.joined_at AND g.left_at IS NULL
  AND r.status IN ('open', 'running') AND (r.enroll_from IS NULL OR r.enroll_from <= :now)
  AND (r.enroll_until IS NULL OR r.enroll_until > :now)
  AND NOT EXISTS (SELECT FROM enrollments e WHERE e.community_id = g.community_id AND e.program_id = r.id
    AND e.member_id = g.member_id)
ORDER BY g.community_id, program_id, g.member_id
""")
# Who has nobody and has not asked anybody. Whom a pairing served, or who went quiet, waits for a person, not for a job.
_WAITING = f"""
  e.side = 'mentee' AND NOT e.paused AND e.max_pairings > 0 AND NOT {held_back("e")}
  AND NOT EXISTS (SELECT FROM pairings p WHERE p.community_id = e.community_id AND p.program_id = e.program_id
    AND p.mentee_id = e.member_id AND NOT p.private AND (p.status IN ('proposed', 'accepted')
      OR p.end_reason IN ('completed', 'agreed_end') OR p.quiet_id = e.member_id))
  AND NOT EXISTS (SELECT FROM requests r WHERE r.community_id = e.community_id AND r.program_id = e.program_id
    AND r.mentee_id = e.member_id AND r.status = 'pending' AND coalesce(r.asked_by, r.mentee_id) = e.member_id)
"""
_TAKEN = """
  (SELECT count(*) FROM pairings p WHERE p.community_id = e.community_id AND p.program_id = e.program_id
    AND p.mentor_id = e.member_id AND p.status IN ('proposed', 'accepted') AND NOT p.private)
"""
_PROGRAMS = text(f"""
SELECT g.id, g.community_id FROM programs g
WHERE g.automatic_pairing AND g.status IN ('open', 'running')
  AND EXISTS (SELECT FROM enrollments e WHERE e.community_id = g.community_id AND e.program_id = g.id AND {_WAITING})
  AND EXISTS (SELECT FROM enrollments e WHERE e.community_id = g.community_id AND e.program_id = g.id
    AND e.side = 'mentor' AND NOT e.paused AND NOT {held_back("e")} AND e.max_pairings > {_TAKEN})
ORDER BY g.id
""")
_PERSON = """
  'member_id', e.member_id, 'interests', p.interests, 'languages', p.languages, 'time_zone', p.time_zone,
  'experience_years', p.experience_years, 'availability', p.availability
"""
_NEWCOMERS = text(f"""
SELECT e.id, json_build_object({_PERSON}, 'skills', p.skills_wanted)::text AS person
FROM enrollments e JOIN participants p ON p.community_id = e.community_id AND p.member_id = e.member_id
WHERE e.community_id = :community AND e.program_id = :program AND e.id > :after AND {_WAITING}
ORDER BY e.id LIMIT :most
""")
_VETERANS = text(f"""
SELECT json_build_object({_PERSON}, 'skills', p.skills_offered,
  'fresh', NOT e.member_id = ANY(:busy))::text AS person,
  e.max_pairings - e.taken AS room, e.taken
FROM (SELECT e.*, {_TAKEN} AS taken FROM enrollments e
      WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentor' AND NOT e.paused
        AND NOT {held_back("e")} AND NOT e.member_id = ANY(:spared)) e
JOIN participants p ON p.community_id = e.community_id AND p.member_id = e.member_id
WHERE e.max_pairings > e.taken
ORDER BY CAST(e.taken AS double precision) / e.max_pairings, (
  SELECT max(l.proposed_at) FROM pairings l
  WHERE l.community_id = e.community_id AND l.program_id = e.program_id AND l.mentor_id = e.member_id
) NULLS FIRST, e.id LIMIT :most
""")  # fmt: skip
_STILL_WAITS = text(f"""
SELECT EXISTS (SELECT FROM enrollments e WHERE e.community_id = :community AND e.program_id = :program
  AND e.member_id = :member AND {_WAITING})
""")
_FIRST = UUID(int=0)


async def welcome(database: Database) -> None:
    """Enroll who joined, then pair who waits; run as a job."""
    while await _greet(database):
        pass
    async with database.transaction() as session:
        waiting = (await session.execute(_PROGRAMS)).all()
    for each in waiting:
        await _pair_all(database, community_id=each.community_id, program_id=each.id)


async def _greet(database: Database) -> int:
    """Enroll some who joined as newcomers wherever that is wanted; returns how many were looked at."""
    async with database.transaction() as session:
        found = (await session.execute(_GREET, {"at_once": _AT_ONCE, "now": clock.now()})).all()
        joined: dict[tuple[UUID, UUID], list[UUID]] = defaultdict(list)
        for row in found:
            if row.program_id is not None:
                joined[row.community_id, row.program_id].append(row.member_id)
        for (community_id, program_id), members in joined.items():
            new = [NewEnrollment(each, "mentee", 1, None) for each in members]
            await programs.put(session, community_id=community_id, program_id=program_id, new=new)
    return len(found)


async def _pair_all(database: Database, *, community_id: UUID, program_id: UUID) -> None:
    """Look once at everyone who waits, the longest first, and pair whom a veteran with room may have."""
    after = _FIRST
    while True:
        async with database.transaction(tenant=community_id) as session:
            place = {"community": community_id, "program": program_id}
            page = {"after": after, "most": NEWCOMERS}
            newcomers = (await session.execute(_NEWCOMERS, place | page)).all()
            if not newcomers:
                return
            loads = vars(await evidence.burdened(session, community_id=community_id, program_id=program_id))
            veterans = (await session.execute(_VETERANS, place | loads | {"most": VETERANS})).all()
            if not veterans:
                return
            program = await programs.found(session, program_id)
            former = [(row.mentee_id, row.mentor_id) for row in await session.execute(runs.FORMER, place)]
            never = [*await apart.pairs(session, community_id), *former]
        for newcomer_id, veteran_id in _planned(program, newcomers, veterans, never):
            try:
                await _pair(database, program, newcomer_id=newcomer_id, veteran_id=veteran_id)
            except Problem as problem:  # something changed since we looked; the next turn looks again
                log.info("newcomer not paired", extra={"program": str(program_id), "reason": problem.code})
        after = newcomers[-1].id


def _planned(
    program: Program, newcomers: Sequence[Any], veterans: Sequence[Any], never: Sequence[tuple[UUID, UUID]]
) -> list[tuple[UUID, UUID]]:
    """(newcomer, veteran) for those of them who can be paired; nobody with whom they were paired before."""
    mentees, mentors = ([person(_row(each)) for each in side] for side in (newcomers, veterans))
    now = clock.now().date()
    cohort = Cohort(
        mentees,
        mentors,
        weights=Weights(**program.weights),
        rules=Rules(**program.rules),
        week=now - timedelta(days=now.weekday()),
        forbidden=[pair for two in never for pair in (two, two[::-1])],
    )
    rows, columns = np.divmod(np.arange(len(mentees) * len(mentors)), len(mentors))
    scores, allowed = cohort.scores(rows, columns)
    fit = np.where(allowed, scores, -1.0).reshape(len(mentees), len(mentors))
    room, taken = (np.array([getattr(each, name) for each in veterans], dtype=np.int64) for name in ("room", "taken"))
    chosen = shared_out(fit, room, taken)
    return [(mentees[k].member_id, mentors[each].member_id) for k, each in enumerate(chosen.tolist()) if each >= 0]


def _row(found: Any) -> Mapping[str, Any]:
    row: Mapping[str, Any] = json.loads(found.person)
    return row


async def _pair(database: Database, program: Program, *, newcomer_id: UUID, veteran_id: UUID) -> None:
    """Make one pair, if the newcomer still has nobody: both are locked, and room and rules are looked at again."""
    async with database.transaction(tenant=program.community_id) as session:
        await programs.two_sides(session, program_id=program.id, mentor_id=veteran_id, mentee_id=newcomer_id)
        place = {"community": program.community_id, "program": program.id, "member": newcomer_id}
        if await session.scalar(_STILL_WAITS, place):
            await pairings.pair(
                session,
                program_id=program.id,
                mentor_id=veteran_id,
                mentee_id=newcomer_id,
                accepted=program.acceptance == "automatic",
                by_themselves=False,
            )
