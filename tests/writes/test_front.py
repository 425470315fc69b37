"""The short way answers as the ordinary way would, on connections as they come."""

import asyncio
import json
import logging
from contextlib import suppress

import pytest
import pytest_asyncio
from fastapi import APIRouter, Request

from kith_front.shortway import LARGEST_BODY
from kith_testkit.probe import Actor, eventually
from kith_writes.front import stand_before
from kith_writes.grouped import Group

pytestmark = pytest.mark.integration


async def bodies(notes, actor):
    rows = await notes.rows("SELECT body FROM notes WHERE tenant_id = :t ORDER BY body", t=actor.community_id)
    return [row["body"] for row in rows]


@pytest_asyncio.fixture(loop_scope="session")
async def short_only(notes, writer, monkeypatch):
    """A token that is known, and no ordinary way."""
    token = writer.token()
    await notes.anonymous.get("/secret", headers={"Authorization": f"Bearer {token}"})

    async def ordinary(*_):
        raise AssertionError("it was handed on")

    monkeypatch.setattr(notes.app, "middleware_stack", ordinary)
    return token


def asked(token, book, body, *, headers="", length=None):
    content = body if isinstance(body, bytes) else json.dumps({"body": body}).encode()
    size = len(content) if length is None else length
    head = (
        f"POST /books/{book}/notes HTTP/1.1\r\nHost: notes\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n{headers}\r\n"
    )
    return head.encode() + content


async def answer(reader):
    """Status, headers and body of the next answer."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, json.loads(body)


class Connection:
    def __init__(self, reader, writer):
        self.reader, self._writer = reader, writer

    def say(self, what):
        self._writer.write(what)

    async def hear(self):
        return await answer(self.reader)

    async def hang_up(self):
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@pytest_asyncio.fixture(loop_scope="session")
async def connection(notes):
    made = Connection(*await asyncio.open_connection("127.0.0.1", notes.port))
    yield made
    await made.hang_up()


async def test_the_ordinary_way_and_the_short_way_answer_alike(notes, writer, book):
    """What is not plain sailing is answered by FastAPI; what is, as FastAPI would."""
    plain, path = notes.client(writer), f"/books/{book}/notes"
    asked = {
        "no token": (notes.client(None), path, {"json": {"body": "a"}}, 401),
        "no permission": (notes.client(Actor(writer.community_id)), path, {"json": {"body": "a"}}, 403),
        "no id": (plain, "/books/1/notes", {"json": {"body": "a"}}, 422),
        "no body": (plain, path, {}, 422),
        "not valid": (plain, path, {"json": {"body": 3}}, 422),
        "not JSON": (plain, path, {"content": b"{", "headers": {"content-type": "application/json"}}, 422),
        "another type": (plain, path, {"content": b"a", "headers": {"content-type": "text/plain"}}, 422),
        "too large": (plain, path, {"json": {"body": "x" * 200_000}}, 413),
        "bad key": (notes.client(writer, **{"Idempotency-Key": "x" * 201}), path, {"json": {"body": "a"}}, 422),
    }
    for case, (client, where, given_, status) in asked.items():
        answer = await client.post(where, **given_)
        assert answer.status_code == status, case
        assert answer.headers["content-type"] == "application/problem+json", case
    assert (await plain.get(path)).status_code == 405
    short = await plain.post(path, json={"body": "short"})
    unusual = {"content": b'{"body": "plain"}', "headers": {"content-type": "application/merge+json"}}
    by_fastapi = await plain.post(path, **unusual)
    assert short.headers == by_fastapi.headers
    one, other = (each.content.replace(each.json()["id"].encode(), b"") for each in (short, by_fastapi))
    assert one.replace(b"short", b"plain") == other
    assert await bodies(notes, writer) == ["plain", "short"]


async def test_plain_sailing_takes_the_short_way_again_and_again_on_one_connection(
    notes, writer, book, short_only, connection
):
    for each in "abc":
        connection.say(asked(short_only, book, each))
        status, headers, made = await connection.hear()
        assert (status, made["body"], headers["date"]) == (201, each, "sat, 21 nov 2026 12:00:00 gmt")
    assert await bodies(notes, writer) == ["a", "b", "c"]


async def test_a_token_nobody_met_before_is_verified_the_ordinary_way(notes, writer, book, connection):
    connection.say(asked(writer.token(), book, "a"))
    assert (await connection.hear())[0] == 201
    connection.say(asked("made up", book, "b"))
    assert (await connection.hear())[0] == 401
    connection.say(asked(writer.token(expires_in=-5), book, "c"))
    assert (await connection.hear())[0] == 401
    assert await bodies(notes, writer) == ["a"]


async def test_a_request_may_come_byte_by_byte(notes, writer, book, short_only, connection):
    for byte in asked(short_only, book, "slow"):
        connection.say(bytes([byte]))
        await asyncio.sleep(0)
    assert (await connection.hear())[0] == 201
    assert await bodies(notes, writer) == ["slow"]


async def test_requests_sent_without_waiting_are_answered_in_order(notes, writer, book, connection):
    token = writer.token()
    await notes.anonymous.get("/secret", headers={"Authorization": f"Bearer {token}"})
    no = b"GET /nowhere HTTP/1.1\r\nHost: notes\r\n\r\n"
    connection.say(asked(token, book, "a") + no + asked(token, book, "b") + asked(token, book, b"{") + no)
    heard = [await connection.hear() for _ in range(5)]
    assert [status for status, _, _ in heard] == [201, 404, 201, 422, 404]
    assert [heard[place][2]["body"] for place in (0, 2)] == ["a", "b"]
    connection.say(asked(token, book, "c"))
    assert (await connection.hear())[2]["body"] == "c"
    assert await bodies(notes, writer) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("headers", "path", "body"),
    [
        ("", "?draft=1", "asked for with a query"),
        ("Expect: 100-continue\r\n", "", "asked for with patience"),
        ("Connection: close\r\n", "", "asked for once"),
        ("", "", "x" * (LARGEST_BODY + 1)),
    ],
)
async def test_what_is_out_of_the_ordinary_is_answered_by_uvicorn(notes, writer, book, connection, headers, path, body):
    request = asked(writer.token(), book, body, headers=headers)
    connection.say(request.replace(b"/notes HTTP", f"/notes{path} HTTP".encode()))
    if "Expect" in headers:
        assert await connection.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    status, answered, _ = await connection.hear()
    assert status == 201
    assert await bodies(notes, writer) == [body]
    if "close" in headers:
        assert answered["connection"] == "close"
        assert await connection.reader.read() == b""


async def test_chunks_are_read_by_uvicorn(notes, writer, book, connection):
    content = json.dumps({"body": "in chunks"}).encode()
    request = asked(writer.token(), book, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    connection.say(request + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    assert (await connection.hear())[0] == 201
    assert await bodies(notes, writer) == ["in chunks"]


async def test_two_lengths_are_refused_and_the_connection_ends(notes, writer, book, short_only, connection):
    connection.say(asked(short_only, book, "a", headers="Content-Length: 3\r\n"))
    assert (await connection.reader.readline()).startswith(b"HTTP/1.1 400 ")
    await connection.reader.read()
    assert await bodies(notes, writer) == []


async def test_half_a_request_stores_nothing(notes, writer, book, short_only):
    cut = Connection(*await asyncio.open_connection("127.0.0.1", notes.port))
    cut.say(asked(short_only, book, "never whole", length=1000))
    await cut.hang_up()
    whole = Connection(*await asyncio.open_connection("127.0.0.1", notes.port))
    whole.say(asked(short_only, book, "whole"))
    assert (await whole.hear())[0] == 201
    await whole.hang_up()
    assert await bodies(notes, writer) == ["whole"]


async def test_a_write_whose_asker_hangs_up_is_stored_all_the_same(notes, writer, book, short_only):
    left = Connection(*await asyncio.open_connection("127.0.0.1", notes.port))
    left.say(asked(short_only, book, "left behind"))
    await left.hang_up()

    async def stored():
        return await bodies(notes, writer) == ["left behind"]

    await eventually(stored)


async def test_a_process_that_drains_ends_the_connection_with_its_answer(
    notes, writer, book, short_only, connection, monkeypatch
):
    goodbye = [*notes.state.default_headers, (b"connection", b"close")]
    connection.say(asked(short_only, book, "a"))
    assert "connection" not in (await connection.hear())[1]
    monkeypatch.setattr(notes.state, "default_headers", goodbye)
    connection.say(asked(short_only, book, "b"))
    status, headers, _ = await connection.hear()
    assert (status, headers["connection"]) == (201, "close")
    assert await connection.reader.read() == b""


async def test_a_process_that_stops_answers_what_it_has_begun_to_read(notes, writer, book, short_only, connection):
    request = asked(short_only, book, "begun")
    connection.say(request[:-5])

    async def begun():
        return [each for each in notes.state.connections if each.cycle and not each.cycle.response_complete]

    for each in await eventually(begun):
        each.shutdown()
    connection.say(request[-5:])
    status, headers, _ = await connection.hear()
    assert (status, headers["connection"]) == (201, "close")
    assert await connection.reader.read() == b""
    assert await bodies(notes, writer) == ["begun"]


async def test_what_goes_wrong_on_the_short_way_is_answered_counted_and_in_the_log(
    notes, writer, book, short_only, connection, caplog
):
    caplog.set_level(logging.INFO, "kith.access")
    connection.say(asked(short_only, book, "break"))
    status, headers, problem = await connection.hear()
    assert (status, headers["content-type"], problem["status"]) == (500, "application/problem+json", 500)
    connection.say(asked(short_only, book, "and goes on"))
    assert (await connection.hear())[0] == 201
    [logged] = [record for record in caplog.records if record.name == "kith.access"]
    assert (logged.route, logged.status) == ("/books/{book}/notes", 500)


def test_a_signature_the_short_way_cannot_serve_is_refused_at_start():
    async def strange(request: Request, group: Group) -> None: ...

    router = APIRouter()
    router.add_api_route("/strange", strange, methods=["POST"])
    with pytest.raises(TypeError, match="request"):
        stand_before(None, routers=[router])
