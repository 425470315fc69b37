"""What NATS does when its disk is full, which the supervisor and the drill build on."""

import asyncio
import shutil
import socket
import subprocess
from contextlib import asynccontextmanager

import pytest
from drill.mounts import CannotMount, mount, resize, unmount
from nats.aio.client import Client
from nats.errors import Error as NatsError

from kith_chassis.bus import Bus
from kith_chassis.ids import new_id
from kith_chassis.settings import ServiceSettings
from kith_local.nats import Nats
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
ROOM = 64 << 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def small(directory):
    directory.mkdir(parents=True)
    try:
        mount("tmpfs", directory, "tmpfs", f"size={ROOM}")
    except CannotMount as error:
        pytest.skip(f"this machine cannot mount: {error}")
    try:
        yield
    finally:
        unmount(directory)


@asynccontextmanager
async def served(server):
    process = subprocess.Popen(server.configure(), stderr=subprocess.DEVNULL, cwd="/")  # noqa: ASYNC220 -- at once
    try:
        await eventually(server.ready, what="NATS")
        client = Client()
        await client.connect(server.url, allow_reconnect=False)
        bus = Bus(client, stream="KITH")
        bus.js._timeout = 1
        await bus.ensure_stream(ServiceSettings(database_url="postgresql://none/none"))
        yield bus
        await client.close()
    finally:
        process.terminate()
        process.wait()


async def publish(bus, count=100):
    """Whether so many were stored."""
    try:
        await bus.publish([("kith.drill.filled.v1", str(new_id()), b"x" * 500) for _ in range(count)])
    except (NatsError, TimeoutError):
        return False
    return True


async def test_a_stream_that_found_no_room_says_so_and_stores_again_once_the_server_is_started_again(tmp_path):
    server = Nats(tmp_path / "nats", free_port(), monitoring_port=free_port())
    store = tmp_path / "nats" / "jetstream"
    async with small(store):
        async with served(server) as bus:
            assert await publish(bus)
            assert await server.alive()
            resize(store, shutil.disk_usage(store).used + 100_000)
            stored = 100
            while await publish(bus, 1):
                stored += 1
            assert not await server.alive()
            resize(store, ROOM)
            assert not await publish(bus, 1)  # if this ever is true, nobody needs to end the server any more
        async with served(server) as bus:
            held = (await bus.js.stream_info("KITH")).state.messages
            assert held >= stored
            assert await server.alive()


async def test_a_server_started_on_a_full_disk_stores_again_when_there_is_room(tmp_path):
    server = Nats(tmp_path / "nats", free_port(), monitoring_port=free_port())
    store = tmp_path / "nats" / "jetstream"
    async with small(store):
        async with served(server) as bus:
            assert await publish(bus)
        resize(store, shutil.disk_usage(store).used + 50_000)
        async with served(server) as bus:
            resize(store, ROOM)
            assert await publish(bus, 500)


async def test_a_server_that_stands_still_or_is_not_there_is_not_called_dead(tmp_path):
    server = Nats(tmp_path / "nats", free_port(), monitoring_port=free_port())
    assert await asyncio.wait_for(server.alive(), 20)
