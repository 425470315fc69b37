"""The stream: one JetStream stream for all events, written in atomic batches, read by durable pull consumers.

Guarantees: `publish` returns only after the stream has stored the whole batch (file storage; with `sync_interval:
always` on the server, on disk). Reconnects for ever; `ready` says when it is not connected.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import api
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from kith_chassis.ids import new_id
from kith_chassis.settings import ServiceSettings

log = logging.getLogger(__name__)
_ATOMIC = 500  # messages per batch; the server allows 1,000


async def write(client: Client, frames: Sequence[bytes]) -> None:
    """Send protocol messages in one write: several times as fast as a publish each."""
    await client._send_command(b"".join(frames))  # noqa: SLF001 -- what publish calls
    await client._flush_pending()  # noqa: SLF001 -- the same


class Bus:
    """A connection to NATS and what the relay and the consumers need of it."""

    def __init__(self, client: Client, *, stream: str) -> None:
        self.client = client
        self.stream = stream
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
        """Store (subject, message id, body) messages in this order; raises unless all of them are stored.

        One atomic batch where possible (ADR-50). A batch that holds a message already stored (the relay died between
        publish and mark) is refused as a whole; then each goes alone and the stream drops the ones it has.
        """
        for start in range(0, len(messages), _ATOMIC):
            part = messages[start : start + _ATOMIC]
            if len(part) == 1 or not await self._publish_atomically(part):
                for subject, message_id, body in part:
                    await self.js.publish(subject, body, headers={"Nats-Msg-Id": message_id})

    async def _publish_atomically(self, messages: Sequence[tuple[str, str, bytes]]) -> bool:
        batch, frames = new_id().hex, []
        for number, (subject, message_id, body) in enumerate(messages[:-1], start=1):
            head = (
                f"NATS/1.0\r\nNats-Msg-Id: {message_id}\r\nNats-Batch-Id: {batch}\r\n"
                f"Nats-Batch-Sequence: {number}\r\n\r\n"
            ).encode()
            frames.append(
                b"HPUB %b %d %d\r\n%b%b\r\n" % (subject.encode(), len(head), len(head) + len(body), head, body)
            )
        await write(self.client, frames)
        subject, message_id, body = messages[-1]
        last = {"Nats-Msg-Id": message_id, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(len(messages))}
        reply = await self.client.request(subject, body, timeout=5, headers=last | {"Nats-Batch-Commit": "1"})
        answer = json.loads(reply.data)
        if "error" in answer:
            log.warning("atomic batch refused", extra={"code": answer["error"].get("err_code")})
            return False
        return int(answer.get("count", 0)) == len(messages)

    async def consumer(
        self, name: str, *, subjects: Sequence[str], lease_seconds: float
    ) -> JetStreamContext.PullSubscription:
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
        return await self.js.pull_subscribe_bind(durable=name, stream=self.stream)

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
    client = Client()
    bus = Bus(client, stream=settings.stream)

    async def on_error(error: Exception) -> None:
        log.warning("bus error", extra={"reason": type(error).__name__})

    async def ensure() -> None:  # also after each reconnect: the server may have come back without its store
        while True:
            try:
                return await bus.ensure_stream(settings)
            except (NatsError, TimeoutError, OSError) as error:  # the first requests after a restart may fail
                log.warning("stream is not there yet", extra={"reason": type(error).__name__})
                await asyncio.sleep(0.5)

    async def establish() -> None:
        await client.connect(
            settings.nats_url,
            name=name,
            user=settings.nats_user or None,
            password=settings.nats_password.get_secret_value() if settings.nats_password else None,
            connect_timeout=5,
            max_reconnect_attempts=-1,  # the default gives up for good after two minutes
            reconnect_time_wait=1,
            error_cb=on_error,
            reconnected_cb=ensure,
            pending_size=16 * 1024 * 1024,
        )
        await ensure()

    connecting = asyncio.create_task(establish(), name="bus")
    try:
        yield bus
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        if client.is_connected:
            with suppress(NatsError, TimeoutError):
                await asyncio.wait_for(client.flush(), 2)
        with suppress(NatsError):
            await client.close()
