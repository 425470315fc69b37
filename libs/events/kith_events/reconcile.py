"""The reconciler: the database is the truth, the stream is the fast lane, and here the difference is found and mended.

Two comparisons, each by event id over the last 30 days, or as long as the stream keeps where that is less:

* an event that the outbox calls published and the stream does not have (its store was lost, or it acknowledged what it
  then forgot) waits in the outbox again, and the relay publishes it;
* an event that the stream calls done by this service and that neither its inbox nor its dead letters know (the
  database was restored to an earlier time, or the stream remembers too much) is delivered again: the consumer goes
  back to the first such event, and the inbox recognises what lies between.

Guarantees: running it changes nothing where nothing is missing; it may run beside relay and consumer, and be killed at
any point. Not guaranteed: order. An event mended late reaches handlers after later events of its aggregate; handlers
that keep a state compare `sequence`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from nats.js import api
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kith_chassis.bus import Bus
from kith_chassis.consumers import Consumers
from kith_chassis.database import Database
from kith_chassis.events import SUBJECT_PREFIX
from kith_chassis.jobs import ended, lead
from kith_events.housekeeping import MENDED_DAYS, forget, observe, prune
from kith_stream.durables import made_anew
from kith_stream.pulling import pulling

log = logging.getLogger(__name__)
EVERY_SECONDS = 600.0
OBSERVED_SECONDS = 15.0
_FETCH = 1000

_FORGET = text("DROP TABLE IF EXISTS pg_temp.on_stream")
_GATHER = text("CREATE TEMPORARY TABLE on_stream (event_id uuid NOT NULL, place bigint NOT NULL)")
_INDEX = text("CREATE INDEX ON pg_temp.on_stream (event_id)")
_ANALYZE = text("ANALYZE pg_temp.on_stream")
_COUNT = text("""
SELECT count(*) FROM outbox
WHERE published_at < :before AND published_at > CAST(:before AS timestamptz) - make_interval(days => :days)
""")
# A day less than the stream keeps: what is about to be forgotten there is no loss.
_WAIT_AGAIN = text("""
UPDATE outbox SET published_at = NULL
WHERE published_at < :before AND published_at > CAST(:before AS timestamptz) - make_interval(days => :days)
  AND NOT EXISTS (SELECT FROM pg_temp.on_stream s WHERE s.event_id = outbox.event_id)
""")
_UNAPPLIED = text("""
SELECT count(*), min(place) FROM pg_temp.on_stream s
WHERE place <= :floor
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = s.event_id)
  AND NOT EXISTS (SELECT FROM dead_letters d WHERE d.event_id = s.event_id)
""")


@dataclass(frozen=True)
class Difference:
    """What was compared and what was found, in events."""

    published: int
    missing: int
    delivered: int
    unapplied: int


async def reconcile(
    name: str, database: Database, bus: Bus, consumers: Consumers | None, *, stream_days: int
) -> Difference:
    """Compare service `name` with the stream and mend what differs. `database` is the worker's."""
    days = min(stream_days, MENDED_DAYS)
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        published, missing = await _own(name, connection, bus, days=days)
        delivered = unapplied = 0
        if consumers is not None and consumers.handlers:
            delivered, unapplied = await _heard(name, connection, bus, consumers.subjects, days=days)
        await connection.execute(_FORGET)
    found = Difference(published, missing, delivered, unapplied)
    if missing or unapplied:
        log.error("events were missing and are mended", extra={"missing": missing, "unapplied": unapplied})
        await bus.wake(name)
    return found


async def _own(name: str, connection: AsyncConnection, bus: Bus, *, days: int) -> tuple[int, int]:
    """How many events of the outbox were compared with the stream, and how many of them wait again."""
    before = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    when = {"before": before, "days": max(days - 1, 1)}
    await _gather(connection, bus, [f"{SUBJECT_PREFIX}{name}.>"], days=days)
    published = (await connection.execute(_COUNT, when)).scalar_one()
    missing = (await connection.execute(_WAIT_AGAIN, when)).rowcount
    return published, missing


async def _heard(
    name: str, connection: AsyncConnection, bus: Bus, subjects: Sequence[str], *, days: int
) -> tuple[int, int]:
    """How many events the consumer is done with, and how many of them it never had; it goes back to the first."""
    try:
        consumer = await bus.js.consumer_info(bus.stream, name)
    except NotFoundError:
        return 0, 0  # it begins anew, with everything
    floor = consumer.ack_floor.stream_seq if consumer.ack_floor else 0
    delivered = await _gather(connection, bus, subjects, days=days, last=floor)
    unapplied, first = (await connection.execute(_UNAPPLIED, {"floor": floor})).one()
    if unapplied:
        await made_anew(bus.js, bus.stream, consumer.config, first)
    return delivered, unapplied


async def _gather(
    connection: AsyncConnection, bus: Bus, subjects: Sequence[str], *, days: int, last: int | None = None
) -> int:
    """Put id and place of what the stream got of these in the last days into a temporary table; returns how many."""
    await connection.execute(_FORGET)
    await connection.execute(_GATHER)
    driver: Any = (await connection.get_raw_connection()).driver_connection
    held = 0
    async for rows in _held(bus, subjects, days=days):
        known = [row for row in rows if last is None or row[1] <= last]
        await driver.copy_records_to_table("on_stream", records=known, columns=["event_id", "place"])
        held += len(known)
        if len(known) < len(rows):
            break
    await connection.execute(_INDEX)
    await connection.execute(_ANALYZE)
    return held


async def _held(bus: Bus, subjects: Sequence[str], *, days: int) -> AsyncIterator[list[tuple[UUID, int]]]:
    """(event id, stream sequence) of the messages of the last days, in order, some at a time; headers only."""
    config = api.ConsumerConfig(
        filter_subjects=list(subjects),
        ack_policy=api.AckPolicy.NONE,
        deliver_policy=api.DeliverPolicy.BY_START_TIME,
        opt_start_time=datetime.now(UTC) - timedelta(days=days),
        headers_only=True,
        mem_storage=True,
        inactive_threshold=60,
    )
    info = await bus.js.add_consumer(bus.stream, config)
    left = info.num_pending or 0
    try:
        async with pulling(bus.client, stream=bus.stream, consumer=info.name, batch=_FETCH) as pull:
            while left > 0:
                messages = await pull.next()
                if not messages:
                    raise TimeoutError("the stream does not deliver")
                left -= len(messages)
                ids = [(message.header("Nats-Msg-Id") or "", message.sequence) for message in messages]
                yield [(UUID(id_), place) for id_, place in ids if _is_id(id_)]
    finally:
        await bus.js.delete_consumer(bus.stream, info.name)


def _is_id(value: str) -> bool:
    """Whether a message came from a relay; what anyone else put on the stream is not ours to mend."""
    try:
        UUID(value)
    except ValueError:
        return False
    return True


@asynccontextmanager
async def reconciling(app: FastAPI) -> AsyncIterator[None]:
    """Watch the outbox, and every ten minutes reconcile and forget what is old, in one worker of the service.

    For `create_service(extra=[reconciling])`.
    """
    if app.state.settings.role == "api":
        yield
        return
    name, database = app.state.name, app.state.worker_database
    task = asyncio.create_task(lead(database, f"{name} job reconcile", partial(_forever, app)), name="reconcile")
    try:
        yield
    finally:
        await ended(task)


async def _forever(app: FastAPI) -> None:
    state = app.state
    days: int = state.settings.stream_max_age_days
    await state.bus.established.wait()
    due = time.monotonic() + EVERY_SECONDS
    try:
        while True:
            await asyncio.sleep(OBSERVED_SECONDS)
            try:
                await observe(state.name, state.worker_database, state.bus, state.consumers)
                if time.monotonic() < due:
                    continue
                due = time.monotonic() + EVERY_SECONDS
                await reconcile(state.name, state.worker_database, state.bus, state.consumers, stream_days=days)
                await prune(state.worker_database, stream_days=days)
            except Exception as error:  # the database or the stream is away; the next turn comes
                log.exception("cannot reconcile", extra={"reason": type(error).__name__})
    finally:
        forget()
