from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_chassis.tokens import Principal, permitted
from kith_identity.errors import AlreadyReported, AlreadyResolved, NoSuchMember, NoSuchMemberReport, WithOneself
from kith_identity.profiles import Text
from kith_identity.shapes import Keys, Person
from kith_identity.trust import blocks, reports
from kith_identity.trust.reports import Reason, Status

Moderator = Annotated[Principal, Depends(permitted("members:moderate"))]
Told = Annotated[Text, StringConstraints(min_length=1)]
Where = Annotated[Text, StringConstraints(min_length=1, max_length=500)]

routes = router(tags=["trust"])


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class BlockOut(_Out):
    id: UUID
    blocked_id: UUID
    blocked_at: datetime


class ReportIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Reason
    body: Told
    context: Where | None = Field(default=None, description="where it happened: a link, or the id of a post")


class OwnReportOut(_Out):
    """A report as whoever made it sees it: not who resolved it, nor what moderators noted."""

    id: UUID
    reported_id: UUID
    reason: Reason
    body: str
    context: str | None
    status: Status
    reported_at: datetime
    resolved_at: datetime | None


class MemberReportOut(OwnReportOut):
    reporter_id: UUID
    resolved_by: UUID | None
    note: str | None


class Resolution(BaseModel):
    model_config = ConfigDict(extra="forbid")
    note: Told = Field(description="what was done about it, for moderators")


@routes.post("/members/{member_id}/block", responses=problems(NoSuchMember, WithOneself))
async def block_member(member_id: UUID, actor: Person, session: Transaction) -> BlockOut:
    return BlockOut.model_validate(await blocks.block(session, actor_id=actor.subject, member_id=member_id))


@routes.post("/members/{member_id}/unblock", status_code=204, responses=problems(NoSuchMember, WithOneself))
async def unblock_member(member_id: UUID, actor: Person, session: Transaction) -> None:
    await blocks.unblock(session, actor_id=actor.subject, member_id=member_id)


@routes.get("/me/blocks", responses=problems(InvalidCursor))
async def list_blocks(actor: Person, session: Transaction, first: First = 50, after: After = None) -> Page[BlockOut]:
    rows, cursor = await blocks.listed(session, member_id=actor.subject, first=first, after=after)
    return Page(items=[BlockOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post(
    "/members/{member_id}/report", status_code=201, responses=problems(NoSuchMember, WithOneself, AlreadyReported)
)
async def report_member(member_id: UUID, body: ReportIn, actor: Person, session: Transaction) -> OwnReportOut:
    made = await reports.make(session, actor_id=actor.subject, member_id=member_id, **body.model_dump())
    return OwnReportOut.model_validate(made)


@routes.get("/me/member-reports", responses=problems(InvalidCursor))
async def list_own_reports(
    actor: Person, session: Transaction, first: First = 50, after: After = None
) -> Page[OwnReportOut]:
    rows, cursor = await reports.of_reporter(session, member_id=actor.subject, first=first, after=after)
    return Page(items=[OwnReportOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/member-reports", responses=problems(InvalidCursor))
async def list_member_reports(
    actor: Moderator, session: Transaction, first: First = 50, after: After = None, status: Status | None = None
) -> Page[MemberReportOut]:
    rows, cursor = await reports.listed(session, actor_id=actor.subject, status=status, first=first, after=after)
    return Page(items=[MemberReportOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/read/member-reports")
async def member_reports_by_id(body: Keys, actor: Moderator, session: Transaction) -> list[MemberReportOut | None]:
    found = await reports.by_id(session, body.keys, actor_id=actor.subject)
    return [MemberReportOut.model_validate(each) if each else None for each in found]


@routes.post("/member-reports/{member_report_id}/resolve", responses=problems(NoSuchMemberReport, AlreadyResolved))
async def resolve_report(
    member_report_id: UUID, body: Resolution, actor: Moderator, session: Transaction
) -> MemberReportOut:
    resolved = await reports.resolve(session, actor_id=actor.subject, report_id=member_report_id, note=body.note)
    return MemberReportOut.model_validate(resolved)
