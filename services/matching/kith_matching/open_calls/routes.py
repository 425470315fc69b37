from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching.errors import (
    AlreadyAnswered,
    BadSettings,
    CallOpen,
    NobodyGoesWithout,
    NoSuchCall,
    NoSuchInvitation,
    NoSuchProgram,
    NotForCalls,
    ProgramClosed,
)
from kith_matching.open_calls import calls
from kith_matching.shapes import Coordinator, In, Instant, Out, Participant


class CallIn(In):
    places: int | None = Field(default=None, ge=1, le=calls.MOST_PLACES)
    ends_at: Instant | None = None


class CallOut(Out):
    id: UUID
    program_id: UUID
    status: Literal["open", "filled", "ended", "closed"]
    places: int
    filled: int
    asked: int
    declined: int
    opened_by: UUID | None
    opened_at: datetime
    ends_at: datetime
    closed_at: datetime | None


class CallAnswerIn(In):
    accept: bool
    max_pairings: int = Field(default=1, ge=1, le=50)


class InvitationOut(Out):
    id: UUID
    call_id: UUID
    program_id: UUID
    member_id: UUID
    status: Literal["asked", "accepted", "declined", "lapsed"]
    skills: list[str]
    people: int
    max_pairings: int | None
    asked_at: datetime
    settled_at: datetime | None


routes = router(tags=["open calls"])


@routes.post(
    "/programs/{program_id}/calls",
    status_code=201,
    responses=problems(NoSuchProgram, ProgramClosed, NotForCalls, NobodyGoesWithout, BadSettings, CallOpen),
)
async def open_call(program_id: UUID, body: CallIn, actor: Coordinator, session: Transaction) -> CallOut:
    opened = await calls.open_(session, actor_id=actor.subject, program_id=program_id, **body.model_dump())
    return CallOut.model_validate(opened)


@routes.get("/programs/{program_id}/calls", responses=problems(NoSuchProgram, InvalidCursor))
async def list_calls(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 20, after: After = None
) -> Page[CallOut]:
    rows, cursor = await calls.listed(session, program_id=program_id, first=first, after=after)
    return Page(items=[CallOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/calls/{call_id}", responses=problems(NoSuchCall))
async def get_call(call_id: UUID, _: Coordinator, session: Transaction) -> CallOut:
    return CallOut.model_validate(await calls.found(session, call_id))


@routes.get("/calls/{call_id}/invitations", responses=problems(NoSuchCall, InvalidCursor))
async def list_invitations(
    call_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[InvitationOut]:
    rows, cursor = await calls.invitations(session, call_id=call_id, first=first, after=after)
    return Page(items=[InvitationOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/calls/{call_id}/close", responses=problems(NoSuchCall))
async def close_call(call_id: UUID, _: Coordinator, session: Transaction) -> CallOut:
    return CallOut.model_validate(await calls.close(session, call_id=call_id))


@routes.get("/call-invitations", responses=problems(InvalidCursor))
async def my_calls(
    actor: Participant, session: Transaction, first: First = 50, after: After = None
) -> Page[InvitationOut]:
    rows, cursor = await calls.of_member(session, member_id=actor.subject, first=first, after=after)
    return Page(items=[InvitationOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post(
    "/call-invitations/{invitation_id}/answer", responses=problems(NoSuchInvitation, AlreadyAnswered, ProgramClosed)
)
async def answer_call(
    invitation_id: UUID, body: CallAnswerIn, actor: Participant, session: Transaction
) -> InvitationOut:
    answered = await calls.answer(
        session, actor_id=actor.subject, invitation_id=invitation_id, yes=body.accept, max_pairings=body.max_pairings
    )
    return InvitationOut.model_validate(answered)
