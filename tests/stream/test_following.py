"""Following a real stream: in order, each once, through lost messages, vanished consumers and another stream."""

import asyncio
import time

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js import api

from kith_stream import following
from kith_stream.connecting import connected
from kith_stream.following import Follower
from kith_stream.publishing import publish
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
ALL = 1_000_000


@pytest_asyncio.fixture(loop_scope="session")
async def client(servers):
    one = Client()
    await one.connect(servers.nats_url)
    await made(one)
    yield one
    await one.jetstream().delete_stream("FOLLOWED")
    await one.close()


async def made(client):
    await client.jetstream().add_stream(
        api.StreamConfig(name="FOLLOWED", subjects=["followed.>"], allow_atomic=True, storage=api.StorageType.MEMORY)
    )


class Taken:
    """Remembers what it is told."""

    def __init__(self):
        self.found, self.begun, self.caught_up = [], [], False

    def begin(self, created, place):
        self.begun.append((created, place))

    def take(self, messages, *, caught_up):
        self.found += [int(each.data) for each in messages]
        self.caught_up = caught_up


@pytest_asyncio.fixture(loop_scope="session")
async def follow(client, servers):
    """To follow the stream with a connection of its own; what has been taken."""
    tasks, taken = [], []

    async def ready(_):
        pass

    async with connected(servers.nats_url, name="follower", user="", password=None, ready=ready) as own:

        async def begin(behind=ALL):
            taken.append(Taken())
            follower = Follower(own, taken[-1], stream="FOLLOWED", subjects=["followed.a"], behind=behind)
            tasks.append(asyncio.create_task(follower.follow()))
            await eventually(lambda: true(taken[-1].caught_up), what="having caught up")
            return taken[-1]

        yield begin
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def true(found):
    return found


async def put(client, start, n, subject="followed.a"):
    await publish(client, client.jetstream(), [(subject, f"{time.time()}-{x}", b"%d" % x) for x in range(start, n)])


async def all_of(taken, n):
    await eventually(lambda: true(len(taken.found) >= n), what=f"{n} messages")
    assert taken.found == list(range(n))


async def consumers(client):
    return [each.name for each in await client.jetstream().consumers_info("FOLLOWED")]


async def test_what_was_stored_before_and_what_comes_is_taken_in_order_and_nothing_else(client, follow):
    await put(client, 0, 700)
    taken = await follow()
    await put(client, 0, 5, "followed.b")
    await put(client, 700, 1300)
    await all_of(taken, 1300)
    assert len(taken.begun) == 1


async def test_it_begins_so_far_behind_the_end_and_says_where(client, follow):
    await put(client, 0, 10)
    await put(client, 10, 13, "followed.b")
    taken = await follow(behind=5)
    await put(client, 10, 12)
    await eventually(lambda: true(len(taken.found) == 4), what="what came later")
    assert taken.found == [8, 9, 10, 11]
    assert [place for _, place in taken.begun] == [8]


async def test_when_its_consumer_vanishes_another_goes_on_behind_the_last_message(client, follow):
    taken = await follow()
    await put(client, 0, 10)
    await all_of(taken, 10)
    [name] = await consumers(client)
    await client.jetstream().delete_consumer("FOLLOWED", name)
    await put(client, 10, 20)
    await all_of(taken, 20)
    assert name not in await consumers(client)


async def test_a_message_that_is_lost_on_the_way_comes_again_in_its_place(client, follow, monkeypatch):
    taken, real, lost = await follow(), following.pulling, []

    class Losing:
        def __init__(self, pull):
            self.pull = pull

        async def next(self):
            come = await self.pull.next()
            if len(come) > 5 and not lost:
                lost.append(come.pop(3))
            return come

    class Pulling:
        def __init__(self, *args, **named):
            self.inner = real(*args, **named)

        async def __aenter__(self):
            return Losing(await self.inner.__aenter__())

        async def __aexit__(self, *error):
            return await self.inner.__aexit__(*error)

    monkeypatch.setattr(following, "pulling", Pulling)
    [name] = await consumers(client)
    await client.jetstream().delete_consumer("FOLLOWED", name)
    await put(client, 0, 40)
    await all_of(taken, 40)
    assert len(lost) == 1


async def test_another_stream_of_the_same_name_is_begun_anew(client, follow):
    taken = await follow()
    await put(client, 0, 10)
    await all_of(taken, 10)
    await client.jetstream().delete_stream("FOLLOWED")
    await made(client)
    await put(client, 10, 12)
    await all_of(taken, 12)
    assert len(taken.begun) == 2


async def test_its_consumer_needs_no_name_acknowledges_nothing_and_is_forgotten(client, follow):
    await follow()
    [info] = await client.jetstream().consumers_info("FOLLOWED")
    assert info.config.durable_name is None
    assert info.config.ack_policy == api.AckPolicy.NONE
    assert info.config.mem_storage
    assert info.config.inactive_threshold == 30
