"""Thanking somebody, and badges given by hand."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_barriers import barriers
from kith_chassis.database import tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_recognition.awards import DEFAULT_BADGES, week_of
from kith_recognition.errors import (
    AlreadyAwarded,
    BadgeExists,
    KudosToOneself,
    NoSuchBadge,
    NoSuchMember,
    NothingLeftToGive,
)
from kith_recognition.events import BadgeAwarded, KudosGiven
from kith_recognition.models import Badge, BadgeAward, Departure, Kudos, Member

WEEKLY_ALLOWANCE = 20

# One statement counts and refuses: two kudos at once cannot both take the last one.
_SPEND = text("""
INSERT INTO giving_allowances AS a (community_id, member_id, week, given) VALUES (:community, :member, :week, 1)
ON CONFLICT (community_id, member_id, week) DO UPDATE SET given = a.given + 1 WHERE a.given < :allowance
RETURNING given
""")


async def give(session: AsyncSession, *, giver_id: UUID, receiver_id: UUID, message: str, value: str) -> Kudos:
    """Thank somebody. Where a barrier stands between the two, the giver alone ever sees it, and nothing follows.

    Raises KudosToOneself, NoSuchMember (also for who has left) or NothingLeftToGive.
    """
    if giver_id == receiver_id:
        raise KudosToOneself
    community_id = tenant_of(session)
    await _known(session, receiver_id)
    spend = {"community": community_id, "member": giver_id, "week": week_of(datetime.now(UTC).date())}
    if (await session.execute(_SPEND, spend | {"allowance": WEEKLY_ALLOWANCE})).first() is None:
        raise NothingLeftToGive
    held = bool(await barriers.between(session, [giver_id], [receiver_id]))
    kudos = Kudos(
        community_id=community_id, giver_id=giver_id, receiver_id=receiver_id, message=message, value=value, held=held
    )
    session.add(kudos)
    await session.flush()
    await session.refresh(kudos)
    if not held:
        emit(session, KudosGiven(kudos_id=kudos.id, giver_id=giver_id, receiver_id=receiver_id, value=value))
    return kudos


async def define_badge(session: AsyncSession, *, key: str, name: str, description: str, repeatable: bool) -> Badge:
    if any(each.key == key for each in DEFAULT_BADGES):
        raise BadgeExists
    badge = Badge(community_id=tenant_of(session), key=key, name=name, description=description, repeatable=repeatable)
    session.add(badge)
    with refused({"badges_pkey": BadgeExists()}):
        await session.flush()
    return badge


async def award_badge(
    session: AsyncSession, *, actor_id: UUID, member_id: UUID, badge_key: str, reason: str
) -> BadgeAward:
    """Give a badge the community made, by hand, with a reason people can read."""
    community_id = tenant_of(session)
    badge = await session.get(Badge, (community_id, badge_key))
    if badge is None:
        raise NoSuchBadge
    await _known(session, member_id)
    award = BadgeAward(
        community_id=community_id,
        member_id=member_id,
        badge_key=badge_key,
        repeatable=badge.repeatable,
        awarded_by=actor_id,
        reason=reason,
    )
    session.add(award)
    with refused({"awarded_once": AlreadyAwarded()}):
        await session.flush()
    await session.refresh(award)
    emit(session, BadgeAwarded(badge_award_id=award.id, badge_key=badge_key, member_id=member_id))
    return award


async def set_ranking(session: AsyncSession, *, member_id: UUID, listed: bool) -> None:
    """Whether a member is shown in rankings; asking before we have heard of them is remembered."""
    row = {"community_id": tenant_of(session), "member_id": member_id, "listed": listed}
    changed = (
        insert(Member)
        .values(row)
        .on_conflict_do_update(index_elements=["community_id", "member_id"], set_={"listed": listed})
    )
    await session.execute(changed)


async def _known(session: AsyncSession, member_id: UUID) -> None:
    """NoSuchMember for whom we have not heard of, and for who has left."""
    key = (tenant_of(session), member_id)
    if await session.get(Member, key) is None or await session.get(Departure, key) is not None:
        raise NoSuchMember
