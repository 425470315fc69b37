"""What each setting of the stream costs: published one by one, pipelined and in atomic batches, synced or not, on one
node and on three of this machine. No service runs; the stream is made as services make it.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from bench.rows import row
from kith_chassis.bus import Bus, open_bus
from kith_chassis.ids import new_id
from kith_chassis.settings import ServiceSettings
from kith_local.nats import binary

ROUNDS, BATCH = 3, 500
ALONE, MANY = 500, 4_000  # messages for each round: one by one takes its time
SYNC = {"always": "`sync_interval: always`", "2m": "NATS' own default (2 min)"}
BODY = json.dumps({"data": "x" * 560}).encode()  # about what an event of ours takes with its envelope
SUBJECT = "kith.bench.stored.v1"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def cluster(nodes: int, sync: str) -> Iterator[str]:
    """So many servers with a store each; the address of the first."""
    ports, routes = _free_ports(nodes), _free_ports(nodes)
    with tempfile.TemporaryDirectory(prefix="kith-bench-", ignore_cleanup_errors=True) as place, ExitStack() as stack:
        for n in range(nodes):
            lines = [
                f"server_name: n{n}",
                f'listen: "127.0.0.1:{ports[n]}"',
                f'jetstream {{ store_dir: "{place}/{n}", sync_interval: {sync} }}',
            ]
            if nodes > 1:
                others = ", ".join(f'"nats://127.0.0.1:{each}"' for each in routes)
                lines.append(f'cluster {{ name: bench, listen: "127.0.0.1:{routes[n]}", routes: [{others}] }}')
            path = Path(place) / f"{n}.conf"
            path.write_text("\n".join(lines) + "\n")
            with (Path(place) / f"{n}.log").open("wb") as log:
                server = subprocess.Popen([binary(), "-c", path], stdout=log, stderr=log, env={"PATH": os.defpath})
            stack.callback(server.wait)
            stack.callback(server.terminate)
        yield f"nats://127.0.0.1:{ports[0]}"


@asynccontextmanager
async def stream(nodes: int, sync: str) -> AsyncIterator[Bus]:
    with cluster(nodes, sync) as url:
        settings = ServiceSettings(database_url="postgresql://nobody@nowhere/x", nats_url=url, stream_replicas=nodes)  # type: ignore[arg-type]
        async with open_bus(settings, name="bench") as bus:
            await asyncio.wait_for(bus.established.wait(), 60)
            yield bus


def _messages(count: int) -> list[tuple[str, str, bytes]]:
    return [(SUBJECT, str(new_id()), BODY) for _ in range(count)]


async def one_by_one(bus: Bus) -> int:
    for subject, id_, body in _messages(ALONE):
        await bus.js.publish(subject, body, headers={"Nats-Msg-Id": id_})
    return ALONE


async def pipelined(bus: Bus) -> int:
    for _ in range(MANY // BATCH):
        some = (bus.js.publish(subject, body, headers={"Nats-Msg-Id": id_}) for subject, id_, body in _messages(BATCH))
        await asyncio.gather(*some)
    return MANY


async def atomic(bus: Bus) -> int:
    for _ in range(MANY // BATCH):
        await bus.publish(_messages(BATCH))
    return MANY


WAYS: dict[str, Callable[[Bus], Awaitable[int]]] = {
    "one by one": one_by_one,
    "pipelined, 500 at a time": pipelined,
    "atomic batches of 500": atomic,
}


async def measure() -> list[dict[str, Any]]:
    """Messages acknowledged in a second, for each way; ratios are to the same way on one node that syncs every time."""
    found, base = [], dict[str, float]()
    for nodes in (1, 3):
        for sync, words in SYNC.items():
            taken: dict[str, list[float]] = {way: [] for way in WAYS}
            async with stream(nodes, sync) as bus:
                for _ in range(ROUNDS):
                    for way, act in WAYS.items():
                        began = time.monotonic()
                        taken[way].append(await act(bus) / (time.monotonic() - began))
                state = (await bus.js.stream_info(bus.stream)).state
            for way, values in taken.items():
                median = statistics.median(values)
                work = f"{way}, {nodes} node{'s' if nodes > 1 else ''}"
                found.append(
                    row("jetstream", work, words, values, "events/s", ratio=median / base.setdefault(way, median))
                )
    each = state.bytes / state.messages
    found.append(row("jetstream", "a million events on a node", "size of the store", [each * 1e6 / 2**30], "GiB"))
    return found
