"""Following a stream: every message of some subjects as it is stored, for who wants to know and acknowledges nothing.

Guarantees: messages are taken in the order of the stream, each once, also over lost connections, restarts of the
server and lost messages: there is one consumer at a time, numbered by the server, and after a gap or an error another
one goes on behind the last message taken. The server names it, keeps it in memory, and
forgets it when nobody pulls from it: a follower needs no right to create, change or delete anybody's by name.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count, takewhile
from typing import Protocol

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import api
from nats.js.client import JetStreamContext

from kith_stream.pulling import Message, pulling

log = logging.getLogger(__name__)
_FORGOTTEN_SECONDS = 30.0


class Taker(Protocol):
    """What is told of a stream. Must not raise."""

    def begin(self, created: datetime, place: int) -> None:
        """It is the stream created then, and everything behind this place will be taken.

        Called at first, and when the stream is another one, where places of before mean nothing.
        """

    def take(self, messages: Sequence[Message], *, caught_up: bool) -> None:
        """The next messages, if any; `caught_up`: at that moment the stream had no more."""


class Follower:
    """Hands over the messages of a stream that are within `behind` places of its end, and all that come."""

    def __init__(self, client: Client, taker: Taker, *, stream: str, subjects: Sequence[str], behind: int) -> None:
        self._client, self._taker = client, taker
        self._stream, self._subjects, self._behind = stream, list(subjects), behind
        self._created: datetime | None = None
        self._place = 0

    async def follow(self, *, batch: int = 500) -> None:
        """For ever. The client may be away, and the stream not there yet."""
        while True:
            try:
                js = self._client.jetstream(timeout=5)
                await self._pulled(await self._consumer(js), batch)
            except (NatsError, OSError, TimeoutError) as error:
                log.warning("the stream cannot be followed", extra={"reason": type(error).__name__})
                await asyncio.sleep(0.5)

    async def _consumer(self, js: JetStreamContext) -> str:
        """The name of a new consumer that begins behind the last message taken."""
        info = await js.stream_info(self._stream)
        state, created = info.state, info.created or datetime.min.replace(tzinfo=UTC)
        if created != self._created or state.last_seq < self._place:
            self._created, self._place = created, max(state.last_seq - self._behind, state.first_seq - 1, 0)
            self._taker.begin(created, self._place)
        config = api.ConsumerConfig(
            filter_subjects=self._subjects,
            ack_policy=api.AckPolicy.NONE,
            inactive_threshold=_FORGOTTEN_SECONDS,
            mem_storage=True,
            num_replicas=1,
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._place + 1,
        )
        made = await js.add_consumer(self._stream, config)
        if not made.num_pending:
            self._taker.take([], caught_up=True)
        return made.name

    async def _pulled(self, consumer: str, batch: int) -> None:
        """Take what one consumer delivers until it leaves one out. Raises PullBroken and what the client raises."""
        number = 0
        async with pulling(self._client, stream=self._stream, consumer=consumer, batch=batch) as pull:
            while True:
                messages = await pull.next()
                numbered = zip(count(number + 1), messages, strict=False)
                whole = [each for _, each in takewhile(lambda pair: pair[0] == pair[1].number, numbered)]
                if whole:
                    number, self._place = whole[-1].number, whole[-1].sequence
                    self._taker.take(whole, caught_up=whole[-1].pending == 0)
                if len(whole) < len(messages):
                    log.warning("a message was lost on the way")
                    return
