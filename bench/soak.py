"""Half an hour at 70 % of the ceiling: does anything pile up? SOAK_SECONDS for another while."""

import asyncio
import os
import statistics
import time
from typing import Any

import psutil
import uvloop

from bench.hot import CONNECTIONS, Place, delays, place, sustained
from bench.loading import Load, percentile
from bench.rows import row

SECONDS = float(os.environ.get("SOAK_SECONDS", "1800"))
SHARE, KEPT = 0.7, 50
_SAMPLED_SECONDS = 10.0
_WATCHED = ("groups", "metrics")


async def measure() -> list[dict[str, Any]]:
    async with place() as there:
        return await asyncio.to_thread(uvloop.run, _measure(there))


async def _measure(there: Place) -> list[dict[str, Any]]:
    requests = there.requests()
    await sustained(there, requests)  # warm
    ceiling, _ = await sustained(there, requests)
    rate = ceiling * SHARE
    load = Load(there.system.url("groups"), requests, connections=CONNECTIONS, keep_every=KEPT)
    memory: dict[str, list[tuple[float, float]]] = {name: [] for name in _WATCHED}
    watching = asyncio.create_task(_watch(there, memory))
    sent = await load.run(int(rate * SECONDS), per_second=rate)
    watching.cancel()
    late = await delays(there, sent)
    work = f"{SECONDS / 60:.0f} minutes at {rate:,.0f} posts/s, {SHARE:.0%} of the ceiling"
    rows = [
        row("soak", work, "writes that failed", [sent.failed], "writes", aim="none", at_most=0),
        row("soak", work, "write to effect, p99", [percentile(late, 0.99)], "ms", aim="under a second", at_most=1000),
        row("soak", work, "write to effect, p50", [percentile(late, 0.5)], "ms"),
    ]
    for name, points in memory.items():
        if len(points) >= 3:
            minutes, sizes = zip(*points[len(points) // 3 :], strict=True)  # the first third fills caches
            slope = statistics.linear_regression(minutes, sizes).slope
            rows.append(row("soak", work, f"memory of {name}", [slope], "MiB a minute", aim="about 0"))
    return rows


async def _watch(there: Place, memory: dict[str, list[tuple[float, float]]]) -> None:
    """Note minutes since the start and MiB, of each watched service."""
    began = time.monotonic()
    while True:
        for name in _WATCHED:
            size = psutil.Process(there.system.supervisor.pids[name]).memory_info().rss / 2**20
            memory[name].append(((time.monotonic() - began) / 60, size))
        await asyncio.sleep(_SAMPLED_SECONDS)
