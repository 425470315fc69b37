"""Imports against a server that is only played: what is sent, what is refused, and what becomes of the files."""

import asyncio
import gzip
import random
import stat
from types import SimpleNamespace

import httpx
import pytest

from kith_local import client as clients
from kith_local.client import Client, GraphQLError
from kith_local.errors import LocalError
from kith_local.imports import import_members, rejected_path
from kith_local.member_files import open_members

pytestmark = pytest.mark.unit


class Api:
    """Stands where the client stands, and takes every row but those called Refused."""

    def __init__(self):
        self.rows = []
        self.requests = []

    async def mutate(self, _document, given):
        errors = [
            {"line": row["line"], "column": "display_name", "reason": "is refused"}
            for row in given["rows"]
            if row.get("display_name") == "Refused"
        ]
        self.rows += given["rows"]
        self.requests.append(given["rows"])
        created = len(given["rows"]) - len(errors)
        return {"imported": {"created": created, "updated": 0, "unchanged": 0, "errors": errors}}


async def bring(path, api=None):
    with open_members(path) as members:
        return await import_members(api or Api(), members, rejected_path=rejected_path(path))


def write(path, text):
    path.write_text(text)
    return path


async def test_refused_rows_can_be_corrected_and_imported_again(tmp_path):
    path = write(tmp_path / "members.csv", "id,name\n1,Ada\n2,Refused\n1,Twice\n3,=evil\n4,Grace\n")
    result = await bring(path)
    assert (result.created, result.rejected) == (2, 3)
    assert [(e.line, e.column) for e in result.errors] == [(3, "name"), (4, "id"), (5, "name")]
    rejected = result.rejected_file
    assert rejected.name == "members.rejected.csv"
    corrected = rejected.read_text().replace("Refused", "Lin").replace("=evil", "Joan").replace("1,Twice", "5,Twice")
    rejected.write_text(corrected)
    with open_members(rejected) as members:
        assert members.header.unused == []
        again = await import_members(Api(), members, rejected_path=rejected_path(rejected))
    assert (again.created, again.rejected, again.rejected_file) == (3, 0, None)
    assert rejected.read_text() == corrected
    assert sorted(each.name for each in tmp_path.iterdir()) == ["members.csv", "members.rejected.csv"]


async def test_a_rejected_file_is_read_to_its_end_before_what_is_still_refused_replaces_it(tmp_path):
    rows = "".join(f"{n},{'Refused' if n % 10 == 0 else 'Ada ' + 'a' * 100},why\n" for n in range(5000))
    path = write(tmp_path / "members.rejected.csv", f"id,name,kith_error\n{rows}")
    path.chmod(0o640)
    result = await bring(path)
    assert (result.created, result.rejected, result.rejected_file) == (4500, 500, path)
    left = path.read_text().splitlines()
    assert (len(left), left[0]) == (501, "id,name,kith_error")
    assert all("Refused" in line and line.endswith("name is refused") for line in left[1:])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("how", [LocalError("gone"), asyncio.CancelledError()])
async def test_an_import_that_fails_or_is_interrupted_leaves_every_file_as_it_was(tmp_path, how):
    class Breaking(Api):
        async def mutate(self, document, given):
            if self.requests:
                raise how
            return await super().mutate(document, given)

    text = "id,name\n" + "".join(f"{n},Refused\n" for n in range(3000))
    path = write(tmp_path / "members.rejected.csv", text)
    with pytest.raises(type(how)):
        await bring(path, Breaking())
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


async def test_rows_before_a_quote_that_never_closes_are_imported_and_counted(tmp_path):
    text = "id,name\n" + "".join(f"{n},Ada\n" for n in range(700)) + 'q1,Refused\nq2,"Ada\nq3,Lin\nq4,Grace\n'
    path = write(tmp_path / "members.rejected.csv", text)
    api = Api()
    with pytest.raises(LocalError, match=r"a quote opened on line 703 never closes.* 700 were imported and 1 refused"):
        await bring(path, api)
    assert {"q2", "q3", "q4"}.isdisjoint(row["external_id"] for row in api.rows)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


async def test_a_truncated_archive_says_how_many_rows_were_imported_before(tmp_path):
    rng = random.Random(1)
    whole = gzip.compress(
        b"id,bio\n" + b"".join(b"%d,%s\n" % (n, rng.randbytes(40).hex().encode()) for n in range(5000))
    )
    path = tmp_path / "members.csv.gz"
    path.write_bytes(whole[: len(whole) * 9 // 10])
    api = Api()
    with pytest.raises(LocalError, match=r"is cut off") as caught:
        await bring(path, api)
    assert 3000 < len(api.rows) < 5000
    assert f"{len(api.rows):,} were imported" in str(caught.value)


async def test_a_row_with_a_nul_character_is_refused_and_not_sent(tmp_path):
    path = write(tmp_path / "members.csv", "id,name\n1,Ad\0a\n2,Lin\n")
    api = Api()
    result = await bring(path, api)
    assert [(e.line, e.column, e.reason) for e in result.errors] == [
        (2, "name", "contains a NUL character; remove that")
    ]
    assert [row["external_id"] for row in api.rows] == ["2"]


async def test_large_rows_are_sent_in_parts_that_a_request_can_carry(tmp_path):
    columns = ("name", "bio", "interests", "goals", "languages", "links")
    rows = "".join(f"{n},{','.join('x' * 9_900 for _ in columns)}\n" for n in range(100))
    path = write(tmp_path / "members.csv", f"id,{','.join(columns)}\n{rows}")
    api = Api()
    result = await bring(path, api)
    assert result.created == 100
    assert sorted(int(row["external_id"]) for row in api.rows) == list(range(100))
    assert max(sum(len(str(row)) for row in request) for request in api.requests) < 1_100_000
    assert len(api.requests) < 10
    small = write(tmp_path / "small.csv", "id\n" + "".join(f"{n}\n" for n in range(1000)))
    api = Api()
    await bring(small, api)
    assert [len(request) for request in api.requests] == [500, 500]


class Server:
    """Answers with these codes in turn, the last one for ever; None is an answer with data."""

    def __init__(self, *codes):
        self.codes = list(codes)
        self.asked = 0

    def __call__(self, _request):
        self.asked += 1
        code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
        if code is None:
            return httpx.Response(200, json={"data": {"fine": True}})
        return httpx.Response(200, json={"errors": [{"message": "No.", "extensions": {"code": code}}]})


@pytest.fixture
def clock(monkeypatch):
    """Time passes only by waiting, and at once."""
    now = [1000.0]

    async def sleep(seconds):
        now[0] += seconds

    # The client's names and not the modules: services of other tests may run in this process.
    monkeypatch.setattr(clients, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(clients, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


async def ask(server):
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as http:
        return await Client(http, "http://kith/graphql").query("{ fine }")


async def test_a_server_that_keeps_failing_is_told_as_such_within_seconds(clock, monkeypatch):
    monkeypatch.setenv("KITH_HOME", "/somewhere/.kith")
    with pytest.raises(LocalError, match=r"the server failed \(INTERNAL\); its log is in /somewhere/\.kith/logs"):
        await ask(Server("INTERNAL"))
    assert 2 < clock[0] - 1000 <= clients.FAILING_SECONDS


async def test_a_server_that_fails_for_a_moment_while_another_returns_is_asked_again(clock):
    away = ["UNAVAILABLE"] * 8
    server = Server("INTERNAL", "INTERNAL", *away, "INTERNAL", *away, "INTERNAL", None)
    assert await ask(server) == {"fine": True}
    assert clock[0] - 1000 > clients.FAILING_SECONDS


@pytest.mark.parametrize("code", ["UNAVAILABLE", "SERVICE_UNAVAILABLE"])
async def test_a_server_that_is_away_is_waited_for_long(clock, code):
    with pytest.raises(LocalError, match="has not answered"):
        await ask(Server(code))
    assert clock[0] - 1000 > 100


async def test_a_refusal_is_told_at_once(clock):
    with pytest.raises(GraphQLError, match="FORBIDDEN"):
        await ask(Server("FORBIDDEN"))
    assert clock[0] == 1000
