from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_groups.errors import (
    AttendanceRecorded,
    NoSuchGroup,
    NoSuchSession,
    NotAMember,
    SessionBegun,
    SessionToCome,
    SessionTwice,
    UnknownTimeZone,
)
from kith_groups.events import Answer
from kith_groups.sessions import queries, sessions
from kith_groups.shapes import In, Keys, Name, Out, Participating, Running

Mode = Literal["video", "audio", "text", "in_person"]
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _near(value: datetime) -> datetime:
    """An instant that is a date in every zone: at the ends of the calendar there are offsets that lead out of it."""
    if not FIRST <= value < LAST:
        raise ValueError("is not from the year 2000 to 2099")
    return value


Instant = Annotated[AwareDatetime, AfterValidator(_near)]


class SessionIn(In):
    group_id: UUID
    title: Name = "First session"
    starts_at: Instant
    time_zone: str = Field(default="UTC", max_length=60)
    minutes: int = Field(default=60, ge=5, le=600)
    mode: Mode = "video"
    capacity: int | None = Field(default=None, ge=1, le=1000)


class SessionsIn(In):
    sessions: list[SessionIn] = Field(min_length=1, max_length=500)


class SessionOut(Out):
    id: UUID
    group_id: UUID
    title: str
    starts_at: datetime
    time_zone: str
    minutes: int
    mode: Mode
    capacity: int | None
    attendance_recorded_at: datetime | None


class RsvpIn(In):
    answer: Literal["yes", "no", "maybe"]


class RsvpOut(Out):
    session_id: UUID
    member_id: UUID
    answer: Answer
    answered_at: datetime


class CameIn(In):
    session_id: UUID
    present_ids: list[UUID] = Field(max_length=1000)


class AttendanceIn(In):
    sessions: list[CameIn] = Field(min_length=1, max_length=500)


class AttendanceOut(Out):
    session_id: UUID
    member_id: UUID
    present: bool
    no_show: bool


routes = router(tags=["sessions"])


@routes.post("/sessions", status_code=201, responses=problems(NoSuchGroup, UnknownTimeZone))
async def schedule_sessions(body: SessionsIn, actor: Running, session: Transaction) -> list[SessionOut]:
    new = [sessions.NewSession(**each.model_dump()) for each in body.sessions]
    return [SessionOut.model_validate(one) for one in await sessions.schedule(session, actor=actor, new=new)]


@routes.get("/sessions/{session_id}", responses=problems(NoSuchSession))
async def get_session(session_id: UUID, _: Participating, session: Transaction) -> SessionOut:
    return SessionOut.model_validate(await sessions.found(session, session_id))


@routes.post("/sessions/{session_id}/rsvp", responses=problems(NoSuchSession, NotAMember, SessionBegun))
async def rsvp(session_id: UUID, body: RsvpIn, actor: Participating, session: Transaction) -> RsvpOut:
    given = await sessions.rsvp(session, actor=actor, session_id=session_id, answer=body.answer)
    return RsvpOut.model_validate(given)


@routes.post(
    "/attendance",
    responses=problems(NoSuchSession, NoSuchGroup, NotAMember, SessionToCome, AttendanceRecorded, SessionTwice),
)
async def record_attendance(body: AttendanceIn, actor: Running, session: Transaction) -> list[SessionOut]:
    came = [sessions.Came(each.session_id, each.present_ids) for each in body.sessions]
    recorded = await sessions.record_attendance(session, actor=actor, came=came)
    return [SessionOut.model_validate(one) for one in recorded]


@routes.post("/read/sessions-by-group")
async def sessions_by_group(body: Keys, _: Participating, session: Transaction) -> list[list[SessionOut]]:
    found = await queries.sessions_by_group(session, body.keys, first=body.first)
    return [[SessionOut.model_validate(each) for each in some] for some in found]


@routes.post("/read/rsvps-by-session")
async def rsvps_by_session(body: Keys, _: Participating, session: Transaction) -> list[list[RsvpOut]]:
    found = await queries.rsvps_by_session(session, body.keys)
    return [[RsvpOut.model_validate(each) for each in some] for some in found]


@routes.post("/read/attendance-by-session")
async def attendance_by_session(body: Keys, _: Participating, session: Transaction) -> list[list[AttendanceOut]]:
    found = await queries.attendance_by_session(session, body.keys)
    return [[AttendanceOut.model_validate(each) for each in some] for some in found]
