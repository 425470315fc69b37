from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_chassis.tokens import Principal, permitted
from kith_metrics import queries, reports
from kith_metrics.errors import NoSuchReport


def _of_our_time(value: datetime) -> datetime:
    if not 2000 <= value.year <= 2100:  # noqa: PLR2004 -- beyond, arithmetic with offsets leaves what a date can be
        raise ValueError("lies outside of the years 2000 to 2100")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
Reader = Annotated[Principal, Depends(permitted("metrics:read"))]
Reporter = Annotated[Principal, Depends(permitted("metrics:report"))]  # no scope: apps read what people had made


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ReportIn(_In):
    window_days: int = Field(default=28, ge=1, le=366)
    grace_days: int = Field(default=3, ge=0, le=60, description="Who joined since is not called isolated yet.")


class CountOut(BaseModel):
    kind: str
    source: str
    count: int


class FiguresOut(BaseModel):
    members: int
    active: int
    activated: int
    hours_to_first_contribution: float | None
    connected: int
    never_connected: int
    named: int
    interactions: list[CountOut]
    reasons: dict[str, int]


class ReportOut(_Out):
    id: UUID
    window_days: int
    figures: FiguresOut
    provenance: dict[str, Any]
    made_at: datetime


class IsolatedOut(_Out):
    place: int
    member_id: UUID
    score: float
    reasons: list[str]
    step: str | None


class WhoWithWhomOut(_Out):
    from_id: UUID
    to_id: UUID
    weight: int
    last_at: datetime


class Keys(_In):
    keys: list[UUID] = Field(max_length=1000)


routes = router(tags=["metrics"])


@routes.post("/reports", status_code=201)
async def make_report(body: ReportIn, actor: Reporter, session: Transaction) -> ReportOut:
    made = await reports.make(session, actor_id=actor.subject, window_days=body.window_days, grace_days=body.grace_days)
    return ReportOut.model_validate(made)


@routes.get("/reports", responses=problems(InvalidCursor))
async def list_reports(_: Reader, session: Transaction, first: First = 20, after: After = None) -> Page[ReportOut]:
    rows, cursor = await queries.all_reports(session, first=first, after=after)
    return Page(items=[ReportOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/reports/{report_id}", responses=problems(NoSuchReport))
async def get_report(report_id: UUID, _: Reader, session: Transaction) -> ReportOut:
    return ReportOut.model_validate(await reports.found(session, report_id))


@routes.get("/reports/{report_id}/isolated", responses=problems(NoSuchReport, InvalidCursor))
async def list_isolated(
    report_id: UUID, _: Reader, session: Transaction, first: First = 50, after: After = None
) -> Page[IsolatedOut]:
    rows, cursor = await queries.isolated(session, report_id=report_id, first=first, after=after)
    return Page(items=[IsolatedOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/interactions", responses=problems(InvalidCursor))
async def list_interactions(
    _: Reader,
    session: Transaction,
    since: Annotated[Instant | None, Query()] = None,
    until: Annotated[Instant | None, Query()] = None,
    first: First = 100,
    after: After = None,
) -> Page[WhoWithWhomOut]:
    rows, cursor = await queries.who_with_whom(session, since=since, until=until, first=first, after=after)
    return Page(items=[WhoWithWhomOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/read/partners-by-member")
async def partners_by_member(body: Keys, _: Reader, session: Transaction) -> list[int]:
    return await queries.partners_by_member(session, body.keys)
