"""Who owns a community at this moment: an access token says for its minutes what was true when it was made."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import Forbidden
from kith_identity.models import RoleGrant


async def held_by(session: AsyncSession) -> set[UUID]:
    """The owners. Who left is none: leaving ends every grant."""
    statement = select(RoleGrant.member_id).where(
        RoleGrant.community_id == tenant_of(session), RoleGrant.role == "owner", RoleGrant.ended_at.is_(None)
    )
    return set(await session.scalars(statement))


async def check(session: AsyncSession, actor_id: UUID) -> None:
    """That the actor owns the community now, whatever their token says. Raises Forbidden.

    After `communities.locked` that stays so until the transaction ends.
    """
    if actor_id not in await held_by(session):
        raise Forbidden("This is for owners, and you are none any more.")
