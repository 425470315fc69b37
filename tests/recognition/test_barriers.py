"""Two of whom one has blocked or reported the other thank each other no more, and neither learns why."""

import pytest

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(recognition, community_id):
    return lambda member_id: recognition.client(Actor(community_id, member_id=member_id))


@pytest.fixture
def tell(recognition, community_id):
    """Have identity tell of a block, its lifting or a report; returns when recognition has heard."""

    async def tell(fact, by, other, sequence):
        whom = "reported_id" if fact == "reported" else "blocked_id"
        data = {"member_id": by, whom: other} | ({"report_id": new_id()} if fact == "reported" else {})
        type_ = f"identity.member_{fact}.v1"
        await recognition.deliver(community_id, type_, data, aggregate_id=by, sequence=sequence)

    return tell


def thank(client, receiver):
    return client.post("/kudos", json={"receiver_id": str(receiver), "message": "Thanks", "value": "care"})


async def seen(client, kudos, receiver):
    """Where somebody finds these kudos: the feed, by their id, by their receiver, and in the totals."""
    feed = (await client.get("/kudos")).json()["items"]
    [by_id] = (await client.post("/read/kudos", json={"keys": [kudos["id"]]})).json()
    [received] = (await client.post("/read/kudos-by-member", json={"keys": [str(receiver)]})).json()
    total = (await client.get("/totals")).json()["kudos"]
    return [[each["id"] for each in feed], by_id and by_id["id"], [each["id"] for each in received], total]


@pytest.mark.parametrize("fact", ["blocked", "reported"])
async def test_thanks_across_a_barrier_are_seen_by_their_giver_alone(
    recognition, people, as_member, tell, community_id, fact
):
    one, other, third, *_ = people
    await tell(fact, one, other, 1)
    for giver, receiver in ((other, one), (one, other)):
        answer = await thank(as_member(giver), receiver)
        assert answer.status_code == 201, answer.text
        kudos = answer.json()
        assert "held" not in kudos
        assert await seen(as_member(giver), kudos, receiver) == [[kudos["id"]], kudos["id"], [kudos["id"]], 1]
        for else_ in (receiver, third):
            feed, by_id, received, _ = await seen(as_member(else_), kudos, receiver)
            assert kudos["id"] not in [*feed, by_id, *received]
    assert (await as_member(third).get("/totals")).json()["kudos"] == 0
    assert await recognition.emitted(community_id, "recognition.kudos_given.v1") == []
    given = "SELECT given FROM giving_allowances WHERE community_id = :c ORDER BY member_id"
    assert [row["given"] for row in await recognition.rows(given, c=community_id)] == [1, 1]


async def test_a_block_that_was_lifted_holds_nothing_in_whatever_order_it_was_told(
    recognition, people, as_member, tell, community_id
):
    one, other, third, *_ = people
    await tell("unblocked", one, other, 2)
    await tell("blocked", one, other, 1)
    await tell("blocked", third, other, 3)
    await tell("unblocked", third, other, 4)
    for receiver in (one, third):
        assert (await thank(as_member(other), receiver)).status_code == 201
    assert len(await recognition.emitted(community_id, "recognition.kudos_given.v1")) == 2


async def test_a_report_outlives_the_lifting_of_a_block(recognition, people, as_member, tell, community_id):
    one, other, *_ = people
    await tell("blocked", one, other, 1)
    await tell("reported", one, other, 2)
    await tell("unblocked", one, other, 3)
    assert (await thank(as_member(other), one)).status_code == 201
    assert await recognition.emitted(community_id, "recognition.kudos_given.v1") == []
