"""Nobody waits for another's receiver."""

import asyncio

import pytest
from aiohttp import web

from kith_chassis.ids import new_id
from kith_delivery import sender
from kith_delivery.attempts import attempt
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration


async def listen(delivery, actor, url, event_types=("*",)):
    async with delivery.client(actor) as client:
        made = await client.post("/webhook-endpoints", json={"url": url, "event_types": list(event_types)})
        assert made.status_code == 201, made.text
        return made.json()


async def happen(delivery, actor, count, type_="groups.post_written.v1"):
    await delivery.deliver_all([(new_id(), actor.community_id, type_, {}, new_id(), 1) for _ in range(count)])


@pytest.fixture
def silence(monkeypatch):
    """Attempts to `/silent` hang until this is set; `silence.hanging` holds their endpoints."""

    async def may_hang(client, target, **sent):
        if target.url.endswith("/silent") and not silent.is_set():
            silent.hanging.append(target.endpoint_id)
            await silent.wait()
        return await attempt(client, target, **sent)

    silent = asyncio.Event()
    silent.hanging = []
    monkeypatch.setattr(sender, "attempt", may_hang)
    yield silent
    silent.set()


async def test_many_receivers_that_hang_keep_no_other_waiting(delivery, owner, stranger, receiver, silence):
    for _ in range(49):
        await listen(delivery, owner, receiver.url.replace("hooks", "silent"))
    neighbor = await listen(delivery, owner, receiver.url, ["matching.*"])
    far = await listen(delivery, stranger, receiver.url)
    await happen(delivery, owner, 48)  # 2,352 deliveries: more than one process claims

    async def all_hang():
        return len(set(silence.hanging)) == 49

    await eventually(all_hang, what="an attempt to each silent receiver")
    await happen(delivery, stranger, 200)
    await happen(delivery, owner, 20, "matching.program_opened.v1")

    async def arrived():
        sql = "SELECT count(*) AS n FROM deliveries WHERE endpoint_id = ANY(:ids) AND status = 'delivered'"
        return await delivery.rows(sql, ids=[neighbor["id"], far["id"]]) == [{"n": 220}]

    await eventually(arrived, what="what others were sent")
    assert len(silence.hanging) == 49  # each cost one attempt


async def test_a_receiver_that_answers_gets_more_at_once(delivery, owner, receiver, monkeypatch):
    under_way, most = 0, 0

    async def counted(client, target, **sent):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await attempt(client, target, **sent)
        finally:
            under_way -= 1

    monkeypatch.setattr(sender, "attempt", counted)
    await listen(delivery, owner, receiver.url)
    await happen(delivery, owner, 500)
    await receiver.heard(500)
    assert most == 32


async def test_an_attempt_that_breaks_costs_a_delivery_an_attempt_and_nobody_anything(
    delivery, owner, stranger, receiver, monkeypatch
):
    async def broken(client, target, **sent):
        if target.url.endswith("/broken"):
            raise RuntimeError("never thought of")
        return await attempt(client, target, **sent)

    monkeypatch.setattr(sender, "attempt", broken)
    bad = await listen(delivery, owner, receiver.url.replace("hooks", "broken"))
    await listen(delivery, stranger, receiver.url)
    await happen(delivery, owner, 100)
    await happen(delivery, stranger, 10)
    await receiver.heard(10)

    async def noted():
        sql = "SELECT error, attempts FROM deliveries WHERE endpoint_id = :id AND attempts > 0"
        return await delivery.rows(sql, id=bad["id"])

    assert (await eventually(noted, what="the failed attempt"))[0] == {"error": "connection", "attempts": 1}
    async with delivery.client(owner) as client:
        await client.delete(f"/webhook-endpoints/{bad['id']}")


async def test_a_date_beyond_all_years_is_no_reason_to_stop(delivery, owner, receiver):
    beyond = {"Retry-After": "Mon, 01 Jan 99999999999999 00:00:00 GMT"}
    receiver.answers = [web.Response(status=200, headers=beyond), web.Response(status=200, headers=beyond)]
    await listen(delivery, owner, receiver.url)
    await happen(delivery, owner, 3)

    async def delivered():
        sql = "SELECT status FROM deliveries WHERE community_id = :id ORDER BY status"
        rows = await delivery.rows(sql, id=owner.community_id)
        return [each["status"] for each in rows] == ["delivered"] * 3

    await eventually(delivered, what="the deliveries")
