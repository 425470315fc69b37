"""Feeds: one for all subscriptions that show the same, which reads and encodes what happens once for all of them.

Guarantees: each subscription gets what it is about in the order of the stream, each event once, from the moment it
began or from its cursor on; what it shows is read as one of those who are shown the same, when it happens. A feed
that cannot keep up ends its subscriptions and says so.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Protocol

import msgspec
from graphql import GraphQLError, GraphQLSchema, execute

from kith_gateway.answers import shown
from kith_gateway.context import Context, refused
from kith_gateway.happenings import Happening
from kith_gateway.live.log import CursorTooOld, Happened, Log
from kith_gateway.live.standing import Listener
from kith_gateway.operations import Operation
from kith_gateway.runs import GivenUpError, Run

log = logging.getLogger(__name__)
MAX_PENDING = 2000
"""Events a feed may be behind; what it is about is read slower than it happens for long then."""
_AT_ONCE = 50
_IN_A_ROW = 200
"""Subscriptions told of an event before others get their turn in this process."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Wish:
    """What one subscription asks for: a valid operation, its variables, and what it is narrowed down to."""

    schema: GraphQLSchema
    operation: Operation
    field: Happening
    name: str
    variables: Mapping[str, Any]
    asked: Mapping[str, str]


class Outlet(Protocol):
    """Where payloads go."""

    @property
    def listener(self) -> Listener: ...

    def next(self, id_: str, payload: str) -> None:
        """Send a payload."""

    async def room(self, size: int) -> None:
        """Return when a payload of this size can be sent beside what waits."""

    def fail(self, id_: str, errors: list[GraphQLError]) -> None:
        """End a subscription with errors."""


@dataclass(eq=False)
class Subscribed:
    """One subscription of one connection. It is told what stands behind `seen`, once it is `ready`."""

    outlet: Outlet
    id: str
    feed: "Feed"
    key: Any
    seen: int
    ready: bool = False
    held: deque[tuple[Happened, str]] = field(default_factory=deque)

    def tell(self, event: Happened, payload: str) -> None:
        """Something has happened just now."""
        if self.ready:
            self.say(event, payload)
        elif len(self.held) < MAX_PENDING:
            self.held.append((event, payload))
        else:
            self.fall_behind()

    def say(self, event: Happened, payload: str) -> None:
        """Send what has happened, unless it was sent before or nobody listens any more."""
        if event.place > self.seen and self in self.feed.subscribed:
            self.seen = event.place
            self.outlet.next(self.id, payload)

    def fall_behind(self) -> None:
        behind = "What happens cannot be read fast enough now; listen again from your last cursor."
        self.outlet.fail(self.id, [GraphQLError(behind, extensions={"code": "FELL_BEHIND"})])

    def break_off(self) -> None:
        self.outlet.fail(self.id, [GraphQLError("Something went wrong here.", extensions={"code": "INTERNAL"})])


class Feed:
    """All subscriptions that show the same."""

    def __init__(self, wish: Wish, known: Log, context: Callable[[Listener, str | None], Context]) -> None:
        self.wish, self._log, self._context = wish, known, context
        self.subscribed: dict[Subscribed, None] = {}
        self._pending: deque[Happened] = deque()
        self._working: asyncio.Task[None] | None = None

    def addresses(self, listener: Listener) -> Iterator[tuple[str, str, str | None, str | None]]:
        """Under which (community, type, member of the data, value) its events are found."""
        named = [(name, listener.member) for name in self.wish.field.to] or list(self.wish.asked.items())[:1]
        for type_ in self.wish.field.types:
            if not named:
                yield listener.tenant, type_, None, None
            for name, value in named:
                yield listener.tenant, type_, name, value

    def wants(self, event: Happened, listener: Listener) -> bool:
        """Whether an event is one of those this feed tells of; the same as being found, for events found otherwise."""
        if event.tenant != listener.tenant or event.type not in self.wish.field.types:
            return False
        to, data = self.wish.field.to, event.data
        named = not to or listener.member in [data.get(name) for name in to]
        return named and all(data.get(name) == value for name, value in self.wish.asked.items())

    def take(self, event: Happened) -> None:
        """Something has happened that these subscriptions are about."""
        if not all(event.data.get(name) == value for name, value in self.wish.asked.items()):
            return
        if len(self._pending) >= MAX_PENDING:
            self._pending.clear()
            for each in list(self.subscribed):
                each.fall_behind()
            return
        self._pending.append(event)
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    def stop(self) -> None:
        """Nobody listens any more."""
        if self._working is not None:
            self._working.cancel()

    async def _work(self) -> None:
        try:
            while self._pending and self.subscribed:
                events = [self._pending.popleft() for _ in range(min(_AT_ONCE, len(self._pending)))]
                # The one whose token lasts longest: others may be about to be closed.
                outlets = (each.outlet.listener for each in self.subscribed)
                reader = max(outlets, key=lambda listener: listener.principal.expires_at)
                payloads = await self.read(reader, events)
                for event, payload in zip(events, payloads, strict=True):
                    for number, each in enumerate(list(self.subscribed), 1):
                        if each in self.subscribed:
                            each.tell(event, payload)
                        if number % _IN_A_ROW == 0:
                            await asyncio.sleep(0)
                    await asyncio.sleep(0)  # what was told is sent before more is
        except Exception:
            log.exception("a feed failed")
            for each in list(self.subscribed):
                each.break_off()
        finally:
            self._working = None

    def missed(self, one: Subscribed) -> list[Happened]:
        """What a subscription has not been told yet. Raises UpstreamError (CURSOR_TOO_OLD) where that is too much."""
        listener = one.outlet.listener
        found = [each for each in self._log.behind(one.seen) if self.wants(each, listener)]
        if len(found) > MAX_PENDING:
            raise refused(CursorTooOld())
        return found

    async def replay(self, one: Subscribed, missed: Sequence[Happened], reading: asyncio.Semaphore) -> None:
        """Tell one subscription what it missed, then let it go on with what came meanwhile."""
        for start in range(0, len(missed), _AT_ONCE):
            await one.outlet.room(0)
            events = missed[start : start + _AT_ONCE]
            async with reading:
                if one not in self.subscribed:
                    return
                payloads = await self.read(one.outlet.listener, events)
            for event, payload in zip(events, payloads, strict=True):
                if one not in self.subscribed:
                    return
                await one.outlet.room(len(payload))
                one.say(event, payload)
        while one.held and one in self.subscribed:
            event, payload = one.held.popleft()
            await one.outlet.room(len(payload))
            one.say(event, payload)
        one.ready = True

    async def read(self, listener: Listener, events: Sequence[Happened]) -> Iterator[str]:
        """The payloads of events, as JSON, as a listener may see them; each is encoded when it is its turn."""
        wish = self.wish
        context = self._context(listener, wish.operation.name)
        sources = [{wish.name: self._source(event)} for event in events]
        planned = wish.operation.plan(wish.variables) if context.plans else None
        if planned is not None:
            shape, coerced = planned
            try:
                things: list[Any] = msgspec.json.decode(_encode(sources), type=list[shape.read])  # type: ignore[name-defined]
                await Run(context, coerced).fill(shape, things)
                return (_encode({"data": each}).decode() for each in things)
            except (GivenUpError, msgspec.ValidationError):
                pass
        found = await asyncio.gather(*(self._ordinary(context, source) for source in sources))
        return (_encode(each).decode() for each in found)

    async def _ordinary(self, context: Context, source: Mapping[str, Any]) -> dict[str, Any]:
        """The payload of one event as graphql-core finds it."""
        wish = self.wish
        made = execute(
            wish.schema,
            wish.operation.document,
            root_value=source,
            context_value=context,
            variable_values=dict(wish.variables),
            operation_name=wish.operation.name,
        )
        result = await made if isawaitable(made) else made
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = shown(result.errors, suggesting=context.introspection)
        return payload

    def _source(self, event: Happened) -> dict[str, Any]:
        became = self.wish.field.types[event.type]
        own = {"cursor": self._log.cursor(event.place), "happened_at": event.time, "became": became}
        return event.data | own
