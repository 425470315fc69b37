"""The stream that holds all messages, and durable consumers of it, from which one process at a time pulls."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime

from nats.js import api
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

Beginning = Callable[[], Awaitable[datetime | None]]
"""Tells when the first message was stored that a new consumer is to deliver; None: with the first of all."""


async def ensured(
    js: JetStreamContext, stream: str, subjects: Sequence[str], *, max_age_days: int, replicas: int
) -> None:
    """Create a stream, or bring its settings up to these; what it holds stays."""
    config = api.StreamConfig(
        name=stream,
        subjects=list(subjects),
        storage=api.StorageType.FILE,
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW,  # refuse rather than forget: the outbox keeps what does not fit
        max_age=max_age_days * 86_400.0,
        num_replicas=replicas,
        duplicate_window=120.0,
        allow_atomic=True,
    )
    try:
        await js.add_stream(config)
    except APIError:
        await js.update_stream(config)


async def taken_over(
    js: JetStreamContext,
    stream: str,
    name: str,
    subjects: Sequence[str],
    *,
    lease_seconds: float,
    beginning: Beginning,
) -> None:
    """Have a durable consumer of these subjects deliver what lies behind the last message all before which are done.

    It is made anew: messages a dead predecessor had fetched would else come back only after their lease, behind later
    ones. Where there is none, `beginning` is asked.
    """
    config = api.ConsumerConfig(
        durable_name=name,
        filter_subjects=list(subjects),
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=lease_seconds,
        max_deliver=-1,  # who consumes counts attempts: on MaxDeliver the server would only fall silent
        max_ack_pending=10_000,
    )
    known = await _known(js, stream, name)
    left = known or await _known(js, stream, _beside(name))
    if left is not None:
        await made_anew(js, stream, config, left.ack_floor.stream_seq + 1 if left.ack_floor else 1)
        return
    if (since := await beginning()) is not None:
        config.deliver_policy, config.opt_start_time = api.DeliverPolicy.BY_START_TIME, since
    await js.add_consumer(stream, config)


async def made_anew(js: JetStreamContext, stream: str, config: api.ConsumerConfig, first: int) -> None:
    """Make a durable consumer anew, so that it delivers from this place in the stream on.

    While it is gone, another one stands where it is to begin: who is killed in between would else take with them how
    far it came. (NATS can reset a consumer since 2.14, but 2.15.1 then skips a message now and then that is stored
    just while a request of the predecessor still waits.)
    """
    name = str(config.durable_name)
    begin = {"deliver_policy": api.DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": first, "opt_start_time": None}
    if await _known(js, stream, name) is not None:
        await _deleted(js, stream, _beside(name))
        await js.add_consumer(stream, config.evolve(name=_beside(name), durable_name=_beside(name), **begin))
        await _deleted(js, stream, name)
    await js.add_consumer(stream, config.evolve(name=name, **begin))
    await _deleted(js, stream, _beside(name))


def _beside(name: str) -> str:
    return f"{name}-beside"


async def _known(js: JetStreamContext, stream: str, name: str) -> api.ConsumerInfo | None:
    with suppress(NotFoundError):
        found: api.ConsumerInfo = await js.consumer_info(stream, name)
        return found
    return None


async def _deleted(js: JetStreamContext, stream: str, name: str) -> None:
    with suppress(NotFoundError):
        await js.delete_consumer(stream, name)
