"""Order under every interleaving of writers, relays and crashes, on a real database and a stream that is watched.

Steps, drawn from a seed: a transaction stores events and stays open; an open one commits or rolls back; a relay works
in small batches until nothing waits, while transactions go on; two relays do so at once; a relay dies before it
publishes, or after it has published and before it marks. The stream keeps the first of each message id, as JetStream
does within its window. In the end nothing is committed and missing, nothing is there that was rolled back, and each
aggregate's events stand in their order.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database
from kith_chassis.events import Event, emit, wire
from kith_chassis.ids import new_id
from kith_chassis.outbox import publish_waiting, store_events

AGGREGATES, OPEN, BATCH = 12, 5, 3
Relay = Callable[[Database, Any], Awaitable[int]]


class Moved(Event, type="drill.thing_moved.v1", aggregate="thing_id"):
    """A thing moved."""

    thing_id: UUID


class Crash(Exception):  # noqa: N818 -- what happens to a relay
    """The relay is gone."""


@dataclass
class Watched:
    """A stream that remembers what came, in order, and may lose the relay that speaks to it."""

    meanwhile: Callable[[], Awaitable[None]]
    dies: str | None = None
    ids: dict[str, int] = field(default_factory=dict)

    async def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        await self.meanwhile()
        if self.dies == "before publishing":
            raise Crash
        for _, message_id, _ in messages:
            await asyncio.sleep(0)  # another relay may come between two messages
            self.ids.setdefault(message_id, len(self.ids))
        if self.dies == "before marking":
            raise Crash


@dataclass
class _Writer:
    stack: AsyncExitStack
    session: AsyncSession
    stored: list[tuple[UUID, UUID]]


@dataclass(frozen=True)
class Order:
    """What came of it, in events."""

    steps: int
    committed: int
    skipped: int
    invented: int
    inverted: int


async def in_small_batches(database: Database, bus: Any) -> int:
    """The relay, with batches small enough that what is written at once is torn apart."""
    return await publish_waiting(database, bus, batch=BATCH)


class Interleaving:
    """One run; see the module's first lines."""

    def __init__(self, database: Database, seed: int, relay: Relay = in_small_batches) -> None:
        self._database = database
        self._rng = random.Random(seed)
        self._relay = relay
        self._things = [new_id() for _ in range(AGGREGATES)]
        self._tenant = new_id()
        self._open: list[_Writer] = []
        self._stream = Watched(self._meanwhile)
        self._writing = asyncio.Lock()
        self._committed: dict[UUID, list[UUID]] = defaultdict(list)  # aggregate -> event ids in commit order

    async def run(self, steps: int) -> Order:
        acts = (self._writes, self._writes, self._relays, self._crash)
        for _ in range(steps):
            await self._rng.choice(acts)()
        while self._open:
            await self._commit()
        while await self._relay(self._database, self._stream):
            pass
        return self._judged(steps)

    def _judged(self, steps: int) -> Order:
        place = self._stream.ids
        wanted = {str(each) for ids in self._committed.values() for each in ids}
        inverted = 0
        for ids in self._committed.values():
            there = [place[str(each)] for each in ids if str(each) in place]
            inverted += sum(1 for one, other in pairwise(there) if other < one)
        return Order(steps, len(wanted), len(wanted - place.keys()), len(place.keys() - wanted), inverted)

    async def _writes(self) -> None:
        acts = (self._write, self._write, self._commit, self._commit, self._roll_back)
        async with self._writing:  # of two relays, each of which lets writers in
            await self._rng.choice(acts)()

    async def _meanwhile(self) -> None:
        """What happens while a relay publishes."""
        for _ in range(self._rng.randint(0, 2)):
            await self._writes()

    async def _write(self) -> None:
        """Store events of things nobody else is writing to, and stay open."""
        busy = {thing for writer in self._open for thing, _ in writer.stored}
        free = [each for each in self._things if each not in busy]
        if len(self._open) >= OPEN or not free:
            return
        stack = AsyncExitStack()
        session = await stack.enter_async_context(self._database.transaction(tenant=self._tenant))
        chosen = self._rng.sample(free, min(len(free), self._rng.randint(1, 3)))
        moved = chosen * self._rng.randint(1, 2)
        stored = [(thing, emit(session, Moved(thing_id=thing))) for thing in moved]
        await store_events(session)
        self._open.append(_Writer(stack, session, stored))

    async def _commit(self) -> None:
        if self._open:
            writer = self._open.pop(self._rng.randrange(len(self._open)))
            await writer.stack.aclose()
            for thing, event_id in writer.stored:
                self._committed[thing].append(event_id)

    async def _roll_back(self) -> None:
        if self._open:
            writer = self._open.pop(self._rng.randrange(len(self._open)))
            with suppress(Crash):
                await writer.stack.__aexit__(Crash, Crash(), None)

    async def _relays(self) -> None:
        await asyncio.gather(*(self._relay(self._database, self._stream) for _ in range(self._rng.choice((1, 2)))))

    async def _crash(self) -> None:
        self._stream.dies = self._rng.choice(("before publishing", "before marking"))
        try:
            with suppress(Crash):
                await self._relay(self._database, self._stream)
        finally:
            self._stream.dies = None


class ByPosition:
    """For contrast: the relay most outboxes have, which asks for what came after the last position it has seen."""

    def __init__(self) -> None:
        self._last = 0

    async def __call__(self, database: Database, bus: Any) -> int:
        sql = (
            "SELECT position, event_id, tenant_id, type, aggregate_id, sequence, data, occurred_at, traceparent "
            "FROM outbox WHERE position > :last ORDER BY position LIMIT 500"
        )
        async with database.transaction() as session:
            rows = (await session.execute(text(sql), {"last": self._last})).all()
        if rows:
            await bus.publish([wire(row) for row in rows])
            self._last = rows[-1].position
        return len(rows)
