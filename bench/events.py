"""Relay and consumer beside the raw limits of the same servers, durable on both sides, and beside a naive outbox."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop
from nats.js import api
from sqlalchemy import text

from bench.rows import BASE_PORT, row
from kith_chassis.bus import Bus, open_bus
from kith_chassis.consumers import Lane
from kith_chassis.database import Database
from kith_chassis.events import received, wire
from kith_chassis.ids import new_id
from kith_chassis.migrations import upgrade
from kith_chassis.outbox import publish_waiting
from kith_chassis.settings import ServiceSettings
from kith_events.reconcile import reconcile
from kith_local.databases import prepare
from kith_local.layout import Installation
from kith_local.up import running
from kith_metrics.consumers import consumers
from kith_stream.pulling import acknowledged, pulling

EVENTS, NAIVE, ROUNDS, BATCH = 20_000, 1_000, 5, 500
BACKLOG = 100_000
TENANT = new_id()
_FILL = text("""
INSERT INTO outbox (event_id, tenant_id, type, aggregate_id, sequence, data, occurred_at)
SELECT gen_random_uuid(), :tenant, 'identity.member_joined.v1', id, 1,
       json_build_object('member_id', id, 'joined_at', now(), 'source', 'bench')::text, now()
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, :n)) g
""")
_NEXT = text("SELECT * FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT 1")
_MARK = text("UPDATE outbox SET published_at = now() WHERE position = :position")
_INBOX = text("INSERT INTO inbox (event_id) VALUES (:id) ON CONFLICT DO NOTHING RETURNING event_id")


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[str, ServiceSettings]]:
    """PostgreSQL and NATS as `kith up` runs them, with the database of one service and no service."""
    with tempfile.TemporaryDirectory(prefix="kith-bench-", ignore_cleanup_errors=True) as directory:
        async with running(Installation(Path(directory) / ".kith", BASE_PORT), deployables=()) as system:
            await prepare(system.admin_url, ["metrics"], lambda role: system.credentials[f"database {role}"])
            await upgrade("kith_metrics", system.database_url("metrics", "owner"))
            given = {name.removeprefix("KITH_").lower(): value for name, value in system.bus.items()}
            yield ServiceSettings(database_url=system.database_url("metrics"), **given)  # type: ignore[arg-type]


@asynccontextmanager
async def connected(settings: ServiceSettings) -> AsyncIterator[tuple[Database, Bus]]:
    database = Database(str(settings.database_url))
    async with open_bus(settings, name="bench") as bus:
        await asyncio.wait_for(bus.established.wait(), 20)
        yield database, bus
    await database.close()


async def timed(act: Callable[[], Awaitable[int]]) -> float:
    """Events a second."""
    began = time.monotonic()
    return await act() / (time.monotonic() - began)


async def fill(database: Database, n: int) -> None:
    async with database.transaction() as session:
        await session.execute(_FILL, {"tenant": TENANT, "n": n})


async def raw_publish(bus: Bus) -> int:
    body = json.dumps({"data": "x" * 420}).encode()
    for _ in range(EVENTS // BATCH):
        await bus.publish([("kith.bench.raw.v1", str(new_id()), body) for _ in range(BATCH)])
    return EVENTS


async def relay(database: Database, bus: Bus) -> int:
    return await publish_waiting(database, bus)


async def naive_relay(database: Database, bus: Bus) -> int:
    """One event at a time: read, publish, mark, commit."""
    for done in range(NAIVE):
        async with database.transaction() as session:
            event = (await session.execute(_NEXT)).one_or_none()
            if event is None:
                return done
            subject, message_id, body = wire(event)
            await bus.js.publish(subject, body, headers={"Nats-Msg-Id": message_id})
            await session.execute(_MARK, {"position": event.position})
    return NAIVE


@asynccontextmanager
async def consumer(bus: Bus) -> AsyncIterator[str]:
    """A consumer of what the relay published, from the beginning."""
    config = api.ConsumerConfig(
        filter_subject="kith.identity.>", ack_policy=api.AckPolicy.EXPLICIT, max_ack_pending=10_000
    )
    info = await bus.js.add_consumer(bus.stream, config)
    yield info.name
    await bus.js.delete_consumer(bus.stream, info.name)


async def fetched(bus: Bus, n: int) -> int:
    """As nats-py documents it: fetch a batch, acknowledge each message."""
    async with consumer(bus) as name:
        subscription = await bus.js.pull_subscribe_bind(consumer=name, stream=bus.stream)
        done = 0
        while done < n:
            messages = await subscription.fetch(BATCH, timeout=5)
            for message in messages:
                await message.ack()
            done += len(messages)
        await subscription.unsubscribe()
    return done


async def raw_pull(bus: Bus, n: int) -> int:
    """Pulled and acknowledged, and nothing done with it."""
    async with consumer(bus) as name, pulling(bus.client, stream=bus.stream, consumer=name, batch=BATCH) as pull:
        done = 0
        while done < n:
            messages = await pull.next()
            await pull.answer(acknowledged(messages))
            done += len(messages)
    return done


async def consume(database: Database, bus: Bus, n: int) -> int:
    await _forget(database)
    return await _apply(database, bus, n)


async def _apply(database: Database, bus: Bus, n: int) -> int:
    async with consumer(bus) as name, pulling(bus.client, stream=bus.stream, consumer=name, batch=BATCH) as pull:
        lane, done = Lane(consumers, database, pull.answer), 0
        while done < n:
            messages = await pull.next()
            await lane.work(messages)
            done += len(messages)
    return done


async def naive_consume(database: Database, bus: Bus) -> int:
    """One event at a time: pull, mark, apply, commit, acknowledge."""
    await _forget(database)
    async with consumer(bus) as name:
        subscription = await bus.js.pull_subscribe_bind(consumer=name, stream=bus.stream)
        for _ in range(NAIVE):
            [message] = await subscription.fetch(1, timeout=5)
            async with database.transaction() as session:
                known = consumers.of("identity.member_joined.v1")
                assert known is not None
                event = received(message.data, known[0])
                if (await session.execute(_INBOX, {"id": event.id})).first() is not None:
                    await known[1](session, [event])
            await message.ack()
    return NAIVE


async def _forget(database: Database) -> None:
    async with database.transaction() as session:
        for table in ("inbox", "members"):
            await session.execute(text(f"DELETE FROM {table}"))


async def measure() -> list[dict[str, Any]]:
    async with servers() as settings:
        return await asyncio.to_thread(uvloop.run, _measure(settings))  # as services run; it cannot start servers


async def _measure(settings: ServiceSettings) -> list[dict[str, Any]]:
    async with connected(settings) as (database, bus):
        raws, relays, fetches, pulls, applied = [], [], [], [], []
        for turn in range(1, ROUNDS + 1):
            raws.append(await timed(lambda: raw_publish(bus)))
            await fill(database, EVENTS)
            relays.append(await timed(lambda: relay(database, bus)))
            fetches.append(await timed(lambda n=turn * EVENTS: fetched(bus, n)))  # type: ignore[misc]
            pulls.append(await timed(lambda n=turn * EVENTS: raw_pull(bus, n)))  # type: ignore[misc]
            applied.append(await timed(lambda: consume(database, bus, EVENTS)))
        await fill(database, NAIVE)
        slow_relay = await timed(lambda: naive_relay(database, bus))
        slow_consumer = await timed(lambda: naive_consume(database, bus))
        lag, found = await backlog(database, bus)
        compared, mended = await lost_store(database, bus, settings)
    ratio = statistics.median
    publish = "publish, 500 a batch, `sync_interval: always`"
    return [
        row("events", publish, "raw atomic batches", raws, "events/s"),
        row("events", publish, "relay, from the outbox, marked", relays, "events/s", ratio=ratio(relays) / ratio(raws),
            aim="at least 25,000 a second and 0.35 of raw", at_least=25_000),
        row("events", publish, "naive relay, one by one", [slow_relay], "events/s", ratio=slow_relay / ratio(raws)),
        row("events", "consume, 500 a batch", "nats-py: fetch, acknowledge each", fetches, "events/s",
            ratio=ratio(fetches) / ratio(pulls)),
        row("events", "consume, 500 a batch", "raw: pulled and acknowledged by the batch", pulls, "events/s"),
        row("events", "consume, 500 a batch", "consumer, inbox and effect committed", applied, "events/s",
            ratio=ratio(applied) / ratio(pulls), aim="at least 18,000 a second and 0.35 of raw", at_least=18_000),
        row("events", "consume, 500 a batch", "naive consumer, one by one", [slow_consumer], "events/s",
            ratio=slow_consumer / ratio(pulls)),
        row("events", f"backlog of {BACKLOG:,}", "relay, then consumer", [lag], "s"),
        row("events", f"backlog of {BACKLOG:,}", "applied", [found], "events"),
        row("events", f"a lost store of {BACKLOG:,}", "reconciler finds what is missing", [compared], "s"),
        row("events", f"a lost store of {BACKLOG:,}", "all published and applied again", [mended], "s"),
    ]  # fmt: skip


async def lost_store(database: Database, bus: Bus, settings: ServiceSettings) -> tuple[float, float]:
    """Seconds until the reconciler has found what a lost store held and nobody had read, and until all is applied."""
    await bus.js.delete_stream(bus.stream)
    await bus.ensure_stream(settings)
    await _forget(database)
    began = time.monotonic()
    found = await reconcile("identity", database, bus, None, stream_days=30)
    compared = time.monotonic() - began
    if found.missing < BACKLOG:
        raise RuntimeError(f"only {found.missing} are missing")
    await relay(database, bus)
    await _apply(database, bus, found.missing)
    return compared, time.monotonic() - began


async def naive() -> float:
    """Events a second of an outbox that publishes and consumes one at a time: the slower of the two, nothing else."""
    async with servers() as settings:
        return await asyncio.to_thread(uvloop.run, _naive(settings))


async def _naive(settings: ServiceSettings) -> float:
    async with connected(settings) as (database, bus):
        await fill(database, NAIVE)
        return min(await timed(lambda: naive_relay(database, bus)), await timed(lambda: naive_consume(database, bus)))


async def backlog(database: Database, bus: Bus) -> tuple[float, float]:
    """Seconds to publish and apply what has piled up, and how many members are known then."""
    await bus.js.purge_stream(bus.stream)
    await _forget(database)
    await fill(database, BACKLOG)
    began = time.monotonic()
    await relay(database, bus)
    await _apply(database, bus, BACKLOG)
    seconds = time.monotonic() - began
    async with database.transaction() as session:
        known: list[UUID] = list((await session.execute(text("SELECT member_id FROM members"))).scalars())
    return seconds, len(known)
