from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel
from sqlalchemy import text

from kith_chassis.consumers import Consumers
from kith_chassis.database import Transaction, tenant_of
from kith_chassis.errors import Conflict, problems
from kith_chassis.events import Event, Received, View, emit
from kith_chassis.idempotency import router
from kith_chassis.ids import new_id
from kith_chassis.service import create_service
from kith_chassis.tokens import Caller, Principal, permitted
from kith_writes.front import stand_before
from kith_writes.grouped import Group

routes = router()
consumers = Consumers()
broken: set[int] = set()  # numbers the consumer fails on, for tests to fill
groups: list[int] = []  # how many writes each group that was tried had


class NoteWritten(Event, type="notes.note_written.v1", aggregate="note_id"):
    """A note exists."""

    note_id: UUID


class Counted(View, type="elsewhere.counted.v1"):
    number: int


class Refused(Conflict):
    """This note is refused."""

    code = "refused"


class NoteIn(BaseModel):
    body: str


@routes.post("/notes", status_code=201, responses=problems(Refused))
async def write(body: NoteIn, _: Caller, session: Transaction) -> dict[str, UUID]:
    note_id = new_id()
    values = {"id": note_id, "tenant": tenant_of(session), "body": body.body}
    await session.execute(text("INSERT INTO notes VALUES (:id, :tenant, :body)"), values)
    emit(session, NoteWritten(note_id=note_id))
    if body.body == "refuse me":
        raise Refused
    return {"id": note_id}


@dataclass(frozen=True)
class NewNote:
    author: Principal
    book: UUID
    body: str


class NoteOut(BaseModel):
    id: UUID
    book: UUID
    body: str


async def write_notes(session, asked: Sequence[NewNote]) -> list[NoteOut | Refused]:
    """Refuses some, breaks on others, and stores the rest at once."""
    groups.append(len(asked))
    if any(each.body == "break" for each in asked):
        raise ZeroDivisionError
    outcomes = [Refused() if each.body == "refuse me" else NoteOut(id=new_id(), book=each.book, body=each.body)
                for each in asked]  # fmt: skip
    stored = [each for each in outcomes if isinstance(each, NoteOut)]
    for each in stored:
        emit(session, NoteWritten(note_id=each.id))
    values = [{"id": each.id, "tenant": tenant_of(session), "body": each.body} for each in stored]
    if values:
        await session.execute(text("INSERT INTO notes VALUES (:id, :tenant, :body)"), values)
    return outcomes


@routes.post("/books/{book}/notes", status_code=201, responses=problems(Refused))
async def write_in_book(
    book: UUID, body: NoteIn, actor: Annotated[Principal, Depends(permitted("notes:write"))], group: Group
) -> NoteOut:
    return await group.write(write_notes, NewNote(actor, book, body.body), answer=NoteOut)


@routes.get("/everything")
async def everything(session: Transaction) -> list[str]:
    """Without any filter of its own: what row-level security alone lets through."""
    return list((await session.execute(text("SELECT body FROM notes ORDER BY body"))).scalars())


@routes.post("/for/{tenant}")
async def for_another(tenant: UUID, session: Transaction) -> None:
    await session.execute(text("INSERT INTO notes VALUES (:id, :tenant, 'x')"), {"id": new_id(), "tenant": tenant})


@routes.get("/secret")
async def secret(_: Annotated[Principal, Depends(permitted("notes:read_secret"))]) -> str:
    return "secret"


@consumers.on(Counted)
async def count(session, events: Sequence[Received[Counted]]) -> None:
    for event in events:
        if event.data.number in broken:
            raise ValueError(f"cannot take {event.data.number}")
        values = {"tenant": event.tenant, "aggregate": event.aggregate_id, "number": event.data.number}
        sql = "INSERT INTO seen (tenant_id, aggregate_id, number) VALUES (:tenant, :aggregate, :number)"
        await session.execute(text(sql), values)


app = create_service(name="notes", routers=[routes], consumers=consumers)
stand_before(app, routers=[routes])
