"""What is given up, who is disabled for it, and what is forgotten."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kith_chassis.ids import new_id
from kith_delivery import deliveries, sender
from kith_delivery.attempts import Outcome, Verdict
from kith_delivery.claims import Claim, Settled, settle
from kith_delivery.deliveries import prune
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration


async def test_an_endpoint_that_says_gone_is_disabled_and_its_owner_is_told(delivery, owner, log, receiver, listening):
    receiver.answers = [web.Response(status=410)]
    await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    await log.settled(status="failed")
    async with delivery.client(owner) as client:
        found = (await client.get(f"/webhook-endpoints/{listening['id']}")).json()
        assert found["disabled_reason"] == "gone"
        told = await delivery.emitted(owner.community_id, "delivery.endpoint_disabled.v1")
        assert told == [{"endpoint_id": listening["id"], "reason": "gone"}]
        assert (await client.post(f"/webhook-endpoints/{listening['id']}/test")).status_code == 409
        await client.post(f"/webhook-endpoints/{listening['id']}/enable")
        assert (await client.post(f"/webhook-endpoints/{listening['id']}/test")).status_code == 202
    await log.settled(status="delivered")


async def test_after_the_last_attempt_a_delivery_is_failed_and_can_be_replayed(
    delivery, owner, log, receiver, listening
):
    receiver.answers = [web.Response(status=500), web.Response(status=500)]
    async with delivery.client(owner) as client:
        made = (await client.post(f"/webhook-endpoints/{listening['id']}/test")).json()

        async def noted():
            return (await client.get(f"/deliveries/{made['id']}")).json()["error"]

        await eventually(noted, what="the failed attempt")
        await log.change("UPDATE deliveries SET attempts = 9 WHERE id = :id", id=made["id"])
        await log.soon()
        [failed] = await log.settled(status="failed")
        assert failed["attempts"] == 10
        replayed = await client.post(f"/deliveries/{failed['id']}/replay")
        assert replayed.status_code == 202, replayed.text
        [row] = await log.settled(status="delivered")
        assert row["attempts"] == 1
        counts = await client.post("/read/delivery-counts-by-endpoint", json={"keys": [listening["id"], str(new_id())]})
    assert counts.json() == [{"pending": 0, "delivered": 1, "failed": 0}, {"pending": 0, "delivered": 0, "failed": 0}]
    assert receiver.verified(listening["secret"]) == [made["event_id"]] * 3


async def test_what_failed_in_a_while_is_replayed_at_once(delivery, owner, log, receiver, listening):
    place = f"/webhook-endpoints/{listening['id']}"
    for _ in range(3):
        await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    await log.settled(status="delivered", count=3)
    fail = "UPDATE deliveries SET status = 'failed', attempts = 10, delivered_at = NULL WHERE id = :id"
    async with delivery.client(owner) as client:
        first, second, third = (await client.get("/deliveries")).json()["items"][::-1]
        for each in (first, second):
            await log.change(fail, id=each["id"])
        written = [datetime.fromtimestamp((UUID(each["id"]).int >> 80) / 1000, UTC) for each in (first, second, third)]
        nothing = {"since": "1901-01-01T00:00:00Z", "until": "9999-12-31T23:59:59.999Z", "status": "failed"}
        body = {"since": written[1].isoformat()}
        assert (await client.post(f"{place}/replay", json=body)).json() == {"replayed": 1}
        [one] = await log.settled(status="failed")
        assert one["id"] == first["id"]
        assert (await client.post(f"{place}/replay", json=nothing)).json() == {"replayed": 1}
        await log.settled(status="delivered", count=3)
        body = {"since": written[0].isoformat(), "until": written[2].isoformat(), "status": "delivered"}
        assert (await client.post(f"{place}/replay", json=body)).json() == {"replayed": 2}
        await receiver.heard(7)
        assert (await client.post(f"{place}/replay", json={"since": "2026-01-01T00:00:00"})).status_code == 422
        await client.post(f"{place}/disable")
        assert (await client.post(f"{place}/replay", json=nothing)).status_code == 409
    assert [receiver.ids().count(each["event_id"]) for each in (first, second, third)] == [3, 3, 1]


async def test_more_than_can_be_replayed_at_once_are_not(delivery, owner, log, receiver, listening, monkeypatch):
    monkeypatch.setattr(deliveries, "MOST_REPLAYED", 2)
    for _ in range(3):
        await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    await log.settled(status="delivered", count=3)
    body = {"since": "2026-01-01T00:00:00Z", "status": "delivered"}
    async with delivery.client(owner) as client:
        refused = await client.post(f"/webhook-endpoints/{listening['id']}/replay", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_to_replay")
    assert len(await log.settled(status="delivered", count=3)) == 3
    assert len(receiver.requests) == 3


async def test_what_was_delivered_long_ago_is_forgotten_and_the_rest_is_kept(delivery, owner, log, receiver, listening):
    async with delivery.client(owner) as client:
        for _ in range(2):
            await client.post(f"/webhook-endpoints/{listening['id']}/test")
        old, new = await log.settled(status="delivered", count=2)
        age = "now() - interval '31 days'"
        await log.change(f"UPDATE deliveries SET attempted_at = {age} WHERE id = :id", id=old["id"])
        await log.change(
            f"UPDATE outgoing_events SET stored_at = {age} WHERE community_id = :id", id=owner.community_id
        )
        await prune(delivery.database, days=30)
        assert (await client.get(f"/deliveries/{old['id']}")).status_code == 404
        assert (await client.get(f"/deliveries/{new['id']}")).json()["payload"]
    sql = "SELECT id FROM outgoing_events WHERE community_id = :id"
    assert await delivery.rows(sql, id=owner.community_id) == [{"id": UUID(new["event_id"])}]
    assert len(receiver.requests) == 2


async def test_what_was_given_up_long_ago_or_waits_for_a_disabled_endpoint_is_forgotten(
    delivery, owner, log, receiver, listening
):
    async with delivery.client(owner) as client:
        await client.post(f"/webhook-endpoints/{listening['id']}/test")
        [gone] = await log.settled(status="delivered")
        await client.post(f"/webhook-endpoints/{listening['id']}/disable")
        waiting = [(await client.post("/deliveries/" + gone["id"] + "/replay")).status_code]
        assert waiting == [409]
        age = "now() - interval '31 days'"
        failed = f"UPDATE deliveries SET status = 'failed', delivered_at = NULL, attempted_at = {age} WHERE id = :id"
        await log.change(failed, id=gone["id"])
        left = [new_id() for _ in range(2)]
        for each in left:
            await log.change(
                f"""WITH event AS (
                  INSERT INTO outgoing_events VALUES (:id, :community, 'groups.x.v1', {age}, '{{}}', {age})
                  RETURNING id, community_id)
                INSERT INTO deliveries (id, community_id, endpoint_id, event_id, event_type, due_at)
                SELECT id, community_id, :endpoint, id, 'groups.x.v1', {age} FROM event""",
                id=each,
                community=owner.community_id,
                endpoint=listening["id"],
            )
        await prune(delivery.database, days=30)
        kept = {each["id"] for each in (await client.get("/deliveries")).json()["items"]}
        assert kept == set(map(str, left))  # disabled a moment ago: it may be enabled again
        await log.change(f"UPDATE webhook_endpoints SET disabled_at = {age} WHERE id = :id", id=listening["id"])
        await log.change("UPDATE deliveries SET due_at = now() WHERE id = :id", id=left[1])
        await prune(delivery.database, days=30)
        assert [each["id"] for each in (await client.get("/deliveries")).json()["items"]] == [str(left[1])]
    sql = "SELECT id FROM outgoing_events WHERE community_id = :id AND type = 'groups.x.v1'"
    assert await delivery.rows(sql, id=owner.community_id) == [{"id": left[1]}]


async def fails(delivery, owner, log, listening, receiver, *, last):
    """A test event that is refused, as its last attempt or not."""
    receiver.answers = [web.Response(status=500), web.Response(status=500)]
    async with delivery.client(owner) as client:
        made = (await client.post(f"/webhook-endpoints/{listening['id']}/test")).json()

        async def noted():
            return (await client.get(f"/deliveries/{made['id']}")).json()["error"]

        await eventually(noted, what="the failed attempt")
        if last:
            await log.change("UPDATE deliveries SET attempts = 9 WHERE id = :id", id=made["id"])
            await log.soon()
            await log.settled(status="failed")
        return (await client.get(f"/webhook-endpoints/{listening['id']}")).json()["disabled_reason"]


async def test_an_endpoint_that_nothing_reaches_for_days_is_disabled_and_its_owner_is_told(
    delivery, owner, log, receiver, listening
):
    since = "UPDATE webhook_endpoints SET failing_since = failing_since - interval '5 days' WHERE id = :id"
    assert await fails(delivery, owner, log, listening, receiver, last=True) is None  # since a moment ago
    await log.change(since, id=listening["id"])
    async with delivery.client(owner) as client:
        receiver.answers = []
        await client.post(f"/webhook-endpoints/{listening['id']}/test")
        await log.settled(status="delivered")
        assert await fails(delivery, owner, log, listening, receiver, last=False) is None
        await log.change("DELETE FROM deliveries WHERE community_id = :id", id=owner.community_id)
        assert await fails(delivery, owner, log, listening, receiver, last=True) is None  # reached in between
        await log.change("DELETE FROM deliveries WHERE community_id = :id", id=owner.community_id)
        await log.change(since, id=listening["id"])
        assert await fails(delivery, owner, log, listening, receiver, last=True) == "failing"
        told = await delivery.emitted(owner.community_id, "delivery.endpoint_disabled.v1")
        assert told == [{"endpoint_id": listening["id"], "reason": "failing"}]
        await client.post(f"/webhook-endpoints/{listening['id']}/enable")
    sql = "SELECT failing_since FROM webhook_endpoints WHERE id = :id"
    assert await delivery.rows(sql, id=listening["id"]) == [{"failing_since": None}]  # it has its days again


async def test_deleting_a_failing_endpoint_costs_the_batch_of_its_sender_nothing(
    delivery, owner, log, receiver, listening
):
    """Whoever deletes holds the endpoint and wants its deliveries; the sender comes with a batch for both."""
    await log.change("UPDATE webhook_endpoints SET throttled_until = 'infinity' WHERE id = :id", id=listening["id"])
    await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    [row] = await log.settled(status="pending")
    held = Claim(UUID(row["id"]), UUID(listening["id"]), UUID(row["event_id"]), 0, datetime.now(UTC), 0.0, b"")
    failure = (held, Outcome(datetime.now(UTC), 1, 500, "status"), Verdict("pending", delay=5, pause=5))

    async def write_down():
        async with delivery.database.transaction() as session:
            await settle(session, Settled(results=[failure]))

    async with delivery.database.transaction() as session:
        taken = "SELECT id FROM webhook_endpoints WHERE id = :id FOR UPDATE"
        await session.execute(text(taken), {"id": listening["id"]})
        writing = asyncio.create_task(write_down())

        async def waits():
            sql = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            return writing.done() or await delivery.rows(sql)

        await eventually(waits, what="the sender that waits")
        await session.execute(text("DELETE FROM webhook_endpoints WHERE id = :id"), {"id": listening["id"]})
    await writing


async def test_a_batch_that_a_deadlock_refused_is_written_down_later(
    delivery, owner, log, receiver, listening, monkeypatch
):
    refused = DBAPIError("UPDATE", {}, Exception())
    refused.orig.sqlstate = "40P01"
    answers = [refused]

    async def once_refused(session, settled):
        if answers:
            raise answers.pop()
        await settle(session, settled)

    monkeypatch.setattr(sender, "settle", once_refused)
    async with delivery.client(owner) as client:
        await client.post(f"/webhook-endpoints/{listening['id']}/test")
    [row] = await log.settled(status="delivered")
    assert (row["attempts"], answers) == (1, [])
    assert len(receiver.requests) == 1
