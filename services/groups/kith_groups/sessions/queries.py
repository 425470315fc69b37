from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_groups.sessions.models import Attendance, Rsvp, Session

# Each half reads `first` rows of the index for a group, and not all of its sessions.
_OF_GROUPS = text("""
SELECT s.* FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS g(id, place) CROSS JOIN LATERAL (
  SELECT * FROM (
    (SELECT * FROM sessions WHERE community_id = :community AND group_id = g.id AND starts_at > :now
     ORDER BY starts_at, id LIMIT :first)
    UNION ALL
    (SELECT * FROM sessions WHERE community_id = :community AND group_id = g.id AND starts_at <= :now
     ORDER BY starts_at DESC, id LIMIT :first)) AS near
  ORDER BY starts_at <= :now, abs(extract(epoch FROM starts_at - :now)), id LIMIT :first) AS s
ORDER BY g.place, s.starts_at <= :now, abs(extract(epoch FROM s.starts_at - :now)), s.id
""").columns(*Session.__table__.columns)


async def sessions_by_group(session: AsyncSession, ids: Sequence[UUID], *, first: int) -> list[list[Session]]:
    """Sessions of each group, `first` at most, in the order of the ids: those to come, the next first; then the past
    ones, the latest first.
    """
    given = {"community": tenant_of(session), "ids": list(dict.fromkeys(ids)), "now": datetime.now(UTC), "first": first}
    found: dict[UUID, list[Session]] = {each: [] for each in ids}
    for one in await session.scalars(select(Session).from_statement(_OF_GROUPS), given):
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
