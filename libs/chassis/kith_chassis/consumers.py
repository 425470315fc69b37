"""Consumers: what a service does with the events of others, exactly once in effect.

Guarantees. Effect and inbox mark share one transaction, the acknowledgement follows the commit: delivered twice,
applied once. One process per service consumes at a time (leader lock), in the order of the stream, so in order per
aggregate. A batch is applied in one transaction; when that fails each event gets its own, and the one that fails
waits (1 s, 5 s, 30 s, 2 min, 10 min) while its aggregate's later events wait behind it and all others go on. After
the last attempt it becomes a row in `dead_letters`. An unreachable database costs no attempt.
Not guaranteed: order between aggregates.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from nats.errors import Error as NatsError
from opentelemetry.trace import SpanKind
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.bus import Bus
from kith_chassis.database import Database, is_unreachable
from kith_chassis.events import SUBJECT_PREFIX, Received, View, received
from kith_chassis.telemetry import CONSUMER_PENDING, DEAD_LETTERS, EVENTS_CONSUMED, EVENTS_REDELIVERED
from kith_stream.pulling import Answer, Message, acknowledged, given_up, leased, refused
from kith_tracing.spans import continued

log = logging.getLogger(__name__)

Handler = Callable[[AsyncSession, Sequence[Received[Any]]], Awaitable[None]]
DELAYS_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0)

_FRESH = text(
    "INSERT INTO inbox (event_id) SELECT unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING RETURNING event_id"
)
# Half of what the inbox keeps; where it has forgotten nothing, all.
_SURE = text("SELECT now() - interval '30 days' FROM inbox HAVING min(applied_at) < now() - interval '30 days'")
_BURY = text(
    "INSERT INTO dead_letters (event_id, type, payload, payload_sha256, reason, attempts, traceparent) "
    "VALUES (:event_id, :type, :payload, :digest, :reason, :attempts, :traceparent) "
    "ON CONFLICT (event_id) DO UPDATE SET reason = EXCLUDED.reason, attempts = EXCLUDED.attempts, buried_at = now()"
)


@dataclass
class Consumers:
    """The handlers of one service, registered like routes.

        consumers = Consumers()

        @consumers.on(OrderPlaced)
        async def pack(session: AsyncSession, events: Sequence[Received[OrderPlaced]]) -> None: ...

    A handler gets a run of events of one type (of any where its view is `AnyEvent`), in order per aggregate, and
    applies them in the given transaction, set-wise where it can. The session is bound to no tenant and sees all:
    write `event.tenant` into every row.
    """

    handlers: dict[str, tuple[type[View], Handler]] = field(default_factory=dict)

    def on(self, view: type[View]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            if view.type in self.handlers:
                raise ValueError(f"{view.type} has a handler already")
            self.handlers[view.type] = (view, handler)
            return handler

        return register

    @property
    def subjects(self) -> list[str]:
        return [SUBJECT_PREFIX + each for each in self.handlers]

    def of(self, type_: str) -> tuple[type[View], Handler] | None:
        return self.handlers.get(type_) or self.handlers.get(">")


@dataclass(frozen=True, slots=True)
class _Delivery:
    message: Message
    event: Received[Any]
    handler: Handler


async def consume(
    consumers: Consumers, database: Database, bus: Bus, *, name: str, batch: int, lease_seconds: float
) -> None:
    """Pull and apply, for ever. Run it under a leader lock."""
    await bus.established.wait()
    opened = partial(bus.consumer, name, consumers.subjects, batch=batch, lease_seconds=lease_seconds)
    while True:
        try:
            async with opened(beginning=partial(_beginning, database)) as pull:
                lane = Lane(consumers, database, pull.answer, lease_seconds)
                while True:
                    messages = await pull.next()
                    CONSUMER_PENDING.set(messages[-1].pending if messages else 0)
                    await lane.work(messages)
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("consumer lost the bus", extra={"reason": type(error).__name__})
            await asyncio.sleep(1)
        finally:
            CONSUMER_PENDING.set(0)  # another process may lead now, and says it


async def _beginning(database: Database) -> datetime | None:
    """Where a consumer begins that NATS has lost: with what the inbox, which forgets, is sure to know."""
    async with database.transaction() as session:
        return await session.scalar(_SURE)  # type: ignore[no-any-return]


class Lane:
    """Applies batches of messages; see the module's first lines for what it guarantees."""

    def __init__(self, consumers: Consumers, database: Database, answer: Answer, lease_seconds: float = 60) -> None:
        self._consumers = consumers
        self._database = database
        self._answer = answer
        self._lease_seconds = lease_seconds
        self._held: dict[UUID, UUID] = {}  # aggregate -> the event of it that failed and comes first again

    async def work(self, messages: Sequence[Message]) -> None:
        """Apply a batch and acknowledge it. Waits while the database is away instead of burning attempts."""
        EVENTS_REDELIVERED.inc(sum(each.delivered > 1 for each in messages))
        deliveries = [each for message in messages if (each := await self._read(message)) is not None]
        ready = [each for each in deliveries if not await self._must_wait(each)]
        error = await self._attempt(ready) if ready else None
        if error is not None:  # one of them is at fault: find out which
            for each in ready:
                if not await self._must_wait(each) and (error := await self._attempt([each])) is not None:
                    await self._failed(each, error)

    async def _attempt(self, deliveries: Sequence[_Delivery]) -> Exception | None:
        """Apply, waiting as long as the database is away; the error when a handler or a constraint refuses."""
        async with leased(self._answer, [each.message for each in deliveries], self._lease_seconds):
            while True:
                try:
                    await self._apply(deliveries)
                except Exception as error:  # noqa: BLE001 -- whatever a handler raises, the lane goes on
                    if not is_unreachable(error):
                        return error
                    await self._database_back(len(deliveries))
                else:
                    return None

    async def _read(self, message: Message) -> _Delivery | None:
        type_ = message.subject.removeprefix(SUBJECT_PREFIX)
        known = self._consumers.of(type_)
        if known is None:
            await self._answer(acknowledged([message]))
            return None
        try:
            return _Delivery(message, received(message.data, known[0]), known[1])
        except Exception as error:  # noqa: BLE001 -- whatever stands on the stream, the lane goes on
            await self._bury(message, type_, reason=f"cannot be read: {error}", attempts=1)
            return None

    async def _must_wait(self, delivery: _Delivery) -> bool:
        first = self._held.get(delivery.event.aggregate_id)
        if first is None or first == delivery.event.id:
            return False
        await self._answer(refused(delivery.message, delay_seconds=DELAYS_SECONDS[0]))
        return True

    async def _apply(self, deliveries: Sequence[_Delivery]) -> None:
        with continued("consume", SpanKind.CONSUMER, (each.event.traceparent for each in deliveries)):
            async with self._database.transaction() as session:
                todo = await apply(session, deliveries)
        for each in deliveries:
            self._held.pop(each.event.aggregate_id, None)
        await self._answer(acknowledged(each.message for each in deliveries))
        for type_, n in Counter(each.event.type for each in todo).items():
            EVENTS_CONSUMED.labels(type_, "applied").inc(n)

    async def _failed(self, delivery: _Delivery, error: Exception) -> None:
        attempts = delivery.message.delivered
        event = delivery.event
        log.warning(
            "event failed", extra={"type": event.type, "event_id": str(event.id), "attempts": attempts}, exc_info=error
        )
        EVENTS_CONSUMED.labels(event.type, "failed").inc()
        if attempts > len(DELAYS_SECONDS):
            await self._bury(delivery.message, event.type, reason=f"{type(error).__name__}: {error}", attempts=attempts)
            self._held.pop(event.aggregate_id, None)
            return
        self._held[event.aggregate_id] = event.id
        await self._answer(refused(delivery.message, delay_seconds=DELAYS_SECONDS[attempts - 1]))

    async def _bury(self, message: Message, type_: str, *, reason: str, attempts: int) -> None:
        digest = hashlib.sha256(message.data).digest()
        try:
            event_id = UUID(message.header("Nats-Msg-Id") or "")
        except ValueError:  # not from a relay: the same bytes are the same letter
            event_id = UUID(bytes=digest[:16])
        letter = {
            "event_id": event_id, "type": type_, "payload": message.data, "digest": digest, "reason": reason[:2000],
            "attempts": attempts, "traceparent": message.header("traceparent"),
        }  # fmt: skip
        async with self._database.transaction() as session:
            await session.execute(_BURY, letter)
        DEAD_LETTERS.labels(type_).inc()
        log.error("event set aside", extra={"type": type_, "event_id": str(event_id), "attempts": attempts})
        await self._answer(given_up(message))

    async def _database_back(self, events: int) -> None:
        """Return once the database answers."""
        log.warning("database is away; waiting", extra={"events": events})
        while True:
            await asyncio.sleep(1)
            with suppress(Exception):  # still away, for whatever reason
                return await self._database.ready()


async def apply(session: AsyncSession, deliveries: Sequence[Any]) -> list[Any]:
    """Mark what was not applied before and hand it to its `handler`, each `event` once; returns those, in order."""
    fresh = set((await session.execute(_FRESH, {"ids": [each.event.id for each in deliveries]})).scalars())
    todo = list({each.event.id: each for each in deliveries if each.event.id in fresh}.values())
    for run in runs(todo):
        await run[0].handler(session, [each.event for each in run])
    return todo


def runs(deliveries: Sequence[_Delivery]) -> Iterator[list[_Delivery]]:
    """Those of one handler together, as many as can be, but none before an earlier event of its aggregate."""
    while deliveries:
        run, later, behind = list[_Delivery](), list[_Delivery](), set[UUID]()
        for each in deliveries:
            if each.handler is deliveries[0].handler and each.event.aggregate_id not in behind:
                run.append(each)
            else:
                later.append(each)
                behind.add(each.event.aggregate_id)
        yield run
        deliveries = later
