"""The short way in: uvicorn's HTTP protocol, answering small requests from the parser's callbacks, past ASGI.

        stand_before(app, [route, …])

Most of what a small request costs under uvicorn is not parsing: the scope, a cycle with its queue of
messages, the calls through each layer of middleware, two writes for one answer. The short way needs none of them. The
parser, pipelining, keep-alive, shutdown and the limits stay uvicorn's, and so does every request that is not taken:
one is taken when it is the only one on its connection, its body is announced and small, and a `Route` matches; it is
given back, whole and untouched, when the route finds that it is not plain sailing.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from kith_chassis.app import answer, answer_unexpected
from kith_chassis.errors import Problem

LARGEST_BODY = 65_536  # bytes; uvicorn stops reading a connection here

Headers = Sequence[tuple[bytes, bytes]]
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
        headers = [each for each in response.raw_headers if each[0] != b"content-length"]
        return cls(bytes(response.body), response.status_code, headers)


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
        self.disconnected = self.response_complete = False
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
        self._app, self._routes = app, routes
        self._taken: Taken | None = None  # and not all of it is here yet
        self._named: Headers | None = None
        self._head = b""

    def on_headers_complete(self) -> None:
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
                most = min(LARGEST_BODY, self._app.state.settings.max_body_bytes)
                return Taken(route, found, headers) if announced is not None and int(announced) <= most else None
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
            self._named, self._head = named, _lines(named)
        taken.keep_alive = taken.keep_alive and (b"connection", b"close") not in named
        head = b"%bcontent-length: %d\r\n" % (_lines(given.headers), len(given.body))
        if not taken.keep_alive and (b"connection", b"close") not in named:
            head += b"connection: close\r\n"
        self.transport.write(b"".join((STATUS_LINE[given.status], self._head, head, b"\r\n", given.body)))
        taken.response_complete = True
        if not taken.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _lines(headers: Headers) -> bytes:
    return b"".join(b"%b: %b\r\n" % each for each in headers)
