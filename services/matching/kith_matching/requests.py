"""Requests: one asks the other for a pairing, and it is always clear whose move it is."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import Event, emit
from kith_matching import clock, pairings, programs
from kith_matching.errors import AlreadyAnswered, AlreadyWaiting, NoSuchRequest, WithOneself
from kith_matching.events import (
    HeldRequestDeclined,
    HeldRequestExpired,
    HeldRequestMade,
    HeldRequestWithdrawn,
    RequestAccepted,
    RequestDeclined,
    RequestExpired,
    RequestMade,
    RequestWithdrawn,
)
from kith_matching.introducing import apart
from kith_matching.loads import evidence
from kith_matching.models import Program, Request
from kith_matching.training.gate import held_back

UNSETTLED = ("pending", "waitlisted")
Told = RequestMade | RequestAccepted | RequestDeclined | RequestWithdrawn | RequestExpired
_EVENTS: dict[str, type[Told]] = {
    "accepted": RequestAccepted,
    "declined": RequestDeclined,
    "withdrawn": RequestWithdrawn,
    "expired": RequestExpired,
}
_TO_THE_ASKER = {  # nobody accepts what reaches nobody
    RequestMade: HeldRequestMade,
    RequestDeclined: HeldRequestDeclined,
    RequestWithdrawn: HeldRequestWithdrawn,
    RequestExpired: HeldRequestExpired,
}
_asker = func.coalesce(Request.asked_by, Request.mentee_id)  # the version before wrote no `asked_by`

# The first choice who takes part, has room, and is not paired with this mentee; none when the mentee has no room.
_NEXT_CHOICE = text(f"""
WITH taken AS (
  SELECT mentor_id, mentee_id, private FROM pairings
  WHERE community_id = :community AND program_id = :program AND status IN ('proposed', 'accepted')
)
SELECT e.member_id
FROM unnest(CAST(:choices AS uuid[])) WITH ORDINALITY AS c(member_id, place)
JOIN enrollments e ON e.community_id = :community AND e.program_id = :program AND e.member_id = c.member_id
  AND e.side = 'mentor' AND NOT e.paused AND NOT {held_back("e")}
JOIN enrollments m ON m.community_id = :community AND m.program_id = :program AND m.member_id = :mentee
  AND m.side = 'mentee' AND NOT m.paused AND NOT {held_back("m")}
JOIN programs p ON p.id = :program AND p.status IN ('open', 'running')
WHERE e.max_pairings > (SELECT count(*) FROM taken t WHERE t.mentor_id = e.member_id AND NOT t.private)
  AND m.max_pairings > (SELECT count(*) FROM taken t WHERE t.mentee_id = :mentee AND NOT t.private)
  AND NOT EXISTS (SELECT FROM taken t WHERE t.mentor_id = e.member_id AND t.mentee_id = :mentee)
  AND {apart.not_apart("e.member_id", ":mentee")}
ORDER BY c.place LIMIT 1
""")


async def ask_mentor(
    session: AsyncSession, *, actor_id: UUID, program_id: UUID, mentor_id: UUID, message: str, then: Sequence[UUID]
) -> Request:
    """Ask a mentor, and if that one says no or nothing, the next of `then` who has room."""
    return await _ask(
        session, program_id, mentor_id=mentor_id, mentee_id=actor_id, asked_by=actor_id, message=message, then=then
    )


async def ask_mentee(
    session: AsyncSession, *, actor_id: UUID, program_id: UUID, mentee_id: UUID, message: str
) -> Request:
    """Ask a mentee, as mentors do who would like to help just this one."""
    return await _ask(
        session, program_id, mentor_id=actor_id, mentee_id=mentee_id, asked_by=actor_id, message=message, then=()
    )


async def _ask(
    session: AsyncSession,
    program_id: UUID,
    *,
    mentor_id: UUID,
    mentee_id: UUID,
    asked_by: UUID,
    message: str,
    then: Sequence[UUID],
) -> Request:
    """One open request at a time. To somebody the asker is kept apart from it is made and held: it reaches nobody.

    Where the mentor has no room, the first of the other choices who has is asked; where none has, it waits in line.

    Raises WithOneself, ProgramClosed, NotEnrolled, EnrollmentPaused, TrainingOpen or AlreadyWaiting; when it is the
    mentor who is asked, MentorOverloaded or MentorOnBreak.
    """
    if mentor_id == mentee_id:
        raise WithOneself
    program = await programs.taking_part(session, program_id)
    await programs.two_sides(session, program_id=program_id, mentor_id=mentor_id, mentee_id=mentee_id)
    status, choices = "pending", [str(each) for each in dict.fromkeys(then) if each not in {mentor_id, mentee_id}]
    if asked_by == mentee_id:
        load = (await evidence.may_ask(session, program_id=program_id, mentor_id=mentor_id)).seen
        if load.pairings >= load.room:
            place = {"community": program.community_id, "program": program_id, "mentee": mentee_id}
            other = await _free_choice(session, place, choices)
            if other is None:
                status = "waitlisted"
            else:
                mentor_id, choices = other, choices[choices.index(str(other)) + 1 :]
    now = clock.now()
    request = Request(
        community_id=tenant_of(session),
        program_id=program_id,
        mentee_id=mentee_id,
        mentor_id=mentor_id,
        asked_by=asked_by,
        choices=choices,
        message=message,
        status=status,
        asked_at=now,
        expires_at=now + timedelta(days=program.request_expiry_days),
        held=await apart.are(session, program.community_id, mentor_id, mentee_id),
    )
    session.add(request)
    with refused({"one_waiting_request_of_asker": AlreadyWaiting()}):
        await session.flush()
    if status == "pending":
        tell(session, RequestMade, request)
    return request


async def settle(session: AsyncSession, *, actor_id: UUID, request_id: UUID, to: str) -> Request:
    """Who is asked accepts or declines, who asked withdraws. Accepting makes the pairing in the same transaction."""
    whose = _asker == actor_id if to == "withdrawn" else _asker != actor_id
    statement = select(Request).where(
        Request.id == request_id, Request.community_id == tenant_of(session), seen_by(actor_id), whose
    )
    request = (await session.scalars(statement.with_for_update())).first()
    if request is None:
        raise NoSuchRequest
    if request.status == to:
        return request
    waiting = request.status == "waitlisted" and to == "withdrawn"
    if not waiting and (request.status != "pending" or request.expires_at <= clock.now()):
        raise AlreadyAnswered(
            f"This request is {'expired' if request.status == 'pending' else request.status} already."
        )
    if to == "accepted":
        await pairings.pair(
            session, program_id=request.program_id, mentor_id=request.mentor_id, mentee_id=request.mentee_id
        )
    await close(session, request, to=to)
    return request


async def close(session: AsyncSession, request: Request, *, to: str) -> None:
    """What follows when a request, locked, is settled; after a no, or nothing in time, the next choice is asked.

    Of one that waited in line nobody was told, and nobody is now.
    """
    was_asked = request.status == "pending"
    request.status, request.settled_at = to, clock.now()
    if was_asked:
        tell(session, _EVENTS[to], request)
    if to in {"declined", "expired"}:
        await _ask_next(session, request)


async def expire(database: Database) -> None:
    """Close what nobody answered in time, and what waits in line in a program that is over; run as a job."""
    while await _expire_some(database):
        pass


async def _expire_some(database: Database) -> bool:
    """Those of one community, whose lock is held when a next choice is asked; False when there was none."""
    over = select(Program.id).where(Program.status == "completed")
    unanswered = (Request.status == "pending") & (Request.expires_at <= clock.now())
    due = or_(unanswered, (Request.status == "waitlisted") & Request.program_id.in_(over))
    async with database.transaction() as session:
        first = select(Request.community_id).where(due).limit(1).with_for_update(skip_locked=True)
        statement = select(Request).where(due, Request.community_id == await session.scalar(first))
        found = (await session.scalars(statement.limit(500).with_for_update(skip_locked=True))).all()
        for request in found:
            await close(session, request, to="expired")
    return bool(found)


async def _ask_next(session: AsyncSession, request: Request) -> None:
    """Ask the next choice who could say yes and is not to be spared; nobody: it ends here.

    Whose move it is, and until when, begins anew.
    """
    await session.flush()  # or the new one would be a second open request
    await apart.hold(session, request.community_id)
    place = {"community": request.community_id, "program": request.program_id, "mentee": request.mentee_id}
    mentor_id = await _free_choice(session, place, request.choices)
    if mentor_id is None:
        return
    now = clock.now()
    following = Request(
        community_id=request.community_id,
        program_id=request.program_id,
        mentee_id=request.mentee_id,
        mentor_id=mentor_id,
        asked_by=request.asked_by,
        choices=request.choices[request.choices.index(str(mentor_id)) + 1 :],
        message=request.message,
        asked_at=now,
        expires_at=now + (request.expires_at - request.asked_at),
    )
    session.add(following)
    await session.flush()
    tell(session, RequestMade, following)


async def _free_choice(session: AsyncSession, place: Mapping[str, UUID], choices: Sequence[str]) -> UUID | None:
    """The first of these who could say yes and is not to be spared."""
    if not choices:
        return None
    named = [UUID(each) for each in choices]
    here = {"community_id": place["community"], "program_id": place["program"]}
    spared = (await evidence.burdened(session, **here, among=named)).spared
    found: UUID | None = await session.scalar(
        _NEXT_CHOICE, {**place, "choices": [each for each in named if each not in spared]}
    )
    return found


def seen_by(member_id: UUID) -> ColumnElement[bool]:
    """Whether a request is one a member made, or got: what is held or waits in line has reached nobody."""
    theirs = or_(Request.mentor_id == member_id, Request.mentee_id == member_id)
    return theirs & or_(Request.held.is_(False) & (Request.status != "waitlisted"), _asker == member_id)


def tell(session: AsyncSession, event: type[Told], request: Request) -> None:
    """Tell the two; of one that is held its asker alone, to whom it looks like any other."""
    ids = {"request_id": request.id, "program_id": request.program_id}
    if request.held:
        told: Event = _TO_THE_ASKER[event](**ids, asked_by=request.asked_by or request.mentee_id)
    else:
        told = event(**ids, mentor_id=request.mentor_id, mentee_id=request.mentee_id)
    emit(session, told, tenant=request.community_id)
