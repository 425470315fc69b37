"""Owners look after their endpoints; nobody else sees them, and none of them leads inside."""

import asyncio

import pytest

from kith_chassis.ids import new_id
from kith_delivery.models import Base
from kith_delivery.signing import NotSigned, key_of

pytestmark = pytest.mark.integration
WELL = {"url": "https://93.184.215.14/hooks", "event_types": ["matching.*"]}


async def test_the_secret_is_shown_once(delivery, owner):
    async with delivery.client(owner) as client:
        made = (await client.post("/webhook-endpoints", json=WELL | {"description": "our CRM"})).json()
        assert len(key_of(made["secret"])) == 32
        found = (await client.get(f"/webhook-endpoints/{made['id']}")).json()
        listed = (await client.get("/webhook-endpoints")).json()["items"]
        read = (await client.post("/read/webhook-endpoints", json={"keys": [str(new_id()), made["id"]]})).json()
    assert listed == [found]
    assert read == [None, found]
    assert found == {name: value for name, value in made.items() if name != "secret"}
    assert (found["description"], found["event_types"], found["disabled_at"]) == ("our CRM", ["matching.*"], None)


async def test_a_new_secret_signs_beside_the_one_before_for_a_day(delivery, owner, log, receiver, listening):
    place = f"/webhook-endpoints/{listening['id']}"
    old = listening["secret"]
    async with delivery.client(owner) as client:
        rotated = (await client.post(f"{place}/rotate-secret")).json()
        assert {name for name in rotated if rotated[name] != listening[name]} == {"secret"}
        assert "secret" not in (await client.get(place)).json()
        await client.post(f"{place}/test")
        await receiver.heard(1)
        assert receiver.verified(old) == receiver.verified(rotated["secret"])
        receiver.requests.clear()
        day = "UPDATE webhook_endpoints SET previous_until = previous_until - interval '24 hours' WHERE id = :id"
        await log.settled(status="delivered")
        await log.change(day, id=listening["id"])
        await client.post(f"{place}/test")
        await receiver.heard(1)
        assert receiver.verified(rotated["secret"])
        with pytest.raises(NotSigned):
            receiver.verified(old)


async def test_a_secret_rotated_twice_is_out_at_once(delivery, owner, receiver, listening):
    place = f"/webhook-endpoints/{listening['id']}"
    async with delivery.client(owner) as client:
        second, third = [(await client.post(f"{place}/rotate-secret")).json()["secret"] for _ in range(2)]
        await client.post(f"{place}/test")
        await receiver.heard(1)
    assert receiver.verified(second) == receiver.verified(third)
    with pytest.raises(NotSigned):
        receiver.verified(listening["secret"])


async def test_a_repeated_request_makes_one_endpoint(delivery, owner):
    async with delivery.client(owner, **{"Idempotency-Key": "once"}) as client:
        first, second = [(await client.post("/webhook-endpoints", json=WELL)).json() for _ in range(2)]
    assert first == second


async def test_an_endpoint_is_changed_disabled_enabled_and_deleted(delivery, owner):
    async with delivery.client(owner) as client:
        made = (await client.post("/webhook-endpoints", json=WELL)).json()
        place = f"/webhook-endpoints/{made['id']}"
        changed = (await client.patch(place, json={"event_types": ["*"]})).json()
        assert (changed["event_types"], changed["url"]) == (["*"], WELL["url"])
        for _ in range(2):  # the second time changes nothing and tells nobody
            disabled = (await client.post(f"{place}/disable")).json()
            assert disabled["disabled_reason"] == "by_owner"
        assert len(await delivery.emitted(owner.community_id, "delivery.endpoint_disabled.v1")) == 1
        assert (await client.post(f"{place}/enable")).json()["disabled_at"] is None
        assert (await client.delete(place)).status_code == 204
        assert (await client.delete(place)).status_code == 404


async def test_deleting_an_endpoint_deletes_its_log(delivery, owner, receiver, listening):
    await delivery.deliver(owner.community_id, "groups.group_formed.v1", {})
    await receiver.heard(1)
    async with delivery.client(owner) as client:
        assert (await client.delete(f"/webhook-endpoints/{listening['id']}")).status_code == 204
        assert (await client.get("/deliveries")).json()["items"] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/hooks",
        "ftp://93.184.215.14/",
        "/hooks",
        "https://",
        "https://user:secret@93.184.215.14/",
        "https://93.184.215.14/#part",
        "https://93.184.215.14:99999/",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://ex ample.org/",
        "https://exämple.org/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "http://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::7f00:1]/",
        "https://0x0a000001/",
        "https://" + "a" * 2000 + ".org/",
    ],
)
async def test_a_url_that_is_none_or_leads_inside_is_refused(delivery, owner, url):
    async with delivery.client(owner) as client:
        refused = await client.post("/webhook-endpoints", json=WELL | {"url": url})
        assert refused.status_code == 422, refused.text
        made = (await client.post("/webhook-endpoints", json=WELL)).json()
        assert (await client.patch(f"/webhook-endpoints/{made['id']}", json={"url": url})).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"url": WELL["url"]},
        WELL | {"event_types": []},
        WELL | {"event_types": ["matching"]},
        WELL | {"event_types": ["mat*.x"]},
        WELL | {"event_types": ["*"] * 51},
        WELL | {"event_types": "*"},
        WELL | {"description": "x" * 501},
        WELL | {"description": "a\0b"},
        WELL | {"secret": "whsec_mine"},
        {"url": None, "event_types": ["*"]},
    ],
)
async def test_a_body_of_another_shape_is_refused(delivery, owner, body):
    async with delivery.client(owner) as client:
        assert (await client.post("/webhook-endpoints", json=body)).status_code == 422


@pytest.mark.parametrize("change", [{"url": None}, {"event_types": None}, {"event_types": []}, {"disabled_at": None}])
async def test_a_change_of_another_shape_is_refused(delivery, owner, listening, change):
    async with delivery.client(owner) as client:
        assert (await client.patch(f"/webhook-endpoints/{listening['id']}", json=change)).status_code == 422


async def test_a_community_has_fifty_endpoints_at_most_also_when_asked_at_once(delivery, owner):
    async with delivery.client(owner) as client:
        for _ in range(48):
            assert (await client.post("/webhook-endpoints", json=WELL)).status_code == 201
        answers = await asyncio.gather(*(client.post("/webhook-endpoints", json=WELL) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409]


async def test_another_community_finds_nothing(delivery, owner, stranger, receiver, listening):
    async with delivery.client(owner) as client:
        sent = (await client.post(f"/webhook-endpoints/{listening['id']}/test")).json()
    await receiver.heard(1)
    place = f"/webhook-endpoints/{listening['id']}"
    async with delivery.client(stranger) as client:
        answers = [
            await client.get(place),
            await client.patch(place, json={"description": "mine now"}),
            await client.delete(place),
            await client.post(f"{place}/enable"),
            await client.post(f"{place}/disable"),
            await client.post(f"{place}/test"),
            await client.post(f"{place}/rotate-secret"),
            await client.post(f"{place}/replay", json={"since": "2026-01-01T00:00:00Z"}),
            await client.get(f"/deliveries/{sent['id']}"),
            await client.post(f"/deliveries/{sent['id']}/replay"),
        ]
        assert [each.status_code for each in answers] == [404] * 10
        assert (await client.get("/webhook-endpoints")).json()["items"] == []
        assert (await client.get("/deliveries", params={"endpoint_id": listening["id"]})).json()["items"] == []
        keys = {"keys": [listening["id"]]}
        assert (await client.post("/read/webhook-endpoints", json=keys)).json() == [None]
        assert (await client.post("/read/deliveries-by-endpoint", json=keys)).json() == [[]]
        counts = (await client.post("/read/delivery-counts-by-endpoint", json=keys)).json()
        assert counts == [{"pending": 0, "delivered": 0, "failed": 0}]


async def test_the_gateway_reads_the_log_aligned_with_its_keys(delivery, owner, receiver, listening):
    async with delivery.client(owner) as client:
        for _ in range(3):
            await client.post(f"/webhook-endpoints/{listening['id']}/test")
        other = (await client.post("/webhook-endpoints", json=WELL | {"url": receiver.url})).json()
        await receiver.heard(3)
        body = {"keys": [other["id"], listening["id"]], "first": 2}
        empty, two = (await client.post("/read/deliveries-by-endpoint", json=body)).json()
        page = (await client.get("/deliveries", params={"endpoint_id": listening["id"], "first": 2})).json()
        rest = (await client.get("/deliveries", params={"first": 2, "after": page["next_cursor"]})).json()
    assert empty == []
    assert [each["id"] for each in two] == [each["id"] for each in page["items"]]
    assert len(rest["items"]) == 1
    assert rest["next_cursor"] is None


async def test_members_and_coordinators_do_not_manage_apps(delivery, member, coordinator):
    for actor in (member, coordinator):
        async with delivery.client(actor) as client:
            assert (await client.get("/webhook-endpoints")).status_code == 403
            assert (await client.post("/webhook-endpoints", json=WELL)).status_code == 403
            assert (await client.get("/deliveries")).status_code == 403


async def test_every_model_column_is_in_the_database(delivery):
    sql = "SELECT table_name, column_name, is_nullable FROM information_schema.columns WHERE table_schema = 'public'"
    there = {(row["table_name"], row["column_name"], row["is_nullable"] == "YES") for row in await delivery.rows(sql)}
    declared = {
        (table.name, column.name, bool(column.nullable))
        for table in Base.metadata.tables.values()
        for column in table.columns
    }
    assert declared == {each for each in there if each[0] in Base.metadata.tables}
