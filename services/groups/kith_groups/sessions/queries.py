from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_groups.sessions.models import Attendance, Rsvp, Session


async def sessions_by_group(session: AsyncSession, ids: Sequence[UUID], *, first: int) -> list[list[Session]]:
    """The latest sessions of each group, `first` at most, in the order of the ids."""
    statement = select(Session).where(Session.community_id == tenant_of(session), Session.group_id.in_(ids))
    found: dict[UUID, list[Session]] = {each: [] for each in ids}
    for one in await session.scalars(statement.order_by(Session.starts_at.desc(), Session.id)):
        if len(found[one.group_id]) < first:
            found[one.group_id].append(one)
    return [found[each] for each in ids]


async def rsvps_by_session(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Rsvp]]:
    """All answers to each session, in the order of the ids; a group's size bounds the list."""
    statement = select(Rsvp).where(Rsvp.community_id == tenant_of(session), Rsvp.session_id.in_(ids))
    found: dict[UUID, list[Rsvp]] = {each: [] for each in ids}
    for one in await session.scalars(statement.order_by(Rsvp.place)):
        found[one.session_id].append(one)
    return [found[each] for each in ids]


async def attendance_by_session(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Attendance]]:
    """Who was at each session and who was not, in the order of the ids; a group's size bounds the list."""
    statement = select(Attendance).where(Attendance.community_id == tenant_of(session), Attendance.session_id.in_(ids))
    found: dict[UUID, list[Attendance]] = {each: [] for each in ids}
    for one in await session.scalars(statement.order_by(Attendance.member_id)):
        found[one.session_id].append(one)
    return [found[each] for each in ids]
