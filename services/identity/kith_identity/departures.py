"""Leaving a community, and being removed from it. What somebody did there stays."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.events import emit
from kith_identity import communities, owners
from kith_identity.errors import LastOwner, NoSuchMember
from kith_identity.events import MemberLeft
from kith_identity.models import Member, RefreshToken, RoleGrant


async def leave(session: AsyncSession, *, member_id: UUID) -> None:
    """End one's own membership; see `_depart`."""
    await _depart(session, member_id=member_id, reason="left")


async def remove(session: AsyncSession, *, actor_id: UUID, member_id: UUID) -> None:
    """End somebody's membership; see `_depart`. Raises Forbidden, too, for an actor who is no owner any more."""
    await _depart(session, member_id=member_id, reason="removed", by=actor_id)


async def _depart(
    session: AsyncSession, *, member_id: UUID, reason: Literal["left", "removed"], by: UUID | None = None
) -> None:
    """End somebody's membership, their roles and logins. Doing so again changes nothing and tells nobody.

    Raises NoSuchMember, and LastOwner for the only one there is.
    """
    community_id, now = await communities.locked(session), datetime.now(UTC)
    member = await session.get(Member, member_id, with_for_update=True)
    if member is None or member.community_id != community_id:
        raise NoSuchMember
    if by is not None:
        await owners.check(session, by)
    if member.left_at is not None:
        return
    if await owners.held_by(session) == {member_id}:
        raise LastOwner
    member.left_at = now
    theirs = RoleGrant.community_id == community_id, RoleGrant.member_id == member_id, RoleGrant.ended_at.is_(None)
    await session.execute(update(RoleGrant).where(*theirs).values(ended_at=now))
    logins = (
        RefreshToken.community_id == community_id,
        RefreshToken.member_id == member_id,
        RefreshToken.revoked_at.is_(None),
    )
    await session.execute(update(RefreshToken).where(*logins).values(revoked_at=now))
    emit(session, MemberLeft(member_id=member_id, reason=reason))
