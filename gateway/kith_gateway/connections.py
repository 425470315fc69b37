"""Kept HTTP/1.1 connections to one service: what a gateway needs of HTTP, and nothing else.

Guarantees: an answer is read whole or not at all, and belongs to the request it is given for. A connection is used
again only after a whole answer that does not forbid it, when nothing came on it since, and not after `keep_seconds` of
rest. An answer says how long it is or comes in chunks; one that ends with the connection is none.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from time import monotonic
from typing import cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer's body."""
_CONNECT_SECONDS = 2.0
_FIRST_FINAL = 200


class NotReachedError(Exception):
    """No connection could be made: nothing was sent."""


class BrokenError(Exception):
    """The connection ended, or said what is not HTTP, before the answer was whole: the request may have been heard."""


class _Connection(asyncio.Protocol):
    """One connection, which answers one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.rested_at = 0.0
        self.usable = True
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, request: bytes, seconds: float) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request; the future is its answer, or TimeoutError."""
        assert self.transport is not None  # noqa: S101 -- it is connected
        loop = asyncio.get_running_loop()
        self._waiting, self._timer = loop.create_future(), loop.call_later(seconds, self._fail, TimeoutError())
        self._begin()
        self.transport.write(request)
        return self._waiting

    def abort(self) -> None:
        self.usable = False
        self._settle()
        if self.transport is not None:
            self.transport.abort()

    def _begin(self) -> None:
        self._parser = HttpResponseParser(self)
        self._body: list[bytes] = []
        self._size = 0

    def _settle(self) -> None:
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fail(self, error: Exception) -> None:
        waiting = self._waiting
        self.abort()
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.abort()  # nobody asked: whatever it is, it is not to become the answer to the next request
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(BrokenError(f"what came is not HTTP: {type(error).__name__}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(BrokenError(f"the connection was closed: {exc}"))

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._waiting is None:
            self.usable = False  # more than one answer to one request

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_ANSWER:
            self._fail(BrokenError("the answer has no end"))
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        waiting = self._waiting
        if waiting is None or status < _FIRST_FINAL:
            return  # given up, or only announced
        self._settle()
        self.usable = self.usable and self._parser.should_keep_alive()
        if not waiting.done():
            waiting.set_result((status, b"".join(self._body)))


class Connections:
    """The connections to one address, `most` at a time; who comes when all are in use waits for one.

    `headers` go with every request.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str] = {}, most: int = 64, keep_seconds: float = 30.0
    ) -> None:
        at = urlsplit(url)
        self._host, self._tls = at.hostname or "", at.scheme == "https"
        self._port = at.port or (443 if self._tls else 80)
        self._base = at.path
        self._fixed = _lines({"Host": at.netloc.rpartition("@")[2], **headers})
        self._context = ssl.create_default_context() if self._tls else None
        self._keep_seconds = keep_seconds
        self._free = asyncio.Semaphore(most)
        self._rested: deque[_Connection] = deque()

    def written(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """A request, to be asked once or several times. Raises ValueError for what would become another."""
        if not (target.isascii() and target.isprintable()) or " " in target:
            raise ValueError("an address is quoted")
        body = b"" if body is None and method != "GET" else body
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        head = f"{method} {self._base}{target} HTTP/1.1\r\n{self._fixed}{_lines(headers)}{length}\r\n"
        return head.encode("latin-1") + (body or b"")

    async def ask(self, request: bytes, *, seconds: float) -> tuple[int, bytes]:
        """Status and body of an answer. Raises NotReachedError, BrokenError, or TimeoutError after `seconds` in all."""
        ends = monotonic() + seconds
        connection = None if self._free.locked() else self._kept()
        if connection is not None:
            await self._free.acquire()  # at once
        else:
            async with asyncio.timeout(seconds):
                connection = await self._place()
        try:
            return await connection.ask(request, ends - monotonic())
        except BaseException:
            connection.usable = False  # given up: an answer that still comes is nobody's
            raise
        finally:
            self._rest(connection)
            self._free.release()

    def close(self) -> None:
        """Close what rests; what is in use is closed when it is done."""
        self._keep_seconds = 0.0
        while self._rested:
            self._rested.pop().abort()

    def _kept(self) -> _Connection | None:
        """The connection used last, if one may be used again."""
        oldest = monotonic() - self._keep_seconds
        while self._rested and (self._rested[0].rested_at < oldest or not self._rested[0].usable):
            self._rested.popleft().abort()
        while self._rested:
            connection = self._rested.pop()
            if connection.usable and connection.transport is not None and not connection.transport.is_closing():
                return connection
        return None

    async def _place(self) -> _Connection:
        """A connection, when there may be one more."""
        await self._free.acquire()
        try:
            return self._kept() or await self._connected()
        except BaseException:
            self._free.release()
            raise

    async def _connected(self) -> _Connection:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection, self._host, self._port, ssl=self._context
                )
        except (OSError, TimeoutError) as error:
            raise NotReachedError(str(error)) from error
        return connection

    def _rest(self, connection: _Connection) -> None:
        if connection.usable and self._keep_seconds > 0:
            connection.rested_at = monotonic()
            self._rested.append(connection)
        else:
            connection.abort()


def _lines(headers: Mapping[str, str]) -> str:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header would become two")
    return lines
