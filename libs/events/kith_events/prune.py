"""Forgetting what nobody can ask for any more."""

from sqlalchemy import text

from kith_chassis.database import Database

_PRUNE = (
    text("DELETE FROM idempotency_keys WHERE claimed_at < now() - interval '2 days'"),
    text("DELETE FROM inbox WHERE applied_at < now() - make_interval(days => :kept)"),
    text("DELETE FROM outbox WHERE published_at < now() - make_interval(days => :kept)"),
)


async def prune(database: Database, *, stream_days: int) -> None:
    """Forget answers nobody retries for, and events twice as old as anything the stream could still bring back."""
    async with database.transaction() as session:
        for statement in _PRUNE:
            await session.execute(statement, {"kept": stream_days * 2} if "kept" in statement.text else {})
