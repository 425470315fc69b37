"""A 2xx means it is stored; every write may be retried; nobody sees another tenant."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

from kith_chassis.ids import new_id
from kith_chassis.telemetry import HTTP_SECONDS
from kith_events.housekeeping import prune
from kith_testkit.probe import Actor, eventually

pytestmark = pytest.mark.integration


async def bodies(notes, actor):
    rows = await notes.rows("SELECT body FROM notes WHERE tenant_id = :t ORDER BY body", t=actor.community_id)
    return [row["body"] for row in rows]


async def test_a_commit_that_fails_is_not_answered_with_success(notes, member):
    client = notes.client(member)
    assert (await client.post("/notes", json={"body": "once"})).status_code == 201
    late = await client.post("/notes", json={"body": "once"})  # a deferred constraint: refused only by the commit
    assert late.status_code == 500
    assert await bodies(notes, member) == ["once"]
    assert len(await notes.emitted(member.community_id)) == 1


@pytest.mark.parametrize("error", [ConnectionRefusedError, TimeoutError, ConnectionResetError])
async def test_a_database_that_is_away_is_a_503_to_the_caller_and_in_the_numbers(notes, member, monkeypatch, error):
    def away(**_):
        raise error

    monkeypatch.setattr(notes.app.state.database, "transaction", away)
    counted = HTTP_SECONDS.labels("POST", "/notes", "500")._sum.get()
    answer = await notes.client(member).post("/notes", json={"body": "a"})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert HTTP_SECONDS.labels("POST", "/notes", "500")._sum.get() == counted


async def test_what_is_refused_leaves_neither_row_nor_event(notes, member):
    answer = await notes.client(member).post("/notes", json={"body": "refuse me"})
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert answer.headers["content-type"] == "application/problem+json"
    assert await bodies(notes, member) == []
    assert await notes.emitted(member.community_id) == []


async def test_a_retry_with_the_same_key_gets_the_first_answer(notes, member):
    client = notes.client(member, **{"Idempotency-Key": new_id().hex})
    first = await client.post("/notes", json={"body": "a"})
    again = await client.post("/notes", json={"body": "a"})
    assert first.json() == again.json()
    assert (again.status_code, again.headers["idempotent-replay"]) == (201, "true")
    assert await bodies(notes, member) == ["a"]
    other = await client.post("/notes", json={"body": "b"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_ten_retries_at_once_are_one_write(notes, member):
    client = notes.client(member, **{"Idempotency-Key": "the same"})
    answers = await asyncio.gather(*(client.post("/notes", json={"body": "a"}) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await bodies(notes, member) == ["a"]


async def test_a_refused_request_may_be_tried_again_with_its_key_and_keys_are_personal(notes, member, community_id):
    key = {"Idempotency-Key": "k"}
    client = notes.client(member, **key)
    assert (await client.post("/notes", json={"body": "refuse me"})).status_code == 409
    assert (await client.post("/notes", json={"body": "fine"})).status_code == 201
    other = notes.client(Actor(community_id), **key)
    assert (await other.post("/notes", json={"body": "mine"})).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
async def test_a_key_nobody_would_make_is_refused(notes, member, key):
    answer = await notes.client(member, **{"Idempotency-Key": key}).post("/notes", json={"body": "a"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")


async def test_row_level_security_holds_where_the_application_forgot_to_filter(notes, member, stranger):
    await notes.client(member).post("/notes", json={"body": "ours"})
    await notes.client(stranger).post("/notes", json={"body": "theirs"})
    assert (await notes.client(member).get("/everything")).json() == ["ours"]
    assert (await notes.client(stranger).get("/everything")).json() == ["theirs"]


async def test_a_row_for_another_tenant_cannot_be_written(notes, member, stranger):
    answer = await notes.client(member).post(f"/for/{stranger.community_id}")
    assert answer.status_code == 500
    assert await bodies(notes, stranger) == []


async def test_a_transaction_without_a_tenant_sees_nothing_also_after_one_that_had_one(notes, member):
    await notes.client(member).post("/notes", json={"body": "ours"})
    database = notes.app.state.database
    for _ in range(8):  # every connection of the pool has served a tenant before
        async with database.transaction(tenant=member.community_id) as session:
            assert (await session.execute(text("SELECT count(*) FROM notes"))).scalar() == 1
        async with database.transaction() as session:
            assert (await session.execute(text("SELECT count(*) FROM notes"))).scalar() == 0


async def test_the_api_role_can_neither_switch_security_off_nor_read_what_is_not_its_own(notes):
    for sql in ("ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "SELECT * FROM dead_letters", "SET ROLE notes_owner"):
        with pytest.raises(ProgrammingError, match=r"must be owner|permission denied"):
            async with notes.app.state.database.transaction() as session:
                await session.execute(text(sql))


async def test_a_body_over_the_limit_is_refused_before_it_is_read(notes, member):
    answer = await notes.client(member).post("/notes", json={"body": "x" * 200_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_of_the_wrong_shape_says_where(notes, member):
    answer = await notes.client(member).post("/notes", json={"body": 3})
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["path"] == ["body", "body"]
    garbage = await notes.client(member).post("/notes", content=b"{", headers={"content-type": "application/json"})
    assert garbage.status_code == 422


async def kept_answers(notes, member):
    sql = "SELECT key, body FROM idempotency_keys WHERE scope LIKE :t || ':%'"
    return await notes.rows(sql, t=str(member.community_id))


async def test_a_kept_answer_can_be_read_only_with_its_key(notes, member):
    client = notes.client(member, **{"Idempotency-Key": "known to the client alone"})
    first = await client.post("/notes", json={"body": "a secret"})
    [kept] = await kept_answers(notes, member)
    assert "known" not in kept["key"]
    assert b"secret" not in kept["body"]
    assert first.json()["id"].encode() not in kept["body"]
    again = await client.post("/notes", json={"body": "a secret"})
    assert (again.json(), again.headers["idempotent-replay"]) == (first.json(), "true")


async def test_old_answers_and_events_are_forgotten_and_what_waits_is_not(notes, member):
    client = notes.client(member, **{"Idempotency-Key": "old"})
    await client.post("/notes", json={"body": "a"})
    waiting = "SELECT 1 FROM outbox WHERE tenant_id = :t AND published_at IS NULL"

    async def published():
        return not await notes.rows(waiting, t=member.community_id)

    await eventually(published, what="publishing")
    age = (
        "UPDATE idempotency_keys SET claimed_at = now() - interval '3 days' WHERE scope LIKE :t || ':%'",
        "UPDATE outbox SET published_at = now() - interval '61 days' WHERE tenant_id = :t",
        "INSERT INTO inbox (event_id, applied_at) VALUES (:t, now() - interval '61 days')",
    )
    async with notes.database.transaction() as session:
        for sql in age:
            await session.execute(text(sql), {"t": str(member.community_id) if "LIKE" in sql else member.community_id})
    await notes.client(member).post("/notes", json={"body": "b"})
    await prune(notes.database, stream_days=30)
    assert await kept_answers(notes, member) == []
    assert await notes.rows("SELECT 1 FROM inbox WHERE event_id = :t", t=member.community_id) == []
    assert len(await notes.emitted(member.community_id)) == 1


async def test_while_the_database_throws_everybody_out_a_write_is_stored_or_may_be_sent_again(notes, member, servers):
    """What a restart of PostgreSQL is to those connected. Each write has its key and goes until it is stored."""
    answers, going = [], True

    async def throw_out():
        engine = create_async_engine(servers.admin_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.connect() as admin:
            while going:
                await admin.execute(
                    text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                    {"name": notes.database.engine.url.database},
                )
                await asyncio.sleep(0.01)
        await engine.dispose()

    async def write(number):
        client = notes.client(member, **{"Idempotency-Key": f"thrown out {number}"})
        while True:
            answer = await client.post("/notes", json={"body": f"note {number:03}"})
            answers.append(answer.status_code)
            if answer.status_code == 201:
                return

    async def write_all(start):
        for number in range(start, 100, 8):
            await write(number)

    throwing = asyncio.create_task(throw_out())
    await asyncio.gather(*(write_all(start) for start in range(8)))
    going = False
    await throwing
    assert set(answers) == {201, 503}
    assert await bodies(notes, member) == [f"note {number:03}" for number in range(100)]
