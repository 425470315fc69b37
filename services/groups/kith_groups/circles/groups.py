"""Forming groups, joining and leaving them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_barriers import barriers
from kith_chassis.database import tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_groups.base import Participant
from kith_groups.circles.formation import NO_ROOM, Formation, Formed, form, without
from kith_groups.circles.models import Group, Membership
from kith_groups.circles.people import Person, SizeBounds
from kith_groups.errors import AlreadyInAGroup, BadPool, GroupFull, NoSuchGroup, NoSuchParticipant, NotAMember
from kith_groups.events import GroupFormed, MembershipEnded, MembershipStarted
from kith_groups.sessions import sessions
from kith_groups.zones import time_zones

_SEARCH = asyncio.Semaphore(1)  # two at once would take twice the memory, and little less time
ONE_GROUP = {"one_group_of_a_kind": AlreadyInAGroup()}


@dataclass(frozen=True)
class Pool:
    """Whom to form groups from: these members, or the newest who have none of this kind; and who can facilitate.

    Two who are to be `together` are where that can be, two who are to be `apart` in any case.
    """

    member_ids: Sequence[UUID] = ()
    newest: int | None = None
    facilitator_ids: frozenset[UUID] = frozenset()
    together: frozenset[frozenset[UUID]] = frozenset()
    apart: frozenset[frozenset[UUID]] = frozenset()


@dataclass(frozen=True)
class FormedGroups:
    formation_id: UUID
    group_ids: list[UUID]
    left: dict[UUID, str]
    value: float


async def form_groups(
    session: AsyncSession, *, kind: str, name: str, pool: Pool, size: SizeBounds, seed: int
) -> FormedGroups:
    """Groups out of a pool, stored with their members. Who is in a group of this kind already is left out, and said,
    also where that came about only while the groups were looked for.
    """
    community_id = tenant_of(session)
    people, busy = await _people(session, kind, pool)
    ids = [person.member_id for person in people]
    wishes = await _wishes(session, pool, ids)
    async with _SEARCH:
        formation = await asyncio.to_thread(form, people, size=size, seed=seed, **wishes)
    if gone := await _gone_meanwhile(session, kind, formation):
        formation = without(formation, people, gone, size=size)
    formation_id, ids = new_id(), [new_id() for _ in formation.groups]
    if formation.groups:
        await _store(session, kind=kind, name=name, size=size, formation=formation, formation_id=formation_id, ids=ids)
    for group_id, formed in zip(ids, formation.groups, strict=True):
        emit(
            session,
            GroupFormed(
                group_id=group_id, kind=kind, facilitator_id=formed.facilitator, member_ids=list(formed.members)
            ),
            tenant=community_id,
        )
    left = formation.left | dict.fromkeys(busy, AlreadyInAGroup.code)
    return FormedGroups(formation_id, ids, left, formation.value)


async def _wishes(session: AsyncSession, pool: Pool, ids: Sequence[UUID]) -> dict[str, list[tuple[UUID, UUID]]]:
    """Pairs that are to be together, that must be apart, and that have met, as `form` takes them.

    A block goes before a wish to have two together, and is no contradiction of it: that would tell of the block.
    """
    if pool.together & pool.apart or any(len(two) == 1 for two in pool.together | pool.apart):
        raise BadPool("Name two members to have together or apart, and no two for both.")
    never = pool.apart | {frozenset(two) for two in await barriers.between(session, ids, ids)}
    pairs = {"together": pool.together - never, "apart": never}
    found = {name: sorted((min(two), max(two)) for two in some) for name, some in pairs.items()}
    return found | {"met_before": await _met_before(session, ids)}


def _busy(kind: str) -> Select[Any]:
    return select(Membership.member_id).where(Membership.kind == kind, Membership.until.is_(None))


async def _gone_meanwhile(session: AsyncSession, kind: str, formation: Formation) -> dict[UUID, str]:
    """Who of the seated can no longer be, and why: looking for groups takes seconds.

    From here on they are held: nobody else brings them into a group, and none of them leaves.
    """
    group_of = {member_id: number for number, formed in enumerate(formation.groups) for member_id in formed.members}
    here = await arrive(session, list(group_of))
    gone = dict.fromkeys(group_of.keys() - here, NoSuchParticipant.code)
    busy = _busy(kind).where(Membership.community_id == tenant_of(session), Membership.member_id.in_(here))
    gone |= dict.fromkeys(await session.scalars(busy), AlreadyInAGroup.code)
    for one, other in await barriers.between(session, here, here):
        if group_of[one] == group_of[other] and one not in gone:
            gone.setdefault(other, NO_ROOM)
    return gone


async def _people(session: AsyncSession, kind: str, pool: Pool) -> tuple[list[Person], list[UUID]]:
    """The people of a pool, its facilitators among them, and who of these is in a group of this kind already."""
    mine = (Membership.community_id == Participant.community_id, Membership.member_id == Participant.member_id)
    in_one = _busy(kind).where(*mine).exists()
    there = select(Participant, in_one.label("busy")).where(
        Participant.community_id == tenant_of(session), Participant.left_at.is_(None)
    )
    wanted = {*pool.member_ids, *pool.facilitator_ids}
    rows = {
        row.Participant.member_id: row for row in await session.execute(there.where(Participant.member_id.in_(wanted)))
    }
    if missing := wanted - set(rows):
        raise NoSuchParticipant(f"There is no member {min(missing)} in this community.")
    if pool.newest is not None:
        newest = there.where(~in_one).order_by(Participant.joined_at.desc().nulls_last(), Participant.member_id)
        rows |= {row.Participant.member_id: row for row in await session.execute(newest.limit(pool.newest))}
    now = datetime.now(UTC)
    people = [_person(row.Participant, pool.facilitator_ids, now) for row in rows.values() if not row.busy]
    return people, [member_id for member_id, row in rows.items() if row.busy]


def _person(row: Participant, facilitators: frozenset[UUID], now: datetime) -> Person:
    return Person(
        member_id=row.member_id,
        languages=frozenset(each.split("-")[0].lower() for each in row.languages),
        zone_offset_minutes=_offset(row.time_zone, now),
        experience_years=row.experience_years,
        interests=frozenset(each.casefold() for each in row.interests),
        may_facilitate=row.member_id in facilitators,
    )


def _offset(zone: str | None, now: datetime) -> int | None:
    offset = now.astimezone(ZoneInfo(zone)).utcoffset() if zone in time_zones() else None
    return None if offset is None else int(offset.total_seconds() // 60)


async def _met_before(session: AsyncSession, member_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Pairs of these who have been in one group."""
    statement = select(func.array_agg(Membership.member_id)).where(
        Membership.community_id == tenant_of(session), Membership.member_id.in_(member_ids)
    )
    met: set[tuple[UUID, UUID]] = set()
    for (members,) in await session.execute(statement.group_by(Membership.group_id)):
        met.update(combinations(sorted(members), 2))
    return sorted(met)


async def _store(
    session: AsyncSession,
    *,
    kind: str,
    name: str,
    size: SizeBounds,
    formation: Formation,
    formation_id: UUID,
    ids: list[UUID],
) -> None:
    community_id = tenant_of(session)
    groups: list[dict[str, Any]] = []
    memberships: list[dict[str, Any]] = []
    for number, (group_id, formed) in enumerate(zip(ids, formation.groups, strict=True), start=1):
        groups.append(
            {
                "id": group_id,
                "community_id": community_id,
                "kind": kind,
                "name": f"{name} {number}",
                "smallest": size.smallest,
                "largest": size.largest,
                "formation_id": formation_id,
                "reasons": _reasons(formed),
            }
        )
        memberships.extend(
            {
                "id": new_id(),
                "community_id": community_id,
                "group_id": group_id,
                "member_id": member_id,
                "kind": kind,
                "role": "facilitator" if member_id == formed.facilitator else "member",
            }
            for member_id in formed.members
        )
    await session.execute(insert(Group), groups)
    with refused(ONE_GROUP):
        await session.execute(insert(Membership), memberships)


def _reasons(formed: Formed) -> dict[str, Any]:
    return {
        "language": formed.language,
        "waking_overlap_minutes": formed.waking_overlap_minutes,
        "experience_spread": formed.experience_spread,
    }


async def found(session: AsyncSession, group_id: UUID, *, lock: bool = False) -> Group:
    statement = select(Group).where(Group.id == group_id, Group.community_id == tenant_of(session))
    group = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if group is None:
        raise NoSuchGroup
    return group


async def join(session: AsyncSession, *, group_id: UUID, member_id: UUID) -> Group:
    """Join a group that has room; the group is locked while places are counted."""
    group = await found(session, group_id, lock=True)
    community_id = tenant_of(session)
    if not await arrive(session, [member_id]):
        raise NoSuchParticipant
    open_now = select(Membership.member_id).where(
        Membership.community_id == community_id, Membership.group_id == group_id, Membership.until.is_(None)
    )
    members = (await session.scalars(open_now)).all()
    # To who is kept apart from somebody in it the group is full: a block stays silent.
    if len(members) >= group.largest or await barriers.between(session, [member_id], members):
        raise GroupFull
    session.add(
        Membership(community_id=community_id, group_id=group_id, member_id=member_id, kind=group.kind, role="member")
    )
    with refused(ONE_GROUP):
        await session.flush()
    emit(session, MembershipStarted(group_id=group_id, member_id=member_id))
    return group


async def arrive(session: AsyncSession, member_ids: Sequence[UUID]) -> set[UUID]:
    """Who of these is in the community. Until this transaction ends they stay in it, and nobody else brings one of them
    into a group: whoever does holds them here first, in the order of their ids.
    """
    here = select(Participant.member_id).where(
        Participant.community_id == tenant_of(session),
        Participant.member_id.in_(member_ids),
        Participant.left_at.is_(None),
    )
    return set(await session.scalars(here.order_by(Participant.member_id).with_for_update(key_share=True)))


async def leave(session: AsyncSession, *, group_id: UUID, member_id: UUID) -> None:
    """End a membership; places in sessions to come go to who waits for them, in the same transaction."""
    statement = select(Membership).where(
        Membership.community_id == tenant_of(session),
        Membership.group_id == group_id,
        Membership.member_id == member_id,
        Membership.until.is_(None),
    )
    membership = (await session.scalars(statement.with_for_update())).first()
    if membership is None:
        raise NotAMember
    membership.until = datetime.now(UTC)
    emit(session, MembershipEnded(group_id=group_id, member_id=member_id))
    await sessions.step_back(session, group_id=group_id, member_id=member_id)
