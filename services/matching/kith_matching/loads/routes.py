from typing import Self
from uuid import UUID

from pydantic import BaseModel

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching.errors import NoSuchProgram, NotEnrolled
from kith_matching.loads import evidence
from kith_matching.loads.states import LoadState
from kith_matching.shapes import Coordinator, Participant


class LoadOut(BaseModel):
    member_id: UUID
    state: LoadState
    paused: bool
    room: int
    pairings: int
    requests: int
    late: int
    overdue: int
    silent: int
    cancelled: int

    @classmethod
    def of(cls, load: evidence.Load) -> Self:
        return cls(member_id=load.member_id, state=load.state, **vars(load.seen))


class RoomOut(BaseModel):
    member_id: UUID
    pairings: int
    free: int


routes = router(tags=["loads"])


@routes.get("/programs/{program_id}/loads", responses=problems(NoSuchProgram, InvalidCursor))
async def list_loads(
    program_id: UUID, _: Coordinator, session: Transaction, first: First = 50, after: After = None
) -> Page[LoadOut]:
    loads, cursor = await evidence.listed(session, program_id=program_id, first=first, after=after)
    return Page(items=[LoadOut.of(each) for each in loads], next_cursor=cursor)


@routes.get("/programs/{program_id}/load", responses=problems(NoSuchProgram, NotEnrolled))
async def own_load(program_id: UUID, actor: Participant, session: Transaction) -> LoadOut:
    return LoadOut.of(await evidence.own(session, program_id=program_id, member_id=actor.subject))


@routes.get("/programs/{program_id}/mentors-with-room", responses=problems(NoSuchProgram, InvalidCursor))
async def mentors_with_room(
    program_id: UUID, actor: Participant, session: Transaction, first: First = 20, after: After = None
) -> Page[RoomOut]:
    rows, cursor = await evidence.with_room(
        session, program_id=program_id, but=[actor.subject], first=first, after=after
    )
    items = [RoomOut(member_id=row.member_id, pairings=row.pairings, free=row.room - row.pairings) for row in rows]
    return Page(items=items, next_cursor=cursor)
