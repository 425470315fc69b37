"""Coming back: what was missed comes first, in order and once; and what is too long ago says so."""

import asyncio
from datetime import UTC, datetime

import pytest

from kith_gateway.live.log import Happened, Log
from kith_gateway.upstream import UpstreamError

from .conftest import _placed
from .listening import POSTS, bodies, connected

pytestmark = pytest.mark.integration


async def test_who_comes_back_gets_what_they_missed_in_order_and_nothing_twice(running, place):
    async with connected(running.url, place.people[0]) as client:
        await client.subscribe(POSTS, {"space": place.space})
        await place.write("Zero.", "One.")
        cursor = (await client.data(2))[0]["postWritten"]["cursor"]
    await place.write(*(f"Missed {n}." for n in range(120)))
    async with connected(running.url, place.people[0]) as client:
        writing = asyncio.create_task(place.write(*(f"Meanwhile {n}." for n in range(30))))
        await client.subscribe(POSTS, {"space": place.space, "after": cursor})
        come = bodies(await client.data(151))
        await writing
        assert await client.silent()
    assert come == ["One.", *(f"Missed {n}." for n in range(120)), *(f"Meanwhile {n}." for n in range(30))]


async def test_another_process_goes_on_where_the_first_one_ended(live):
    async with live() as first:
        place = await _placed(first)
        async with connected(first.url, place.people[0]) as client:
            await client.subscribe(POSTS)
            await place.write("Heard.")
            [told] = await client.data()
            start = client.cursor
        await place.write("Between.")
        await place.heard()
    async with live() as second:
        place.gateway = second
        async with connected(second.url, place.people[0]) as client:
            await client.subscribe(POSTS, {"after": told["postWritten"]["cursor"]})
            assert bodies(await client.data()) == ["Between."]
            await client.subscribe(POSTS, {"after": start}, id_="from the start")
            assert bodies(await client.data(2, of="from the start")) == ["Heard.", "Between."]
            await place.write("After.")
            assert sorted([(await client.next())["id"], (await client.next())["id"]]) == ["1", "from the start"]


async def test_the_cursor_of_the_acknowledgement_is_where_listening_begins(running, place):
    async with connected(running.url, place.people[0]) as client:
        await place.write("Before I asked.")
        await client.subscribe(POSTS, {"after": client.cursor})
        assert bodies(await client.data()) == ["Before I asked."]


async def test_cursors_that_are_too_old_or_none_say_so(live):
    async with live(replay_places=3) as running:
        place = await _placed(running)
        async with connected(running.url, place.people[0]) as client:
            old = client.cursor
            await client.subscribe(POSTS)
            await place.write(*"abcdef")
            kept = (await client.data(6))[-2]["postWritten"]["cursor"]
            await client.subscribe(POSTS, {"after": kept}, id_="kept")
            assert bodies(await client.data(of="kept")) == ["f"]
            await client.subscribe(POSTS, {"after": old}, id_="old")
            assert await client.error("old") == "CURSOR_TOO_OLD"
            for number, wrong in enumerate(["", "x", "é", "AAAA" * 500, old[:-3], "LTE6LTE", kept + "!"]):
                await client.subscribe(POSTS, {"after": wrong}, id_=f"w{number}")
                assert await client.error(f"w{number}") in {"INVALID_CURSOR", "CURSOR_TOO_OLD"}, wrong
            assert await client.silent()


def test_a_cursor_of_another_stream_is_too_old_and_one_that_is_ahead_is_taken():
    one, other = Log(10), Log(10)
    one.begin(datetime(2026, 1, 1, tzinfo=UTC), 100)
    other.begin(datetime(2026, 1, 2, tzinfo=UTC), 100)
    assert one.place(one.cursor(105)) == 105
    with pytest.raises(UpstreamError) as refusal:
        other.place(one.cursor(105))
    assert refusal.value.code == "CURSOR_TOO_OLD"


def test_an_event_that_stands_twice_in_the_stream_is_told_once_and_old_ones_are_forgotten():
    log = Log(3)
    log.begin(datetime(2026, 1, 1, tzinfo=UTC), 0)
    places = [place for place in range(1, 9) if log.add(Happened(f"id-{place // 2}", "t", "c", "", {}, place))]
    assert places == [1, 2, 4, 6, 8]
    assert [each.place for each in log.behind(6)] == [8]
    assert log.place(log.cursor(log.floor)) == log.floor == 4
    with pytest.raises(UpstreamError):
        log.place(log.cursor(3))
