"""Scheduling sessions, saying whether one comes, recording who came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_chassis.tokens import Principal
from kith_groups import events
from kith_groups.circles.models import Group, Membership
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
from kith_groups.sessions.models import Attendance, Rsvp, Session
from kith_groups.shapes import COORDINATE
from kith_groups.zones import time_zones


@dataclass(frozen=True)
class NewSession:
    group_id: UUID
    title: str
    starts_at: datetime
    time_zone: str
    minutes: int
    mode: str
    capacity: int | None


@dataclass(frozen=True)
class Came:
    """Who was at a session; all others who belonged to the group when it began were not."""

    session_id: UUID
    present_ids: Sequence[UUID]


async def schedule(session: AsyncSession, *, actor: Principal, new: Sequence[NewSession]) -> list[Session]:
    """Sessions for groups, in their order. A facilitator schedules for their own group, a coordinator for any."""
    group_ids = {each.group_id for each in new}
    await _may_run(session, actor, group_ids)
    if unknown := {each.time_zone for each in new} - time_zones():
        raise UnknownTimeZone(f"{min(unknown)!r} is not an IANA time zone; use a name like Europe/Vienna.")
    made = [
        Session(
            id=new_id(),
            community_id=tenant_of(session),
            group_id=each.group_id,
            title=each.title,
            starts_at=each.starts_at,
            time_zone=each.time_zone,
            minutes=each.minutes,
            mode=each.mode,
            capacity=each.capacity,
        )
        for each in new
    ]
    session.add_all(made)
    await session.flush()
    for one in made:
        emit(session, events.SessionScheduled(session_id=one.id, group_id=one.group_id, starts_at=one.starts_at))
    return made


async def _may_run(session: AsyncSession, actor: Principal, group_ids: set[UUID]) -> None:
    known = select(Group.id).where(Group.community_id == tenant_of(session), Group.id.in_(group_ids))
    if not actor.may(COORDINATE):
        known = known.join(Membership, Membership.group_id == Group.id).where(
            Membership.member_id == actor.subject, Membership.role == "facilitator", Membership.until.is_(None)
        )
    if missing := group_ids - set(await session.scalars(known)):
        raise NoSuchGroup(f"There is no group {min(missing)} that you run in this community.")


async def found(session: AsyncSession, session_id: UUID, *, lock: bool = False) -> Session:
    statement = select(Session).where(Session.id == session_id, Session.community_id == tenant_of(session))
    one = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if one is None:
        raise NoSuchSession
    return one


async def rsvp(session: AsyncSession, *, actor: Principal, session_id: UUID, answer: str) -> Rsvp:
    """A member's answer. A full session puts a yes on the waitlist; whoever steps back makes place for the next.

    The session is locked while places are counted, so two cannot take the last one. Places are given until it begins.
    """
    meeting = await found(session, session_id, lock=True)
    belongs = select(Membership.id).where(
        Membership.community_id == tenant_of(session),
        Membership.group_id == meeting.group_id,
        Membership.member_id == actor.subject,
        Membership.until.is_(None),
    )
    if await session.scalar(belongs) is None:
        raise NotAMember
    if meeting.starts_at <= datetime.now(UTC):
        raise SessionBegun
    mine = await session.get(Rsvp, (session_id, actor.subject))
    had_place = mine is not None and mine.answer == "yes"
    if answer == "yes" and not had_place and await _is_full(session, meeting):
        answer = "waiting"
    if mine is None:
        mine = Rsvp(session_id=session_id, member_id=actor.subject, community_id=tenant_of(session), answer=answer)
        session.add(mine)
        _tell(session, meeting, mine)
    elif mine.answer != answer:
        mine.answer, mine.answered_at, mine.place = answer, datetime.now(UTC), new_id()
        _tell(session, meeting, mine)
    await session.flush()
    if had_place and answer != "yes":
        await _promote(session, meeting)
    await session.refresh(mine)
    return mine


async def step_back(session: AsyncSession, *, group_id: UUID, member_id: UUID) -> None:
    """No to all sessions of a group that are to come, from who leaves it; whoever waits for their places gets them.

    All these sessions are locked before the answers are read: an answer given meanwhile is seen, or sees the leaving.
    """
    to_come = select(Session).where(
        Session.community_id == tenant_of(session), Session.group_id == group_id, Session.starts_at > datetime.now(UTC)
    )
    meetings = {one.id: one for one in await session.scalars(to_come.order_by(Session.id).with_for_update())}
    given = select(Rsvp).where(Rsvp.session_id.in_(meetings), Rsvp.member_id == member_id, Rsvp.answer != "no")
    for mine in (await session.scalars(given.order_by(Rsvp.session_id))).all():
        had_place = mine.answer == "yes"
        mine.answer, mine.answered_at, mine.place = "no", datetime.now(UTC), new_id()
        _tell(session, meetings[mine.session_id], mine)
        await session.flush()
        if had_place:
            await _promote(session, meetings[mine.session_id])


async def _is_full(session: AsyncSession, meeting: Session) -> bool:
    if meeting.capacity is None:
        return False
    taken = select(func.count()).where(Rsvp.session_id == meeting.id, Rsvp.answer == "yes")
    return (await session.scalar(taken) or 0) >= meeting.capacity


async def _promote(session: AsyncSession, meeting: Session) -> None:
    """Give the place that came free to who has waited longest."""
    waiting = select(Rsvp).where(Rsvp.session_id == meeting.id, Rsvp.answer == "waiting").order_by(Rsvp.place).limit(1)
    following = (await session.scalars(waiting)).first()
    if following is not None and not await _is_full(session, meeting):
        following.answer = "yes"
        _tell(session, meeting, following)


def _tell(session: AsyncSession, meeting: Session, rsvp: Rsvp) -> None:
    emit(
        session,
        events.RsvpGiven(
            session_id=meeting.id, group_id=meeting.group_id, member_id=rsvp.member_id, answer=rsvp.answer
        ),
    )


async def record_attendance(session: AsyncSession, *, actor: Principal, came: Sequence[Came]) -> list[Session]:
    """Record who came, for many sessions at once. Recording the same again changes nothing; another list is refused."""
    wanted = {each.session_id: set(each.present_ids) for each in came}
    if len(wanted) < len(came):
        ids = [each.session_id for each in came]
        raise SessionTwice(f"Session {next(each for each in ids if ids.count(each) > 1)} is named twice; name it once.")
    community_id = tenant_of(session)
    statement = select(Session).where(Session.community_id == community_id, Session.id.in_(wanted)).order_by(Session.id)
    meetings = {one.id: one for one in await session.scalars(statement.with_for_update())}
    if missing := set(wanted) - set(meetings):
        raise NoSuchSession(f"There is no session {min(missing)} in this community.")
    await _may_run(session, actor, {one.group_id for one in meetings.values()})
    members = await _members(session, {one.group_id for one in meetings.values()})
    said_yes = await _said_yes(session, set(meetings))
    before = await _present(session, set(meetings))
    rows: list[dict[str, Any]] = []
    for session_id, present in wanted.items():
        meeting = meetings[session_id]
        if meeting.attendance_recorded_at is not None:
            if before.get(session_id, set()) != present:
                raise AttendanceRecorded
            continue
        absent = _absent(meeting, present, members.get(meeting.group_id, []))
        meeting.attendance_recorded_at = datetime.now(UTC)
        rows.extend(
            {
                "session_id": session_id,
                "member_id": member_id,
                "community_id": community_id,
                "present": member_id in present,
                "no_show": member_id in absent and (session_id, member_id) in said_yes,
            }
            for member_id in sorted(present | absent)
        )
        emit(
            session,
            events.AttendanceRecorded(
                session_id=session_id,
                group_id=meeting.group_id,
                present_ids=sorted(present),
                absent_ids=sorted(absent),
                starts_at=meeting.starts_at,
                recorded_by=actor.subject,
            ),
        )
    if rows:
        await session.execute(insert(Attendance), rows)
    return [meetings[session_id] for session_id in wanted]


def _absent(meeting: Session, present: set[UUID], memberships: Sequence[Membership]) -> set[UUID]:
    """Who belonged to the group when the session began and was not there.

    Also who joined later may have been there, and is not missed where they were not. Raises SessionToCome for a session
    that has not begun, NotAMember for who was there and had left the group before.
    """
    if meeting.starts_at > datetime.now(UTC):
        raise SessionToCome(f"Session {meeting.id} is still to come; record who came when it has begun.")
    not_gone = [each for each in memberships if each.until is None or each.until > meeting.starts_at]
    if strangers := present - {each.member_id for each in not_gone}:
        raise NotAMember(f"Member {min(strangers)} does not belong to the group of session {meeting.id}.")
    return {each.member_id for each in not_gone if each.since <= meeting.starts_at} - present


async def _members(session: AsyncSession, group_ids: set[UUID]) -> dict[UUID, list[Membership]]:
    """All memberships there are or were in each group."""
    statement = select(Membership).where(
        Membership.community_id == tenant_of(session), Membership.group_id.in_(group_ids)
    )
    found: dict[UUID, list[Membership]] = {}
    for membership in await session.scalars(statement):
        found.setdefault(membership.group_id, []).append(membership)
    return found


async def _said_yes(session: AsyncSession, session_ids: set[UUID]) -> set[tuple[UUID, UUID]]:
    statement = select(Rsvp.session_id, Rsvp.member_id).where(Rsvp.session_id.in_(session_ids), Rsvp.answer == "yes")
    return {(row.session_id, row.member_id) for row in await session.execute(statement)}


async def _present(session: AsyncSession, session_ids: set[UUID]) -> dict[UUID, set[UUID]]:
    statement = select(Attendance.session_id, Attendance.member_id).where(
        Attendance.session_id.in_(session_ids), Attendance.present
    )
    found: dict[UUID, set[UUID]] = {}
    for row in await session.execute(statement):
        found.setdefault(row.session_id, set()).add(row.member_id)
    return found
