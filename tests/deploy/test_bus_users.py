"""What each user of the bus may do, tried on a server with the users of the manifests."""

import asyncio
import os
import re

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import api

from kith_gateway.live.hub import SUBJECTS
from kith_local.nats import binary
from kith_stream.connecting import connected
from kith_stream.following import Follower
from kith_testkit.probe import eventually

from .test_containers import free_port

pytestmark = pytest.mark.scenario
PASSWORDS = {"CLIENT_PASSWORD": "k1", "GATEWAY_PASSWORD": "k2"}


@pytest_asyncio.fixture(loop_scope="session")
async def bus(production, tmp_path):
    """Address of a single server with the users of production, and the stream on it."""
    [text] = [each["data"]["nats.conf"] for each in production if "nats.conf" in each.get("data", {})]
    users = re.search(r"^authorization \{.*?^\}", text, re.MULTILINE | re.DOTALL)[0]
    port = free_port()
    config = tmp_path / "nats.conf"
    config.write_text(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{tmp_path}/store" }}\n{users}\n')
    server = await asyncio.create_subprocess_exec(
        binary(), "-c", config, env=os.environ | PASSWORDS, stderr=asyncio.subprocess.DEVNULL
    )
    url = f"nats://127.0.0.1:{port}"
    service = Client()

    async def there():
        try:
            await service.connect(url, user="kith", password="k1", max_reconnect_attempts=1)
        except OSError:
            return False
        return True

    await eventually(there, what="NATS")
    await service.jetstream().add_stream(api.StreamConfig(name="KITH", subjects=["kith.>"]))
    yield url, service
    await service.close()
    server.terminate()
    await server.wait()


class Taken:
    def __init__(self):
        self.found, self.caught_up = [], False

    def begin(self, created, place):
        pass

    def take(self, messages, *, caught_up):
        self.found += [each.data for each in messages]
        self.caught_up = caught_up


async def nothing(_):
    pass


async def test_the_gateway_follows_the_stream_and_may_do_nothing_else(bus):
    url, service = bus
    await service.jetstream().add_consumer("KITH", api.ConsumerConfig(durable_name="matching"))
    async with connected(url, name="gateway", user="gateway", password="k2", ready=nothing) as client:
        taken = Taken()
        follower = Follower(client, taken, stream="KITH", subjects=SUBJECTS, behind=100)
        task = asyncio.create_task(follower.follow())
        await service.jetstream().publish(SUBJECTS[0], b"told")

        async def told():
            return taken.found == [b"told"]

        await eventually(told, what="the event")
        forbidden = ["$JS.API.STREAM.DELETE.KITH", "$JS.API.STREAM.PURGE.KITH", "$JS.API.CONSUMER.DELETE.KITH.matching"]
        for subject in [*forbidden, "$JS.API.CONSUMER.CREATE.KITH.matching", SUBJECTS[0], "wake.matching"]:
            with pytest.raises(NatsTimeoutError):
                await client.request(subject, b"{}", timeout=0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    info = await service.jetstream().stream_info("KITH")
    assert info.state.messages == 1
    assert (await service.jetstream().consumer_info("KITH", "matching")).name == "matching"
