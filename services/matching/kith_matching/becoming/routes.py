from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching import clock
from kith_matching.becoming import conversion, future
from kith_matching.errors import NoSuchProgram, NotForCalls
from kith_matching.shapes import Coordinator, Instant, Out

REMEMBERED = timedelta(days=730)

routes = router(tags=["becoming"])


class FutureMentorOut(Out):
    member_id: UUID
    people: int
    thanked: int
    mentored: int
    served: int
    quiet: int
    weighs: int
    helpfulness: float
    skills: list[str]
    was_mentee: bool
    called_at: datetime | None


class QuarterOut(Out):
    starts_on: date
    finished: int
    mentored: int


class ConversionOut(Out):
    finished: int
    enrolled: int
    mentored: int
    share: float | None
    share_in_a_year: float | None
    median_days: int | None
    quarters: list[QuarterOut]


@routes.get("/programs/{program_id}/future-mentors", responses=problems(NoSuchProgram, NotForCalls, InvalidCursor))
async def list_future_mentors(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 20, after: After = None
) -> Page[FutureMentorOut]:
    rows, cursor = await future.mentors(session, program_id=program_id, first=first, after=after)
    return Page(items=[FutureMentorOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/mentor-conversion", responses=problems(NoSuchProgram))
async def mentor_conversion(
    _: Coordinator,
    session: Transaction,
    program_id: Annotated[UUID | None, Query()] = None,
    since: Annotated[Instant | None, Query()] = None,
) -> ConversionOut:
    began = since or clock.now() - REMEMBERED
    return ConversionOut.model_validate(await conversion.counted(session, program_id=program_id, since=began))
