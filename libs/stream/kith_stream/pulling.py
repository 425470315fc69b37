"""Pulling from a durable consumer: messages in batches, asked for ahead, answered in one write.

Guarantees: messages come in the order in which the consumer delivers them; none is acknowledged but by its receiver;
a request that was lost with a connection is made again. What has come and is not answered is the consumer's to
deliver again after its lease, so at most `batch` messages wait here while as many are worked on.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.errors import Error as NatsError

from kith_stream.wire import fast, send

_EXPIRES_SECONDS = 5.0
_ENDED = frozenset({"404", "408"})  # a request that ended for lack of messages or of time


class PullBroken(NatsError):  # noqa: N818 -- a noun, as all that can go wrong
    """The consumer cannot be pulled from: it is gone, or its leader is. Bind to it again."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came. `reply` is where it is answered, and says how it was delivered.

    `headers` is the block of the wire protocol, its first line included; empty where there is none.
    """

    subject: str
    reply: str
    headers: bytes
    data: bytes

    def _place(self, from_end: int) -> int:
        # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[.x]
        words = self.reply.split(".")
        last = len(words) if len(words) < 12 else len(words) - 1  # noqa: PLR2004 -- the longer form ends with a token
        return int(words[last - from_end])

    @property
    def delivered(self) -> int:
        """How often it has been delivered, this time included."""
        return self._place(5)

    @property
    def sequence(self) -> int:
        """Its place in the stream."""
        return self._place(4)

    @property
    def number(self) -> int:
        """Which one it is of all its consumer has delivered: 1, 2, 3 …; a gap is a message that got lost."""
        return self._place(3)

    @property
    def stored_at(self) -> float:
        """When the stream stored it: Unix time in seconds."""
        return self._place(2) / 1e9

    @property
    def pending(self) -> int:
        """How many messages the consumer had behind it."""
        return self._place(1)

    def header(self, name: str) -> str | None:
        """The value of a header, None where there is none. The name is compared as it is written."""
        start = self.headers.find(f"\r\n{name}:".encode())
        if start < 0:
            return None
        start += len(name) + 3
        return self.headers[start : self.headers.index(b"\r\n", start)].decode(errors="replace").strip()


def _answered(messages: Iterable[Message], body: bytes) -> list[bytes]:
    return [b"PUB %b %d\r\n%b\r\n" % (each.reply.encode(), len(body), body) for each in messages]


def acknowledged(messages: Iterable[Message]) -> list[bytes]:
    """Frames that say: done."""
    return _answered(messages, b"+ACK")


def refused(message: Message, *, delay_seconds: float) -> list[bytes]:
    """Frames that say: again, after so long."""
    return _answered([message], b"-NAK " + json.dumps({"delay": int(delay_seconds * 1e9)}).encode())


def given_up(message: Message) -> list[bytes]:
    """Frames that say: never again."""
    return _answered([message], b"+TERM")


def worked_on(messages: Iterable[Message]) -> list[bytes]:
    """Frames that say: still at it; the lease begins anew."""
    return _answered(messages, b"+WPI")


Answer = Callable[[Sequence[bytes]], Awaitable[None]]
"""Sends the frames that tell a consumer what became of messages."""


@asynccontextmanager
async def leased(answer: Answer, messages: Sequence[Message], lease_seconds: float) -> AsyncIterator[None]:
    """While the block runs, the lease of these messages does not run out."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(lease_seconds / 3)
            with suppress(NatsError):  # a lease that cannot be kept runs out, and the messages come again
                await answer(worked_on(messages))

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


class Pull:
    """The messages of one durable pull consumer; make one with `pulling`."""

    def __init__(self, client: Client, *, stream: str, consumer: str, inbox: str, batch: int) -> None:
        self._client = client
        self._ask = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = inbox
        self._batch = batch
        self._come: list[Message] = []
        self._owed = 0  # messages the consumer may still send for the request under way
        self._broken: str | None = None
        self._arrived = asyncio.Event()

    def take(self, subject: str, reply: str, headers: bytes, data: bytes) -> None:
        """What the parser calls with each message, and with each status the consumer sends."""
        if reply:
            self._come.append(Message(subject, reply, headers, data))
            self._owed -= 1
        else:
            status, _, reason = headers[9:].partition(b"\r\n")[0].decode(errors="replace").partition(" ")
            if status == "100":
                return
            self._owed = 0
            if status not in _ENDED:
                self._broken = f"{status} {reason}".strip()
        self._arrived.set()

    async def next(self) -> list[Message]:
        """What has come since the last call, at least one; [] when nothing came for five seconds.

        Raises PullBroken when the consumer or its server is gone.
        """
        if not self._come:
            if self._broken is not None:
                raise PullBroken(self._broken)
            if self._owed <= 0:
                await self._request()
            self._arrived.clear()
            try:
                async with asyncio.timeout(_EXPIRES_SECONDS + 1):
                    await self._arrived.wait()
            except TimeoutError:
                self._owed = 0  # the request was lost, perhaps with the connection
        come, self._come = self._come[: self._batch], self._come[self._batch :]
        if come and self._owed <= 0 and not self._come and self._broken is None:
            await self._request()  # the next batch comes while this one is worked on
        return come

    async def _request(self) -> None:
        self._owed = self._batch
        asked = json.dumps({"batch": self._batch, "expires": int(_EXPIRES_SECONDS * 1e9)}).encode()
        frame = f"PUB {self._ask} {self._inbox} {len(asked)}\r\n".encode() + asked + b"\r\n"
        await send(self._client, [frame])

    async def answer(self, frames: Sequence[bytes]) -> None:
        """Send what `acknowledged`, `refused`, `given_up` and `worked_on` made, in one write."""
        if frames:
            await send(self._client, frames)


@asynccontextmanager
async def pulling(client: Client, *, stream: str, consumer: str, batch: int = 500) -> AsyncIterator[Pull]:
    """Pull from a durable consumer of a stream, `batch` messages at a time."""
    inbox = client.new_inbox()
    pull = Pull(client, stream=stream, consumer=consumer, inbox=inbox, batch=batch)
    parser = fast(client)
    subscription = await client.subscribe(inbox)
    sid = str(subscription._id).encode()  # noqa: SLF001 -- what messages are addressed with
    parser.takers[sid] = pull.take
    try:
        yield pull
    finally:
        parser.takers.pop(sid, None)
        if not client.is_closed:
            await subscription.unsubscribe()
