"""From an HTTP write to its effect committed in another service, durable on both sides, all on this machine's cores."""

import asyncio
import base64
import itertools
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import uvloop
from drill.load import founded

from bench.events import naive
from bench.loading import Load, Sent, percentile
from bench.rows import BASE_PORT, row
from kith_chassis.database import Database
from kith_chassis.ids import new_id
from kith_groups.conversations.threads import open_thread
from kith_local.client import connect
from kith_local.layout import GATEWAY, Installation
from kith_local.steps import Steps
from kith_local.story.tell import eventually
from kith_local.up import System, running

WRITES, ROUNDS, CONNECTIONS, THREADS, VOICES = 40_000, 3, 192, 64, 8
ORDINARY = 1_500
_EFFECTS = "SELECT count(*) FROM interactions WHERE source = 'reply'"
_COMMITS = """
SELECT event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) AS at FROM inbox WHERE event_id = ANY($1)
"""


@dataclass(frozen=True)
class Place:
    """A community with people who write and threads to write in."""

    system: System
    tenant: UUID
    tokens: list[str]
    threads: list[str]
    space: UUID

    def requests(self) -> Iterator[bytes]:
        """Posts of members in turn, in threads in turn, as HTTP."""
        host = urlsplit(self.system.url("groups")).netloc
        body = json.dumps({"body": "x" * 120}).encode()
        made = [
            f"POST /threads/{thread}/posts HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
            for thread, token in itertools.product(self.threads, self.tokens)
        ]
        return itertools.cycle(made)


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """Identity, groups, metrics and the gateway; PostgreSQL keeps the time of each commit."""
    with tempfile.TemporaryDirectory(prefix="kith-bench-", ignore_cleanup_errors=True) as directory:
        installation = Installation(Path(directory) / ".kith", BASE_PORT)
        deployables = ("identity", "groups", "metrics", GATEWAY)
        async with running(installation, Steps(), deployables=deployables) as system:
            await _keep_commit_times(system)
            yield await _prepared(system)


async def _keep_commit_times(system: System) -> None:
    admin = await asyncpg.connect(system.admin_url)
    await admin.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    await admin.close()
    pid = system.supervisor.pids["postgres"]
    os.kill(pid, signal.SIGINT)  # a fast stop; the supervisor starts it again

    async def back() -> bool:
        try:
            admin = await asyncpg.connect(system.admin_url)
        except (OSError, asyncpg.PostgresError):
            return False
        found = await admin.fetchval("SHOW track_commit_timestamp")
        await admin.close()
        return str(found) == "on"

    await eventually(back, "PostgreSQL coming back")


async def _prepared(system: System) -> Place:
    async with connect(f"{system.url(GATEWAY)}/graphql") as anonymous:
        made = await founded(anonymous, "bench", voices=VOICES, threads=THREADS)
    tokens, threads = [str(each.token) for each in made.voices], list(map(_key, made.threads))
    return Place(system, UUID(_key(made.id)), tokens, threads, UUID(_key(made.space)))


def _key(global_id: str) -> str:
    return base64.b64decode(global_id).decode().partition(":")[2]


async def _effects(there: Place) -> int:
    metrics = await asyncpg.connect(there.system.database_url("metrics"))
    found = await metrics.fetchval(_EFFECTS)
    await metrics.close()
    return int(found)


async def sustained(there: Place, requests: Iterator[bytes]) -> tuple[float, float]:
    """Events a second from the first request to the last effect, and to the last answer."""
    before, began = await _effects(there), time.monotonic()
    sent = await loaded(there, requests, WRITES, keep_every=WRITES)
    answered = time.monotonic() - began
    if sent.failed:
        raise RuntimeError(f"{sent.failed} writes failed")

    async def done() -> bool:
        return await _effects(there) - before >= WRITES

    await eventually(done, "the last effect")
    effects = await _effects(there) - before
    if effects != WRITES:
        raise RuntimeError(f"{effects} effects of {WRITES} writes")
    return WRITES / (time.monotonic() - began), WRITES / answered


async def loaded(
    there: Place, requests: Iterator[bytes], n: int, *, per_second: float | None = None, keep_every: int = 1
) -> Sent:
    load = Load(there.system.url("groups"), requests, connections=CONNECTIONS, keep_every=keep_every)
    return await load.run(n, per_second=per_second)


async def delays(there: Place, sent: Sent) -> list[float]:
    """Milliseconds from sending a write to the commit of its effect, for each."""
    groups = await asyncpg.connect(there.system.database_url("groups"))
    ids = list(sent.times)
    rows = await groups.fetch(
        "SELECT event_id, (data::json->>'post_id') AS post_id FROM outbox WHERE type = 'groups.post_written.v1' "
        "AND (data::json->>'post_id') = ANY($1)", ids,
    )  # fmt: skip
    await groups.close()
    post_of = {row["event_id"]: row["post_id"] for row in rows}
    metrics = await asyncpg.connect(there.system.admin_url.rsplit("/", 1)[0] + "/kith_metrics")

    async def all_there() -> list[Any]:
        found = await metrics.fetch(_COMMITS, list(post_of))
        return list(found) if len(found) == len(ids) else []

    found = await eventually(all_there, "the last effect")
    await metrics.close()
    return [(float(each["at"]) - sent.times[post_of[each["event_id"]]][0]) * 1000 for each in found]


async def _inserts(there: Place) -> float:
    """The same row, one INSERT a transaction, from as many connections as a service has."""
    url, n, width = there.system.database_url("groups"), 4_000, 8
    pool = await asyncpg.create_pool(url, min_size=width, max_size=width)
    sql = "INSERT INTO posts (id, community_id, thread_id, author_id, body) VALUES ($1, $2, $3, $4, $5)"
    numbers = iter(range(n))

    async def write() -> None:
        async with pool.acquire() as connection:
            for _ in numbers:
                await connection.execute(sql, new_id(), there.tenant, there.threads[0], new_id(), "x" * 120)

    began = time.monotonic()
    await asyncio.gather(*(write() for _ in range(width)))
    speed = n / (time.monotonic() - began)
    await pool.close()
    return speed


async def _ordinary(there: Place) -> tuple[float, float]:
    """An ordinary use case with the ORM, a transaction each: writes a second with its event, and without."""
    database = Database(there.system.database_url("groups"))

    async def with_event(session: Any) -> None:
        await open_thread(session, author_id=new_id(), space_id=there.space, kind="question", title="x", body="y")

    async def without(session: Any) -> None:
        await with_event(session)
        session.info.pop("emitted", None)

    async def speed(act: Any) -> float:
        numbers = iter(range(ORDINARY))

        async def write() -> None:
            for _ in numbers:
                async with database.transaction(tenant=there.tenant) as session:
                    await act(session)

        began = time.monotonic()
        await asyncio.gather(*(write() for _ in range(8)))
        return ORDINARY / (time.monotonic() - began)

    speeds = [(await speed(without), await speed(with_event)) for _ in range(ROUNDS)]
    await database.close()
    return statistics.median(each[1] for each in speeds), statistics.median(each[0] for each in speeds)


async def measure() -> list[dict[str, Any]]:
    one_by_one = await naive()
    async with place() as there:
        return await asyncio.to_thread(uvloop.run, _measure(there, one_by_one))


async def _measure(there: Place, one_by_one: float) -> list[dict[str, Any]]:
    requests, work = there.requests(), "a post: HTTP, row and event, stream, effect in metrics"
    await sustained(there, requests)  # warm
    found = [await sustained(there, requests) for _ in range(ROUNDS)]
    ceiling = statistics.median(each[0] for each in found)
    raw = await _inserts(there)
    ordinary, bare = await _ordinary(there)
    rows = [
        row("hot", work, "sustained, group commit", [each[0] for each in found], "events/s",
            ratio=ceiling / one_by_one, aim="at least 8,000 a second, and 10 × the naive outbox", at_least=8_000),
        row("hot", work, "the same, until the last answer", [each[1] for each in found], "writes/s"),
        row("hot", work, "naive outbox: one publish, one consume at a time, without HTTP", [one_by_one], "events/s"),
        row("hot", "the row alone", "INSERT, a transaction each, asyncpg, 8 connections", [raw], "rows/s"),
        row("hot", "an ordinary use case", "ORM, a transaction each, with its events", [ordinary], "writes/s",
            ratio=ordinary / bare, aim="at least 0.85 of the same without an outbox"),
        row("hot", "an ordinary use case", "the same without an outbox", [bare], "writes/s"),
    ]  # fmt: skip
    for share, most in ((0.1, {0.5: 5.0, 0.99: 40.0}), (0.5, {0.99: 100.0})):
        rate = ceiling * share
        sent = await loaded(there, requests, int(rate * 8), per_second=rate)
        late = await delays(there, sent)
        for part, aim in most.items():
            rows.append(
                row("hot", f"write to effect at {share:.0%} of that, {rate:,.0f}/s", f"p{part * 100:.0f}",
                    [percentile(late, part)], "ms", aim=f"at most {aim:.0f} ms", at_most=aim)
            )  # fmt: skip
    return rows
