from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_groups.circles.models import Group, Membership


async def all_groups(
    session: AsyncSession, *, formation_id: UUID | None, first: int, after: str | None
) -> tuple[list[Group], str | None]:
    statement = select(Group).where(Group.community_id == tenant_of(session))
    if formation_id is not None:
        statement = statement.where(Group.formation_id == formation_id)
    return await paginate(session, statement, by=[Group.id], first=first, after=after)


async def groups_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Group | None]:
    statement = select(Group).where(Group.community_id == tenant_of(session), Group.id.in_(ids))
    found = {group.id: group for group in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def memberships_by_group(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Membership]]:
    """Who belongs to each group now, in the order of the ids; a group's size bounds the list."""
    statement = select(Membership).where(
        Membership.community_id == tenant_of(session), Membership.group_id.in_(ids), Membership.until.is_(None)
    )
    found: dict[UUID, list[Membership]] = {each: [] for each in ids}
    for membership in await session.scalars(statement.order_by(Membership.id)):
        found[membership.group_id].append(membership)
    return [found[each] for each in ids]


async def groups_by_member(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Group]]:
    """The groups each member belongs to now, in the order of the ids; at most one of each kind."""
    statement = (
        select(Membership.member_id, Group)
        .join(Group, Group.id == Membership.group_id)
        .where(Membership.community_id == tenant_of(session), Membership.member_id.in_(ids), Membership.until.is_(None))
        .order_by(Membership.id)
    )
    found: dict[UUID, list[Group]] = {each: [] for each in ids}
    for member_id, group in await session.execute(statement):
        found[member_id].append(group)
    return [found[each] for each in ids]
