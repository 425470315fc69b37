"""An app hears of events: signed, once each, again when it was away."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp import web

from kith_chassis.ids import new_id
from kith_delivery.attempts import Outcome, Verdict
from kith_delivery.claims import Claim, Settled, settle
from kith_delivery.sender import Sender
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration


async def test_an_app_gets_the_event_as_a_signed_cloud_event(delivery, owner, log, receiver, listening):
    pairing_id = new_id()
    event_id = await delivery.deliver(
        owner.community_id,
        "matching.pairing_accepted.v1",
        {"pairing_id": str(pairing_id)},
        aggregate_id=pairing_id,
        sequence=3,
    )
    headers, body = (await receiver.heard(1))[0]
    assert receiver.verified(listening["secret"]) == [str(event_id)]
    assert headers["content-type"] == "application/cloudevents+json"
    event = json.loads(body)
    assert event["id"] == str(event_id)
    assert (event["type"], event["subject"], event["sequence"]) == ("matching.pairing_accepted.v1", str(pairing_id), 3)
    assert event["tenant"] == str(owner.community_id)
    assert event["data"] == {"pairing_id": str(pairing_id)}
    [row] = await log.settled(status="delivered")
    assert (row["status_code"], row["attempts"], row["error"]) == (204, 1, None)


async def test_an_event_the_bus_brings_twice_arrives_once(delivery, owner, log, receiver, listening):
    event_id = new_id()
    for _ in range(2):
        await delivery.deliver(owner.community_id, "groups.thread_opened.v1", {}, event_id=event_id)
    await delivery.deliver(owner.community_id, "groups.thread_opened.v1", {})
    await log.settled(status="delivered", count=2)
    assert receiver.ids().count(str(event_id)) == 1
    assert listening["id"]


async def test_only_the_types_an_app_asked_for_arrive(delivery, owner, receiver):
    wanted = ["matching.*", "identity.member_joined.v1"]
    async with delivery.client(owner) as client:
        await client.post("/webhook-endpoints", json={"url": receiver.url, "event_types": wanted})
    types = [
        "identity.profile_changed.v1", "matching.program_opened.v1", "groups.post_written.v1",
        "identity.member_joined.v1", "matching.match_run_solved.v1",
    ]  # fmt: skip
    await delivery.deliver_all([(new_id(), owner.community_id, each, {}, new_id(), 1) for each in types])
    heard = await receiver.heard(3)
    assert [json.loads(body)["type"] for _, body in heard] == [
        "matching.program_opened.v1", "identity.member_joined.v1", "matching.match_run_solved.v1",
    ]  # fmt: skip
    stored = await delivery.rows(
        "SELECT count(*) AS n FROM outgoing_events WHERE community_id = :id", id=owner.community_id
    )
    assert stored == [{"n": 3}]


async def test_who_blocked_whom_or_went_quiet_reaches_no_app_whatever_it_listens_to(delivery, owner, receiver):
    withheld = [f"identity.member_{each}.v1" for each in ("blocked", "unblocked", "reported")]
    withheld += [f"matching.held_request_{each}.v1" for each in ("made", "declined", "withdrawn", "expired")]
    withheld.append("matching.pairing_nudged.v1")
    async with delivery.client(owner) as client:
        for wanted in (["*"], ["identity.*", "matching.*"], withheld):
            made = await client.post("/webhook-endpoints", json={"url": receiver.url, "event_types": wanted})
            assert made.status_code == 201, made.text
    types = [*withheld, "identity.member_joined.v1"]
    await delivery.deliver_all([(new_id(), owner.community_id, each, {}, new_id(), 1) for each in types])
    heard = await receiver.heard(2)
    assert [json.loads(body)["type"] for _, body in heard] == ["identity.member_joined.v1"] * 2
    stored = await delivery.rows("SELECT type FROM outgoing_events WHERE community_id = :id", id=owner.community_id)
    assert stored == [{"type": "identity.member_joined.v1"}]


async def test_of_a_changed_profile_apps_hear_whose_it_is_and_nothing_in_it(delivery, owner, log, receiver, listening):
    member_id = new_id()
    hidden = {"member_id": str(member_id), "time_zone": "Europe/Vienna", "availability": [], "a_later_field": 1}
    await delivery.deliver(owner.community_id, "identity.profile_changed.v1", hidden, aggregate_id=member_id)
    [(_, body)] = await receiver.heard(1)
    assert json.loads(body)["data"] == {"member_id": str(member_id)}
    [row] = await log.settled(status="delivered")
    async with delivery.client(owner) as client:
        assert (await client.get(f"/deliveries/{row['id']}")).json()["payload"].encode() == body
    assert listening["id"]


async def test_a_community_without_endpoints_stores_nothing(delivery, stranger, receiver, listening):
    await delivery.deliver(stranger.community_id, "matching.program_opened.v1", {})
    sql = "SELECT count(*) AS n FROM outgoing_events WHERE community_id = :id"
    assert await delivery.rows(sql, id=stranger.community_id) == [{"n": 0}]
    assert receiver.requests == []
    assert listening["disabled_at"] is None


async def test_a_refused_event_is_sent_again_with_the_same_id_and_a_fresh_signature(
    delivery, owner, log, receiver, listening
):
    receiver.answers = [web.Response(status=500, text="on fire\0"), web.Response(status=404)]
    event_id = await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    for count in (1, 2):
        await receiver.heard(count)

        async def noted(count=count):
            rows = await log.settled(status="pending")
            return rows[0]["attempts"] == count

        await eventually(noted, what="the failed attempt in the log")
        await log.soon()
    [row] = await log.settled(status="delivered")
    assert receiver.verified(listening["secret"]) == [str(event_id)] * 3
    assert row["attempts"] == 3
    async with delivery.client(owner) as client:
        detail = (await client.get(f"/deliveries/{row['id']}")).json()
    assert [(each["status_code"], each["answer"]) for each in detail["failed_attempts"]] == [
        (404, ""),
        (500, "on fire\N{REPLACEMENT CHARACTER}"),
    ]
    assert json.loads(detail["payload"])["id"] == str(event_id)


async def test_an_overloaded_receiver_is_left_alone_as_long_as_it_asks(delivery, owner, log, receiver, listening):
    receiver.answers = [web.Response(status=429, headers={"Retry-After": "3600"})]
    await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    await receiver.heard(1)

    async def waiting():
        sql = """SELECT extract(epoch FROM d.due_at - now()) AS due,
                        extract(epoch FROM e.throttled_until - now()) AS throttled
                 FROM deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
                 WHERE d.endpoint_id = :id AND e.throttled_until IS NOT NULL"""
        return await delivery.rows(sql, id=listening["id"])

    [row] = await eventually(waiting, what="the pause")
    assert 3500 < row["due"] <= 3600
    assert 3500 < row["throttled"] <= 3600
    # What happens meanwhile waits in line without an attempt.
    await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    rows = await log.settled(status="pending", count=2)
    assert sorted(each["attempts"] for each in rows) == [0, 1]
    await log.soon()
    await log.settled(status="delivered", count=2)


@pytest.mark.parametrize(("fault", "error"), [("closed", "connection"), ("slow", "timeout"), ("redirect", "status")])
async def test_a_receiver_in_trouble_gets_the_event_later(delivery, owner, log, receiver, fault, error):
    answers = {"slow": [5.0], "redirect": [web.Response(status=302, headers={"Location": "/elsewhere"})], "closed": []}
    receiver.answers = answers[fault]
    url = "http://127.0.0.1:1/hooks" if fault == "closed" else receiver.url
    async with delivery.client(owner) as client:
        made = (await client.post("/webhook-endpoints", json={"url": url, "event_types": ["*"]})).json()
        await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})

        async def noted():
            [row] = await log.settled(status="pending")
            return row if row["attempts"] else None

        row = await eventually(noted, what="the failed attempt")
        assert row["error"] == error
        await client.patch(f"/webhook-endpoints/{made['id']}", json={"url": receiver.url})
        await log.soon()
        await log.settled(status="delivered")


async def test_two_senders_deliver_a_thousand_events_once_each_and_roughly_in_order(
    delivery, owner, receiver, listening
):
    second = Sender(delivery.database, delivery.app.state.settings)
    running = asyncio.create_task(second.run())
    ids = [new_id() for _ in range(1000)]
    await delivery.deliver_all(
        [(each, owner.community_id, "groups.post_written.v1", {}, each, 1) for each in ids], wait=False
    )
    await receiver.heard(1000)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await second.stop()
    heard = receiver.verified(listening["secret"])
    assert sorted(heard) == sorted(map(str, ids))
    place = {str(each): number for number, each in enumerate(ids)}
    assert max(abs(place[each] - number) for number, each in enumerate(heard)) < 500


async def test_what_a_dead_sender_had_claimed_is_sent_when_its_lease_is_over(delivery, owner, log, receiver, listening):
    await log.change("UPDATE webhook_endpoints SET throttled_until = 'infinity' WHERE id = :id", id=listening["id"])
    ids = [await delivery.deliver(owner.community_id, "groups.group_formed.v1", {}) for _ in range(2)]
    lease = "UPDATE deliveries SET claimed_until = now() + make_interval(hours => :hours) WHERE event_id = :id"
    await log.change(lease, hours=1, id=ids[0])
    await log.soon()
    await receiver.heard(1)
    assert receiver.ids() == [str(ids[1])]
    await log.change(lease, hours=-1, id=ids[0])
    await receiver.heard(2)
    assert receiver.ids() == [str(ids[1]), str(ids[0])]


async def test_a_sender_that_lost_its_lease_no_longer_decides(delivery, owner, log, receiver, listening):
    async with delivery.client(owner) as client:
        await client.post(f"/webhook-endpoints/{listening['id']}/test")
    [row] = await log.settled(status="delivered")
    late = Claim(UUID(row["id"]), UUID(listening["id"]), UUID(row["event_id"]), 0, datetime.now(UTC), 0.0, b"")
    outcome = Outcome(datetime.now(UTC), 1000, error="timeout")
    async with delivery.database.transaction() as session:
        await settle(session, Settled(results=[(late, outcome, Verdict("pending", delay=5))]))
    [same] = await log.settled(status="delivered")
    assert same["attempts"] == 1
    assert len(receiver.requests) == 1


async def test_a_receiver_that_talks_nonsense_or_without_end_is_cut_off(delivery, owner, log):
    async def babble(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers))
        with contextlib.suppress(ConnectionError):
            while True:  # a body that never ends; the sender hangs up
                writer.write(b"x" * 65_536)
                await writer.drain()
        writer.close()

    endless = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: identity\r\n\r\n"
    answers = iter([b"\0\xffHTTP/9 what\r\n\r\n", endless, endless])
    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, delivery.client(owner) as client:
        await client.post("/webhook-endpoints", json={"url": url, "event_types": ["*"]})
        await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})

        async def refused():
            [row] = (await client.get("/deliveries")).json()["items"]
            return row["error"]

        assert await eventually(refused, what="the failed attempt") == "connection"
        await log.soon()
        [row] = await log.settled(status="delivered")
    assert row["answer"] == "x" * 500
