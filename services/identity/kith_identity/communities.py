"""Founding a community."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import bind_tenant, tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_identity import members, onboarding
from kith_identity.errors import NoSuchCommunity, SlugTaken
from kith_identity.events import CommunityFounded
from kith_identity.models import Community, Member
from kith_identity.sessions import Signer


@dataclass(frozen=True)
class Founded:
    community: Community
    owner: Member


async def found(
    session: AsyncSession, signer: Signer, *, name: str, slug: str, mission: str, owner: members.NewAccount
) -> Founded:
    """A community with its onboarding checklist and its owner."""
    community = Community(name=name, slug=slug, mission=mission)
    session.add(community)
    with refused({"communities_slug_key": SlugTaken()}):
        await session.flush()
    await bind_tenant(session, community.id)
    onboarding.add_default_tasks(session, community.id)
    member = await members.add(session, signer, community_id=community.id, account=owner, source="founding")
    members.grant(session, member=member, role="owner")
    emit(session, CommunityFounded(community_id=community.id, slug=slug, owner_id=member.id))
    return Founded(community, member)


async def by_slug(session: AsyncSession, slug: str) -> UUID:
    """The id of a community, its transaction bound to it; NoSuchCommunity otherwise."""
    community_id = await session.scalar(select(Community.id).where(Community.slug == slug))
    if community_id is None:
        raise NoSuchCommunity
    await bind_tenant(session, community_id)
    return community_id


async def locked(session: AsyncSession) -> UUID:
    """The caller's community, for one at a time: of two owners who go or step down at once, one stays.

    Logins and whatever else only refers to the community go on meanwhile.
    """
    community_id = tenant_of(session)
    statement = select(Community.id).where(Community.id == community_id)
    await session.execute(statement.with_for_update(key_share=True))
    return community_id
