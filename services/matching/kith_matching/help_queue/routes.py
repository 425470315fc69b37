from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page, paginate
from kith_matching.errors import (
    AlreadyClaimed,
    AlreadyDone,
    ClaimLost,
    NobodyWaits,
    NoSuchHelpRequest,
    NoSuchProgram,
    NotEnrolled,
    ProgramClosed,
)
from kith_matching.help_queue import claims
from kith_matching.help_queue.models import HelpRequest
from kith_matching.shapes import In, Name, Out, Participant, Text


class HelpIn(In):
    topic: Name
    body: Text = ""


class HelpOut(Out):
    id: UUID
    program_id: UUID
    asked_by: UUID
    topic: str
    body: str
    status: Literal["open", "resolved", "withdrawn"]
    asked_at: datetime
    claimed_by: UUID | None
    claimed_until: datetime | None
    settled_at: datetime | None


routes = router(tags=["help queue"])


@routes.post(
    "/programs/{program_id}/help", status_code=201, responses=problems(NoSuchProgram, ProgramClosed, NotEnrolled)
)
async def ask_for_help(program_id: UUID, body: HelpIn, actor: Participant, session: Transaction) -> HelpOut:
    asked = await claims.ask(session, actor_id=actor.subject, program_id=program_id, **body.model_dump())
    return HelpOut.model_validate(asked)


@routes.get("/programs/{program_id}/help", responses=problems(NoSuchProgram, InvalidCursor))
async def help_queue(
    program_id: UUID, actor: Participant, session: Transaction, first: First = 50, after: After = None
) -> Page[HelpOut]:
    visible = select(HelpRequest).where(await claims.visible_to(session, actor, program_id))
    rows, cursor = await paginate(session, visible, by=[HelpRequest.id], first=first, after=after)
    return Page(items=[HelpOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/programs/{program_id}/help/claim-next", responses=problems(NoSuchProgram, NotEnrolled, NobodyWaits))
async def claim_next(program_id: UUID, actor: Participant, session: Transaction) -> HelpOut:
    return HelpOut.model_validate(await claims.claim_next(session, actor_id=actor.subject, program_id=program_id))


@routes.post("/help/{help_id}/claim", responses=problems(NoSuchHelpRequest, NotEnrolled, AlreadyDone, AlreadyClaimed))
async def claim_help(help_id: UUID, actor: Participant, session: Transaction) -> HelpOut:
    return HelpOut.model_validate(await claims.claim(session, actor_id=actor.subject, help_id=help_id))


@routes.post("/help/{help_id}/release", responses=problems(NoSuchHelpRequest, ClaimLost))
async def release_help(help_id: UUID, actor: Participant, session: Transaction) -> HelpOut:
    return HelpOut.model_validate(await claims.release(session, actor_id=actor.subject, help_id=help_id))


@routes.post("/help/{help_id}/resolve", responses=problems(NoSuchHelpRequest, AlreadyDone, ClaimLost))
async def resolve_help(help_id: UUID, actor: Participant, session: Transaction) -> HelpOut:
    return HelpOut.model_validate(await claims.resolve(session, actor_id=actor.subject, help_id=help_id))


@routes.post("/help/{help_id}/withdraw", responses=problems(NoSuchHelpRequest, AlreadyDone))
async def withdraw_help(help_id: UUID, actor: Participant, session: Transaction) -> HelpOut:
    return HelpOut.model_validate(await claims.withdraw(session, actor_id=actor.subject, help_id=help_id))
