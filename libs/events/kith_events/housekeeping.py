"""Watching what is on its way, and forgetting what nobody can ask for any more."""

from datetime import UTC, datetime

from nats.js.errors import NotFoundError
from sqlalchemy import text

from kith_chassis.bus import Bus
from kith_chassis.consumers import Consumers
from kith_chassis.database import Database
from kith_chassis.telemetry import (
    CONSUMER_BEHIND,
    CONSUMER_REDELIVERED,
    DEAD_LETTERS_KEPT,
    OUTBOX_DEPTH,
    OUTBOX_OLDEST,
)

MENDED_DAYS = 30
"""How far back a service is compared with the stream, every few minutes; the log itself is kept for longer."""

_PRUNE = (
    text("DELETE FROM idempotency_keys WHERE claimed_at < now() - interval '2 days'"),
    text("DELETE FROM inbox WHERE applied_at < now() - make_interval(days => :kept)"),
    text("DELETE FROM outbox WHERE published_at < now() - make_interval(days => :kept)"),
)


_DEPTH = text(
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(occurred_at)), 0) FROM outbox WHERE published_at IS NULL"
)
_LETTERS = text("SELECT count(*) FROM dead_letters")


async def prune(database: Database, *, stream_days: int) -> None:
    """Forget answers nobody retries for, and events twice as old as anything that is still compared and mended."""
    kept = 2 * min(stream_days, MENDED_DAYS)
    async with database.transaction() as session:
        for statement in _PRUNE:
            await session.execute(statement, {"kept": kept} if "kept" in statement.text else {})


async def observe(name: str, database: Database, bus: Bus, consumers: Consumers | None) -> None:
    """Set the gauges of what is on its way: out of the outbox, into the consumer, and set aside."""
    async with database.transaction() as session:
        depth, oldest = (await session.execute(_DEPTH)).one()
        letters = (await session.execute(_LETTERS)).scalar_one()
    OUTBOX_DEPTH.set(depth)
    OUTBOX_OLDEST.set(float(oldest))
    DEAD_LETTERS_KEPT.set(letters)
    if consumers is not None and consumers.handlers:
        behind, again = await lag(name, bus, consumers)
        CONSUMER_BEHIND.set(behind)
        CONSUMER_REDELIVERED.set(again)


async def lag(name: str, bus: Bus, consumers: Consumers) -> tuple[float, int]:
    """Seconds since the stream got the oldest event that service `name` has not finished (0 when it has finished all),
    and how many it has delivered more than once and waits for.
    """
    try:
        info = await bus.js.consumer_info(bus.stream, name)
    except NotFoundError:  # a leader is about to make it
        return 0.0, 0
    if not info.num_pending and not info.num_ack_pending:
        return 0.0, 0
    after = info.ack_floor.stream_seq if info.ack_floor else 0
    found = []
    for subject in consumers.subjects:  # the server gives the next message of one subject
        try:
            message = await bus.js.get_msg(bus.stream, seq=after + 1, subject=subject, next=True)
        except NotFoundError:
            continue
        if message.time is not None:
            found.append(message.time)
    oldest = min(found, default=None)
    seconds = (datetime.now(UTC) - oldest).total_seconds() if oldest is not None else 0.0
    return max(seconds, 0.0), info.num_redelivered or 0


def forget() -> None:
    """Say nothing more: another process has taken over, and what was seen last would stay for ever."""
    for gauge in (OUTBOX_DEPTH, OUTBOX_OLDEST, DEAD_LETTERS_KEPT, CONSUMER_BEHIND, CONSUMER_REDELIVERED):
        gauge.set(0)
