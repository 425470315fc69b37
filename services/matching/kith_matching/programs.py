"""Programs and who takes part in them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_matching import clock
from kith_matching.errors import (
    BadSettings,
    EnrollmentClosed,
    EnrollmentPaused,
    NoSuchParticipant,
    NoSuchProgram,
    NotEnrolled,
    ProgramClosed,
    TrainingOpen,
    WrongStep,
)
from kith_matching.events import MemberEnrolled, ProgramCompleted, ProgramOpened, ProgramStarted
from kith_matching.models import Enrollment, Participant, Program
from kith_matching.pausing import pauses
from kith_matching.scoring import Rules, Weights
from kith_matching.training.gate import held_back

MOST_PRIORITY = 9
WITHOUT_MENTORS = frozenset({"introduction", "peer"})
_NEXT = {"draft": "open", "open": "running", "running": "completed"}
_STEPS = {"open": ProgramOpened, "running": ProgramStarted, "completed": ProgramCompleted}
_EMPTIED = {"starts_on", "ends_on", "enroll_from", "enroll_until", "longest_wait_weeks"}


@dataclass(frozen=True)
class NewProgram:
    name: str
    kind: str
    objectives: str
    acceptance: str
    request_expiry_days: int
    starts_on: date | None
    ends_on: date | None
    enroll_from: datetime | None
    enroll_until: datetime | None
    weights: dict[str, float]
    rules: dict[str, Any]
    open: bool
    automatic_pairing: bool
    enroll_newcomers: bool
    automatic_calls: bool
    longest_wait_weeks: int | None


@dataclass(frozen=True)
class NewEnrollment:
    member_id: UUID
    side: str
    max_pairings: int
    weekly_hours: float | None


@dataclass(frozen=True)
class EnrollmentError:
    index: int
    code: str
    reason: str


async def create(session: AsyncSession, *, coordinator_id: UUID, new: NewProgram) -> Program:
    """A program, open at once or as a draft; BadSettings when its weights or rules make no sense."""
    # Where nobody is there to teach, nobody has to offer what another wants.
    usual = Rules() if new.kind in {"mentoring", "review"} else Rules(minimum_shared_skills=0)
    weights, rules = checked_settings(asdict(Weights()) | new.weights, asdict(usual) | new.rules)
    program = Program(
        community_id=tenant_of(session),
        name=new.name,
        kind=new.kind,
        objectives=new.objectives,
        status="open" if new.open else "draft",
        acceptance=new.acceptance,
        request_expiry_days=new.request_expiry_days,
        starts_on=new.starts_on,
        ends_on=new.ends_on,
        enroll_from=new.enroll_from,
        enroll_until=new.enroll_until,
        weights=weights,
        rules=rules,
        automatic_pairing=new.automatic_pairing,
        newcomers_since=clock.now() if new.enroll_newcomers else None,
        automatic_calls=new.automatic_calls,
        longest_wait_weeks=new.longest_wait_weeks,
        coordinator_id=coordinator_id,
    )
    _check(program)
    session.add(program)
    await session.flush()
    if new.open:
        emit(session, ProgramOpened(program_id=program.id, kind=program.kind))
    return program


async def change(session: AsyncSession, *, program_id: UUID, changes: dict[str, Any]) -> Program:
    """Change what a program is called, what for, its times, and what it does by itself.

    Null empties a time or the longest wait, and leaves the rest as it is.

    Raises NoSuchProgram or BadSettings.
    """
    program = await found(session, program_id, lock=True)
    enrolls = changes.pop("enroll_newcomers", None)
    if enrolls is not None:
        program.newcomers_since = (program.newcomers_since or clock.now()) if enrolls else None
    for name, value in changes.items():
        if value is not None or name in _EMPTIED:
            setattr(program, name, value)
    _check(program)
    return program


def _check(program: Program) -> None:
    if program.kind != "buddy" and (program.automatic_pairing or program.newcomers_since):
        raise BadSettings("Newcomers are enrolled and paired by themselves in programs of the kind buddy alone.")
    if program.kind in WITHOUT_MENTORS and program.automatic_calls:
        raise BadSettings("Nobody is called to be a mentor in programs without mentors.")
    if program.starts_on and program.ends_on and program.ends_on < program.starts_on:
        raise BadSettings("A program cannot end before it starts.")
    if program.enroll_from and program.enroll_until and program.enroll_until <= program.enroll_from:
        raise BadSettings("Enrollment cannot close before it opens.")


def checked_settings(weights: dict[str, Any], rules: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and rules as they are kept; BadSettings when they make no sense."""
    for kind, given in ((Weights, weights), (Rules, rules)):
        names = [each.name for each in fields(kind)]
        if unknown := [name for name in given if name not in names]:
            raise BadSettings(f"There is no setting {unknown[0][:60]!r}; there are {', '.join(names)}.")
    try:
        return asdict(Weights(**weights)), asdict(Rules(**rules))
    except ValueError as error:
        raise BadSettings(f"These weights or rules cannot be used: {error}.") from error


async def change_settings(
    session: AsyncSession, *, program_id: UUID, weights: dict[str, float] | None, rules: dict[str, Any] | None
) -> Program:
    """Other weights and rules for the runs from now on; what is left out stays. Pairings that exist stay."""
    program = await found(session, program_id, lock=True)
    program.weights, program.rules = checked_settings(program.weights | (weights or {}), program.rules | (rules or {}))
    await session.flush()
    return program


async def advance(session: AsyncSession, *, program_id: UUID, to: str) -> Program:
    program = await found(session, program_id, lock=True)
    if _NEXT.get(program.status) != to:
        raise WrongStep(f"This program is {program.status}; the next step is {_NEXT.get(program.status, 'none')}.")
    program.status = to
    emit(session, _STEPS[to](program_id=program.id, kind=program.kind))
    return program


async def found(session: AsyncSession, program_id: UUID, *, lock: bool = False) -> Program:
    statement = select(Program).where(Program.id == program_id, Program.community_id == tenant_of(session))
    program = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if program is None:
        raise NoSuchProgram
    return program


async def taking_part(session: AsyncSession, program_id: UUID) -> Program:
    """The program, if members may enroll, ask and be matched in it now."""
    program = await found(session, program_id)
    if program.status not in {"open", "running"}:
        raise ProgramClosed(f"This program is {program.status}; it takes nobody now.")
    return program


async def first_next_time(session: AsyncSession, program_id: UUID, mentee_ids: Sequence[UUID]) -> None:
    """Mentees who lost their mentor, or were left out, come before others in the next match run; each time more."""
    statement = (
        update(Enrollment)
        .where(Enrollment.program_id == program_id, Enrollment.member_id.in_(mentee_ids), Enrollment.side == "mentee")
        .values(priority=func.least(Enrollment.priority + 1, MOST_PRIORITY))
    )
    await session.execute(statement)


_IN_TRAINING = text(f"SELECT side FROM enrollments e WHERE id = ANY(:ids) AND {held_back('e')} ORDER BY side DESC")
_ENROLL = text("""
INSERT INTO enrollments (id, community_id, program_id, member_id, side, max_pairings, weekly_hours)
SELECT id, :community, :program, member_id, side, max_pairings, weekly_hours
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(id uuid, member_id uuid, side text, max_pairings bigint, weekly_hours double precision)
ON CONFLICT (community_id, program_id, member_id, side) DO NOTHING
RETURNING id, member_id, side
""")


async def all_known(session: AsyncSession, member_ids: Collection[UUID]) -> None:
    """Raises NoSuchParticipant unless all of them are members of the community."""
    if set(member_ids) - await known(session, member_ids):
        raise NoSuchParticipant


async def known(session: AsyncSession, member_ids: Collection[UUID]) -> set[UUID]:
    """Those of them who are members, as far as matching has heard.

    They do not leave before this transaction ends, so that what it adds ends too.

    In one order, as profiles are written: two transactions cannot wait for each other.
    """
    statement = select(Participant.member_id).where(
        Participant.community_id == tenant_of(session),
        Participant.member_id.in_(member_ids),
        Participant.left_at.is_(None),
    )
    return set(await session.scalars(statement.order_by(Participant.member_id).with_for_update(read=True)))


async def enroll(
    session: AsyncSession, *, program_id: UUID, new: Sequence[NewEnrollment]
) -> tuple[int, list[EnrollmentError]]:
    """Enroll members; returns how many are new, and who could not be. Doing it again changes nothing."""
    program = await taking_part(session, program_id)
    heard = await known(session, {each.member_id for each in new})
    errors = [
        EnrollmentError(index, NoSuchParticipant.code, NoSuchParticipant.title())
        for index, each in enumerate(new)
        if each.member_id not in heard
    ]
    there = [each for each in new if each.member_id in heard]
    return await put(session, community_id=program.community_id, program_id=program.id, new=there), errors


async def put(session: AsyncSession, *, community_id: UUID, program_id: UUID, new: Sequence[NewEnrollment]) -> int:
    """Enroll members that are known to exist; returns how many are new. Who is enrolled already stays as they are."""
    rows = [{**asdict(each), "id": str(new_id()), "member_id": str(each.member_id)} for each in new]
    values = {"community": community_id, "program": program_id, "rows": json.dumps(rows)}
    made = (await session.execute(_ENROLL, values)).all()
    for row in made:
        enrolled = MemberEnrolled(enrollment_id=row.id, program_id=program_id, member_id=row.member_id, side=row.side)
        emit(session, enrolled, tenant=community_id)
    return len(made)


async def enroll_oneself(session: AsyncSession, *, program_id: UUID, new: NewEnrollment) -> Enrollment:
    """Enroll while the program takes enrollments; coordinators enroll others at any time.

    Raises NoSuchProgram, ProgramClosed, EnrollmentClosed or NoSuchParticipant.
    """
    program = await taking_part(session, program_id)
    if program.enroll_from is not None and clock.now() < program.enroll_from:
        raise EnrollmentClosed(f"Enrollment opens {program.enroll_from.isoformat(timespec='minutes')}.")
    if program.enroll_until is not None and clock.now() >= program.enroll_until:
        raise EnrollmentClosed(f"Enrollment closed {program.enroll_until.isoformat(timespec='minutes')}.")
    _, errors = await enroll(session, program_id=program_id, new=[new])
    if errors:
        raise NoSuchParticipant
    return await enrollment(session, program_id=program_id, member_id=new.member_id, side=new.side)


async def enrollment(
    session: AsyncSession, *, program_id: UUID, member_id: UUID, side: str, lock: bool = False
) -> Enrollment:
    statement = select(Enrollment).where(
        Enrollment.community_id == tenant_of(session),
        Enrollment.program_id == program_id,
        Enrollment.member_id == member_id,
        Enrollment.side == side,
    )
    one = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if one is None:
        raise NotEnrolled
    return one


async def two_sides(
    session: AsyncSession, *, program_id: UUID, mentor_id: UUID, mentee_id: UUID
) -> tuple[Enrollment, Enrollment]:
    """The enrollments of a mentor and a mentee, both locked.

    Raises NotEnrolled when one is missing, EnrollmentPaused when one is paused, TrainingOpen when one has training to
    complete first. Locked in one statement and in the
    order of their ids, as a publication locks them: two transactions cannot wait for each other.
    """
    mentor = (Enrollment.member_id == mentor_id) & (Enrollment.side == "mentor")
    mentee = (Enrollment.member_id == mentee_id) & (Enrollment.side == "mentee")
    statement = select(Enrollment).where(
        Enrollment.community_id == tenant_of(session), Enrollment.program_id == program_id, mentor | mentee
    )
    locked = await session.scalars(
        statement.order_by(Enrollment.id).with_for_update().execution_options(populate_existing=True)
    )
    found = {one.side: one for one in locked}
    if missing := {"mentor", "mentee"} - set(found):
        raise NotEnrolled(f"The {min(missing)} is not enrolled in this program on that side.")
    if paused := [side for side, one in found.items() if one.paused]:
        raise EnrollmentPaused(f"The {paused[0]} has paused taking part in this program; ask somebody else.")
    if training := await session.scalar(_IN_TRAINING, {"ids": [one.id for one in found.values()]}):
        raise TrainingOpen(f"The {training} has training to complete before a first pairing in this program.")
    return found["mentor"], found["mentee"]


async def change_enrollment(
    session: AsyncSession, *, program_id: UUID, member_id: UUID, side: str, changes: dict[str, Any]
) -> Enrollment:
    """Change capacity or pause, any time; pairings that exist stay. Capacity and pause stay as they are for None.

    Raises NotEnrolled or BadPause.
    """
    await found(session, program_id)
    one = await enrollment(session, program_id=program_id, member_id=member_id, side=side, lock=True)
    await pauses.change(session, one, changes)
    for name, value in changes.items():
        if name not in {"paused", "paused_until"} and (value is not None or name == "weekly_hours"):
            setattr(one, name, value)  # hours can be unknown, room cannot
    await session.flush()
    return one
