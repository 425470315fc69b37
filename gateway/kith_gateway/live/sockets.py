"""One connection: graphql-transport-ws, spoken by the letter of its protocol (github.com/enisdenjo/graphql-ws).

Guarantees: nothing is carried out before `connection_init` was acknowledged; an id belongs to one subscription at a
time; nothing is sent for it after its `complete` or `error`; what waits to be sent is bounded, and who does not read
it is closed. Only subscriptions are carried out: queries and mutations have POST, with its keys and limits.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from graphql import GraphQLError
from starlette.websockets import WebSocket, WebSocketDisconnect

from kith_chassis.errors import Unauthenticated, Unavailable
from kith_gateway.answers import shown
from kith_gateway.live.feeds import Subscribed
from kith_gateway.live.standing import Listener
from kith_gateway.settings import Settings

PROTOCOL = "graphql-transport-ws"
TOO_MANY_MESSAGES, RESTARTING, TRY_LATER = 1008, 1012, 1013
BAD_MESSAGE, NOT_ACKNOWLEDGED, REFUSED, WRONG_PROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, ID_TAKEN, TOO_SLOW, INIT_TWICE, TOO_MANY_SOCKETS = 4408, 4409, 4413, 4429, 4430
_MAX_ID = 128
_CLOSE_SECONDS = 5.0
_json = msgspec.json.Encoder().encode


class _Message(msgspec.Struct):
    type: str
    id: str | None = None
    payload: Any = None


_read = msgspec.json.Decoder(_Message).decode


class Allowance:
    """How many messages a client may send: so many at once, and so many more with each second."""

    _BURST, _A_SECOND = 200.0, 20.0

    def __init__(self) -> None:
        self._left, self._at = self._BURST, time.monotonic()

    def takes(self) -> bool:
        """Whether one more is within it."""
        now = time.monotonic()
        self._left = min(self._BURST, self._left + (now - self._at) * self._A_SECOND) - 1
        self._at = now
        return self._left >= 0


class ClosingError(Exception):
    """This connection is to be closed, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Host(Protocol):
    """What a connection needs of the process it is in."""

    settings: Settings

    async def admit(self, token: str) -> Listener:
        """Who presents this token. Raises Unauthenticated, Unavailable or ClosingError."""

    def subscribe(self, socket: "Socket", id_: str, payload: dict[str, Any]) -> Subscribed:
        """Begin a subscription. Raises GraphQLError and UpstreamError."""

    def unsubscribe(self, subscribed: Subscribed) -> None:
        """End a subscription."""

    def cursor(self) -> str:
        """Where the stream is now."""


class Socket:
    """One connection; `serve` runs as long as it lasts."""

    def __init__(self, host: Host, websocket: WebSocket) -> None:
        self.host, self.websocket = host, websocket
        self.subscribed: dict[str, Subscribed | None] = {}
        self.code: int | None = None
        self._listener: Listener | None = None
        self.replaying = asyncio.Lock()
        """What was missed is told for one subscription after another."""
        self._waiting: deque[str] = deque()
        self._size = 0
        self._writing: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._allowance = Allowance()

    @property
    def listener(self) -> Listener:
        assert self._listener is not None  # noqa: S101 -- nothing is subscribed to before
        return self._listener

    @property
    def is_acknowledged(self) -> bool:
        return self._listener is not None

    async def serve(self) -> None:
        """Answer the client until the connection ends."""
        try:
            async with asyncio.timeout(self.host.settings.socket_init_seconds) as patience:
                while True:
                    await self._answer(await self._received())
                    if self.is_acknowledged:
                        patience.reschedule(None)
        except TimeoutError:
            self.close(INIT_TIMEOUT, "Connection initialisation timeout")
        except ClosingError as error:
            self.close(error.code, error.reason)
        except WebSocketDisconnect as error:
            self.code = self.code or error.code
        finally:
            self._leave()
            if self._closing is not None:
                await self._closing
            if self._writing is not None:
                self._writing.cancel()

    async def _received(self) -> _Message:
        message = await self.websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        if not self._allowance.takes():
            raise ClosingError(TOO_MANY_MESSAGES, "Too many messages")
        text = message.get("text")
        if text is None:
            raise ClosingError(BAD_MESSAGE, "Messages are text, not binary")
        try:
            return _read(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            raise ClosingError(BAD_MESSAGE, "This is not a message of graphql-transport-ws") from None

    async def _answer(self, message: _Message) -> None:
        match message.type:
            case "connection_init":
                await self._init(message.payload)
            case "ping":
                self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe" if not self.is_acknowledged:
                raise ClosingError(NOT_ACKNOWLEDGED, "Unauthorized")
            case "subscribe":
                self._subscribe(_id(message), message.payload)
            case "complete":
                self._end(_id(message))
            case _:
                raise ClosingError(BAD_MESSAGE, f"Unknown message type: {message.type[:40]}")

    async def _init(self, payload: Any) -> None:
        if self.is_acknowledged:
            raise ClosingError(INIT_TWICE, "Too many initialisation requests")
        given = payload.get("authorization", payload.get("Authorization")) if isinstance(payload, dict) else None
        scheme, _, token = given.partition(" ") if isinstance(given, str) else ("", "", "")
        try:
            self._listener = await self.host.admit(token.strip() if scheme.lower() == "bearer" else "")
        except Unauthenticated as error:
            raise ClosingError(REFUSED, f"Forbidden: {error.detail}") from None
        except Unavailable:
            raise ClosingError(TRY_LATER, "Access tokens cannot be verified right now") from None
        self._send({"type": "connection_ack", "payload": {"cursor": self.host.cursor()}})

    def _subscribe(self, id_: str, payload: Any) -> None:
        if id_ in self.subscribed:
            raise ClosingError(ID_TAKEN, f"Subscriber for {id_[:60]} already exists")
        named = isinstance(payload, dict) and payload.keys() & {"query", "extensions"}
        if not named or not isinstance(payload.get("query", ""), str):
            raise ClosingError(BAD_MESSAGE, "A subscribe message has a payload with a query")
        most = self.host.settings.max_subscriptions
        if len(self.subscribed) >= most:
            told = f"A connection has {most} subscriptions at most; complete one first."
            self.fail(id_, [GraphQLError(told, extensions={"code": "TOO_MANY_SUBSCRIPTIONS"})])
            return
        self.subscribed[id_] = None  # what is being looked over has its id already
        try:
            self.subscribed[id_] = self.host.subscribe(self, id_, payload)
        except GraphQLError as error:
            self.fail(id_, [error])

    # What feeds do with it.

    def next(self, id_: str, payload: str) -> None:
        self._put(f'{{"id":{_json(id_).decode()},"type":"next","payload":{payload}}}')

    def fail(self, id_: str, errors: list[GraphQLError]) -> None:
        self._end(id_)
        self._send(
            {
                "id": id_,
                "type": "error",
                "payload": shown(errors, suggesting=self.host.settings.environment != "production"),
            }
        )

    async def room(self, size: int) -> None:
        settings = self.host.settings
        while self._writing is not None and (
            self._size + size > settings.socket_queue_bytes // 4
            or len(self._waiting) >= settings.socket_queue_messages // 4
        ):
            await asyncio.wait([self._writing], timeout=0.1)

    def close(self, code: int, reason: str) -> None:
        """Close the connection after what is still to be sent; one that nobody reads is cut off."""
        if self.code is None:
            self.code = code
            self._leave()
            self._closing = asyncio.create_task(self._close(code, reason))

    def _end(self, id_: str) -> None:
        subscribed = self.subscribed.pop(id_, None)
        if subscribed is not None:
            self.host.unsubscribe(subscribed)

    def _leave(self) -> None:
        for id_ in list(self.subscribed):
            self._end(id_)

    def _send(self, message: dict[str, Any]) -> None:
        self._put(_json(message).decode())

    def _put(self, text: str) -> None:
        if self.code is not None:
            return
        settings, goes_on = self.host.settings, self._size > 0
        self._waiting.append(text)
        self._size += len(text)
        full = self._size > settings.socket_queue_bytes or len(self._waiting) > settings.socket_queue_messages
        if full and goes_on:  # one alone is sent whatever its size
            self._waiting.clear()
            self.close(TOO_SLOW, "Reading too slowly; listen again from your last cursor")
        elif self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                text = self._waiting.popleft()
                await self.websocket.send_text(text)  # waits as long as the client does not read
                self._size -= len(text)
        except (WebSocketDisconnect, RuntimeError):
            self._waiting.clear()  # it has ended meanwhile, which is for `serve` to hear
        finally:
            self._writing = None

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if self._writing is not None:
                    await asyncio.wait([self._writing])
                with suppress(WebSocketDisconnect, RuntimeError):
                    await self.websocket.close(code, reason)
        except TimeoutError:
            cut = self.websocket.scope.get("extensions", {}).get("kith", {}).get("abort")
            if cut is not None:
                cut()


def _id(message: _Message) -> str:
    if not message.id or len(message.id) > _MAX_ID:
        raise ClosingError(BAD_MESSAGE, f"An id has 1 to {_MAX_ID} characters")
    return message.id
