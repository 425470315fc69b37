"""Reads of metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import distinct, exists, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_metrics import reports
from kith_metrics.models import Interaction, Isolated, Member, Report


@dataclass(frozen=True)
class WhoWithWhom:
    from_id: UUID
    to_id: UUID
    weight: int
    last_at: datetime


async def all_reports(session: AsyncSession, *, first: int, after: str | None) -> tuple[list[Report], str | None]:
    """Newest first."""
    statement = select(Report).where(Report.community_id == tenant_of(session))
    return await paginate(session, statement, by=[Report.id], first=first, after=after, descending=True)


async def isolated(
    session: AsyncSession, *, report_id: UUID, first: int, after: str | None
) -> tuple[list[Isolated], str | None]:
    """The members a report names who are still here, the most isolated first; none when it is an old one."""
    await reports.found(session, report_id)
    left = exists().where(
        Member.community_id == Isolated.community_id,
        Member.member_id == Isolated.member_id,
        Member.left_at.is_not(None),
    )
    statement = select(Isolated).where(
        Isolated.community_id == tenant_of(session), Isolated.report_id == report_id, ~left
    )
    return await paginate(session, statement, by=[Isolated.place], first=first, after=after)


async def who_with_whom(
    session: AsyncSession, *, since: datetime | None, until: datetime | None, first: int, after: str | None
) -> tuple[list[WhoWithWhom], str | None]:
    """Directed pairs with how often something happened between them in a period."""
    statement = select(
        Interaction.from_id,
        Interaction.to_id,
        func.count().label("weight"),
        func.max(Interaction.occurred_at).label("at"),
    ).where(Interaction.community_id == tenant_of(session))
    if since is not None:
        statement = statement.where(Interaction.occurred_at >= since)
    if until is not None:
        statement = statement.where(Interaction.occurred_at < until)
    grouped = statement.group_by(Interaction.from_id, Interaction.to_id).subquery()
    rows, cursor = await paginate(
        session,
        select(grouped.c.from_id, grouped.c.to_id, grouped.c.weight, grouped.c.at),
        by=[grouped.c.from_id, grouped.c.to_id],
        first=first,
        after=after,
    )
    return [WhoWithWhom(row.from_id, row.to_id, row.weight, row.at) for row in rows], cursor


async def partners_by_member(session: AsyncSession, ids: Sequence[UUID]) -> list[int]:
    """With how many people each member has interacted, in the order of the ids."""
    mine = Interaction.community_id == tenant_of(session)
    both = union_all(
        select(Interaction.from_id.label("member_id"), Interaction.to_id.label("other")).where(
            mine, Interaction.from_id.in_(ids)
        ),
        select(Interaction.to_id, Interaction.from_id).where(mine, Interaction.to_id.in_(ids)),
    ).subquery()
    statement = select(both.c.member_id, func.count(distinct(both.c.other)).label("n")).group_by(both.c.member_id)
    found = {row.member_id: row.n for row in await session.execute(statement)}
    return [found.get(each, 0) for each in ids]
