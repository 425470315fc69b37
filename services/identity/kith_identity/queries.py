"""Reads of identity."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_chassis.tokens import Principal
from kith_identity.errors import NoSuchMember
from kith_identity.models import Community, Member, RoleGrant
from kith_identity.profiles import HIDEABLE, seen_by

_SHOWN = ("id", "display_name", "joined_at", "visibility", *HIDEABLE)


def shown(member: Member, viewer: Principal) -> dict[str, Any]:
    """A member as this viewer may see them; of who has left, the name beside what they did here."""
    profile = {name: getattr(member, name) for name in _SHOWN}
    staff, left = viewer.may("members:read_private"), member.left_at is not None
    return seen_by(profile, member_id=member.id, viewer_id=viewer.subject, staff=staff, left=left)


async def members(
    session: AsyncSession, viewer: Principal, *, first: int, after: str | None, search: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    statement = select(Member).where(Member.community_id == tenant_of(session), Member.left_at.is_(None))
    if search:
        statement = statement.where(func.strpos(func.lower(Member.display_name), search.lower()) > 0)
    rows, cursor = await paginate(session, statement, by=[Member.id], first=first, after=after)
    return [shown(row, viewer) for row in rows], cursor


async def members_by_id(session: AsyncSession, viewer: Principal, ids: Sequence[UUID]) -> list[dict[str, Any] | None]:
    """One entry per id, in their order; None where there is no such member here."""
    statement = select(Member).where(Member.community_id == tenant_of(session), Member.id.in_(ids))
    found = {member.id: shown(member, viewer) for member in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def member(session: AsyncSession, viewer: Principal, member_id: UUID) -> dict[str, Any]:
    found = (await members_by_id(session, viewer, [member_id]))[0]
    if found is None:
        raise NoSuchMember
    return found


async def roles_by_member(session: AsyncSession, ids: Sequence[UUID]) -> list[list[str]]:
    """The roles each member holds now, in the order of the ids."""
    statement = select(RoleGrant.member_id, RoleGrant.role).where(
        RoleGrant.community_id == tenant_of(session), RoleGrant.member_id.in_(ids), RoleGrant.ended_at.is_(None)
    )
    held: dict[UUID, list[str]] = {}
    for row in await session.execute(statement.order_by(RoleGrant.granted_at)):
        held.setdefault(row.member_id, []).append(row.role)
    return [held.get(each, []) for each in ids]


async def community(session: AsyncSession) -> dict[str, Any]:
    community_id = tenant_of(session)
    row = (await session.scalars(select(Community).where(Community.id == community_id))).one()
    size = select(func.count()).select_from(Member).where(Member.community_id == community_id, Member.left_at.is_(None))
    return {
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "mission": row.mission,
        "founded_at": row.founded_at,
        "member_count": await session.scalar(size) or 0,
    }
