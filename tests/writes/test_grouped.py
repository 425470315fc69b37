"""Writes that share a transaction keep the promises of writes that have one each."""

import asyncio
from collections import deque

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor
from kith_writes.grouped import GroupCommit, _taken, commits_of

pytestmark = pytest.mark.integration
WRITES = frozenset({"notes:write"})


@pytest_asyncio.fixture(loop_scope="session")
async def groups(notes):
    from kith_notes.main import groups  # noqa: PLC0415

    groups.clear()
    return groups


async def bodies(notes, actor):
    rows = await notes.rows("SELECT body FROM notes WHERE tenant_id = :t ORDER BY body", t=actor.community_id)
    return [row["body"] for row in rows]


async def write(notes, actor, book, texts, **headers):
    client = notes.client(actor, **headers)
    await client.get("/secret")  # the token is known from here on
    return await asyncio.gather(*(client.post(f"/books/{book}/notes", json={"body": each}) for each in texts))


async def test_writes_that_come_at_once_share_transactions(notes, writer, book, groups):
    answers = await write(notes, writer, book, map(str, range(60)))
    assert [answer.status_code for answer in answers] == [201] * 60
    assert [answer.json()["body"] for answer in answers] == list(map(str, range(60)))
    assert len(await bodies(notes, writer)) == len(await notes.emitted(writer.community_id)) == 60
    assert sum(groups) == 60
    assert len(groups) < 20


async def test_one_that_is_refused_stores_nothing_and_harms_no_other(notes, writer, book):
    answers = await write(notes, writer, book, ["a", "refuse me", "b"])
    assert [answer.status_code for answer in answers] == [201, 409, 201]
    assert answers[1].headers["content-type"] == "application/problem+json"
    assert answers[1].json()["code"] == "refused"
    assert await bodies(notes, writer) == ["a", "b"]
    assert len(await notes.emitted(writer.community_id)) == 2


async def test_one_that_breaks_the_use_case_or_the_commit_fails_alone(notes, writer, book, groups):
    await write(notes, writer, book, ["there already"])
    answers = await write(notes, writer, book, ["a", "break", "b", "there already", "c"])  # the last is a constraint
    assert [answer.status_code for answer in answers] == [201, 500, 201, 500, 201]
    assert await bodies(notes, writer) == ["a", "b", "c", "there already"]
    assert len(await notes.emitted(writer.community_id)) == 4


async def test_a_retry_with_the_same_key_gets_the_first_answer(notes, writer, book):
    key = {"Idempotency-Key": "one"}
    [first] = await write(notes, writer, book, ["a"], **key)
    [again] = await write(notes, writer, book, ["a"], **key)
    assert (again.content, again.status_code, again.headers["idempotent-replay"]) == (first.content, 201, "true")
    [other] = await write(notes, writer, book, ["b"], **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert await bodies(notes, writer) == ["a"]


async def test_retries_at_once_are_one_write_also_across_processes(notes, writer, book, monkeypatch):
    other = GroupCommit(notes.app.state.database)
    kept, turns = commits_of(notes.app.state), iter(range(1000))
    monkeypatch.setattr("kith_writes.signatures.commits_of", lambda _: other if next(turns) % 2 else kept)
    answers = await write(notes, writer, book, ["a"] * 20, **{"Idempotency-Key": "the same"})
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await bodies(notes, writer) == ["a"]


async def test_a_refused_write_may_be_tried_again_with_its_key_and_keys_are_personal(notes, writer, book, community_id):
    key = {"Idempotency-Key": "k"}
    assert [each.status_code for each in await write(notes, writer, book, ["refuse me"], **key)] == [409]
    assert [each.status_code for each in await write(notes, writer, book, ["fine"], **key)] == [201]
    other = Actor(community_id, permissions=WRITES)
    assert [each.status_code for each in await write(notes, other, book, ["mine"], **key)] == [201]


async def test_each_community_writes_its_own_rows(notes, book):
    writers = [Actor(new_id(), permissions=WRITES) for _ in range(5)]
    await asyncio.gather(*(write(notes, each, book, [str(number), "x"]) for number, each in enumerate(writers)))
    for number, each in enumerate(writers):
        assert await bodies(notes, each) == [str(number), "x"]


async def test_a_database_that_is_away_is_said_to_all_of_a_group(notes, writer, book, monkeypatch):
    def away(**_):
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(notes.app.state.database, "transaction", away)
        answers = await write(notes, writer, book, "abc")
    assert [answer.status_code for answer in answers] == [503] * 3
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert [each.status_code for each in await write(notes, writer, book, "abc")] == [201] * 3


async def test_more_than_can_wait_is_refused_and_nothing_of_it_is_stored(notes, writer, book, monkeypatch):
    monkeypatch.setattr("kith_writes.grouped.MOST_WAITING", 5)
    answers = await write(notes, writer, book, map(str, range(20)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {201, 503}
    assert len(await bodies(notes, writer)) == codes.count(201)


async def test_what_a_group_emits_is_traced_to_who_asked(notes, writer, book):
    trace = "0af7651916cd43dd8448eb211c80319c"
    await write(notes, writer, book, ["a"], traceparent=f"00-{trace}-b7ad6b7169203331-01")
    [row] = await notes.rows("SELECT traceparent FROM outbox WHERE tenant_id = :t", t=writer.community_id)
    assert row["traceparent"].split("-")[1] == trace


async def test_a_use_case_that_forgets_somebody_stores_nothing(notes, writer, book, monkeypatch):
    async def forgetful(session, asked):
        await session.execute(text("INSERT INTO notes VALUES (:i, :t, 'x')"), {"i": new_id(), "t": writer.community_id})
        return []

    monkeypatch.setattr("kith_notes.main.write_notes", forgetful)
    assert [each.status_code for each in await write(notes, writer, book, ["a"])] == [500]
    assert await bodies(notes, writer) == []


class Waiting:
    def __init__(self, key):
        self.claim = None if key is None else type("Claim", (), {"place": ("scope", key)})


@given(st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=30))
def test_no_group_holds_a_key_twice_and_none_is_forgotten(keys):
    waiting = deque(Waiting(key) for key in keys)
    asked, taken = list(waiting), []
    while waiting:
        group = _taken(waiting)
        there = [each.claim.place for each in group if each.claim]
        assert len(there) == len(set(there))
        assert group
        taken += group
    assert len(taken) == len(asked)
    assert set(taken) == set(asked)
    for key in "abc":
        of = [each for each in taken if each.claim and each.claim.place[1] == key]
        assert of == [each for each in asked if each.claim and each.claim.place[1] == key]
