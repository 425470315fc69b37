"""Many who listen to one gateway: what each idle connection weighs, and how fast one post reaches all of them.

`KITH_BENCH_SOCKETS` connections (5,000) in processes of their own, each with one subscription to the same space, served
by stubs. Then posts are told to as many of them as make 200 messages a second, for a while; and then every post to all.
"""

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import websockets
from nats.aio.client import Client as NatsClient
from nats.js import api

from bench.gateway import _KEY, SERVICES, process, token
from bench.gateway_stub import SINCE
from bench.rows import row
from kith_gateway.ids import encode_id, split_id
from kith_local.nats import Nats
from kith_stream.publishing import publish

PORT = 28_600
SOCKETS = int(os.environ.get("KITH_BENCH_SOCKETS", "5000"))
CLIENTS = 4
SECONDS = float(os.environ.get("KITH_BENCH_SECONDS", "10"))
RATE = 200
SPACES = [str(UUID(int=(9 << 100) + n)) for n in range(2)]
QUERY = "subscription ($s: ID) { postWritten(spaceId: $s) { cursor post { id body author { id displayName } } } }"
NUMBERS = count(1)
_POST = 7 << 100


async def measure() -> list[dict[str, Any]]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for the processes too: each connection is a file
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(_bus())
        keys = json.dumps({"keys": [_KEY.as_dict(private=False)]})
        stub = f"http://127.0.0.1:{PORT}"
        await stack.enter_async_context(
            process([sys.executable, "-m", "bench.gateway_stub", str(PORT)], PORT, KITH_KEYS=keys)
        )
        told = {f"KITH_{name.upper()}_URL": stub for name in SERVICES}
        told |= {"KITH_JWKS_URL": f"{stub}/keys", "KITH_LOG_LEVEL": "WARNING", "KITH_HTTP_PORT": str(PORT + 1)}
        told |= {"KITH_NATS_URL": f"nats://127.0.0.1:{PORT + 2}", "KITH_MAX_SOCKETS_PER_MEMBER": str(SOCKETS + 9)}
        told |= {"KITH_STOP_GRACE_SECONDS": "0", "KITH_MAX_SOCKETS": str(SOCKETS + 99)}
        serve = [sys.executable, "-m", "kith_chassis.serve", "kith_gateway.main:app"]
        gateway = await stack.enter_async_context(process(serve, PORT + 1, **told))
        await _ready()
        return await _measured(bus, gateway)


async def _measured(bus: NatsClient, gateway: psutil.Process) -> list[dict[str, Any]]:
    before = gateway.memory_info().rss
    few, rest = max(SOCKETS // 100, 1), SOCKETS - max(SOCKETS // 100, 1)
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(_listeners(rest // CLIENTS, SPACES[0])) for _ in range(CLIENTS)]
        some = [await stack.enter_async_context(_listeners(few, SPACES[1]))]
        each = (gateway.memory_info().rss - before) / SOCKETS / 1024
        work = f"{SOCKETS:,} idle connections with one subscription each"
        rows = [row("subscriptions", work, "memory of each in the gateway", [each], "KiB", aim="under 64", at_most=64)]
        steady = await _told(bus, gateway, some, SPACES[1], every=few / RATE, posts=int(SECONDS * RATE / few))
        rows += _rows(f"{RATE} messages a second among {SOCKETS:,} connections", steady)
        all_ = await _told(bus, gateway, crowd, SPACES[0], every=1.0, posts=max(int(SECONDS), 1))
        rows += _rows(f"each post to {rest // CLIENTS * CLIENTS:,} connections, one a second", all_)
        at_once = await _told(bus, gateway, some, SPACES[1], every=1 / RATE, posts=int(SECONDS * RATE))
        rows += _rows(f"{RATE} posts a second to {few:,} connections each", at_once)
    return rows


def _rows(work: str, found: tuple[list[float], int, float]) -> list[dict[str, Any]]:
    times, expected, spent = found
    times.sort()
    return [
        row("subscriptions", work, "published to received, p50", [times[len(times) // 2] * 1000], "ms"),
        row("subscriptions", work, "p99", [times[int(len(times) * 0.99)] * 1000], "ms"),
        row("subscriptions", work, "not received", [expected - len(times)], "messages", aim="0", at_most=0),
        row("subscriptions", work, "messages", [len(times) / spent], "per second of the gateway's processor time"),
    ]


async def _told(
    bus: NatsClient, gateway: psutil.Process, listeners: list[Any], space: str, *, every: float, posts: int
) -> tuple[list[float], int, float]:
    """Seconds from publishing to receiving, of each message; how many there should be; processor seconds spent."""
    cpu = gateway.cpu_times()
    began = time.time()
    for number in range(posts):
        await publish(bus, bus.jetstream(), [_post(space)])
        await asyncio.sleep(max(began + (number + 1) * every - time.time(), 0))
    await asyncio.sleep(3)  # what is still under way
    after = gateway.cpu_times()
    times, sockets = [], 0
    for each in listeners:
        each.stdin.write(b"\n")
        found = json.loads(await each.stdout.readline())
        times += found["times"]
        sockets += found["sockets"]
    return times, sockets * posts, after.user + after.system - cpu.user - cpu.system


def _post(space: str) -> tuple[str, str, bytes]:
    """The event of a post; when it was told stands in the post's id, in microseconds."""
    thread = str(UUID(int=8 << 100))
    data = {
        "post_id": str(UUID(int=_POST + int(time.time() * 1e6))), "thread_id": thread, "space_id": space,
        "author_id": str(UUID(int=1 << 100)), "reply_to_id": None, "length": 120,
    }  # fmt: skip
    event = {
        "specversion": "1.0", "id": str(uuid4()), "source": "kith/groups", "type": "groups.post_written.v1",
        "subject": thread, "time": SINCE, "tenant": str(UUID(int=2)), "sequence": next(NUMBERS), "data": data,
    }  # fmt: skip
    return "kith.groups.post_written.v1", str(event["id"]), json.dumps(event).encode()


@asynccontextmanager
async def _bus() -> AsyncIterator[NatsClient]:
    """A NATS server of its own, with the stream."""
    with tempfile.TemporaryDirectory(prefix="kith-bench-", ignore_cleanup_errors=True) as directory:
        command = Nats(Path(directory), PORT + 2).configure()
        async with process(command, PORT + 2):
            client = await _connected()
            await client.jetstream().add_stream(
                api.StreamConfig(name="KITH", subjects=["kith.>"], allow_atomic=True, storage=api.StorageType.FILE)
            )
            yield client
            await client.close()


async def _connected() -> NatsClient:
    client = NatsClient()
    await client.connect(f"nats://127.0.0.1:{PORT + 2}")
    return client


async def _ready() -> None:
    """Return when the gateway lets in who listens."""
    for _ in range(200):
        try:
            async with _socket():
                return
        except (OSError, AssertionError, websockets.WebSocketException):
            await asyncio.sleep(0.1)
    raise TimeoutError("the gateway lets nobody in")


@asynccontextmanager
async def _socket() -> AsyncIterator[Any]:
    address = f"ws://127.0.0.1:{PORT + 1}/graphql"
    options: dict[str, Any] = {"compression": None, "ping_interval": None, "open_timeout": 60}
    async with websockets.connect(address, subprotocols=["graphql-transport-ws"], **options) as socket:  # type: ignore[list-item]
        bearer = os.environ.get("KITH_BENCH_TOKEN") or token("groups:take_part")
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {bearer}"}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


@asynccontextmanager
async def _listeners(sockets: int, space: str) -> AsyncIterator[Any]:
    """A process with so many connections, which says what came whenever it is asked."""
    command = [sys.executable, "-m", "bench.subscriptions", str(sockets), space]
    environment = os.environ | {"KITH_BENCH_TOKEN": token("groups:take_part")}
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    started = await asyncio.create_subprocess_exec(*command, env=environment, limit=1 << 28, **pipes)
    assert started.stdout is not None
    assert await started.stdout.readline() == b"ready\n"
    try:
        yield started
    finally:
        started.terminate()
        await started.wait()


async def listen(sockets: int, space: str) -> None:
    """What such a process does."""
    times: list[float] = []

    async def one(socket: Any) -> None:
        async for message in socket:
            _, post = split_id(json.loads(message)["payload"]["data"]["postWritten"]["post"]["id"])
            times.append(time.time() - (UUID(post).int - _POST) / 1e6)

    async with AsyncExitStack() as stack:
        for _ in range(sockets):
            socket = await stack.enter_async_context(_socket())
            payload = {"query": QUERY, "variables": {"s": encode_id("Space", UUID(space))}}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            await socket.send('{"type": "ping"}')
            assert json.loads(await socket.recv())["type"] == "pong"
            stack.callback(asyncio.create_task(one(socket)).cancel)
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps({"times": times, "sockets": sockets}), flush=True)
            times.clear()


if __name__ == "__main__":
    asyncio.run(listen(int(sys.argv[1]), sys.argv[2]))
