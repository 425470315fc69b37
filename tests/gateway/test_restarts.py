"""Services that go and come back: what waits for them, for how long, and what is never sent twice."""

import asyncio
import itertools
import re

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from kith_gateway import upstream as module
from kith_gateway.outages import AwayError, Outage
from kith_gateway.settings import Settings
from kith_gateway.upstream import ServiceUnavailableError, Upstream
from kith_testkit.probe import eventually

from .conftest import closed_port

HOLD = 5.0


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outage(clock):
    return Outage(HOLD, clock)


def fails(outage, clock, *, times, over):
    for number in range(times):
        outage.failed()
        if number < times - 1:
            clock.now += over / (times - 1)


def test_an_outage_is_long_when_a_few_tries_failed_over_the_time_that_is_borne(outage, clock):
    fails(outage, clock, times=10, over=HOLD - 0.1)
    assert not outage.is_long
    clock.now += 0.1
    assert outage.is_long


def test_two_failures_are_no_outage_however_far_apart(outage, clock):
    fails(outage, clock, times=2, over=HOLD * 4)
    assert not outage.is_long


def test_one_answer_ends_an_outage_and_the_next_one_begins_anew(outage, clock):
    fails(outage, clock, times=10, over=HOLD)
    outage.answered()
    assert not outage.is_long
    fails(outage, clock, times=10, over=HOLD - 0.1)
    assert not outage.is_long


def test_what_nobody_looked_at_for_a_minute_is_not_known_any_more(outage, clock):
    fails(outage, clock, times=10, over=HOLD)
    clock.now += 59
    assert outage.is_long
    clock.now += 1
    assert not outage.is_long


def test_in_a_long_outage_one_at_a_time_tries(outage, clock):
    with outage.trial(), outage.trial():
        pass
    fails(outage, clock, times=3, over=HOLD)
    with outage.trial(), pytest.raises(AwayError), outage.trial():
        pass
    with outage.trial():
        pass


# -- the way to a service, with a small server in its place ------------------------------------------------------------


class Server:
    """Takes connections at one address, when it is open, and does to each request what it is told."""

    def __init__(self):
        self.url = closed_port()
        self.requests = []
        self.acts = itertools.repeat(answer)

    async def open(self):
        port = int(self.url.rpartition(":")[2])
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def close(self):
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(sum(int(found) for found in re.findall(rb"(?i)content-length: *(\d+)", head)))
                self.requests.append(head.decode())
                if not await next(self.acts)(writer):
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


async def answer(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue")
    return True


async def refuse(writer):
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
    return True


async def hang_up(_):
    return False


async def goodbye(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ntrue")
    return False


@pytest_asyncio.fixture
async def server():
    one = Server()
    yield one
    if hasattr(one, "server"):
        await one.close()


@pytest_asyncio.fixture
async def way(server):
    one = Upstream(Settings(groups_url=server.url, hold_seconds=30.0, read_seconds=60.0))
    yield one
    await one.close()


@pytest_asyncio.fixture
async def hasty(server):
    one = Upstream(Settings(groups_url=server.url, hold_seconds=0.0, read_seconds=60.0))
    yield one
    await one.close()


def write(way, **given):
    return way.call("groups", "POST", "/posts", body={}, reading=False, **given)


def repeats():
    return REGISTRY.get_sample_value("upstream_repeats_total", {"service": "groups"}) or 0


@pytest.mark.integration
@pytest.mark.parametrize("keyed", [True, False])
async def test_whatever_is_asked_waits_for_a_service_that_is_not_there_yet(server, way, keyed):
    before = repeats()
    asked = asyncio.create_task(write(way, idempotency_key="act-1" if keyed else None))
    await eventually(lambda: _true(repeats() > before + 1), what="trying again")
    await server.open()
    assert await asked is True
    assert len(server.requests) == 1


@pytest.mark.integration
@pytest.mark.parametrize("trouble", [refuse, hang_up])
async def test_a_read_and_a_write_with_a_key_are_sent_again_and_a_write_without_is_not(server, way, trouble):
    await server.open()
    server.acts = iter([trouble, trouble, trouble, answer])
    assert await way.call("groups", "GET", "/posts") is True
    assert len(server.requests) == 4
    server.acts, server.requests = iter([trouble, trouble, answer]), []
    assert await write(way, idempotency_key="act-1") is True
    assert len(server.requests) == 3
    assert all("act-1" in head for head in server.requests)
    server.acts, server.requests = iter([trouble, answer]), []
    with pytest.raises(ServiceUnavailableError):
        await write(way)
    assert len(server.requests) == 1


@pytest.mark.integration
async def test_no_more_than_so_many_wait(server, way, monkeypatch):
    monkeypatch.setattr(module, "_MAX_WAITING", 1)
    asked = asyncio.create_task(write(way))
    await eventually(lambda: _true(way._waiting == 1), what="waiting")
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        await write(way)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert way._waiting == 0


@pytest.mark.integration
async def test_while_one_tries_whether_a_long_outage_is_over_the_others_are_answered_at_once(server, hasty):
    for _ in range(3):
        with pytest.raises(ServiceUnavailableError):
            await write(hasty)
    heard, go_on = asyncio.Event(), asyncio.Event()

    async def think(writer):
        heard.set()
        await go_on.wait()
        return await answer(writer)

    server.acts = itertools.chain([think], itertools.repeat(answer))
    await server.open()
    first = asyncio.create_task(write(hasty))
    await heard.wait()
    for _ in range(5):
        with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
            await write(hasty)
    assert len(server.requests) == 1
    go_on.set()
    assert await first is True
    assert await asyncio.gather(*(write(hasty) for _ in range(5))) == [True] * 5


@pytest.mark.integration
async def test_a_connection_that_says_goodbye_is_not_used_again(server, way):
    await server.open()
    server.acts = itertools.repeat(goodbye)
    for _ in range(20):
        assert await write(way) is True  # nothing here is sent again: each arrives the first time
    assert len(server.requests) == 20


def test_connections_are_forgotten_before_a_service_that_ends_closes_them():
    assert Settings.model_fields["stop_grace_seconds"].default > module._KEEP_SECONDS


async def _true(found):
    return found
