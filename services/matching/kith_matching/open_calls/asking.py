"""What the worker does for open calls: end those that are due, open those a program wants, ask a few members more."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database
from kith_chassis.errors import Problem
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_matching import clock, programs, runs
from kith_matching.becoming.helping import HELPED, LATELY, NOT_A_MENTOR, QUIET
from kith_matching.events import MemberCalled
from kith_matching.introducing import apart
from kith_matching.models import Program
from kith_matching.open_calls import calls
from kith_matching.open_calls.likely import Helped, Likely, likely
from kith_matching.open_calls.models import OpenCall
from kith_matching.scoring import Cohort, Rules, Weights, person

ASKED_PER_PLACE = 2  # so many are asked at a time for each place that is missing
REST = timedelta(days=30)  # nobody is asked again sooner, by whatever call
BETWEEN = timedelta(days=7)  # from the end of a call to the next that opens by itself
WAITING = 100  # who waits longest, for whom mentors are looked for
CANDIDATES = 500  # those who helped most people; the others are asked when these were

_DUE = text("""
SELECT c.id, c.community_id FROM open_calls c JOIN programs g ON g.id = c.program_id
WHERE c.status = 'open' AND (c.ends_at <= :now OR g.status NOT IN ('open', 'running')) ORDER BY c.id
""")
_WANTED = text("""
SELECT g.id, g.community_id FROM programs g
WHERE g.automatic_calls AND g.status IN ('open', 'running') AND NOT EXISTS (
  SELECT FROM open_calls c WHERE c.community_id = g.community_id AND c.program_id = g.id
    AND (c.status = 'open' OR c.closed_at > :since)) ORDER BY g.id
""")
_OPEN = text("""
SELECT c.id, c.community_id FROM open_calls c WHERE c.status = 'open' AND c.ends_at > :now
  AND :per_place * (c.places - c.filled)
    > (SELECT count(*) FROM call_invitations i WHERE i.call_id = c.id AND i.status = 'asked')
ORDER BY c.id
""")
_PERSON = """
  'member_id', p.member_id, 'interests', p.interests, 'languages', p.languages, 'time_zone', p.time_zone,
  'experience_years', p.experience_years, 'availability', p.availability
"""
_WAITING = text(f"""
SELECT json_build_object({_PERSON}, 'skills', p.skills_wanted)::text AS person
FROM enrollments e JOIN participants p ON p.community_id = e.community_id AND p.member_id = e.member_id
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentee' AND NOT e.paused
  AND e.max_pairings > 0 AND NOT EXISTS (SELECT FROM pairings t WHERE t.community_id = e.community_id
    AND t.program_id = e.program_id AND t.mentee_id = e.member_id AND t.status IN ('proposed', 'accepted')
    AND NOT t.private)
ORDER BY e.priority DESC, e.id LIMIT :most
""")
_CANDIDATES = text(f"""
WITH {HELPED}
SELECT json_build_object({_PERSON}, 'skills', p.skills_offered)::text AS person, c.people,
  {QUIET.format(member="p.member_id")} AS quiet
FROM counted c JOIN participants p ON p.community_id = :community AND p.member_id = c.member_id
WHERE jsonb_array_length(p.skills_offered) > 0 AND p.left_at IS NULL
  AND {NOT_A_MENTOR.format(member="p.member_id")}
  AND NOT EXISTS (SELECT FROM last_calls l WHERE l.community_id = :community AND l.member_id = p.member_id
    AND l.asked_at > :rested)
  AND NOT EXISTS (SELECT FROM call_invitations i WHERE i.call_id = :call AND i.member_id = p.member_id)
ORDER BY c.people DESC, p.member_id LIMIT :most
""")
# The row of `last_calls` decides: of two calls that ask somebody at once, one does.
_ASK = text("""
WITH given AS (
  SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(id uuid, member_id uuid, skills jsonb, people bigint)
), free AS (
  INSERT INTO last_calls AS l (community_id, member_id, asked_at)
  SELECT :community, member_id, :now FROM given ORDER BY member_id
  ON CONFLICT (community_id, member_id) DO UPDATE SET asked_at = EXCLUDED.asked_at WHERE l.asked_at <= :rested
  RETURNING member_id
)
INSERT INTO call_invitations (id, community_id, call_id, program_id, member_id, status, skills, people, asked_at)
SELECT g.id, :community, :call, :program, g.member_id, 'asked', ARRAY(SELECT jsonb_array_elements_text(g.skills)),
  g.people, :now
FROM given g JOIN free f ON f.member_id = g.member_id
ON CONFLICT DO NOTHING
RETURNING id, member_id
""")
_PENDING = text("SELECT count(*) FROM call_invitations WHERE call_id = :call AND status = 'asked'")


async def work(database: Database) -> None:
    """End, open and ask; run as a job."""
    now = clock.now()
    for each in await _rows(database, _DUE, now=now):
        async with database.transaction(tenant=each.community_id) as session:
            await calls.end(session, await calls.found(session, each.id, lock=True), status="ended")
    for each in await _rows(database, _WANTED, since=now - BETWEEN):
        async with database.transaction(tenant=each.community_id) as session:
            missing = await calls.missing_places(session, each.id)
        if missing > 0:
            await _open(database, each.community_id, each.id)
    for each in await _rows(database, _OPEN, now=now, per_place=ASKED_PER_PLACE):
        async with database.transaction(tenant=each.community_id) as session:
            await _ask_more(session, each.id)


async def _rows(database: Database, statement: Any, **values: Any) -> Sequence[Any]:
    async with database.transaction() as session:
        return (await session.execute(statement, values)).all()


async def _open(database: Database, community_id: UUID, program_id: UUID) -> None:
    try:
        async with database.transaction(tenant=community_id) as session:
            await calls.open_(session, actor_id=None, program_id=program_id, places=None, ends_at=None)
    except Problem:
        return  # somebody opened one meanwhile, or the places are there


async def _ask_more(session: AsyncSession, call_id: UUID) -> None:
    """Ask the likeliest who were not, as many as `ASKED_PER_PLACE` leaves; the call stays locked meanwhile."""
    call = await calls.found(session, call_id, lock=True)
    pending = await session.scalar(_PENDING, {"call": call_id}) or 0
    most = ASKED_PER_PLACE * (call.places - call.filled) - pending
    if call.status != "open" or most < 1:
        return
    program = await programs.found(session, call.program_id)
    chosen = (await _likely(session, program, call))[:most]
    if not chosen:
        return
    rows = [
        {"id": str(new_id()), "member_id": str(one.member_id), "skills": one.skills, "people": people}
        for one, people in chosen
    ]
    now = clock.now()
    place = {"community": call.community_id, "program": program.id, "call": call.id}
    asked = await session.execute(_ASK, place | {"rows": json.dumps(rows), "now": now, "rested": now - REST})
    for each in asked.all():
        called = MemberCalled(invitation_id=each.id, call_id=call.id, program_id=program.id, member_id=each.member_id)
        emit(session, called)


async def _likely(session: AsyncSession, program: Program, call: OpenCall) -> list[tuple[Likely, int]]:
    """Who could be asked, the likeliest first, with how many people they helped."""
    now = clock.now()
    place = {"community": program.community_id, "program": program.id}
    waiting = (await session.execute(_WAITING, place | {"most": WAITING})).all()
    since = {"lately": now - LATELY, "rested": now - REST}
    members = (await session.execute(_CANDIDATES, place | since | {"call": call.id, "most": CANDIDATES})).all()
    former = [(row.mentee_id, row.mentor_id) for row in await session.execute(runs.FORMER, place)]
    never = [*await apart.pairs(session, program.community_id), *former]
    cohort = Cohort(
        [person(json.loads(each.person)) for each in waiting],
        [person(json.loads(each.person)) for each in members],
        weights=Weights(**program.weights),
        rules=Rules(**program.rules),
        week=now.date() - timedelta(days=now.weekday()),
        forbidden=[pair for two in never for pair in (two, two[::-1])],
    )
    helped = [Helped(int(each.people), int(each.quiet)) for each in members]
    people = dict(zip((each.member_id for each in cohort.mentors.people), helped, strict=True))
    return [(each, people[each.member_id].people) for each in likely(cohort, helped)]
