"""All that listens in this process, and the one consumer of the stream that feeds it.

Guarantees: who may not listen any more is closed within a second of the event that says so, or of the expiry of the
access token; connections are bounded in all, by member, and each in its subscriptions; a process that drains closes
its connections one after the other, with a code on which clients come by another one.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import msgspec
import prometheus_client
from graphql import GraphQLError
from starlette.datastructures import State
from starlette.websockets import WebSocket

from kith_chassis.errors import Forbidden, Unauthenticated
from kith_chassis.tokens import TokenVerifier
from kith_gateway.context import Context, refused
from kith_gateway.inputs import refusal
from kith_gateway.live.feeds import Feed, Subscribed
from kith_gateway.live.log import Log, read
from kith_gateway.live.sockets import (
    NOT_ACKNOWLEDGED,
    PROTOCOL,
    REFUSED,
    RESTARTING,
    TOO_MANY_SOCKETS,
    TRY_LATER,
    WRONG_PROTOCOL,
    ClosingError,
    Socket,
)
from kith_gateway.live.standing import TYPES, Listener, Standing
from kith_gateway.live.wishes import happenings, wished
from kith_gateway.negotiation import Asked, BadRequest
from kith_gateway.resources import Resources
from kith_gateway.settings import Settings
from kith_gateway.upstream import UpstreamError
from kith_stream.pulling import Message

log = logging.getLogger(__name__)
SOCKETS = prometheus_client.Gauge("subscription_sockets", "Open WebSocket connections.")
SUBSCRIPTIONS = prometheus_client.Gauge("subscriptions", "Subscriptions under way.")
FEEDS = prometheus_client.Gauge("subscription_feeds", "Feeds that serve them: those that show the same share one.")
CLOSED = prometheus_client.Counter("subscription_sockets_closed", "Connections by the code they ended with.", ["code"])
SUBJECTS = [f"kith.{type_}" for type_ in (*{each for one in happenings() for each in one.types}, *TYPES)]
_TICK_SECONDS = 0.25
_DRAIN_TICKS = 8
_LEAVING_SECONDS = 3.0
"""So long before it ends, a process that was told to begins to close: within it all are closed, one after the other."""
_SPARE_SECONDS = 1.0
"""So long before its end a token counts as expired: what is read with it must arrive while it is good."""
_REPLAYS = 8
"""So many read what they missed at a time: after a restart all come back at once."""


class Hub:
    """Made when the process starts; `tick` runs beside it."""

    def __init__(self, state: State) -> None:
        self.settings: Settings = state.settings
        self._state = state
        # Asked for once, carried out with every event.
        shared: Resources = state.resources
        self._resources = replace(shared, limits=replace(shared.limits, cost=self.settings.max_event_cost))
        self._log = Log(self.settings.replay_places)
        self._standing = Standing()
        self._sockets: dict[Socket, None] = {}
        self._of_member: Counter[tuple[str, str]] = Counter()
        self._feeds: dict[Any, Feed] = {}
        self._found: dict[tuple[str, str, str | None, str | None], dict[Feed, None]] = defaultdict(dict)
        self._replays = asyncio.Semaphore(_REPLAYS)
        self._replaying: set[asyncio.Task[None]] = set()
        self._begun = self._caught_up = False
        self._draining_since: float | None = None
        self._is_leaving = False
        self._a_tick = 0

    # What the follower of the stream calls.

    def begin(self, created: datetime, place: int) -> None:
        if self._begun:
            log.warning("the stream begins anew, and so does everybody")
            self.lose()
        self._begun, self._caught_up = True, False
        self._log.begin(created, place)

    def lose(self) -> None:
        """What happens is not known any more, logouts neither: nobody listens until the stream is followed again."""
        self._caught_up = False
        for each in list(self._sockets):
            each.close(RESTARTING, "The stream has changed; fetch anew")

    def take(self, messages: Sequence[Message], *, caught_up: bool) -> None:
        for message in messages:
            try:
                event = read(message.data)
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                log.warning("what cannot be read is passed over", extra={"place": message.sequence})
                continue
            event.place = message.sequence
            if not self._log.add(event):
                continue
            if event.type in TYPES:
                self._standing.learn(event)
                for each in list(self._sockets):
                    if each.is_acknowledged and not self._standing.allows(each.listener):
                        each.close(NOT_ACKNOWLEDGED, "This login has ended")
                continue
            for feed in self._concerned(event.tenant, event.type, event.data):
                feed.take(event)
        self._caught_up = self._caught_up or caught_up

    def _concerned(self, tenant: str, type_: str, data: Mapping[str, Any]) -> dict[Feed, None]:
        found = dict(self._found.get((tenant, type_, None, None), {}))
        for name, value in data.items():
            if isinstance(value, str):
                found |= self._found.get((tenant, type_, name, value), {})
        return found

    # What connections call.

    async def serve(self, websocket: WebSocket) -> None:
        """Answer one connection until it ends."""
        if not self._lets_in(websocket):
            await websocket.close()  # before it is accepted: 403
            return
        offered = websocket.scope["subprotocols"]
        speaks = PROTOCOL in offered
        # A browser hears a reason only on a connection that has accepted what it offered.
        await websocket.accept(PROTOCOL if speaks else next(iter(offered), None))
        socket = Socket(self, websocket)
        if not speaks:
            socket.close(WRONG_PROTOCOL, f"Subprotocol not acceptable: this server speaks {PROTOCOL} alone")
        elif self._is_leaving:
            socket.close(RESTARTING, "This process is about to end; connect again")
        elif not self._caught_up:
            socket.close(TRY_LATER, "Nothing can be listened to right now")
        elif len(self._sockets) >= self.settings.max_sockets:
            socket.close(TRY_LATER, "This process has as many connections as it takes")
        self._sockets[socket] = None
        SOCKETS.inc()
        try:
            await socket.serve()
        finally:
            del self._sockets[socket]
            SOCKETS.dec()
            CLOSED.labels(str(socket.code)).inc()
            if socket.is_acknowledged:
                self._leaves(socket.listener)

    def _lets_in(self, websocket: WebSocket) -> bool:
        """Browsers say where a page comes from; without that it is no browser, and has no cookie of anyone's either."""
        origin = websocket.headers.get("origin")
        if origin is None or origin in self.settings.allowed_origins:
            return True
        return bool(origin) and urlsplit(origin).netloc == websocket.headers.get("host")

    async def admit(self, token: str) -> Listener:
        tokens: TokenVerifier = self._state.tokens
        listener = Listener.of(await tokens.verify(token), token)
        if not self._standing.allows(listener):
            raise ClosingError(NOT_ACKNOWLEDGED, "This login has ended")
        if listener.principal.expires_at - _SPARE_SECONDS <= time.time():
            raise Unauthenticated("The access token has expired; refresh it.")
        who = listener.tenant, listener.member
        if self._of_member[who] >= self.settings.max_sockets_per_member:
            raise ClosingError(TOO_MANY_SOCKETS, "Too many connections of one member")
        self._of_member[who] += 1
        return listener

    def _leaves(self, listener: Listener) -> None:
        who = listener.tenant, listener.member
        self._of_member[who] -= 1
        if not self._of_member[who]:
            del self._of_member[who]

    def cursor(self) -> str:
        return self._log.cursor(self._log.newest)

    def subscribe(self, socket: Socket, id_: str, payload: dict[str, Any]) -> Subscribed:
        listener = socket.listener
        try:
            pay = self._resources.purse(listener.principal).pay
            pay(1)
            asked = Asked.of(payload)
            text = self._resources.persisted.text(asked.text, asked.hashed)
            wish, after, shared = wished(self._context(listener, asked.operation), text, asked.variables)
            if not listener.principal.may(wish.field.permission):
                raise refused(Forbidden(f"This needs the permission {wish.field.permission}."))
            seen = self._log.newest if after is None else self._log.place(after)
            key = (
                listener.tenant,
                listener.principal.permissions,
                None if shared else listener.member,
                text,
                wish.operation.name,
                msgspec.json.encode(wish.variables, order="deterministic"),
            )
            feed = self._feeds.get(key) or Feed(wish, self._log, self._context)
            subscribed = Subscribed(socket, id_, feed, key, seen)
            missed = feed.missed(subscribed) if after is not None else []
            pay(1 + len(missed))
        except BadRequest as error:
            raise refusal("BAD_USER_INPUT", str(error)) from error
        except UpstreamError as error:
            raise GraphQLError(str(error), extensions=error.extensions) from error
        if asked.hashed is not None:
            self._resources.persisted.register(asked.hashed, text)
        if not feed.subscribed:
            self._feeds[key] = feed
            FEEDS.inc()
            for address in feed.addresses(listener):
                self._found[address][feed] = None
        feed.subscribed[subscribed] = None
        SUBSCRIPTIONS.inc()
        if missed:
            task = asyncio.create_task(self._replay(socket, feed, subscribed, missed))
            self._replaying.add(task)
            task.add_done_callback(self._replaying.discard)
        else:
            subscribed.ready = True
        return subscribed

    async def _replay(self, socket: Socket, feed: Feed, subscribed: Subscribed, missed: Sequence[Any]) -> None:
        async with socket.replaying:
            try:
                await feed.replay(subscribed, missed, self._replays)
            except Exception:
                log.exception("telling what was missed went wrong")
                if subscribed in feed.subscribed:
                    subscribed.break_off()

    def unsubscribe(self, subscribed: Subscribed) -> None:
        feed = subscribed.feed
        if feed.subscribed.pop(subscribed, 0) == 0:
            return
        SUBSCRIPTIONS.dec()
        if not feed.subscribed:
            feed.stop()
            FEEDS.dec()
            del self._feeds[subscribed.key]
            for address in feed.addresses(subscribed.outlet.listener):
                self._found[address].pop(feed, None)
                if not self._found[address]:
                    del self._found[address]

    def _context(self, listener: Listener, operation: str | None) -> Context:
        return self._resources.context(listener.authorization, listener.principal, operation=operation)

    # What time calls.

    async def tick(self) -> None:
        """Close what has expired, and all when the process is told to end; for ever."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            ends = time.time() + _SPARE_SECONDS
            for each in list(self._sockets):
                if each.is_acknowledged and each.listener.principal.expires_at <= ends:
                    each.close(REFUSED, "Forbidden: the access token has expired; refresh it")
            if self._state.draining and not self._is_leaving:
                self._draining_since = self._draining_since or time.monotonic()
                # Whoever is sent away earlier may come back here: this process is still known.
                wait = self.settings.stop_grace_seconds - _LEAVING_SECONDS
                self._is_leaving = time.monotonic() - self._draining_since >= wait
            if self._is_leaving and self._sockets:
                self._a_tick = self._a_tick or len(self._sockets) // _DRAIN_TICKS + 1
                still = (each for each in self._sockets if each.code is None)
                for each in list(islice(still, self._a_tick)):
                    each.close(RESTARTING, "This process is about to end; connect again")

    async def close(self) -> None:
        """End what is under way."""
        for each in self._replaying:
            each.cancel()
        for feed in list(self._feeds.values()):
            feed.stop()
