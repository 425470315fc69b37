from typing import Any
from uuid import UUID

from pydantic import Field

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching import queries
from kith_matching.errors import NoSuchProgram, ProgramClosed
from kith_matching.importing import participants, past_pairings
from kith_matching.importing.rows import MAX_ROWS
from kith_matching.shapes import Coordinator, EnrollmentOut, In, Out

routes = router(tags=["importing"])


class ParticipantsIn(In):
    rows: list[dict[str, Any]] = Field(max_length=MAX_ROWS, description="see ParticipantRow; judged row by row")


class PastPairingsIn(In):
    rows: list[dict[str, Any]] = Field(max_length=MAX_ROWS, description="see PastPairingRow; judged row by row")


class RowErrorOut(Out):
    line: int
    column: str
    reason: str


class ImportedOut(Out):
    created: int
    updated: int
    unchanged: int
    errors: list[RowErrorOut]


@routes.post("/programs/{program_id}/participants/import", responses=problems(NoSuchProgram, ProgramClosed))
async def import_participants(
    program_id: UUID, body: ParticipantsIn, _: Coordinator, session: Transaction
) -> ImportedOut:
    return ImportedOut.model_validate(await participants.take(session, program_id=program_id, rows=body.rows))


@routes.post("/programs/{program_id}/past-pairings/import", responses=problems(NoSuchProgram))
async def import_past_pairings(
    program_id: UUID, body: PastPairingsIn, _: Coordinator, session: Transaction
) -> ImportedOut:
    return ImportedOut.model_validate(await past_pairings.take(session, program_id=program_id, rows=body.rows))


@routes.get("/programs/{program_id}/enrollments", responses=problems(NoSuchProgram, InvalidCursor))
async def list_enrollments(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[EnrollmentOut]:
    rows, cursor = await queries.enrollments(session, program_id=program_id, first=first, after=after)
    return Page(items=[EnrollmentOut.model_validate(row) for row in rows], next_cursor=cursor)
