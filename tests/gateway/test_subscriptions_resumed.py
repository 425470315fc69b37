"""Coming back: what was missed comes first, in order and once; and what is too long ago says so."""

import asyncio
from datetime import UTC, datetime

import pytest

from kith_gateway.live.log import Happened, Log
from kith_gateway.upstream import UpstreamError
from kith_testkit.probe import eventually

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


async def test_what_was_missed_is_told_to_nobody_who_has_completed_and_its_id_is_free_again(
    running, place, monkeypatch
):
    go_on, call, reads = asyncio.Event(), running.upstream.call, []

    async def slow(service, method, route, **rest):
        if route == "/read/posts":
            reads.append(route)
            await go_on.wait()
        return await call(service, method, route, **rest)

    async def over():
        return not running.app.state.hub._replaying

    async with connected(running.url, place.people[0]) as client:
        await place.write("One.", "Two.")
        await place.heard()
        monkeypatch.setattr(running.upstream, "call", slow)
        await client.subscribe(POSTS, {"after": client.cursor})
        assert await client.silent()
        await client.send(type="complete", id="1")
        await client.subscribe(POSTS, {"thread": place.thread})
        assert await client.silent()
        go_on.set()
        await eventually(over, what="the end of telling")
        assert await client.silent()
        await place.write("Three.")
        assert bodies(await client.data()) == ["Three."]
    assert len(reads) <= 2


async def test_what_was_missed_is_paid_for_by_who_comes_back(live):
    async with live() as first:
        place = await _placed(first)
        async with connected(first.url, place.people[1]) as client:
            cursor = client.cursor
        await place.write(*(f"{n}" for n in range(50)))
        await place.heard()
    poor = {"member_burst": 100, "member_per_second": 0.001}
    async with live(**poor) as second, connected(second.url, place.people[1]) as client:
        await client.subscribe(POSTS, {"after": cursor})
        assert len(await client.data(50)) == 50
        await client.subscribe(POSTS, {"after": cursor}, id_="again")
        assert await client.error("again") == "RATE_LIMITED"
        await client.subscribe(POSTS, id_="now")
        assert await client.silent()
    async with live(**poor, budgets=False) as third, connected(third.url, place.people[1]) as client:
        for id_ in ("one", "two", "three"):
            await client.subscribe(POSTS, {"after": cursor}, id_=id_)
            assert len(await client.data(50, of=id_)) == 50


async def test_who_is_told_from_another_place_on_shares_what_is_read_also_with_a_variable_that_is_required(
    running, place
):
    query = "subscription ($after: String!) { postWritten(after: $after) { cursor post { body } } }"
    async with connected(running.url, place.people[0]) as one, connected(running.url, place.people[1]) as two:
        await place.write("Before.")
        await place.heard()
        await one.subscribe(query, {"after": one.cursor})
        [told] = await one.data()
        await two.subscribe(query, {"after": told["postWritten"]["cursor"]})
        assert await two.silent()
        before = running.calls["groups POST /read/posts"]
        await place.write("Now.")
        assert bodies([told, *await one.data(), *await two.data()]) == ["Before.", "Now.", "Now."]
    assert running.calls["groups POST /read/posts"] == before + 1


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


async def test_a_gateway_that_keeps_no_event_tells_what_happens_and_takes_nothing_up(live):
    async with live() as first:
        place = await _placed(first)
    async with live(replay_places=0) as running:
        place.gateway = running
        async with connected(running.url, place.people[0]) as client:
            await client.subscribe(POSTS, {"after": client.cursor})
            assert await client.silent()
            await place.write("One.", "Two.")
            [one, two] = await client.data(2)
            assert bodies([one, two]) == ["One.", "Two."]
            await client.subscribe(POSTS, {"after": one["postWritten"]["cursor"]}, id_="old")
            assert await client.error("old") == "CURSOR_TOO_OLD"


async def test_a_follower_that_went_wrong_begins_anew_and_nobody_listens_meanwhile(running, place, monkeypatch, caplog):
    hub = running.app.state.hub

    def broken(*_):
        monkeypatch.undo()
        raise IndexError

    async def caught_up():
        return hub._caught_up

    async with connected(running.url, place.people[0]) as client:
        monkeypatch.setattr(hub._log, "add", broken)
        await place.write("Lost.")
        assert await client.closed() == (1012, "The stream has changed; fetch anew")
    assert "following the stream went wrong; it begins anew" in caplog.text
    await eventually(caught_up, what="having caught up again")
    async with connected(running.url, place.people[0]) as client:
        await client.subscribe(POSTS)
        assert await client.silent()
        await place.write("Heard.")
        assert bodies(await client.data()) == ["Heard."]


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
