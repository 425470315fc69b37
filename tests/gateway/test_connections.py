"""The client of the services' HTTP: whole answers, to the right request, whatever the other side does."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvloop

from kith_gateway import connections
from kith_gateway.connections import BrokenError, Connections, NotReachedError
from kith_testkit.probe import eventually

pytestmark = pytest.mark.unit


def answered(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


OK = answered(b"ok")


class Server:
    """Answers every request with the next of `answers`, and remembers the requests and their connections."""

    def __init__(self):
        self.answers, self.requests, self.connections = [], [], 0

    async def serve(self, reader, writer):
        self.connections += 1
        number = self.connections
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                self.requests.append((number, head + body))
                answer = self.answers.pop(0) if self.answers else answered(body or b"ok")
                for part in answer if isinstance(answer, list) else [answer]:
                    if part is None:
                        return
                    if isinstance(part, asyncio.Event):
                        await part.wait()
                    else:
                        writer.write(part)
                        await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(**settings):
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = Connections(f"http://127.0.0.1:{port}/base", **settings)
    try:
        yield server, client
    finally:
        client.close()
        listening.close()
        await asyncio.sleep(0)


async def unusable(connection):
    return not connection.usable


async def ask(client, target="/x?a=1", body=b"ok", seconds=5.0, **headers):
    return await client.ask(client.written("POST", target, headers, body), seconds=seconds)


async def test_a_request_is_written_as_http_and_the_connection_used_again():
    async with served() as (server, client):
        assert await ask(client, Accept="application/json") == (200, b"ok")
        assert await client.ask(client.written("GET", "/y", {}, None), seconds=5) == (200, b"ok")
        assert await client.ask(client.written("DELETE", "/z", {}, None), seconds=5) == (200, b"ok")
        first, second, third = (request for _, request in server.requests)
        assert first.startswith(b"POST /base/x?a=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert first.endswith(b"\r\nAccept: application/json\r\nContent-Length: 2\r\n\r\nok")
        assert b"Content-Length" not in second
        assert b"Content-Length: 0" in third
        assert server.connections == 1


ANSWERS = {
    "with a length": b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nthree",
    "in chunks": b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nth\r\n3;x\r\nree\r\n0\r\nA: b\r\n\r\n",
    "announced": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nthree",
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_an_answer_is_whole_however_it_is_cut(kind):
    answer = ANSWERS[kind]
    async with served() as (server, client):
        for cut in range(1, len(answer), 3):
            server.answers = [[answer[:cut], answer[cut:]]]
            assert await ask(client) == (404, b"three")
        server.answers = [[answer[n : n + 1] for n in range(len(answer))]]
        assert await ask(client) == (404, b"three")
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfou", None],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", None],
        [b"HTTP/1.1 200 OK\r\n\r\nuntil the end", None],
        [b"HTTP/1.1 2", None],
        [None],
        [b"SSH-2.0-OpenSSH\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ],
)
async def test_half_an_answer_or_none_is_an_error_and_the_connection_is_gone(answer):
    async with served() as (server, client):
        server.answers = [answer]
        with pytest.raises(BrokenError):
            await ask(client)
        assert await ask(client) == (200, b"ok")
        assert server.connections == 2


async def test_an_answer_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(connections, "MAX_ANSWER", 10)
    async with served() as (server, client):
        server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11]
        with pytest.raises(BrokenError):
            await ask(client)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ],
)
async def test_a_connection_that_is_not_to_be_used_again_is_not(answer):
    async with served() as (server, client):
        server.answers = [answer]
        assert await ask(client) == (200, b"ok")
        assert await ask(client) == (200, b"ok")
        assert server.connections == 2


async def test_what_comes_unasked_is_not_the_answer_to_the_next_request():
    more = asyncio.Event()
    async with served() as (server, client):
        server.answers = [[OK, more, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"]]
        assert await ask(client) == (200, b"ok")
        [connection] = client._rested
        more.set()
        await eventually(lambda: unusable(connection), what="noticing")
        assert await ask(client) == (200, b"ok")
        assert server.connections == 2


async def test_a_late_answer_is_nobodys():
    late = asyncio.Event()
    async with served() as (server, client):
        server.answers = [[late, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"]]
        with pytest.raises(TimeoutError):
            await ask(client, seconds=0.05)
        late.set()
        assert await ask(client) == (200, b"ok")
        assert server.connections == 2


async def test_a_connection_the_server_closed_while_it_rested_is_not_used():
    async with served() as (server, client):
        server.answers = [[OK, None]]
        assert await ask(client) == (200, b"ok")
        [connection] = client._rested
        await eventually(lambda: unusable(connection), what="noticing")
        assert await ask(client) == (200, b"ok")
        assert server.connections == 2


async def test_a_connection_that_has_rested_too_long_is_not_used():
    async with served(keep_seconds=60.0) as (server, client):
        await ask(client)
        client._rested[0].rested_at -= 61
        await ask(client)
        assert server.connections == 2


async def test_no_more_connections_than_allowed_and_each_answer_goes_to_who_asked():
    async with served(most=3) as (server, client):

        async def one(number):
            body = str(number).encode()
            status, content = await ask(client, body=body)
            assert (status, content) == (200, body)

        await asyncio.gather(*(one(number) for number in range(50)))
        assert server.connections == 3
        assert len(server.requests) == 50


async def test_nobody_there_is_told_apart_from_a_broken_connection():
    client = Connections("http://127.0.0.1:1")
    with pytest.raises(NotReachedError):
        await ask(client)


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/x", {"A": "b\r\nC: d"}), ("/x", {"A": "b\nC: d"}), ("/x HTTP/1.1\r\nA: b", {}), ("/x y", {}), ("/ü", {})],
)
async def test_nothing_given_to_it_becomes_a_second_header_or_request(target, headers):
    async with served() as (server, client):
        with pytest.raises(ValueError, match=r"header|address"):
            await ask(client, target, **headers)
        assert server.requests == []


def test_it_works_on_the_loop_that_production_runs():
    async def asked():
        async with served() as (server, client):
            assert await asyncio.gather(*(ask(client, body=b"%d" % n) for n in range(9))) == [
                (200, b"%d" % n) for n in range(9)
            ]
            server.answers = [[ANSWERS["in chunks"][:30], None], ANSWERS["in chunks"]]
            with pytest.raises(BrokenError):
                await ask(client)
            assert await ask(client) == (404, b"three")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asked())
