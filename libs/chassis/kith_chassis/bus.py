"""The stream: one JetStream stream for all events, written in atomic batches, read by durable pull consumers.

Guarantees: `publish` returns only after the stream has stored the whole batch (file storage; with `sync_interval:
always` on the server, on disk). Reconnects for ever; `ready` says when it is not connected.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.client import JetStreamContext

from kith_chassis.settings import ServiceSettings
from kith_stream.connecting import connected
from kith_stream.durables import Beginning, ensured, taken_over
from kith_stream.publishing import publish
from kith_stream.pulling import Pull, pulling

log = logging.getLogger(__name__)


class Bus:
    """A connection to NATS and what the relay and the consumers need of it."""

    def __init__(self, client: Client, *, stream: str) -> None:
        self.client, self.stream = client, stream
        self.js: JetStreamContext = client.jetstream(timeout=10)
        self.established = asyncio.Event()

    async def ready(self) -> None:
        """Raises when NATS is not connected."""
        if not (self.client.is_connected and self.established.is_set()):
            raise ConnectionError("not connected to NATS")

    async def ensure_stream(self, settings: ServiceSettings) -> None:
        """Create the stream, or bring its settings up to these; what it holds stays."""
        days, replicas = settings.stream_max_age_days, settings.stream_replicas
        await ensured(self.js, self.stream, ["kith.>"], max_age_days=days, replicas=replicas)
        self.established.set()

    async def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Store (subject, message id, body) messages in this order; raises unless all of them are stored."""
        await publish(self.client, self.js, messages)

    @asynccontextmanager
    async def consumer(
        self, name: str, subjects: Sequence[str], *, batch: int, lease_seconds: float, beginning: Beginning
    ) -> AsyncIterator[Pull]:
        """A durable pull consumer of these subjects, starting behind the last event all before which are done.

        What was applied beyond that is recognised by the inbox. `beginning` tells where a consumer starts that NATS
        does not know.
        """
        await taken_over(self.js, self.stream, name, subjects, lease_seconds=lease_seconds, beginning=beginning)
        async with pulling(self.client, stream=self.stream, consumer=name, batch=batch) as pull:
            yield pull

    async def wake(self, name: str) -> None:
        """Tell the relay of service `name` that there is work; best effort, never raises."""
        if self.client.is_connected:
            with suppress(NatsError):
                await self.client.publish(f"wake.{name}", b"")

    async def on_wake(self, name: str, act: Callable[[], None]) -> None:
        """Call `act` whenever somebody wakes the relay of service `name`."""

        async def hear(_: Msg) -> None:
            act()

        await self.client.subscribe(f"wake.{name}", cb=hear)


@asynccontextmanager
async def open_bus(settings: ServiceSettings, *, name: str) -> AsyncIterator[Bus]:
    """A bus that connects in the background and reconnects for ever, so that a service starts while NATS is away."""

    async def ensure(_: Client) -> None:
        while True:
            try:
                return await bus.ensure_stream(settings)
            except (NatsError, TimeoutError, OSError) as error:  # the first requests after a restart may fail
                log.warning("stream is not there yet", extra={"reason": type(error).__name__})
                await asyncio.sleep(0.5)

    password = settings.nats_password.get_secret_value() if settings.nats_password else None
    opened = connected(settings.nats_url, name=name, user=settings.nats_user, password=password, ready=ensure)
    async with opened as client:
        bus = Bus(client, stream=settings.stream)
        yield bus
