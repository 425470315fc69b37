"""Open calls: where more wait than there is room, members who would be good mentors are asked, a few at a time."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_chassis.pages import paginate
from kith_matching import clock, programs
from kith_matching.errors import (
    AlreadyAnswered,
    BadSettings,
    CallOpen,
    NobodyGoesWithout,
    NoSuchCall,
    NoSuchInvitation,
    NotForCalls,
)
from kith_matching.events import CallClosed, CallEnd, CallOpened
from kith_matching.models import Program
from kith_matching.open_calls.models import CallInvitation, OpenCall
from kith_matching.previewing import forecasts
from kith_matching.programs import NewEnrollment

LASTS = timedelta(days=14)
LONGEST = timedelta(days=90)
MOST_PLACES = 1000


async def open_(
    session: AsyncSession, *, actor_id: UUID | None, program_id: UUID, places: int | None, ends_at: datetime | None
) -> OpenCall:
    """Open a call for as many places as are missing, or as are said. Who is asked, a job finds out.

    Raises NoSuchProgram, ProgramClosed, NotForCalls, NobodyGoesWithout, BadSettings or CallOpen.
    """
    program = await programs.taking_part(session, program_id)
    if program.kind in programs.WITHOUT_MENTORS:
        raise NotForCalls
    now = clock.now()
    if ends_at is not None and not now < ends_at <= now + LONGEST:
        raise BadSettings(f"A call ends later than now, and within {LONGEST.days} days.")
    missing = places or min(await missing_places(session, program_id), MOST_PLACES)
    if missing < 1:
        raise NobodyGoesWithout
    call = OpenCall(
        community_id=program.community_id,
        program_id=program_id,
        places=missing,
        opened_by=actor_id,
        opened_at=now,
        ends_at=ends_at or now + LASTS,
    )
    session.add(call)
    with refused({"one_open_call": CallOpen()}):
        await session.flush()
    emit(session, CallOpened(call_id=call.id, program_id=program_id, places=missing), tenant=program.community_id)
    await session.refresh(call)
    return call


async def missing_places(session: AsyncSession, program_id: UUID) -> int:
    """How many who wait in a program would go without, if all free places were taken."""
    now = await forecasts.wait(session, program_id=program_id)
    return now.ahead - now.free


async def found(session: AsyncSession, call_id: UUID, *, lock: bool = False) -> OpenCall:
    statement = select(OpenCall).where(OpenCall.id == call_id, OpenCall.community_id == tenant_of(session))
    if lock:
        statement = statement.with_for_update(of=OpenCall).execution_options(populate_existing=True)
    call = (await session.scalars(statement)).first()
    if call is None:
        raise NoSuchCall
    return call


async def close(session: AsyncSession, *, call_id: UUID) -> OpenCall:
    """End a call by hand; who is a mentor by it stays one. Closing again changes nothing. Raises NoSuchCall."""
    call = await found(session, call_id, lock=True)
    await end(session, call, status="closed")
    return call


async def end(session: AsyncSession, call: OpenCall, *, status: CallEnd) -> None:
    """What follows when a call, locked, is over: nobody is asked any more."""
    if call.status != "open":
        return
    call.status, call.closed_at = status, clock.now()
    await session.execute(
        update(CallInvitation)
        .where(CallInvitation.call_id == call.id, CallInvitation.status == "asked")
        .values(status="lapsed", settled_at=call.closed_at)
    )
    closed = CallClosed(
        call_id=call.id, program_id=call.program_id, reason=status, places=call.places, filled=call.filled
    )
    emit(session, closed, tenant=call.community_id)


async def answer(
    session: AsyncSession, *, actor_id: UUID, invitation_id: UUID, yes: bool, max_pairings: int
) -> CallInvitation:
    """Become a mentor with so much room, whatever the times of enrollment, or say no. The same again changes nothing.

    Raises NoSuchInvitation, AlreadyAnswered or ProgramClosed.
    """
    statement = select(CallInvitation).where(
        CallInvitation.id == invitation_id,
        CallInvitation.community_id == tenant_of(session),
        CallInvitation.member_id == actor_id,
    )
    invitation = (await session.scalars(statement)).first()
    if invitation is None or not await programs.known(session, [actor_id]):  # or who was asked has left
        raise NoSuchInvitation
    # The call first, as whoever ends it does; only then what is said of the invitation holds.
    call = await found(session, invitation.call_id, lock=True)
    await session.refresh(invitation, with_for_update=True)
    to = "accepted" if yes else "declined"
    if invitation.status == to:
        return invitation
    if invitation.status != "asked" or call.ends_at <= clock.now():
        raise AlreadyAnswered("This call is over, or you have answered it.")
    invitation.status, invitation.settled_at = to, clock.now()
    if yes:
        program = await programs.taking_part(session, call.program_id)
        await _enroll(session, program, actor_id, max_pairings)
        invitation.max_pairings, call.filled = max_pairings, call.filled + max_pairings
        await session.flush()
        if call.filled >= call.places:
            await end(session, call, status="filled")
    await session.flush()
    return invitation


async def _enroll(session: AsyncSession, program: Program, member_id: UUID, max_pairings: int) -> None:
    new = NewEnrollment(member_id, "mentor", max_pairings, None)
    await programs.put(session, community_id=program.community_id, program_id=program.id, new=[new])
    # Who had enrolled meanwhile by themselves says now how much room they have.
    changes = {"max_pairings": max_pairings, "paused": False}
    await programs.change_enrollment(
        session, program_id=program.id, member_id=member_id, side="mentor", changes=changes
    )


# --- reads ----------------------------------------------------------------------------------------------------------


async def listed(
    session: AsyncSession, *, program_id: UUID, first: int, after: str | None
) -> tuple[list[OpenCall], str | None]:
    await programs.found(session, program_id)
    statement = select(OpenCall).where(OpenCall.community_id == tenant_of(session), OpenCall.program_id == program_id)
    return await paginate(session, statement, by=[OpenCall.id], first=first, after=after, descending=True)


async def invitations(
    session: AsyncSession, *, call_id: UUID, first: int, after: str | None
) -> tuple[list[CallInvitation], str | None]:
    await found(session, call_id)
    mine = (CallInvitation.community_id == tenant_of(session)) & (CallInvitation.call_id == call_id)
    return await paginate(session, select(CallInvitation).where(mine), by=[CallInvitation.id], first=first, after=after)


async def of_member(
    session: AsyncSession, *, member_id: UUID, first: int, after: str | None
) -> tuple[list[CallInvitation], str | None]:
    """What a member was asked, the newest first."""
    mine = (CallInvitation.community_id == tenant_of(session)) & (CallInvitation.member_id == member_id)
    return await paginate(
        session, select(CallInvitation).where(mine), by=[CallInvitation.id], first=first, after=after, descending=True
    )
