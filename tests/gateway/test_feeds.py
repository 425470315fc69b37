"""What a feed sends to a connection: as fast as it is read, and to nobody who has left."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from kith_gateway.live.feeds import Feed, Subscribed
from kith_gateway.live.log import Happened
from kith_gateway.live.sockets import TOO_SLOW, Socket
from kith_gateway.settings import Settings

pytestmark = pytest.mark.unit


class Reader:
    """A client; it reads what is sent while `reads` is set."""

    def __init__(self):
        self.sent, self.reads = [], asyncio.Event()
        self.reads.set()
        self.scope = {}

    async def send_text(self, text):
        await self.reads.wait()
        self.sent.append(json.loads(text))

    async def close(self, code, reason):
        pass

    @property
    def told(self):
        return [each["payload"][0] for each in self.sent]


class Host:
    settings = Settings(socket_queue_bytes=1024, socket_queue_messages=10)

    def unsubscribe(self, subscribed):
        subscribed.feed.subscribed.pop(subscribed, None)


class Payloads(Feed):
    """A feed whose payloads are [place, …], of so many characters."""

    def __init__(self, size=100):
        super().__init__(SimpleNamespace(asked={}), None, None)
        self.size, self.reads = size, 0

    async def read(self, _, events):
        self.reads += 1
        await asyncio.sleep(0)
        return (json.dumps([each.place, "x" * self.size]) for each in events)


def listens(feed):
    socket = Socket(Host(), Reader())
    socket._listener = SimpleNamespace(principal=SimpleNamespace(expires_at=1.0))
    one = socket.subscribed["1"] = Subscribed(socket, "1", feed, None, 0)
    feed.subscribed[one] = None
    return one, socket, socket.websocket


def events(begin, end):
    return [Happened(str(place), "t", "c", "", {}, place) for place in range(begin, end)]


async def settled():
    for _ in range(2000):
        await asyncio.sleep(0)


@pytest.mark.parametrize("size", [10, 300, 5000])
async def test_who_reads_fast_is_told_all_that_was_missed_and_came_meanwhile(size):
    feed = Payloads(size)
    one, socket, reader = listens(feed)
    for event in events(121, 151):
        one.tell(event, json.dumps([event.place, "x" * size]))
    await feed.replay(one, events(1, 121), asyncio.Semaphore(1))
    await settled()
    assert socket.code is None
    assert reader.told == list(range(1, 151))
    assert one.ready


@pytest.mark.parametrize("size", [10, 300, 5000])
async def test_who_reads_fast_is_told_many_things_that_happen_at_once(size):
    feed = Payloads(size)
    one, socket, reader = listens(feed)
    one.ready = True
    for event in events(1, 121):
        feed.take(event)
    await settled()
    assert socket.code is None
    assert reader.told == list(range(1, 121))


async def test_who_does_not_read_what_happens_is_closed():
    feed = Payloads()
    one, socket, reader = listens(feed)
    one.ready = True
    reader.reads.clear()
    for event in events(1, 121):
        feed.take(event)
    await settled()
    assert socket.code == TOO_SLOW
    assert feed.subscribed == {}
    reader.reads.set()
    await settled()


async def test_a_payload_larger_than_the_queue_is_sent_alone_and_no_other_waits_beside_it():
    one, socket, reader = listens(Payloads())
    reader.reads.clear()
    socket.next(one.id, json.dumps([1, "x" * 5000]))
    assert socket.code is None
    socket.next(one.id, "[2]")
    assert socket.code == TOO_SLOW
    reader.reads.set()
    await settled()
    assert reader.told == []


async def test_who_completes_while_what_they_missed_is_read_is_told_nothing_and_no_more_is_read():
    feed = Payloads()
    one, socket, reader = listens(feed)
    replaying = asyncio.create_task(feed.replay(one, events(1, 201), asyncio.Semaphore(1)))
    await asyncio.sleep(0)
    assert feed.reads == 1
    socket._end("1")
    await replaying
    await settled()
    assert (reader.sent, feed.reads) == ([], 1)


async def test_who_completes_while_they_do_not_read_is_told_what_was_sent_before_and_no_more():
    feed = Payloads()
    one, socket, reader = listens(feed)
    reader.reads.clear()
    replaying = asyncio.create_task(feed.replay(one, events(1, 201), asyncio.Semaphore(1)))
    await settled()
    assert not replaying.done()
    before = len(socket._waiting) + 1
    socket._end("1")
    reader.reads.set()
    await replaying
    await settled()
    assert (len(reader.sent), feed.reads) == (before, 1)


async def test_who_falls_behind_while_what_they_missed_is_told_hears_that_last():
    feed = Payloads()
    one, _, reader = listens(feed)
    replaying = asyncio.create_task(feed.replay(one, events(1, 201), asyncio.Semaphore(1)))
    await asyncio.sleep(0)
    one.fall_behind()
    await replaying
    await settled()
    assert [each["type"] for each in reader.sent] == ["error"]


async def test_nobody_waits_for_who_does_not_read_what_they_missed():
    reading, slow, fast = asyncio.Semaphore(1), Payloads(), Payloads()
    stuck, _, reader = listens(slow)
    reader.reads.clear()
    waiting = asyncio.create_task(slow.replay(stuck, events(1, 201), reading))
    await settled()
    one, _, other = listens(fast)
    await fast.replay(one, events(1, 201), reading)
    await settled()
    assert other.told == list(range(1, 201))
    assert not waiting.done()
    waiting.cancel()
    reader.reads.set()
    await settled()
