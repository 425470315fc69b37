"""A durable consumer changes hands: nothing is left out, nothing that is done comes again."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from nats.aio.client import Client

from kith_stream.durables import ensured, taken_over
from kith_stream.publishing import publish
from kith_stream.pulling import acknowledged, pulling
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
STREAM, SUBJECTS = "DURABLES", ["durables.0", "durables.1"]


@pytest_asyncio.fixture(loop_scope="session")
async def client(servers):
    connected = Client()
    await connected.connect(servers.nats_url)
    js = connected.jetstream()
    await ensured(js, STREAM, ["durables.>"], max_age_days=1, replicas=1)
    await publish(connected, js, [(f"durables.{n % 2}", f"id-{n}", str(n).encode()) for n in range(10)])
    yield connected
    await js.delete_stream(STREAM)
    await connected.close()


async def from_the_first():
    return None


async def tomorrow():
    return datetime.now(UTC) + timedelta(days=1)


async def taken(client, subjects=SUBJECTS, beginning=from_the_first):
    await taken_over(client.jetstream(), STREAM, "c", subjects, lease_seconds=60, beginning=beginning)


async def info(client):
    return await client.jetstream().consumer_info(STREAM, "c")


async def pulled(client, n):
    """The first so many of what is delivered, and the pull they came by."""
    async with pulling(client, stream=STREAM, consumer="c", batch=n) as pull:
        come = await pull.next()
        while len(come) < n:
            come += await pull.next()
        return pull, come


async def heard(client, floor):
    async def said():
        return (await info(client)).ack_floor.stream_seq == floor

    await eventually(said, what="hearing the answers")


async def test_who_takes_over_gets_what_was_fetched_and_not_finished_at_once_and_in_order(client):
    await taken(client)
    pull, come = await pulled(client, 6)
    await pull.answer(acknowledged([*come[:3], come[4]]))
    await heard(client, 3)
    await taken(client)  # its predecessor had two of them, for a minute
    _, again = await pulled(client, 7)
    assert [each.data for each in again] == [str(n).encode() for n in range(3, 10)]


@pytest.mark.parametrize("calls", range(6))
async def test_who_is_killed_while_taking_over_leaves_behind_how_far_it_came(client, calls, monkeypatch):
    await taken(client)
    pull, come = await pulled(client, 4)
    await pull.answer(acknowledged(come))
    await heard(client, 4)
    js = client.jetstream()
    left = calls

    def dying(act):
        async def acted(*given):
            nonlocal left
            if left == 0:
                raise ConnectionError
            left -= 1
            return await act(*given)

        return acted

    with monkeypatch.context() as patched:
        for name in ("add_consumer", "delete_consumer"):
            patched.setattr(js, name, dying(getattr(js, name)))
        with suppress(ConnectionError):
            await taken_over(js, STREAM, "c", SUBJECTS, lease_seconds=60, beginning=from_the_first)
    await taken(client, beginning=tomorrow)
    _, again = await pulled(client, 6)
    assert [each.data for each in again] == [str(n).encode() for n in range(4, 10)]
    assert [each.name for each in await js.consumers_info(STREAM)] == ["c"]


async def test_a_message_stored_while_somebody_takes_over_is_delivered(client):
    await taken(client)
    for number in range(10, 40, 3):
        async with pulling(client, stream=STREAM, consumer="c", batch=1) as pull:
            await pull.answer(acknowledged(await pull.next()))  # and the next request waits
        more = [(f"durables.{n % 2}", f"id-{n}", str(n).encode()) for n in range(number, number + 3)]
        await asyncio.gather(publish(client, client.jetstream(), more), taken(client))
    async with pulling(client, stream=STREAM, consumer="c", batch=50) as pull:
        places = []
        while 40 not in places:
            places += [each.sequence for each in await pull.next()]
    assert places == list(range(places[0], 41))


async def test_one_that_nobody_knows_begins_where_it_is_told(client):
    await taken(client, beginning=tomorrow)
    assert (await info(client)).num_pending == 0
    await taken(client)  # known from now on
    assert (await info(client)).num_pending == 0


async def test_other_subjects_are_heard_from_where_it_stands(client):
    await taken(client, SUBJECTS[:1])
    pull, come = await pulled(client, 2)
    await pull.answer(acknowledged(come))
    await heard(client, 3)
    await taken(client)
    _, again = await pulled(client, 7)
    assert [each.data for each in again] == [str(n).encode() for n in range(3, 10)]


async def test_a_stream_takes_new_settings_and_keeps_what_it_holds(client):
    js = client.jetstream()
    await ensured(js, STREAM, ["durables.>"], max_age_days=2, replicas=1)
    found = await js.stream_info(STREAM)
    assert (found.config.max_age, found.state.messages) == (2 * 86_400, 10)
