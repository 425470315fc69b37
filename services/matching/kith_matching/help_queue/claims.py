"""The help queue: who needs something asks once, and nobody does what somebody else is doing.

A claim is a lease of half an hour, taken again to go on. Who forgets it blocks nobody: it runs out by itself.
What somebody asked whom a helper is kept apart from does not exist for that helper.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, TextClause, and_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.tokens import Principal
from kith_matching import clock, programs
from kith_matching.errors import AlreadyClaimed, AlreadyDone, ClaimLost, NobodyWaits, NoSuchHelpRequest, NotEnrolled
from kith_matching.events import HelpAsked, HelpClaimed, HelpResolved
from kith_matching.help_queue.models import HelpRequest
from kith_matching.introducing import apart
from kith_matching.models import Enrollment
from kith_matching.queries import COORDINATE

LEASE = timedelta(minutes=30)
_MAY_MEET = text(
    apart.not_apart("help_requests.asked_by", "CAST(:helper AS uuid)", community="help_requests.community_id")
)


async def ask(session: AsyncSession, *, actor_id: UUID, program_id: UUID, topic: str, body: str) -> HelpRequest:
    """Put something into the queue. Raises NoSuchProgram, ProgramClosed, or NotEnrolled."""
    await programs.taking_part(session, program_id)
    if not await _enrolled(session, program_id, Enrollment.member_id == actor_id):
        raise NotEnrolled("Enroll in this program to ask for help in it.")
    wanted = HelpRequest(
        community_id=tenant_of(session),
        program_id=program_id,
        asked_by=actor_id,
        topic=topic,
        body=body,
        asked_at=clock.now(),
    )
    session.add(wanted)
    await session.flush()
    emit(session, HelpAsked(help_id=wanted.id, program_id=program_id, asked_by=actor_id))
    return wanted


async def claim(session: AsyncSession, *, actor_id: UUID, help_id: UUID) -> HelpRequest:
    """Take this on, or go on with it. Raises NoSuchHelpRequest, NotEnrolled, AlreadyDone or AlreadyClaimed."""
    wanted = await _found(session, help_id)
    if await apart.are(session, wanted.community_id, actor_id, wanted.asked_by):
        raise NoSuchHelpRequest
    await _check_helper(session, wanted.program_id, actor_id)
    if wanted.status != "open":
        raise AlreadyDone
    if wanted.asked_by == actor_id or not (_free(wanted) or wanted.claimed_by == actor_id):
        raise AlreadyClaimed
    return _take(session, wanted, actor_id)


async def claim_next(session: AsyncSession, *, actor_id: UUID, program_id: UUID) -> HelpRequest:
    """Take on what has waited longest and nobody does. Raises NoSuchProgram, NotEnrolled or NobodyWaits.

    Two who ask at once get two things: what one is looking at, the other passes over.
    """
    await programs.found(session, program_id)
    await _check_helper(session, program_id, actor_id)
    await apart.hold(session, tenant_of(session))
    statement = (
        select(HelpRequest)
        .where(
            HelpRequest.community_id == tenant_of(session),
            HelpRequest.program_id == program_id,
            HelpRequest.status == "open",
            HelpRequest.asked_by != actor_id,
            _not_apart(actor_id),
            or_(HelpRequest.claimed_until.is_(None), HelpRequest.claimed_until <= clock.now()),
        )
        .order_by(HelpRequest.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    wanted = (await session.scalars(statement)).first()
    if wanted is None:
        raise NobodyWaits
    return _take(session, wanted, actor_id)


async def release(session: AsyncSession, *, actor_id: UUID, help_id: UUID) -> HelpRequest:
    """Give it back to the queue. Raises NoSuchHelpRequest or ClaimLost."""
    wanted = await _found(session, help_id)
    _check_claim(wanted, actor_id)
    wanted.claimed_by = wanted.claimed_until = None
    return wanted


async def resolve(session: AsyncSession, *, actor_id: UUID, help_id: UUID) -> HelpRequest:
    """It is done: who has claimed it says so, or who asked.

    Raises NoSuchHelpRequest, AlreadyDone or ClaimLost.
    """
    wanted = await _found(session, help_id)
    if wanted.status != "open":
        raise AlreadyDone
    if actor_id != wanted.asked_by:
        _check_claim(wanted, actor_id)
    wanted.status, wanted.settled_at = "resolved", clock.now()
    resolved = HelpResolved(
        help_id=wanted.id, program_id=wanted.program_id, asked_by=wanted.asked_by, helper_id=wanted.claimed_by
    )
    emit(session, resolved)
    return wanted


async def withdraw(session: AsyncSession, *, actor_id: UUID, help_id: UUID) -> HelpRequest:
    """Who asked needs it no more. Raises NoSuchHelpRequest or AlreadyDone."""
    wanted = await _found(session, help_id)
    if wanted.asked_by != actor_id:
        raise NoSuchHelpRequest
    if wanted.status != "open":
        raise AlreadyDone
    wanted.status, wanted.settled_at = "withdrawn", clock.now()
    return wanted


async def visible_to(session: AsyncSession, actor: Principal, program_id: UUID) -> ColumnElement[bool]:
    """Which open requests of a program somebody sees: helpers and coordinators all, others their own."""
    await programs.found(session, program_id)
    here = (
        (HelpRequest.community_id == tenant_of(session))
        & (HelpRequest.program_id == program_id)
        & (HelpRequest.status == "open")
    )
    if actor.may(COORDINATE):
        return here
    if await _enrolled(session, program_id, _helping(actor.subject)):
        return and_(here, _not_apart(actor.subject))
    return here & (HelpRequest.asked_by == actor.subject)


def _not_apart(member_id: UUID) -> TextClause:
    return _MAY_MEET.bindparams(helper=member_id)


def _take(session: AsyncSession, wanted: HelpRequest, actor_id: UUID) -> HelpRequest:
    again = wanted.claimed_by == actor_id and not _free(wanted)
    wanted.claimed_by, wanted.claimed_until = actor_id, clock.now() + LEASE
    if not again:
        emit(
            session,
            HelpClaimed(help_id=wanted.id, program_id=wanted.program_id, asked_by=wanted.asked_by, helper_id=actor_id),
        )
    return wanted


def _free(wanted: HelpRequest) -> bool:
    return wanted.claimed_until is None or wanted.claimed_until <= clock.now()


def _check_claim(wanted: HelpRequest, actor_id: UUID) -> None:
    if wanted.claimed_by != actor_id or wanted.status != "open" or _free(wanted):
        raise ClaimLost


async def _check_helper(session: AsyncSession, program_id: UUID, member_id: UUID) -> None:
    if not await _enrolled(session, program_id, _helping(member_id)):
        raise NotEnrolled("Enroll in this program as mentor or peer to help in it.")


def _helping(member_id: UUID) -> ColumnElement[bool]:
    return (Enrollment.member_id == member_id) & Enrollment.side.in_(("mentor", "peer")) & Enrollment.paused.is_(False)


async def _enrolled(session: AsyncSession, program_id: UUID, who: ColumnElement[bool]) -> bool:
    here = (Enrollment.community_id == tenant_of(session)) & (Enrollment.program_id == program_id)
    return await session.scalar(select(Enrollment.id).where(here, who).limit(1)) is not None


async def _found(session: AsyncSession, help_id: UUID) -> HelpRequest:
    statement = select(HelpRequest).where(HelpRequest.id == help_id, HelpRequest.community_id == tenant_of(session))
    wanted = (await session.scalars(statement.with_for_update())).first()
    if wanted is None:
        raise NoSuchHelpRequest
    return wanted
