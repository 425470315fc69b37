"""Reads of recognition."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_recognition.awards import DEFAULT_BADGES, week_of
from kith_recognition.models import Badge, BadgeAward, Kudos, LedgerEntry, Member

BADGES_SHOWN = 100  # of one member


@dataclass(frozen=True)
class Ranked:
    rank: int
    member_id: UUID
    points: int


@dataclass(frozen=True)
class BadgeShown:
    key: str
    name: str
    description: str
    repeatable: bool


# Rank before the cut, so that equal points share a rank; those who opted out or have left are not counted at all.
_LEADERS = text("""
SELECT rank, member_id, points FROM (
  SELECT e.member_id, sum(e.points)::bigint AS points, rank() OVER (ORDER BY sum(e.points) DESC) AS rank
  FROM ledger_entries e
  LEFT JOIN members m ON m.community_id = e.community_id AND m.member_id = e.member_id
  WHERE e.community_id = :community AND e.earned_at >= :since AND coalesce(m.listed, true)
    AND NOT EXISTS (SELECT FROM departures d WHERE d.community_id = e.community_id AND d.member_id = e.member_id)
  GROUP BY e.member_id
) r ORDER BY rank, member_id LIMIT :first
""")


def period_start(period: str, now: datetime) -> datetime:
    """When a leaderboard's period began: Monday for week, the first for month, and always for all."""
    today = now.astimezone(UTC).date()
    day = {"week": week_of(today), "month": today.replace(day=1)}.get(period)
    return datetime.combine(day, time.min, UTC) if day else datetime.min.replace(tzinfo=UTC) + timedelta(days=1)


async def leaderboard(session: AsyncSession, *, period: str, first: int) -> list[Ranked]:
    values = {"community": tenant_of(session), "since": period_start(period, datetime.now(UTC)), "first": first}
    return [Ranked(row.rank, row.member_id, row.points) for row in await session.execute(_LEADERS, values)]


def _seen_by(caller_id: UUID, community_id: UUID) -> ColumnElement[bool]:
    """The kudos of a community that the caller is shown: what is held, its giver alone, as if it were not."""
    return and_(Kudos.community_id == community_id, or_(Kudos.held.is_(False), Kudos.giver_id == caller_id))


async def kudos_feed(
    session: AsyncSession, *, caller_id: UUID, first: int, after: str | None
) -> tuple[list[Kudos], str | None]:
    """Newest first."""
    statement = select(Kudos).where(_seen_by(caller_id, tenant_of(session)))
    return await paginate(session, statement, by=[Kudos.id], first=first, after=after, descending=True)


async def kudos_by_member(
    session: AsyncSession, ids: Sequence[UUID], *, caller_id: UUID, first: int
) -> list[list[Kudos]]:
    """The newest kudos each member received, `first` at most, in the order of the ids."""
    place = func.row_number().over(partition_by=Kudos.receiver_id, order_by=Kudos.id.desc()).label("place")
    ranked = (
        select(Kudos.id, place).where(_seen_by(caller_id, tenant_of(session)), Kudos.receiver_id.in_(ids)).subquery()
    )
    statement = select(Kudos).join(ranked, ranked.c.id == Kudos.id).where(ranked.c.place <= first)
    found: dict[UUID, list[Kudos]] = {each: [] for each in ids}
    for one in await session.scalars(statement.order_by(Kudos.id.desc())):
        found[one.receiver_id].append(one)
    return [found[each] for each in ids]


async def kudos_by_id(session: AsyncSession, ids: Sequence[UUID], *, caller_id: UUID) -> list[Kudos | None]:
    statement = select(Kudos).where(_seen_by(caller_id, tenant_of(session)), Kudos.id.in_(ids))
    found = {one.id: one for one in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def badge_awards_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[BadgeAward | None]:
    statement = select(BadgeAward).where(BadgeAward.community_id == tenant_of(session), BadgeAward.id.in_(ids))
    found = {award.id: award for award in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def points_by_member(
    session: AsyncSession, ids: Sequence[UUID], *, caller_id: UUID, all_of_them: bool
) -> list[int | None]:
    """All points each member has earned, in the order of the ids.

    Of who wants no ranking only they themselves are told, unless `all_of_them` are asked for; others are told None.
    """
    statement = (
        select(LedgerEntry.member_id, func.sum(LedgerEntry.points).label("points"))
        .where(LedgerEntry.community_id == tenant_of(session), LedgerEntry.member_id.in_(ids))
        .group_by(LedgerEntry.member_id)
    )
    found = {row.member_id: int(row.points) for row in await session.execute(statement)}
    unlisted = select(Member.member_id).where(
        Member.community_id == tenant_of(session), Member.member_id.in_(ids), Member.listed.is_(False)
    )
    hidden = set() if all_of_them else set(await session.scalars(unlisted)) - {caller_id}
    return [None if each in hidden else found.get(each, 0) for each in ids]


async def badges_by_member(session: AsyncSession, ids: Sequence[UUID]) -> list[list[BadgeAward]]:
    """The newest badges each member has, 100 at most, in the order of the ids; each member's as they were given."""
    place = func.row_number().over(partition_by=BadgeAward.member_id, order_by=BadgeAward.id.desc()).label("place")
    ranked = (
        select(BadgeAward.id, place)
        .where(BadgeAward.community_id == tenant_of(session), BadgeAward.member_id.in_(ids))
        .subquery()
    )
    statement = select(BadgeAward).join(ranked, ranked.c.id == BadgeAward.id).where(ranked.c.place <= BADGES_SHOWN)
    found: dict[UUID, list[BadgeAward]] = {each: [] for each in ids}
    for award in await session.scalars(statement.order_by(BadgeAward.id)):
        found[award.member_id].append(award)
    return [found[each] for each in ids]


async def badges(session: AsyncSession) -> list[BadgeShown]:
    """The badges there are: those by rule, then the community's own."""
    own = await session.scalars(select(Badge).where(Badge.community_id == tenant_of(session)).order_by(Badge.key))
    by_rule = [BadgeShown(each.key, each.name, each.description, repeatable=False) for each in DEFAULT_BADGES]
    return by_rule + [BadgeShown(each.key, each.name, each.description, each.repeatable) for each in own]


async def totals(session: AsyncSession, *, caller_id: UUID) -> dict[str, int]:
    """How much recognition there has been: kudos, ledger entries, points, badge awards."""
    community_id = tenant_of(session)
    ledger = select(func.count(), func.coalesce(func.sum(LedgerEntry.points), 0)).where(
        LedgerEntry.community_id == community_id
    )
    entries, points = (await session.execute(ledger)).one()
    shown = select(func.count()).select_from(Kudos).where(_seen_by(caller_id, community_id))
    kudos = await session.scalar(shown)
    awards = await session.scalar(
        select(func.count()).select_from(BadgeAward).where(BadgeAward.community_id == community_id)
    )
    return {"kudos": kudos or 0, "entries": entries, "points": int(points), "badges": awards or 0}
