"""Watching the outbox, and forgetting what nobody can ask for any more."""

from sqlalchemy import text

from kith_chassis.database import Database
from kith_chassis.telemetry import OUTBOX_DEPTH, OUTBOX_OLDEST

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


async def prune(database: Database, *, stream_days: int) -> None:
    """Forget answers nobody retries for, and events twice as old as anything that is still compared and mended."""
    kept = 2 * min(stream_days, MENDED_DAYS)
    async with database.transaction() as session:
        for statement in _PRUNE:
            await session.execute(statement, {"kept": kept} if "kept" in statement.text else {})


async def observe(database: Database) -> None:
    """Set the gauges for depth (events) and oldest age (seconds) of the outbox."""
    async with database.transaction() as session:
        depth, oldest = (await session.execute(_DEPTH)).one()
    OUTBOX_DEPTH.set(depth)
    OUTBOX_OLDEST.set(float(oldest))
