"""A load that costs little: HTTP/1.1 over kept connections, written by hand, on a loop of its own."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_END = b"\r\n\r\n"


@dataclass
class Sent:
    """What became of the requests: when things were sent and answered (Unix time; one in `keep_every`), what failed."""

    keep_every: int = 1
    times: dict[str, tuple[float, float]] = field(default_factory=dict)
    made: int = 0
    failed: int = 0


class _Caller(asyncio.Protocol):
    """One kept connection; sends the next request when told to."""

    def __init__(self, sent: Sent, after: "Load") -> None:
        self._sent, self._load = sent, after
        self._held, self._began = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def send(self, request: bytes) -> None:
        self._began = time.time()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        end = self._held.find(_END)
        if end < 0:
            return
        head = self._held[:end].lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._held) < end + 4 + length:
            return
        body, self._held = self._held[end + 4 : end + 4 + length], b""
        if head.startswith(b"http/1.1 201"):
            self._sent.made += 1
            if self._sent.made % self._sent.keep_every == 0:
                self._sent.times[json.loads(body)["id"]] = (self._began, time.time())
        else:
            self._sent.failed += 1
        self._load.free(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._load.gone(self)


class Load:
    """Requests over a number of connections: as fast as answers come, or at a steady rate."""

    def __init__(self, url: str, requests: Iterator[bytes], *, connections: int, keep_every: int = 1) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._requests = requests
        self._connections = connections
        self._idle: list[_Caller] = []
        self._due: list[bytes] = []
        self._left = 0
        self._finished = asyncio.Event()
        self.sent = Sent(keep_every)

    async def run(self, requests: int, *, per_second: float | None = None) -> Sent:
        """Send so many; returns when all are answered. What is due while no connection is free waits, and is timed."""
        loop = asyncio.get_running_loop()
        callers = [
            (await loop.create_connection(lambda: _Caller(self.sent, self), self._host, self._port))[1]
            for _ in range(self._connections)
        ]
        self._left = requests
        self._idle = list(callers)
        if per_second is None:
            self._due = [next(self._requests) for _ in range(requests)]
            while self._idle and self._due:
                self._idle.pop().send(self._due.pop())
        else:
            began, sent = time.monotonic(), 0
            while sent < requests:
                owed = min(requests, int((time.monotonic() - began) * per_second) + 1)
                for _ in range(owed - sent):
                    if self._idle:
                        self._idle.pop().send(next(self._requests))
                    else:
                        self._due.append(next(self._requests))
                sent = owed
                await asyncio.sleep(0.001)
        async with asyncio.timeout(120):
            await self._finished.wait()
        for each in callers:
            each._transport.close()  # noqa: SLF001 -- ours
        return self.sent

    def free(self, caller: _Caller) -> None:
        self._left -= 1
        if self._left == 0:
            self._finished.set()
        if self._due:
            caller.send(self._due.pop())
        else:
            self._idle.append(caller)

    def gone(self, caller: _Caller) -> None:
        if caller in self._idle:
            self._idle.remove(caller)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
