"""Rebuilding: what a service has learned from events, made anew from the log beside the live tables, compared, swapped.

The whole stream goes through the same handlers, in the same order, into a schema `rebuild` of the service's own
database, made by the service's own migrations. Then the live consumer stands still for a moment, the rebuilt side is
brought to exactly the events the live one has applied, and the tables are compared row by row; a swap puts the
difference right in the same transaction.

Guarantees. Until a swap commits, nothing outside the schema `rebuild` changes; killed at any point, it is dropped by
the next run. Nothing leaves: no relay and no job looks into that schema, so an event emitted there is never published
and a row written for a job is never worked on. The handlers' login may write there what the service declared and
nothing else; a handler that writes another table ends the rebuild. Held is the inbox, not the leader: every
application of an event marks the inbox in its own transaction, so a lock on that table keeps out also a leader that
has lost its lock and does not know it yet. What is swapped in is marked in the live inbox: it is not applied again.
Not guaranteed: that a rebuilt row is the live one where a handler depends on the order between aggregates, or on
something that has changed since (a rule, an endpoint). A swap emits nothing.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from kith_chassis.bus import Bus
from kith_chassis.consumers import Consumers
from kith_chassis.jobs import lock_key
from kith_chassis.migrations import CHASSIS_TABLES, upgrade
from kith_events.feed import CannotRebuild, Feed, scratch_database
from kith_events.housekeeping import MENDED_DAYS
from kith_events.projections import LIVE, SCRATCH, Compared, Pair, Projections, pairs

_LOG = f"""
CREATE TABLE {SCRATCH}.log (service text, aggregate_id uuid, sequence bigint, event_id uuid, at timestamptz)
"""
_YOUNG = f"SELECT event_id FROM {SCRATCH}.log WHERE at > now() - interval '{MENDED_DAYS} days'"  # the inbox forgets
_BEHIND = text(f"""
SELECT count(*) FROM {SCRATCH}.inbox r WHERE r.event_id IN ({_YOUNG})
  AND NOT EXISTS (SELECT FROM {LIVE}.inbox l WHERE l.event_id = r.event_id)
  AND NOT EXISTS (SELECT FROM {LIVE}.dead_letters d WHERE d.event_id = r.event_id)
""")
_TORN = text(f"""
SELECT service, aggregate_id, min(sequence) AS first, max(sequence) AS last, count(DISTINCT sequence) AS there
FROM {SCRATCH}.log GROUP BY service, aggregate_id HAVING min(sequence) <> 1 OR max(sequence) <> count(DISTINCT sequence)
ORDER BY service, aggregate_id LIMIT 1
""")
_REFUSED = text(f"""
SELECT r.event_id, r.type, r.reason FROM {SCRATCH}.dead_letters r
WHERE NOT EXISTS (SELECT FROM {LIVE}.dead_letters l WHERE l.event_id = r.event_id) ORDER BY r.event_id
""")
_MARK = text(f"""
INSERT INTO {LIVE}.inbox (event_id) SELECT r.event_id FROM {SCRATCH}.inbox r WHERE r.event_id IN ({_YOUNG})
ON CONFLICT DO NOTHING
""")
_ANSWERS = text(f"SELECT count(*) FROM {LIVE}.dead_letters l JOIN {SCRATCH}.inbox r USING (event_id)")
_ANSWERED = text(f"DELETE FROM {LIVE}.dead_letters l USING {SCRATCH}.inbox r WHERE l.event_id = r.event_id")
_VERSION = "SELECT version_num FROM {schema}.alembic_version"


@dataclass(frozen=True)
class Rebuilt:
    """What was read, applied and found.

    torn     why the log is not whole; None when it is
    behind   events of the last 30 days that the live one should have applied and has not
    refused  events whose handler failed here and that are no dead letters of the live one: (event id, type, reason)
    """

    read: int
    applied: int
    torn: str | None
    behind: int
    refused: Sequence[tuple[UUID, str, str]]
    tables: Sequence[Compared]
    swapped: bool

    @property
    def equal(self) -> bool:
        return all(each.equal for each in self.tables)


async def rebuild(
    name: str,
    *,
    owner_url: str,
    worker_url: str,
    bus: Bus,
    consumers: Consumers,
    projections: Projections,
    swap: bool = False,
    without: Collection[UUID] = (),
) -> Rebuilt:
    """Rebuild what service `name` learned from events, compare, and swap when asked. Raises CannotRebuild.

    `without` are events to leave out, such as dead letters that were discarded.
    """
    if swap and all(each.swap == "never" for each in projections.tables):
        raise CannotRebuild(f"Nothing of {name} can be swapped: its rows are work for a job, which would do it again.")
    engine = create_async_engine(owner_url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool)
    scratch = scratch_database(worker_url, name)
    try:
        async with _alone(engine, name) as connection:
            try:
                found = await _made(connection, name, owner_url, projections)
                feed = Feed(name, scratch, connection, bus, consumers, projections.given, frozenset(without))
                return await _finish(name, engine, feed, found, swap=swap)
            finally:
                await scratch.close()  # it would keep the schema from being dropped
                await connection.execute(text(f"DROP SCHEMA IF EXISTS {SCRATCH} CASCADE"))
    finally:
        await engine.dispose()


@asynccontextmanager
async def _alone(engine: AsyncEngine, name: str) -> AsyncIterator[AsyncConnection]:
    """The owner's connection, each statement its own transaction, while no other rebuild of this service runs."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        taken = text("SELECT pg_try_advisory_lock(:key)")
        if not (await connection.execute(taken, {"key": lock_key(f"{name} rebuild")})).scalar_one():
            raise CannotRebuild(f"{name} is being rebuilt by somebody else.")
        yield connection


async def _made(connection: AsyncConnection, name: str, owner_url: str, projections: Projections) -> list[Pair]:
    """Make the schema, as new as the live one, where the worker may write what is declared and nothing else."""
    await connection.execute(text(f"DROP SCHEMA IF EXISTS {SCRATCH} CASCADE"))  # of a run that was killed
    await connection.execute(text(f"CREATE SCHEMA {SCRATCH}"))
    await upgrade(f"kith_{name}", owner_url, schema=SCRATCH)
    here, live = [
        (await connection.execute(text(_VERSION.format(schema=schema)))).scalar_one() for schema in (SCRATCH, LIVE)
    ]
    if here != live:
        raise CannotRebuild(f"The database of {name} is at revision {live} and this program at {here}: migrate first.")
    found = await pairs(connection, projections)
    await connection.execute(text(f"GRANT USAGE ON SCHEMA {SCRATCH} TO {name}_worker"))
    written = {each.table for each in projections.tables} | CHASSIS_TABLES
    listed = text(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p')"
    )
    for table in (await connection.execute(listed, {"schema": SCRATCH})).scalars().all():
        if table not in written:
            await connection.execute(text(f"REVOKE INSERT, UPDATE, DELETE ON {SCRATCH}.{table} FROM {name}_worker"))
    await connection.execute(text(_LOG))
    return found


async def _finish(name: str, engine: AsyncEngine, feed: Feed, found: Sequence[Pair], *, swap: bool) -> Rebuilt:
    await feed.advance()
    await feed.advance()  # what has come meanwhile, so that little is left for the time in which the consumer waits
    async with engine.begin() as live:
        await live.execute(text(f"LOCK TABLE {LIVE}.inbox IN SHARE MODE"))  # from here on the consumer stands still
        await feed.advance(applied_by=live)
        return await _compared(name, live, feed, found, swap=swap)


async def _compared(name: str, live: AsyncConnection, feed: Feed, found: Sequence[Pair], *, swap: bool) -> Rebuilt:
    behind = (await live.execute(_BEHIND)).scalar_one()
    torn = feed.begins_late or await _torn(live)
    refused = [(row.event_id, row.type, row.reason) for row in await live.execute(_REFUSED)]
    tables = [await each.compare(live) for each in found]
    if swap:
        if torn:
            raise CannotRebuild(f"The log is not whole: {torn}. Nothing was swapped.")
        if refused:
            event_id, type_, reason = refused[0]
            raise CannotRebuild(
                f"{len(refused)} events that {name} has applied are refused by its handlers today, first {type_} "
                f"{event_id}: {reason}. Nothing was swapped. To leave them out: --without EVENT_ID …"
            )
        kept = [each.projection.table for each in found if each.projection.swap == "never"]
        unheard = behind + (await live.execute(_ANSWERS)).scalar_one()
        if kept and unheard:  # they would count as applied, and what they do to these tables would be lost
            raise CannotRebuild(
                f"{unheard} events of the log are not applied in {name}, and {', '.join(kept)} cannot be swapped. "
                f"`python -m kith_events {name} reconcile` and `replay` bring them in. Nothing was swapped."
            )
        for each in reversed(found):
            await each.remove(live)
        for each in found:
            await each.put(live)
        await live.execute(_MARK)
        await live.execute(_ANSWERED)
    return Rebuilt(feed.read, feed.applied, torn, behind, refused, tables, swapped=swap)


async def _torn(connection: AsyncConnection) -> str | None:
    row = (await connection.execute(_TORN)).first()
    if row is None:
        return None
    return (
        f"of {row.service}'s aggregate {row.aggregate_id} it has {row.there} events, numbered {row.first} to "
        f"{row.last}; if some were lost of late, `python -m kith_events {row.service} reconcile` brings them back"
    )
