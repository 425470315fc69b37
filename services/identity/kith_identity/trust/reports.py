"""Reports: what a member tells the moderators about another.

Whoever a report is about never learns of it, also as a moderator: to the two it concerns it does not exist among those
to look into, and whoever made it follows it among their own.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_chassis.pages import paginate
from kith_identity.errors import AlreadyReported, AlreadyResolved, NoSuchMemberReport
from kith_identity.events import MemberReported
from kith_identity.models import MemberReport
from kith_identity.trust.blocks import check_both

Reason = Literal["harassment", "safety", "impersonation", "spam", "other"]
Status = Literal["open", "resolved"]


async def make(
    session: AsyncSession, *, actor_id: UUID, member_id: UUID, reason: Reason, body: str, context: str | None
) -> MemberReport:
    """Report a member. Raises WithOneself, NoSuchMember, or AlreadyReported while one's report of them is open."""
    await check_both(session, actor_id, member_id)
    report = MemberReport(
        community_id=tenant_of(session),
        reporter_id=actor_id,
        reported_id=member_id,
        reason=reason,
        body=body,
        context=context,
        reported_at=datetime.now(UTC),
    )
    session.add(report)
    with refused({"one_open_report": AlreadyReported()}):
        await session.flush()
    emit(session, MemberReported(report_id=report.id, member_id=actor_id, reported_id=member_id))
    return report


async def resolve(session: AsyncSession, *, actor_id: UUID, report_id: UUID, note: str) -> MemberReport:
    """Close a report, with what was made of it. Again by the same moderator changes nothing.

    Raises NoSuchMemberReport, also for who made it or whom it is about, or AlreadyResolved.
    """
    statement = select(MemberReport).where(_for_moderator(session, actor_id), MemberReport.id == report_id)
    report = (await session.scalars(statement.with_for_update())).first()
    if report is None:
        raise NoSuchMemberReport
    if report.status == "resolved":
        if report.resolved_by == actor_id:
            return report
        raise AlreadyResolved
    report.status, report.resolved_at, report.resolved_by, report.note = "resolved", datetime.now(UTC), actor_id, note
    return report


async def listed(
    session: AsyncSession, *, actor_id: UUID, status: Status | None, first: int, after: str | None
) -> tuple[list[MemberReport], str | None]:
    """What there is for a moderator to look into, the oldest first."""
    statement = select(MemberReport).where(_for_moderator(session, actor_id))
    if status is not None:
        statement = statement.where(MemberReport.status == status)
    return await paginate(session, statement, by=[MemberReport.id], first=first, after=after)


async def by_id(session: AsyncSession, ids: Sequence[UUID], *, actor_id: UUID) -> list[MemberReport | None]:
    """The reports a moderator may look into, in the order of the ids."""
    statement = select(MemberReport).where(_for_moderator(session, actor_id), MemberReport.id.in_(ids))
    found = {report.id: report for report in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def of_reporter(
    session: AsyncSession, *, member_id: UUID, first: int, after: str | None
) -> tuple[list[MemberReport], str | None]:
    """The reports a member made, the newest first."""
    statement = select(MemberReport).where(
        MemberReport.community_id == tenant_of(session), MemberReport.reporter_id == member_id
    )
    return await paginate(session, statement, by=[MemberReport.id], first=first, after=after, descending=True)


def _for_moderator(session: AsyncSession, actor_id: UUID) -> ColumnElement[bool]:
    return (
        (MemberReport.community_id == tenant_of(session))
        & (MemberReport.reporter_id != actor_id)
        & (MemberReport.reported_id != actor_id)
    )
