"""The log, brought to a service's handlers in a schema of its own."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from nats.js import api
from nats.js.errors import NotFoundError
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kith_chassis.bus import Bus
from kith_chassis.consumers import Consumers, Handler, apply
from kith_chassis.database import Database, is_unreachable
from kith_chassis.events import SUBJECT_PREFIX, AnyEvent, Received, received
from kith_events.projections import LIVE, SCRATCH, copy_given
from kith_stream.pulling import Message, pulling

_FETCH = 500
_DENIED = "42501"
_LOST = "A part of the log did not arrive. Nothing has changed; try again."

_REFUSE = text(
    "INSERT INTO dead_letters (event_id, type, payload, payload_sha256, reason, attempts) "
    "VALUES (:id, :type, :payload, :digest, :reason, 1) ON CONFLICT DO NOTHING"
)
_KNOWN = text(f"SELECT event_id FROM {LIVE}.inbox WHERE event_id = ANY(CAST(:ids AS uuid[]))")


class CannotRebuild(Exception):  # noqa: N818 -- a noun phrase, as all that can go wrong
    """The rebuild cannot be done, and nothing has changed."""


def scratch_database(worker_url: str, name: str) -> Database:
    """The worker's login with every name meaning the schema `rebuild`; nobody is woken by its commits."""
    database = Database(worker_url, pool_size=1, name=f"{name} rebuild")

    @sqlalchemy_event.listens_for(database.engine.sync_engine, "connect")
    def look_there(connection: Any, _: Any) -> None:
        # By the driver itself: through SQLAlchemy it would be part of a transaction, and undone with it.
        connection.run_async(lambda driver: driver.execute(f"SET search_path TO {SCRATCH}"))

    return database


@dataclass(frozen=True, slots=True)
class _Entry:
    """A message of the log that has a handler; `event` is None where it cannot be read, for `reason`."""

    id: UUID
    type: str
    payload: bytes
    event: Received[Any] | None
    handler: Handler
    reason: str = ""


class Feed:
    """Brings the log to the handlers, in order; goes on where it stopped."""

    def __init__(
        self,
        name: str,
        scratch: Database,
        connection: AsyncConnection,
        bus: Bus,
        consumers: Consumers,
        given: Sequence[str],
        without: frozenset[UUID],
    ) -> None:
        self._name = name
        self._scratch = scratch
        self._connection = connection
        self._bus = bus
        self._consumers = consumers
        self._given = given
        self._without = without
        self._place = 0
        self.begins_late: str | None = None
        self.read = self.applied = 0
        # All of a producer's events, also those nobody here listens to: numbers are per aggregate, whatever the type.
        names = {each.removeprefix(SUBJECT_PREFIX).partition(".")[0] for each in consumers.subjects}
        self._subjects = [SUBJECT_PREFIX + (">" if each == ">" else f"{each}.>") for each in sorted(names)]

    async def advance(self, *, applied_by: AsyncConnection | None = None) -> None:
        """Apply what the live consumer is done with by now.

        With `applied_by` all that the stream has is looked at, and applied where that connection's inbox has it.
        """
        state = (await self._bus.js.stream_info(self._bus.stream)).state
        if state.first_seq > 1:
            self.begins_late = (
                f"it begins with message {state.first_seq:,}, and what came before is forgotten "
                "(KITH_STREAM_MAX_AGE_DAYS says how long the log is kept)"
            )
        last = state.last_seq if applied_by is not None else min(state.last_seq, await self._done())
        for table in self._given:  # after the end of the log was read: what its events tell of is there
            await copy_given(self._connection, table)
        async for messages in _messages(self._bus, self._subjects, after=self._place, last=last):
            self.read += len(messages)
            await self._note(messages)
            entries = [each for message in messages if (each := self._entry(message)) is not None]
            if applied_by is not None:
                known = set(await applied_by.scalars(_KNOWN, {"ids": [each.id for each in entries]}))
                entries = [each for each in entries if each.id in known]
            await self._apply(entries)
        self._place = max(self._place, last)

    async def _done(self) -> int:
        """The place up to which the live consumer is done with all there is; 0 when there is none."""
        try:
            floor = (await self._bus.js.consumer_info(self._bus.stream, self._name)).ack_floor
        except NotFoundError:
            return 0
        return floor.stream_seq if floor else 0

    def _entry(self, message: Message) -> _Entry | None:
        type_ = message.subject.removeprefix(SUBJECT_PREFIX)
        known = self._consumers.of(type_)
        if known is None:
            return None
        view, handler = known
        event, reason, event_id = None, "", _id(message)
        try:
            event = received(message.data, view)
            event_id = event.id
        except ValueError as error:
            reason = f"cannot be read: {error}"
        return None if event_id in self._without else _Entry(event_id, type_, message.data, event, handler, reason)

    async def _note(self, messages: Sequence[Message]) -> None:
        """Write down which numbers of which aggregates the log has."""
        rows = []
        for message in messages:
            try:
                event = received(message.data, AnyEvent)
                service = event.type.partition(".")[0]
                rows.append((service, event.aggregate_id, event.sequence, event.id, event.time))
            except ValueError:  # not from a relay: stands in no sequence
                continue
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        await driver.copy_records_to_table("log", schema_name=SCRATCH, records=rows)

    async def _apply(self, entries: Sequence[_Entry]) -> None:
        readable = [each for each in entries if each.event is not None]
        for each in entries:
            if each.event is None:
                await self._refuse(each, each.reason)
        if readable and (error := await self._attempt(readable)) is not None:
            for each in readable:  # one of them is at fault: find out which
                if (error := await self._attempt([each])) is not None:
                    await self._refuse(each, f"{type(error).__name__}: {error}")

    async def _attempt(self, entries: Sequence[_Entry]) -> Exception | None:
        try:
            async with self._scratch.transaction() as session:
                todo = await apply(session, entries)
        except Exception as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) == _DENIED:
                raise CannotRebuild(
                    f"A handler writes a table that is not declared as a projection of its service: {error}"
                ) from error
            if is_unreachable(error):
                raise
            return error
        self.applied += len(todo)
        return None

    async def _refuse(self, entry: _Entry, reason: str) -> None:
        letter = {"id": entry.id, "type": entry.type, "payload": entry.payload, "reason": reason[:2000]}
        async with self._scratch.transaction() as session:
            await session.execute(_REFUSE, letter | {"digest": hashlib.sha256(entry.payload).digest()})


def _id(message: Message) -> UUID:
    """The id an event has as a dead letter when it cannot be read."""
    try:
        return UUID(message.header("Nats-Msg-Id") or "")
    except ValueError:
        return UUID(bytes=hashlib.sha256(message.data).digest()[:16])


async def _messages(bus: Bus, subjects: Sequence[str], *, after: int, last: int) -> AsyncIterator[list[Message]]:
    """The messages behind `after` up to `last`, in order, some at a time; CannotRebuild when one got lost."""
    if last <= after:
        return
    config = api.ConsumerConfig(
        filter_subjects=list(subjects),
        ack_policy=api.AckPolicy.NONE,
        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        mem_storage=True,
        inactive_threshold=300,
    )
    info = await bus.js.add_consumer(bus.stream, config)
    left, number = info.num_pending or 0, 0
    try:
        async with pulling(bus.client, stream=bus.stream, consumer=info.name, batch=_FETCH) as pull:
            while left > 0:
                messages = await pull.next()
                for message in messages:
                    number += 1
                    if message.number != number:  # nobody acknowledges here, so nothing comes again
                        raise CannotRebuild(_LOST)
                if not messages:
                    raise CannotRebuild(_LOST)
                left -= len(messages)
                wanted = [each for each in messages if each.sequence <= last]
                if wanted:
                    yield wanted
                if len(wanted) < len(messages):
                    return
    finally:
        await bus.js.delete_consumer(bus.stream, info.name)
