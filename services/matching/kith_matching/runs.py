"""Match runs: a draft solved apart, reviewed by coordinators, published in one transaction."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.events import emit
from kith_matching import clock, pairings, programs
from kith_matching.errors import BadPins, NoSuchRun, NotSolved
from kith_matching.events import (
    MatchRunDiscarded,
    MatchRunFailed,
    MatchRunPublished,
    MatchRunSolved,
    MatchRunStarted,
)
from kith_matching.introducing import apart
from kith_matching.loads import evidence
from kith_matching.models import Enrollment, MatchRun, MatchSuggestion, Pairing, Program
from kith_matching.solving import LEASE_SECONDS, MAX_ATTEMPTS, UnsolvableError, solved
from kith_matching.training.gate import held_back

log = logging.getLogger(__name__)
Pair = dict[str, str]


async def request(
    session: AsyncSession,
    *,
    actor_id: UUID,
    program_id: UUID,
    seed: int,
    mode: str,
    pins: Sequence[Pair],
    prohibited: Sequence[Pair],
) -> MatchRun:
    """Ask for a draft; a worker solves it. BadPins when pins contradict each other, or name who cannot be paired."""
    program = await programs.taking_part(session, program_id)
    await _check_pins(session, program_id, pins, prohibited)
    run = MatchRun(
        community_id=tenant_of(session),
        program_id=program.id,
        seed=seed,
        mode=mode,
        pins=list(pins),
        prohibited=list(prohibited),
        requested_by=actor_id,
    )
    session.add(run)
    await session.flush()
    await session.refresh(run)
    return run


async def _check_pins(
    session: AsyncSession, program_id: UUID, pins: Sequence[Pair], prohibited: Sequence[Pair]
) -> None:
    never = {(each["mentee_id"], each["mentor_id"]) for each in prohibited}
    people = {member for each in pins for member in each.values()}
    statement = select(Enrollment.member_id, Enrollment.side).where(
        Enrollment.community_id == tenant_of(session),
        Enrollment.program_id == program_id,
        Enrollment.member_id.in_([UUID(each) for each in people]),
        Enrollment.paused.is_(False),
        text(f"NOT {held_back('enrollments')}"),
    )
    taking_part = {(str(row.member_id), row.side) for row in await session.execute(statement)}
    mentor_of: dict[str, str] = {}
    for place, each in enumerate(pins):
        mentee, mentor = each["mentee_id"], each["mentor_id"]
        pin = f"pins[{place}]"
        if mentee == mentor:
            raise BadPins(f"{pin} is of a member with themselves; drop it.")
        if (mentee, mentor) in never:
            raise BadPins(f"{pin} is among the prohibited pairs as well; drop one of the two.")
        for member, side in ((mentee, "mentee"), (mentor, "mentor")):
            if (member, side) not in taking_part:
                raise BadPins(f"{pin} cannot be honored: the {side} is not enrolled as one, paused, or in training.")
        if mentor_of.setdefault(mentee, mentor) != mentor:
            raise BadPins(f"{pin} gives its mentee a second mentor; keep one of the two pins.")


async def found(session: AsyncSession, run_id: UUID, *, lock: bool = False) -> MatchRun:
    statement = select(MatchRun).where(MatchRun.id == run_id, MatchRun.community_id == tenant_of(session))
    run = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if run is None:
        raise NoSuchRun
    return run


async def publish(session: AsyncSession, *, run_id: UUID) -> MatchRun:
    """Turn a solved draft into pairings, all or none. Publishing again changes nothing.

    Who has been paired or lost their room since the draft is left out: capacities are counted again under lock. Mentees
    who are without a mentor after it, for whatever happened to the one they were to have, come first next time.
    """
    run = await found(session, run_id, lock=True)
    if run.status == "published":
        return run
    if run.status != "solved":
        raise NotSolved(f"This run is {run.status}; only a solved draft can be published.")
    program = await programs.taking_part(session, run.program_id)
    made = await pairings.propose_run(session, program=program, run=run)
    found_since = select(Pairing.mentee_id).where(
        Pairing.program_id == program.id, Pairing.status.in_(("proposed", "accepted")), Pairing.private.is_(False)
    )
    left_out = select(MatchSuggestion.mentee_id).where(
        MatchSuggestion.run_id == run.id, MatchSuggestion.mentee_id.not_in(found_since)
    )
    await programs.first_next_time(session, program.id, list(await session.scalars(left_out)))
    run.status, run.published_at = "published", clock.now()
    emit(session, MatchRunPublished(run_id=run.id, program_id=program.id, pairings=made))
    return run


async def discard(session: AsyncSession, *, run_id: UUID) -> MatchRun:
    """Throw a run away that is not published: it is not begun, a worker gives it up, a draft stays for looking at.

    Doing it again changes nothing, and a run that failed stays that. Raises NoSuchRun or NotSolved.
    """
    run = await found(session, run_id, lock=True)
    if run.status == "published":
        raise NotSolved("This run is published; its members know of it.")
    if run.status in {"queued", "solving", "solved"}:
        run.status, run.lease_until = "discarded", None
        emit(session, MatchRunDiscarded(run_id=run.id, program_id=run.program_id))
    return run


# --- in the worker -------------------------------------------------------------------------------------------------

_CLAIM = text("""
UPDATE match_runs SET status = 'solving', attempts = attempts + 1, lease_until = now() + make_interval(secs => :lease)
WHERE id = (
  SELECT id FROM match_runs WHERE status = 'queued' OR (status = 'solving' AND lease_until < now())
  ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, attempts, community_id, program_id
""")
_EXTEND = text(
    "UPDATE match_runs SET lease_until = now() + make_interval(secs => :lease) WHERE id = :run AND status = 'solving'"
    " RETURNING id"
)
# The cohort as PostgreSQL's own JSON, straight into the solver: no object per person on the way. Ordered by what
# people said of themselves, so that equal cohorts have equal results whatever their members' ids.
_COHORT = text(f"""
SELECT coalesce(json_agg(json_build_object(
  'member_id', e.member_id, 'capacity', e.free, 'hours', e.weekly_hours - e.taken, 'priority', e.priority,
  'interests', p.interests, 'languages', p.languages, 'experience_years', p.experience_years, 'time_zone', p.time_zone,
  'availability', p.availability, 'fresh', NOT (e.side = 'mentor' AND e.member_id = ANY(:busy)),
  'skills', CASE WHEN e.side = 'mentee' THEN p.skills_wanted ELSE p.skills_offered END
) ORDER BY p.skills_wanted::text, p.skills_offered::text, p.experience_years, p.availability::text, p.interests,
  e.member_id), '[]')::text
FROM (
  SELECT n.*, n.max_pairings - (
    SELECT count(*) FROM pairings r WHERE r.community_id = n.community_id AND r.program_id = n.program_id
      AND r.status IN ('proposed', 'accepted') AND NOT r.private
      AND (CASE WHEN n.side = 'mentee' THEN r.mentee_id ELSE r.mentor_id END) = n.member_id) AS free,
    CASE WHEN n.side = 'mentee' THEN 0 ELSE {pairings.HOURS_TAKEN.format(enrolled="n")} END AS taken
  FROM enrollments n WHERE n.community_id = :community AND n.program_id = :program AND n.side = :side AND NOT n.paused
    AND NOT (n.side = 'mentor' AND n.member_id = ANY(:spared))
    AND NOT {held_back("n")}
) e JOIN participants p ON p.community_id = e.community_id AND p.member_id = e.member_id
WHERE e.free > 0
""")
FORMER = text("""
SELECT mentee_id, mentor_id, bool_or(status IN ('proposed', 'accepted')) AS still FROM pairings
WHERE community_id = :community AND program_id = :program GROUP BY 1, 2
""")
_STORE = text("""
INSERT INTO match_suggestions (run_id, community_id, mentee_id, mentor_id, score, reasons, next_best_id, switch_cost)
SELECT :run, :community, mentee_id, mentor_id, score, reasons, next_best_id, switch_cost
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(mentee_id uuid, mentor_id uuid, score double precision,
  reasons jsonb, next_best_id uuid, switch_cost double precision)
""")


async def cohort(session: AsyncSession, *, community_id: UUID, program_id: UUID) -> list[str]:
    """Who would be in a run now, mentees and mentors, both as JSON; without mentors who carry too much."""
    loads = await evidence.burdened(session, community_id=community_id, program_id=program_id)
    place = {"community": community_id, "program": program_id, "spared": loads.spared, "busy": loads.busy}
    return [str(await session.scalar(_COHORT, place | {"side": side})) for side in ("mentee", "mentor")]


async def former(session: AsyncSession, *, community_id: UUID, program_id: UUID) -> dict[str, list[list[str]]]:
    """Who was paired in a program, mentees first, and who of them is, or is asked to be: as the solver reads it."""
    rows = (await session.execute(FORMER, {"community": community_id, "program": program_id})).all()
    return {
        "former": [[str(each.mentee_id), str(each.mentor_id)] for each in rows],
        "together": [[str(each.mentee_id), str(each.mentor_id)] for each in rows if each.still],
    }


async def solve_next(database: Database) -> bool:
    """Take the oldest waiting or abandoned run and solve it; False when there is none."""
    async with database.transaction() as session:
        claimed = (await session.execute(_CLAIM, {"lease": LEASE_SECONDS})).first()
        if claimed is None:
            return False
        emit(session, MatchRunStarted(run_id=claimed.id, program_id=claimed.program_id), tenant=claimed.community_id)
    try:
        problem = await _problem(database, claimed.id)
        solution = await _solve_apart(database, claimed.id, problem)
        await _store(database, claimed.id, solution)
    except (ValueError, RuntimeError) as error:
        final = isinstance(error, ValueError) or claimed.attempts >= MAX_ATTEMPTS
        log.warning("match run failed", extra={"run": str(claimed.id), "final": final, "reason": str(error)[:200]})
        conflicts = error.found if isinstance(error, UnsolvableError) else None
        await _fail(database, claimed.id, reason=str(error), conflicts=conflicts or [], final=final)
    return True


async def _problem(database: Database, run_id: UUID) -> str:
    async with database.transaction() as session:
        run = (await session.scalars(select(MatchRun).where(MatchRun.id == run_id))).one()
        program = (await session.scalars(select(Program).where(Program.id == run.program_id))).one()
        run.settings = {"weights": program.weights, "rules": program.rules}
        mentees, mentors = await cohort(session, community_id=run.community_id, program_id=run.program_id)
        never = await apart.pairs(session, run.community_id)
        pairs = await former(session, community_id=run.community_id, program_id=run.program_id)
    monday = run.requested_at.date() - timedelta(days=run.requested_at.weekday())
    head = {
        "seed": run.seed,
        "mode": run.mode,
        "week": monday.isoformat(),
        "weights": program.weights,
        "rules": program.rules,
        "pins": [[each["mentee_id"], each["mentor_id"]] for each in run.pins],
        "prohibited": [
            *([each["mentee_id"], each["mentor_id"]] for each in run.prohibited),
            *([str(each) for each in pair] for two in never for pair in (two, two[::-1])),
        ],
        **pairs,
    }
    return f'{json.dumps(head)[:-1]}, "mentees": {mentees}, "mentors": {mentors}}}'


async def _solve_apart(database: Database, run_id: UUID, problem: str) -> dict[str, Any]:
    """Solve in a child process, keeping the lease meanwhile.

    Raises ValueError when it cannot be solved, RuntimeError when the child died, or was stopped as the run is not ours
    any more.
    """

    async def keep() -> None:
        async with database.transaction() as session:
            if (await session.execute(_EXTEND, {"run": run_id, "lease": LEASE_SECONDS})).first() is None:
                raise RuntimeError("the run was discarded, or finished by somebody else")

    return await solved("kith_matching.solve", problem, keep)


async def _store(database: Database, run_id: UUID, solution: Mapping[str, Any]) -> None:
    certificate = solution["certificate"]
    rows = list(solution["suggestions"])
    rows += [
        {"mentee_id": each["member_id"], "reasons": {"unmatched": each["reason"]}} for each in solution["unmatched"]
    ]
    async with database.transaction() as session:
        run = (await session.scalars(select(MatchRun).where(MatchRun.id == run_id).with_for_update())).one()
        if run.status != "solving":  # discarded, or finished by somebody else with the same result
            return
        values = {"run": run_id, "community": run.community_id, "rows": json.dumps(rows)}
        await session.execute(_STORE, values)
        run.status, run.certificate, run.solved_at, run.lease_until = "solved", certificate, clock.now(), None
        solved = MatchRunSolved(
            run_id=run.id,
            program_id=run.program_id,
            suggestions=certificate["matched"],
            total=certificate["total"],
            bound=certificate["bound"],
        )
        emit(session, solved, tenant=run.community_id)


async def _fail(database: Database, run_id: UUID, *, reason: str, conflicts: list[Any], final: bool) -> None:
    async with database.transaction() as session:
        run = (await session.scalars(select(MatchRun).where(MatchRun.id == run_id).with_for_update())).one()
        if run.status != "solving":  # discarded, or finished by somebody else
            return
        run.status, run.failure, run.lease_until = ("failed" if final else "queued"), reason[:1000], None
        run.conflicts = conflicts
        if final:
            emit(session, MatchRunFailed(run_id=run.id, program_id=run.program_id), tenant=run.community_id)
