"""Who leaves the community leaves its groups, in whatever order that is heard."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(groups, community_id):
    return lambda member_id: groups.client(Actor(community_id, member_id=UUID(str(member_id))))


@pytest.fixture
def leaves(groups, community_id):
    """Have identity tell that somebody left; returns when their memberships are ended."""

    async def one(member_id, sequence=3):
        data = {"member_id": str(member_id), "reason": "left"}
        await groups.deliver(
            community_id, "identity.member_left.v1", data, aggregate_id=UUID(str(member_id)), sequence=sequence
        )
        sql = "SELECT 1 FROM participants WHERE community_id = :c AND member_id = :m AND parted_at IS NOT NULL"
        await eventually(lambda: groups.rows(sql, c=community_id, m=UUID(str(member_id))), what="parting")

    return one


async def members_of(client, group_id):
    return [
        m["member_id"] for m in (await client.post("/read/memberships-by-group", json={"keys": [group_id]})).json()[0]
    ]


async def test_who_leaves_the_community_gives_their_places_on_and_is_in_no_pool(
    groups, coordinator, community_id, newcomers, as_member, leaves
):
    client = groups.client(coordinator)
    everybody = {"member_ids": [str(each) for each in newcomers[:12]]}
    group_id = (await client.post("/formations", json={"pool": everybody})).json()["group_ids"][0]
    gone, waits, *_ = await members_of(client, group_id)
    new = {"group_id": group_id, "starts_at": "2099-01-01T18:00:00Z", "capacity": 1}
    session_id = (await client.post("/sessions", json={"sessions": [new]})).json()[0]["id"]
    for each in (gone, waits):
        await as_member(each).post(f"/sessions/{session_id}/rsvp", json={"answer": "yes"})
    await leaves(gone)
    assert gone not in await members_of(client, group_id)
    rsvps = (await client.post("/read/rsvps-by-session", json={"keys": [session_id]})).json()[0]
    assert {each["member_id"]: each["answer"] for each in rsvps} == {gone: "no", waits: "yes"}
    [ended] = await groups.emitted(community_id, "groups.membership_ended.v1")
    assert ended == {"group_id": group_id, "member_id": gone}
    named = await client.post("/formations", json={"pool": {"member_ids": [gone]}})
    assert (named.status_code, named.json()["code"]) == (404, "no_such_participant")
    newest = (await client.post("/formations", json={"pool": {"newest": 100}})).json()
    assert gone not in {each["member_id"] for each in newest["left"]}
    joined = await as_member(gone).post(f"/groups/{group_id}/join")
    assert (joined.status_code, joined.json()["code"]) == (404, "no_such_participant")


@pytest.mark.parametrize("order", ["joined first", "left first"])
async def test_what_they_told_of_themselves_is_not_kept_and_the_order_of_events_does_not_matter(
    groups, community_id, leaves, order
):
    member_id = new_id()
    profile = {
        "member_id": member_id, "interests": ["chess"], "languages": ["en"], "experience_years": 3, "time_zone": "UTC",
    }  # fmt: skip
    told = [
        ("identity.member_joined.v1", {"member_id": member_id, "joined_at": "2026-03-01T09:00:00Z"}, 1),
        ("identity.profile_changed.v1", profile, 2),
    ]
    events = [(new_id(), community_id, type_, data, member_id, sequence) for type_, data, sequence in told]
    if order == "joined first":
        await groups.deliver_all(events)
    await leaves(member_id)
    if order == "left first":
        await groups.deliver_all(events)
    sql = "SELECT * FROM participants WHERE community_id = :c AND member_id = :m"
    [row] = await groups.rows(sql, c=community_id, m=member_id)
    assert (row["languages"], row["interests"], row["experience_years"], row["time_zone"]) == ([], [], None, None)
    assert row["sequence"] == 0
    assert row["joined_at"] is not None
    assert row["left_at"] is not None


async def test_who_joins_a_group_while_they_leave_the_community_is_not_left_in_it(
    groups, coordinator, community_id, newcomers, as_member, leaves
):
    client = groups.client(coordinator)
    pool = {"member_ids": [str(each) for each in newcomers[:4]]}
    formed = (await client.post("/formations", json={"pool": pool, "smallest": 2, "largest": 12})).json()
    group_id, late = formed["group_ids"][0], newcomers[10]
    async with groups.database.transaction() as session:  # the group is held: the join waits, its participant at hand
        await session.execute(text("SELECT 1 FROM groups WHERE id = :id FOR UPDATE"), {"id": UUID(group_id)})
        joining = asyncio.create_task(as_member(late).post(f"/groups/{group_id}/join"))
        left = asyncio.create_task(leaves(late))
    await asyncio.gather(joining, left)
    assert str(late) not in await members_of(client, group_id)
