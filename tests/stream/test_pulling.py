"""Batches through a real JetStream: in order, none lost between two pulls, and the end of a consumer is noticed."""

import asyncio

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js import api

from kith_stream.publishing import BatchRefused, publish, publish_atomically
from kith_stream.pulling import PullBroken, acknowledged, leased, pulling, refused
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(loop_scope="session")
async def client(servers):
    connected = Client()
    await connected.connect(servers.nats_url)
    await connected.jetstream().add_stream(
        api.StreamConfig(name="PULLED", subjects=["pulled.>"], allow_atomic=True, storage=api.StorageType.MEMORY)
    )
    yield connected
    await connected.jetstream().delete_stream("PULLED")
    await connected.close()


async def bound(client, **settings):
    config = api.ConsumerConfig(durable_name="c", ack_policy=api.AckPolicy.EXPLICIT, **settings)
    await client.jetstream().add_consumer("PULLED", config)


def messages(start, n):
    return [("pulled.a", f"id-{number}", str(number).encode()) for number in range(start, start + n)]


async def taken(pull, n):
    found = []
    while len(found) < n:
        come = await pull.next()
        assert come, "nothing came"
        await pull.answer(acknowledged(come))
        found += come
    return [int(each.data) for each in found]


async def test_what_is_published_comes_in_order_across_batches(client):
    await publish(client, client.jetstream(), messages(0, 1234))
    await bound(client)
    async with pulling(client, stream="PULLED", consumer="c", batch=100) as pull:
        assert await taken(pull, 1234) == list(range(1234))

    async def acknowledged_all():
        info = await client.jetstream().consumer_info("PULLED", "c")
        return (info.num_ack_pending, info.num_pending) == (0, 0)

    await eventually(acknowledged_all, what="the acknowledgements")


async def test_what_comes_later_is_pulled_without_asking_anew(client):
    await bound(client)
    async with pulling(client, stream="PULLED", consumer="c", batch=10) as pull:
        for start in range(0, 30, 3):
            await publish(client, client.jetstream(), messages(start, 3))
            assert await taken(pull, 3) == list(range(start, start + 3))


async def test_a_batch_with_an_id_the_stream_has_is_stored_once_all_the_same(client):
    await publish_atomically(client, messages(0, 5))
    with pytest.raises(BatchRefused):
        await publish_atomically(client, messages(3, 5))
    await publish(client, client.jetstream(), messages(3, 5))
    await bound(client)
    async with pulling(client, stream="PULLED", consumer="c") as pull:
        assert await taken(pull, 8) == list(range(8))


async def test_a_refused_message_comes_again_and_says_so(client):
    await publish(client, client.jetstream(), messages(0, 1))
    await bound(client)
    async with pulling(client, stream="PULLED", consumer="c") as pull:
        [first] = await pull.next()
        await pull.answer(refused(first, delay_seconds=0.05))
        [again] = await pull.next()
        assert (first.delivered, again.delivered, again.data) == (1, 2, first.data)


async def test_slow_work_keeps_its_lease(client):
    await publish(client, client.jetstream(), messages(0, 1))
    await bound(client, ack_wait=0.6)
    async with pulling(client, stream="PULLED", consumer="c") as pull:
        come = await pull.next()
        async with leased(pull.answer, come, 0.6):
            assert await pull.next() == []  # for longer than the lease
        await pull.answer(acknowledged(come))


async def test_a_consumer_that_is_gone_is_noticed(client):
    await bound(client)
    async with pulling(client, stream="PULLED", consumer="c") as pull:
        waiting = asyncio.create_task(pull.next())
        while (await client.jetstream().consumer_info("PULLED", "c")).num_waiting == 0:
            pass  # until it waits there
        await client.jetstream().delete_consumer("PULLED", "c")
        assert await waiting == []
        with pytest.raises(PullBroken):
            await pull.next()
