"""What was lost between a database and the stream is found and mended; what is whole stays as it is."""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from nats.js.errors import NotFoundError
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_events.letters import NoSuchLetter, discard, letters, replay
from kith_events.reconcile import reconcile
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
JOINED = "identity.member_joined.v1"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def metrics(start_service):
    """With nothing left of what other tests of this process did to the stream and to other databases."""
    found = await start_service("metrics")

    async def settled():
        difference = await reconciled(found)
        return (difference.missing, difference.unapplied) == (0, 0)

    await eventually(settled, what="settling")
    return found


async def reconciled(metrics):
    return await reconcile("metrics", metrics.database, metrics.bus, metrics.app.state.consumers, stream_days=30)


async def places(metrics, tenant):
    """The event ids of a tenant on the stream, by place."""
    info = await metrics.bus.js.stream_info("KITH")
    found = {}
    for place in range(max(info.state.first_seq, 1), info.state.last_seq + 1):
        try:
            message = await metrics.bus.js.get_msg("KITH", place)
        except Exception:  # noqa: BLE001, S112 -- deleted by a test
            continue
        if str(tenant).encode() in message.data:
            found[place] = message.headers["Nats-Msg-Id"]
    return found


async def make_reports(metrics, coordinator, count):
    for _ in range(count):
        assert (await metrics.client(coordinator).post("/reports", json={})).status_code == 201
    waiting = "SELECT 1 FROM outbox WHERE tenant_id = :t AND published_at IS NULL"

    async def published():
        return not await metrics.rows(waiting, t=coordinator.community_id)

    await eventually(published, what="publishing")


async def joined(metrics, tenant, count):
    """Members who have joined, applied; their ids and the ids of their events."""
    ids = [(new_id(), new_id()) for _ in range(count)]
    now = datetime.now(UTC).isoformat()
    events = [(event, tenant, JOINED, {"member_id": member, "joined_at": now}, member, 1) for event, member in ids]
    await metrics.deliver_all(events)
    return ids


async def members(metrics, tenant):
    return {row["member_id"] for row in await metrics.rows("SELECT * FROM members WHERE community_id = :t", t=tenant)}


async def run(metrics, sql, **values):
    async with metrics.database.transaction() as session:
        return await session.execute(text(sql), values)


async def test_where_nothing_is_missing_nothing_changes(metrics, coordinator):
    await make_reports(metrics, coordinator, 2)
    await joined(metrics, coordinator.community_id, 5)
    sql = "SELECT position, published_at FROM outbox ORDER BY position"
    before = await metrics.rows(sql)
    await asyncio.sleep(0.1)
    found = await reconciled(metrics)
    assert (found.missing, found.unapplied) == (0, 0)
    assert found.published >= 2
    assert found.delivered >= 5
    assert await metrics.rows(sql) == before


@asynccontextmanager
async def short_memory(metrics):
    """The stream forgets ids of messages at once and not after two minutes, as if these had passed."""
    config = (await metrics.bus.js.stream_info("KITH")).config
    await metrics.bus.js.update_stream(config.evolve(duplicate_window=0.1))
    try:
        yield
    finally:
        await metrics.bus.js.update_stream(config)


async def test_what_the_stream_has_lost_is_published_again(metrics, coordinator):
    await make_reports(metrics, coordinator, 4)
    there = await places(metrics, coordinator.community_id)
    assert len(there) == 4
    async with short_memory(metrics):
        for place in sorted(there)[1:3]:
            await metrics.bus.js.delete_msg("KITH", place)
        await asyncio.sleep(0.5)
        assert (await reconciled(metrics)).missing == 2

        async def back():
            return sorted((await places(metrics, coordinator.community_id)).values()) == sorted(there.values())

        await eventually(back, what="publishing again")
        await asyncio.sleep(0.1)
        assert (await reconciled(metrics)).missing == 0


async def test_what_a_service_has_lost_is_delivered_again_and_the_rest_is_not_applied_twice(metrics, coordinator):
    tenant = coordinator.community_id
    ids = await joined(metrics, tenant, 20)
    lost = ids[3:6]
    await run(metrics, "DELETE FROM inbox WHERE event_id = ANY(:e)", e=[event for event, _ in lost])
    await run(metrics, "DELETE FROM members WHERE member_id = ANY(:m)", m=[member for _, member in lost])
    kept = ids[10][1]
    await run(metrics, "UPDATE members SET joined_at = NULL WHERE member_id = :m", m=kept)  # would be set again

    async def acknowledged():
        info = await metrics.bus.js.consumer_info("KITH", "metrics")
        return info.num_ack_pending == 0 and not info.num_pending

    await eventually(acknowledged, what="acknowledging")
    assert (await reconciled(metrics)).unapplied == 3

    async def back():
        return await members(metrics, tenant) == {member for _, member in ids}

    await eventually(back, what="delivering again")
    [row] = await metrics.rows("SELECT joined_at FROM members WHERE member_id = :m", m=kept)
    assert row["joined_at"] is None
    await eventually(acknowledged, what="acknowledging")
    assert (await reconciled(metrics)).unapplied == 0


async def test_a_consumer_that_nats_has_lost_begins_with_what_the_inbox_is_sure_to_know(metrics, coordinator):
    [(event, _)] = await joined(metrics, coordinator.community_id, 1)
    old = "UPDATE inbox SET applied_at = applied_at + :by WHERE event_id = :e"
    for days, begins in ((-31, timedelta(days=30)), (31, None)):
        await run(metrics, old, e=event, by=timedelta(days=days))
        await metrics.bus.js.delete_consumer("KITH", "metrics")

        async def there():
            with suppress(NotFoundError):
                return await metrics.bus.js.consumer_info("KITH", "metrics")

        config = (await eventually(there, what="making a consumer")).config
        since = config.opt_start_time
        assert since is None if begins is None else abs(datetime.now(UTC) - since - begins) < timedelta(minutes=1)
    await joined(metrics, coordinator.community_id, 1)


async def test_what_somebody_else_put_on_the_stream_is_not_ours_to_mend(metrics, coordinator):
    await metrics.bus.js.publish(f"kith.{JOINED}", b"not from a relay", headers={"Nats-Msg-Id": "whatever"})
    await joined(metrics, coordinator.community_id, 1)
    assert (await reconciled(metrics)).unapplied == 0


async def a_letter(metrics, tenant):
    """An event that cannot be read, set aside."""
    event_id = await metrics.deliver(tenant, JOINED, {"joined_at": "yesterday"}, wait=False)

    async def buried():
        return await letters(metrics.database, ids=[event_id])

    return (await eventually(buried, what="setting aside"))[0]


async def test_a_dead_letter_is_shown_and_says_again_why_it_fails(metrics, coordinator):
    letter = await a_letter(metrics, coordinator.community_id)
    assert "cannot be read" in letter.reason
    assert json.loads(letter.payload)["data"] == {"joined_at": "yesterday"}
    reason = await replay(metrics.database, metrics.app.state.consumers, letter.event_id)
    assert "member_id" in reason
    [again] = await letters(metrics.database, ids=[letter.event_id])
    assert (again.reason, again.attempts) == (reason, letter.attempts + 1)


async def test_a_dead_letter_is_applied_once_when_what_was_wrong_is_right(metrics, coordinator):
    letter = await a_letter(metrics, coordinator.community_id)
    member_id = new_id()
    right = json.loads(letter.payload) | {"data": {"member_id": str(member_id), "joined_at": "2026-01-01T00:00:00Z"}}
    sql = "UPDATE dead_letters SET payload = :p WHERE event_id = :id"
    await run(metrics, sql, p=json.dumps(right).encode(), id=letter.event_id)
    consumers = metrics.app.state.consumers
    assert await replay(metrics.database, consumers, letter.event_id) is None
    assert await members(metrics, coordinator.community_id) == {member_id}
    with pytest.raises(NoSuchLetter):
        await replay(metrics.database, consumers, letter.event_id)
    assert (await reconciled(metrics)).unapplied == 0


async def test_a_discarded_letter_does_not_come_back(metrics, coordinator):
    letter = await a_letter(metrics, coordinator.community_id)
    await discard(metrics.database, letter.event_id)
    assert await letters(metrics.database, ids=[letter.event_id]) == []
    with pytest.raises(NoSuchLetter):
        await discard(metrics.database, letter.event_id)
    assert (await reconciled(metrics)).unapplied == 0


async def command(metrics, *words):
    settings = metrics.app.state.settings
    told = {
        "KITH_DATABASE_URL": str(settings.database_url),
        "KITH_WORKER_DATABASE_URL": str(settings.worker_database_url),
        "KITH_NATS_URL": settings.nats_url,
    }
    pipe = asyncio.subprocess.PIPE
    argv = [sys.executable, "-m", "kith_events", *map(str, words)]
    child = await asyncio.create_subprocess_exec(*argv, env={**os.environ, **told}, stdout=pipe, stderr=pipe)
    out, err = await child.communicate()
    return child.returncode, out.decode(), err.decode()


async def test_an_operator_does_all_this_by_command(metrics, coordinator):
    letter = await a_letter(metrics, coordinator.community_id)
    status, out, _ = await command(metrics, "metrics", "letters")
    assert status == 0
    assert str(letter.event_id) in out
    status, out, _ = await command(metrics, "metrics", "show", letter.event_id)
    assert '"joined_at": "yesterday"' in out
    status, out, _ = await command(metrics, "metrics", "replay", letter.event_id)
    assert status == 1
    assert "failed again" in out
    status, out, _ = await command(metrics, "metrics", "discard", letter.event_id)
    assert (status, out) == (0, f"{letter.event_id}  discarded\n")
    status, _, err = await command(metrics, "metrics", "discard", letter.event_id)
    assert status == 1
    assert "there is no dead letter" in err
    status, out, _ = await command(metrics, "metrics", "reconcile")
    assert status == 0
    assert "0 were missing on the stream" in out
    status, _, err = await command(metrics, "astrology", "letters")
    assert status == 1
    assert "There is no service astrology" in err
