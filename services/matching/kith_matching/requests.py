"""Requests: a mentee asks a mentor, and it is always clear whose move it is."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_matching import clock, pairings, programs
from kith_matching.errors import AlreadyAnswered, AlreadyWaiting, NoSuchRequest, WithOneself
from kith_matching.events import RequestAccepted, RequestDeclined, RequestExpired, RequestMade, RequestWithdrawn
from kith_matching.models import Request

_EVENTS = {"accepted": RequestAccepted, "declined": RequestDeclined, "withdrawn": RequestWithdrawn}


async def ask(session: AsyncSession, *, actor_id: UUID, program_id: UUID, mentor_id: UUID, message: str) -> Request:
    """Ask a mentor of a program one is enrolled in; one open request at a time.

    Raises WithOneself, ProgramClosed, NotEnrolled, EnrollmentPaused or AlreadyWaiting.
    """
    if mentor_id == actor_id:
        raise WithOneself
    program = await programs.taking_part(session, program_id)
    await programs.two_sides(session, program_id=program_id, mentor_id=mentor_id, mentee_id=actor_id)
    now = clock.now()
    request = Request(
        community_id=tenant_of(session),
        program_id=program_id,
        mentee_id=actor_id,
        mentor_id=mentor_id,
        message=message,
        asked_at=now,
        expires_at=now + timedelta(days=program.request_expiry_days),
    )
    session.add(request)
    with refused({"one_open_request": AlreadyWaiting()}):
        await session.flush()
    emit(session, RequestMade(**_fields(request)))
    return request


async def settle(session: AsyncSession, *, actor_id: UUID, request_id: UUID, to: str) -> Request:
    """The mentor accepts or declines, the mentee withdraws. Accepting makes the pairing in the same transaction."""
    whose = Request.mentee_id if to == "withdrawn" else Request.mentor_id
    statement = select(Request).where(
        Request.id == request_id, Request.community_id == tenant_of(session), whose == actor_id
    )
    request = (await session.scalars(statement.with_for_update())).first()
    if request is None:
        raise NoSuchRequest
    if request.status == to:
        return request
    if request.status != "pending" or request.expires_at <= clock.now():
        raise AlreadyAnswered(
            f"This request is {'expired' if request.status == 'pending' else request.status} already."
        )
    request.status, request.settled_at = to, clock.now()
    if to == "accepted":
        await pairings.pair(
            session, program_id=request.program_id, mentor_id=request.mentor_id, mentee_id=request.mentee_id
        )
    emit(session, _EVENTS[to](**_fields(request)))
    return request


async def expire(database: Database) -> None:
    """Close what nobody answered in time; run as a job."""
    async with database.transaction() as session:
        statement = select(Request).where(Request.status == "pending", Request.expires_at <= clock.now())
        for request in await session.scalars(statement.limit(500).with_for_update(skip_locked=True)):
            request.status, request.settled_at = "expired", clock.now()
            emit(session, RequestExpired(**_fields(request)), tenant=request.community_id)


def _fields(request: Request) -> dict[str, UUID]:
    return {
        "request_id": request.id,
        "program_id": request.program_id,
        "mentor_id": request.mentor_id,
        "mentee_id": request.mentee_id,
    }
