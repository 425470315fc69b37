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
from nats.js import api
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from kith_chassis.settings import ServiceSettings
from kith_stream.connecting import connected
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
        config = api.StreamConfig(
            name=self.stream,
            subjects=["kith.>"],
            storage=api.StorageType.FILE,
            retention=api.RetentionPolicy.LIMITS,
            discard=api.DiscardPolicy.NEW,  # refuse rather than forget: the outbox keeps what does not fit
            max_age=settings.stream_max_age_days * 86_400.0,
            num_replicas=settings.stream_replicas,
            duplicate_window=120.0,
            allow_atomic=True,
        )
        try:
            await self.js.add_stream(config)
        except APIError:
            await self.js.update_stream(config)
        self.established.set()

    async def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Store (subject, message id, body) messages in this order; raises unless all of them are stored."""
        await publish(self.client, self.js, messages)

    @asynccontextmanager
    async def consumer(
        self, name: str, subjects: Sequence[str], *, batch: int, lease_seconds: float
    ) -> AsyncIterator[Pull]:
        """A durable pull consumer of these subjects, starting behind the last event all before which are done.

        It is made anew for each leader: events a dead predecessor had fetched would else come back only after their
        lease, behind later events of the same aggregate. What was applied is recognised by the inbox.
        """
        config = api.ConsumerConfig(
            durable_name=name,
            filter_subjects=list(subjects),
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=lease_seconds,
            max_deliver=-1,  # we count attempts ourselves: on MaxDeliver the server would only fall silent
            max_ack_pending=10_000,
        )
        with suppress(NotFoundError):
            floor = (await self.js.consumer_info(self.stream, name)).ack_floor
            config.deliver_policy = api.DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = (floor.stream_seq if floor else 0) + 1
            await self.js.delete_consumer(self.stream, name)
        await self.js.add_consumer(self.stream, config)
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
