"""The short way in: uvicorn's HTTP protocol, answering small requests from the parser's callbacks, past ASGI.

        stand_before(app, [route, …])

Most of what a small request costs under uvicorn is not parsing: the scope, a cycle with its queue of
messages, the calls through each layer of middleware, two writes for one answer. The short way needs none of them. The
parser, pipelining, keep-alive, shutdown and the limits stay uvicorn's, and so does every request that is not taken:
one is taken when it is the only one on its connection, its body is announced and small, and a `Route` matches; it is
given back, whole and untouched, when the route finds that it is not plain sailing.

On either way a head has 64 KiB, and each 64 KiB of a request have 20 seconds to come. That costs a timer only where a
request does not come in one piece.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from kith_chassis.app import answer, answer_unexpected
from kith_chassis.errors import Problem

LARGEST_BODY = 65_536  # bytes; uvicorn stops reading a connection here
LARGEST_HEAD = 65_536  # bytes of the request line and the headers
_PIECE_SECONDS = 20.0
"""So long a head may take to come, and each `LARGEST_HEAD` bytes of a body."""

Headers = tuple[tuple[bytes, bytes], ...]
OF_JSON: Headers = ((b"content-type", b"application/json"),)


class NotPlain(Exception):  # noqa: N818 -- what it is
    """The ordinary way answers this one."""


@dataclass(slots=True)
class Answer:
    """An answer but for its length, which is told by itself."""

    body: bytes
    status: int = 200
    headers: Headers = OF_JSON

    @classmethod
    def of(cls, response: Response) -> "Answer":
        headers = (each for each in response.raw_headers if each[0] != b"content-length")
        return cls(bytes(response.body), response.status_code, tuple(headers))


class Route(Protocol):
    """Requests that may go the short way."""

    @property
    def method(self) -> str: ...

    @property
    def pattern(self) -> re.Pattern[str]:
        """Of a path without escapes and query."""

    def begin(self, found: re.Match[str], headers: Mapping[bytes, bytes], body: bytes) -> Awaitable[Answer]:
        """The answer to come. Raises NotPlain, before anything is done; what is awaited raises nothing."""


def stand_before(app: FastAPI, routes: Sequence[Route], options: Callable[[], dict[str, Any]] = dict) -> None:
    """Let these go the short way wherever uvicorn serves this application; `options` are what else it is told."""
    app.state.serving = lambda: {"http": partial(ShortWay, app=app, routes=routes), **options()}


async def refusal(app: FastAPI, error: Exception) -> Answer:
    """What the ordinary way would answer when this was raised."""
    if isinstance(error, Problem):
        return Answer.of(answer(error))
    return Answer.of(await answer_unexpected(Request({"type": "http", "app": app}), error))


class _Nobody:
    """Waits for no message."""

    def set(self) -> None: ...


class Taken:
    """A request on the short way, in the place of uvicorn's cycle."""

    def __init__(self, route: Route, found: re.Match[str], headers: Mapping[bytes, bytes]) -> None:
        self.route, self.found, self.headers = route, found, headers
        self.body = b""
        self.more_body = self.keep_alive = True
        self.disconnected = self.response_started = self.response_complete = False
        self.message_event = _Nobody()


class ShortWay(HttpToolsProtocol):
    """One connection; see the module's first lines."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        app: FastAPI,
        routes: Sequence[Route],
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._routes, self._most = routes, min(LARGEST_BODY, app.state.settings.max_body_bytes)
        self._taken: Taken | None = None  # and not all of it is here yet
        self._named: list[tuple[bytes, bytes]] | None = None
        self._head = b""
        self._coming: int | None = None  # bytes of the request that is coming in, or of this piece of its body
        self._is_head = self._has_ended = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        # Who says nothing at all is waited for as long as who has been answered.
        wait = max(self.timeout_keep_alive, _PIECE_SECONDS)
        self.timeout_keep_alive_task = self.loop.call_later(wait, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_ended = False
        super().data_received(data)
        if self._coming is None:
            return
        if not self._has_ended:  # else nobody knows how much of it is of the next request
            self._coming += len(data)
        if self._timer is None:
            self._start_timer()
        elif self._coming > LARGEST_HEAD and not self._is_head:
            self._coming = 0
            self._start_timer()
        if self._coming > LARGEST_HEAD and self._is_head:
            self._refuse(431)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(_PIECE_SECONDS, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if self.flow.read_paused or (self._is_head and self._is_answering):
            self._start_timer()  # it is for others to go on
        else:
            self._refuse(408)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: int) -> None:
        """End the connection, and say why unless that would be taken for another answer."""
        if self.transport.is_closing():
            return
        if not (self._is_answering if self._is_head else self.cycle.response_started):
            headers = [*self.server_state.default_headers, (b"content-length", b"0"), (b"connection", b"close")]
            self.transport.write(b"".join((STATUS_LINE[status], _lines(tuple(headers)), b"\r\n")))
        if self._is_answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._coming, self._is_head = 0, True

    def on_headers_complete(self) -> None:
        self._is_head = False
        self._taken = self._take()
        if self._taken is None:
            super().on_headers_complete()
        else:
            self.cycle = self._taken  # type: ignore[assignment]  # all that uvicorn asks of one

    def on_body(self, body: bytes) -> None:
        if self._taken is None:
            super().on_body(body)
        else:
            self._taken.body += body

    def on_message_complete(self) -> None:
        self._coming, self._has_ended = None, True
        if self._timer is not None:
            self._stop_timer()
        taken, self._taken = self._taken, None
        if taken is None:
            super().on_message_complete()
            return
        taken.more_body = False
        try:
            coming = taken.route.begin(taken.found, taken.headers, taken.body)
        except NotPlain:
            self._give_back(taken)
            return
        task = self.loop.create_task(self._answer(taken, coming))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _take(self) -> Taken | None:
        """The request whose headers are complete, when it may go the short way."""
        parser = self.parser
        if (
            (self.cycle is not None and not self.cycle.response_complete)
            or self.expect_100_continue
            or self.flow.write_paused
            or self.limit_concurrency is not None
            or b"?" in self.url
            or b"%" in self.url
            or parser.should_upgrade()
            or not parser.should_keep_alive()
        ):
            return None
        method, path = parser.get_method().decode("ascii"), self.url.decode("ascii", "replace")
        for route in self._routes:
            found = route.pattern.match(path) if method == route.method else None
            if found is not None:
                headers = dict(reversed(self.headers))  # the first of a name counts
                announced = headers.get(b"content-length")  # the parser has seen that it is a number
                fits = announced is not None and int(announced) <= self._most
                return Taken(route, found, headers) if fits else None
        return None

    def _give_back(self, taken: Taken) -> None:
        taken.response_complete = True  # for uvicorn there was none
        super().on_headers_complete()
        self.cycle.keep_alive = self.cycle.keep_alive and taken.keep_alive
        if taken.body:
            super().on_body(taken.body)
        super().on_message_complete()

    async def _answer(self, taken: Taken, coming: Awaitable[Answer]) -> None:
        try:
            self._send(taken, await coming)
        except BaseException:  # told to stop, or ours to mend
            self.transport.close()
            raise

    def _send(self, taken: Taken, given: Answer) -> None:
        if taken.disconnected:
            return
        named = self.server_state.default_headers
        if named is not self._named:  # uvicorn makes them anew each second
            self._named, self._head = named, _lines(tuple(named))
        taken.keep_alive = taken.keep_alive and (b"connection", b"close") not in named
        head = b"%bcontent-length: %d\r\n" % (_lines(given.headers), len(given.body))
        if not taken.keep_alive and (b"connection", b"close") not in named:
            head += b"connection: close\r\n"
        self.transport.write(b"".join((STATUS_LINE[given.status], self._head, head, b"\r\n", given.body)))
        taken.response_complete = True
        if not taken.keep_alive:
            self.transport.close()
        self.on_response_complete()


@lru_cache(256)
def _lines(headers: Headers) -> bytes:
    return b"".join(b"%b: %b\r\n" % each for each in headers)
