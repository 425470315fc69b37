"""Requests that do not come: neither memory nor a connection is kept for them."""

import asyncio
import re
from functools import partial
from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI, Request
from uvicorn.server import ServerState

from kith_front.shortway import LARGEST_HEAD, Answer, ShortWay

pytestmark = pytest.mark.unit
HEAD = b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
WAYS = ["short", "ordinary"]


class Wire:
    """A transport that keeps what is written."""

    def __init__(self):
        self.written, self.closing = b"", False

    def get_extra_info(self, _):
        return None

    def write(self, data):
        if not self.closing:
            self.written += data

    def close(self):
        self.closing = True

    def is_closing(self):
        return self.closing

    def pause_reading(self): ...

    def resume_reading(self): ...

    @property
    def statuses(self):
        return [int(each) for each in re.findall(rb"HTTP/1.1 (\d+) ", self.written)]


class Short:
    method, pattern = "POST", re.compile("/short")

    def begin(self, _, __, body):
        async def said():
            return Answer(b"%d" % len(body))

        return said()


@pytest.fixture
async def connection():
    """A connection as uvicorn would have it, with a route for each way."""
    app = FastAPI()
    app.state.settings = SimpleNamespace(max_body_bytes=1_000_000)
    go_on = asyncio.Event()

    @app.post("/ordinary")
    async def ordinary(request: Request):
        return len(await request.body())

    @app.post("/slow")
    async def slow():
        await go_on.wait()

    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    again = partial(ShortWay, config, ServerState(), {}, asyncio.get_running_loop(), app=app, routes=[Short()])
    made = again()
    made.again = again
    made.go_on = go_on
    made.connection_made(Wire())
    yield made
    made.connection_lost(None)


async def answered(connection):
    while connection.tasks:
        await asyncio.gather(*connection.tasks)


def say(connection, data, *, pieces=1):
    step = -(-len(data) // pieces)
    for start in range(0, len(data), step):
        if not connection.transport.closing:
            connection.data_received(data[start : start + step])


async def test_a_head_without_end_is_refused_and_nothing_of_it_kept(connection):
    begun = b"POST /short HTTP/1.1\r\nX: "
    say(connection, begun + b"a" * (LARGEST_HEAD - len(begun)), pieces=50)
    assert connection.transport.statuses == []
    say(connection, b"a")
    assert (connection.transport.statuses, connection.transport.closing) == ([431], True)


async def test_a_line_without_end_is_refused(connection):
    say(connection, b"POST /" + b"a" * LARGEST_HEAD, pieces=50)
    assert (connection.transport.statuses, connection.transport.closing) == ([431], True)


@pytest.mark.parametrize("way", WAYS)
async def test_half_a_head_and_half_a_body_are_waited_for_and_then_refused(connection, way):
    whole = HEAD % (way.encode(), 5) + b"hello"
    for kept in (whole[:20], whole[:-5], whole[:-1]):
        other = connection.again()
        other.connection_made(Wire())
        say(other, kept, pieces=3)
        assert (other.transport.statuses, other.transport.closing) == ([], False)
        assert other._timer is not None
        other._late()
        assert (other.transport.statuses, other.transport.closing) == ([408], True)
        other.connection_lost(None)
        await answered(connection)
        assert other.transport.statuses == [408]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pieces", [1, 2, 7])
async def test_what_has_come_is_answered_and_no_longer_waited_for(connection, way, pieces):
    for _ in range(3):
        say(connection, HEAD % (way.encode(), 5) + b"hello", pieces=pieces)
        assert connection._timer is None
        await answered(connection)
    assert connection.transport.statuses == [200] * 3
    assert not connection.transport.closing


async def test_requests_in_one_piece_need_no_timer(connection, monkeypatch):
    started = []
    monkeypatch.setattr(ShortWay, "_start_timer", started.append)
    for way in WAYS:
        say(connection, (HEAD % (way.encode(), 5) + b"hello"))
        await answered(connection)
    assert connection.transport.statuses == [200, 200]
    assert started == []


async def test_many_requests_in_one_piece_are_not_taken_for_a_long_head(connection):
    one = HEAD % (b"ordinary", 60_000) + b"x" * 60_000
    say(connection, one * 3 + one[:30])
    await answered(connection)
    say(connection, one[30:])
    await answered(connection)
    assert connection.transport.statuses == [200] * 4


async def test_a_long_body_may_take_its_time_for_each_piece(connection):
    say(connection, HEAD % (b"ordinary", 200_000))
    before = connection._timer
    say(connection, b"x" * (LARGEST_HEAD + 1))
    assert connection._timer is not before
    assert before.cancelled()
    connection.flow.pause_reading()
    connection._late()  # it is the application that does not read
    assert not connection.transport.closing
    connection.flow.resume_reading()
    say(connection, b"x" * (200_000 - LARGEST_HEAD - 1), pieces=4)
    await answered(connection)
    assert connection.transport.statuses == [200]


async def test_half_of_the_next_request_does_not_end_the_one_that_is_being_answered(connection):
    say(connection, HEAD % (b"slow", 0) + b"POST /short HT")
    connection._late()
    assert not connection.transport.closing
    connection.go_on.set()
    await answered(connection)
    connection._late()
    assert (connection.transport.statuses, connection.transport.closing) == ([200, 408], True)


async def test_who_never_says_anything_is_not_waited_for_for_ever(connection):
    assert connection.timeout_keep_alive_task is not None
    say(connection, b"P")
    assert connection.timeout_keep_alive_task is None
    assert connection._timer is not None
