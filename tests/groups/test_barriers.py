"""Two of whom one has blocked or reported the other do not come together in a group, and neither learns why."""

from uuid import UUID

import pytest

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(groups, community_id):
    return lambda member_id: groups.client(Actor(community_id, member_id=UUID(str(member_id))))


@pytest.fixture
def tell(groups, community_id):
    """Have identity tell of a block, its lifting or a report."""
    told = {}

    async def one(fact, by, other, sequence=None):
        told[by] = number = sequence or told.get(by, 2) + 1
        whom = "reported_id" if fact == "reported" else "blocked_id"
        data = {"member_id": by, whom: other} | ({"report_id": new_id()} if fact == "reported" else {})
        await groups.deliver(community_id, f"identity.member_{fact}.v1", data, aggregate_id=by, sequence=number)

    return one


@pytest.fixture
def form(groups, coordinator):
    async def one(people, **given):
        body = {"pool": {"member_ids": [str(each) for each in people]}} | given
        answer = await groups.client(coordinator).post("/formations", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return one


async def members_of(groups, coordinator, group_ids):
    found = (await groups.client(coordinator).post("/read/memberships-by-group", json={"keys": group_ids})).json()
    return [{m["member_id"] for m in some} for some in found]


@pytest.mark.parametrize("fact", ["blocked", "reported"])
async def test_no_formation_puts_two_together_who_are_kept_apart(groups, coordinator, newcomers, tell, form, fact):
    one, other = newcomers[:2]
    await tell(fact, one, other)
    split = await form(newcomers[:16])
    found = await members_of(groups, coordinator, split["group_ids"])
    assert (len(found), split["left"]) == (2, [])
    assert not any({str(one), str(other)} <= some for some in found)


@pytest.mark.parametrize("turned", [False, True])
async def test_where_there_is_one_group_one_of_the_two_is_left_and_the_reason_tells_nothing(
    groups, coordinator, newcomers, tell, form, turned
):
    one, other = newcomers[1::-1] if turned else newcomers[:2]
    await tell("blocked", one, other)
    formed = await form(newcomers[:9])
    [members] = await members_of(groups, coordinator, formed["group_ids"])
    [left] = formed["left"]
    assert left["reason"] == "no_room_within_the_sizes"
    assert left["member_id"] in {str(one), str(other)}
    assert len(members) == 8


@pytest.mark.parametrize("turned", [False, True])
async def test_who_is_kept_apart_from_somebody_in_a_group_finds_it_full(
    groups, coordinator, community_id, newcomers, tell, form, as_member, turned
):
    group_id = (await form(newcomers[:8]))["group_ids"][0]
    inside, outside, another = newcomers[0], *newcomers[10:12]
    await tell("blocked", *((outside, inside) if turned else (inside, outside)))
    refused = await as_member(outside).post(f"/groups/{group_id}/join")
    for each in newcomers[12:16]:
        assert (await as_member(each).post(f"/groups/{group_id}/join")).status_code == 200
    full = await as_member(another).post(f"/groups/{group_id}/join")
    assert full.status_code == 409
    assert (refused.status_code, refused.json()) == (full.status_code, full.json())
    started = await groups.emitted(community_id, "groups.membership_started.v1")
    assert str(outside) not in {each["member_id"] for each in started}


async def test_a_block_that_was_lifted_keeps_nobody_out_in_whatever_order_it_is_told(newcomers, tell, form, as_member):
    group_id = (await form(newcomers[:8]))["group_ids"][0]
    await tell("unblocked", newcomers[0], newcomers[10], sequence=5)
    await tell("blocked", newcomers[0], newcomers[10], sequence=4)
    assert (await as_member(newcomers[10]).post(f"/groups/{group_id}/join")).status_code == 200
    await tell("blocked", newcomers[1], newcomers[11])
    await tell("unblocked", newcomers[1], newcomers[11])
    assert (await as_member(newcomers[11]).post(f"/groups/{group_id}/join")).status_code == 200
