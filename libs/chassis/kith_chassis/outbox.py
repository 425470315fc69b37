"""The outbox: events stored with the change they tell of, and the relay that brings them to the stream.

Guarantees. Stored with the change or not at all. Published at least once, with the event id as `Nats-Msg-Id`; the row
is marked only after the stream has acknowledged. Per aggregate in order: the aggregate's counter row is locked from
its sequence to the commit, so two transactions of one aggregate cannot interleave, and rows are taken in order.
The relay looks for rows not yet marked, never for `position > last` alone: a sequence number is drawn before its
transaction commits, and a late one would be skipped for ever.
Not guaranteed: any order between aggregates.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.events import Emitted, wire
from kith_chassis.telemetry import EVENTS_PUBLISHED

if TYPE_CHECKING:
    from kith_chassis.bus import Bus
    from kith_chassis.database import Database

log = logging.getLogger(__name__)
BATCH = 500

# One round trip: count up each aggregate's sequence (locking it, in one global order against deadlock), then insert.
_STORE = text("""
WITH event AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:tenants AS uuid[]), CAST(:types AS text[]),
                       CAST(:aggregates AS uuid[]), CAST(:ranks AS int[]), CAST(:data AS text[]),
                       CAST(:times AS timestamptz[]), CAST(:traces AS text[])) WITH ORDINALITY
    AS e(event_id, tenant_id, type, aggregate_id, rank, data, occurred_at, traceparent, place)
), counter AS (
  INSERT INTO outbox_sequences AS s (aggregate_id, last)
  SELECT aggregate_id, count(*) FROM event GROUP BY aggregate_id ORDER BY aggregate_id
  ON CONFLICT (aggregate_id) DO UPDATE SET last = s.last + EXCLUDED.last
  RETURNING aggregate_id, last
), total AS (SELECT aggregate_id, count(*) AS n FROM event GROUP BY aggregate_id)
INSERT INTO outbox (event_id, tenant_id, type, aggregate_id, sequence, data, occurred_at, traceparent)
SELECT event_id, tenant_id, type, aggregate_id, last - n + rank, data, occurred_at, traceparent
FROM event JOIN counter USING (aggregate_id) JOIN total USING (aggregate_id) ORDER BY place
""")
# In the driver's words: relay and consumers are where each row counts. $1 is on its way already; nearly all of what
# waits lies behind it, what committed late lies among it.
_LOOK = """
SELECT position, event_id, tenant_id, type, aggregate_id, sequence, data, occurred_at, traceparent
FROM outbox WHERE published_at IS NULL AND (position > $2 OR position <> ALL($1::bigint[])) ORDER BY position LIMIT $3
"""
_MARK = "UPDATE outbox SET published_at = now() WHERE position = ANY($1::bigint[])"


async def store_events(session: AsyncSession) -> int:
    """Write the events emitted in this session to the outbox; returns how many. Called before each commit."""
    emitted: list[Emitted] = session.info.pop("emitted", [])
    if not emitted:
        return 0
    ranks: dict[Any, int] = {}
    columns: dict[str, list[Any]] = {
        name: [] for name in ("ids", "tenants", "types", "aggregates", "ranks", "data", "times", "traces")
    }
    for item in emitted:
        aggregate = item.event.aggregate_id
        ranks[aggregate] = ranks.get(aggregate, 0) + 1
        row = (
            item.id, item.tenant, item.event.type, aggregate, ranks[aggregate],
            item.event.model_dump_json(), item.time, item.traceparent,
        )  # fmt: skip
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    await session.execute(_STORE, columns)
    return len(emitted)


async def relay(database: "Database", bus: "Bus", *, wake: asyncio.Event, poll_seconds: float) -> None:
    """Publish what waits in the outbox, for ever. Run it under a leader lock: one relay per service at a time."""
    while True:
        wake.clear()
        try:
            await publish_waiting(database, bus)
        except Exception as error:  # noqa: BLE001 -- the broker or the database is away: keep trying, for ever
            log.warning("relay cannot publish", extra={"reason": type(error).__name__})
            await asyncio.sleep(1)
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(poll_seconds):
                await wake.wait()


async def publish_waiting(database: "Database", bus: "Bus", *, batch: int = BATCH) -> int:
    """Publish all that waits, in batches, marking one and looking for the next while another is under way.

    Each look is one snapshot of all that waits but the batch under way: within an aggregate it cannot hold an event
    whose predecessor is neither in it nor before it. Returns how many were published and marked.
    """
    done = 0
    async with database.driver() as connection:

        async def turn(published: Sequence[Any], under_way: Sequence[Any]) -> list[Any]:
            if published:
                await connection.execute(_MARK, [row[0] for row in published])
                EVENTS_PUBLISHED.inc(len(published))
            held = [row[0] for row in under_way]
            found: list[Any] = await connection.fetch(_LOOK, held, max(held, default=-1), batch)
            return found

        published: Sequence[Any] = ()
        waiting = await turn((), ())
        while waiting:
            turning = asyncio.ensure_future(turn(published, waiting))
            try:
                await bus.publish([wire(row) for row in waiting])
            finally:
                following = await turning
            done += len(waiting)
            published, waiting = waiting, following
        if published:
            await turn(published, ())
    return done
