"""Who holds which role: granted and ended by whoever manages the community."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_identity import communities, owners
from kith_identity.errors import LastOwner, NoSuchMember
from kith_identity.events import RoleEnded, RoleGranted
from kith_identity.models import Member, RoleGrant


async def grant(session: AsyncSession, *, actor_id: UUID, member_id: UUID, role: str) -> None:
    """Give a member a role; doing so again changes nothing and tells nobody.

    Raises NoSuchMember, also for who left, or Forbidden for an actor who is no owner any more.
    """
    community_id = await communities.locked(session)
    await _check(session, member_id)
    await owners.check(session, actor_id)
    row = {"id": new_id(), "community_id": community_id, "member_id": member_id, "role": role, "granted_by": actor_id}
    made = insert(RoleGrant).values(row).on_conflict_do_nothing().returning(RoleGrant.id)
    if await session.scalar(made) is not None:
        emit(session, RoleGranted(member_id=member_id, role=role))


async def end(session: AsyncSession, *, actor_id: UUID, member_id: UUID, role: str) -> None:
    """Take a role from a member; doing so again changes nothing and tells nobody.

    Raises NoSuchMember, Forbidden for an actor who is no owner any more, or LastOwner.
    """
    community_id = await communities.locked(session)
    await _check(session, member_id)
    await owners.check(session, actor_id)
    held = RoleGrant.community_id == community_id, RoleGrant.role == role, RoleGrant.ended_at.is_(None)
    if role == "owner" and await owners.held_by(session) == {member_id}:
        raise LastOwner
    ended = (
        update(RoleGrant)
        .where(*held, RoleGrant.member_id == member_id)
        .values(ended_at=datetime.now(UTC), ended_by=actor_id)
        .returning(RoleGrant.id)
    )
    if await session.scalar(ended) is not None:
        emit(session, RoleEnded(member_id=member_id, role=role))


async def _check(session: AsyncSession, member_id: UUID) -> None:
    statement = select(Member.id).where(
        Member.community_id == tenant_of(session), Member.id == member_id, Member.left_at.is_(None)
    )
    if await session.scalar(statement) is None:
        raise NoSuchMember
