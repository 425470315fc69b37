"""What pays once pays once, whatever is done over and over."""

from datetime import UTC, datetime, timedelta

import pytest

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


@pytest.fixture
def earned(recognition, community_id):
    """What each of some members has earned by a rule, and how often it was counted for badges."""

    async def earned(rule, *members):
        client = recognition.client(Actor(community_id))
        points = await client.post("/read/points-by-member", json={"keys": [str(each) for each in members]})
        sql = "SELECT member_id, count FROM tallies WHERE community_id = :c AND kind = :k"
        counted = {row["member_id"]: row["count"] for row in await recognition.rows(sql, c=community_id, k=rule)}
        return points.json(), [counted.get(each, 0) for each in members]

    return earned


async def test_accepting_one_answer_and_the_other_by_turns_pays_each_once(recognition, people, community_id, earned):
    asker, one, other, *_ = people
    thread = new_id()
    for sequence, answerer in enumerate([one, other] * 3, 1):
        data = {"answerer_id": answerer, "accepted_by": asker, "asker_id": asker}
        await recognition.deliver(
            community_id, "groups.answer_accepted.v1", data, aggregate_id=thread, sequence=sequence
        )
    assert await earned("answer_accepted", asker, one, other) == ([0, 15, 15], [0, 1, 1])


async def test_of_one_batch_too_a_thread_pays_once(recognition, people, community_id, earned):
    thread, data = new_id(), {"answerer_id": people[1], "accepted_by": people[0]}
    events = [(new_id(), community_id, "groups.answer_accepted.v1", data, thread, n) for n in range(1, 6)]
    await recognition.deliver_all(events)
    assert await earned("answer_accepted", people[1]) == ([15], [1])


async def test_who_asks_earns_nothing_by_their_own_answer_whoever_accepts_it(recognition, people, community_id, earned):
    data = {"answerer_id": people[0], "accepted_by": people[1], "asker_id": people[0]}
    await recognition.deliver(community_id, "groups.answer_accepted.v1", data)
    assert await earned("answer_accepted", people[0]) == ([0], [0])


async def test_the_same_two_are_paid_for_one_pairing_and_nobody_for_one_nobody_asked_them_for(
    recognition, people, community_id, earned
):
    one, other, third, *_ = people

    async def accepted(mentor, mentee, **more):
        data = {"mentor_id": mentor, "mentee_id": mentee} | more
        await recognition.deliver(community_id, "matching.pairing_accepted.v1", data)

    await accepted(one, third, by_themselves=False)
    assert await earned("pairing_accepted", one, other, third) == ([0, 0, 0], [0, 0, 0])
    await accepted(one, other)  # as it was told before anybody said who accepted
    await accepted(one, other, by_themselves=True)
    await accepted(other, one, by_themselves=True)
    await accepted(one, third, by_themselves=True)
    assert await earned("pairing_accepted", one, other, third) == ([10, 5, 5], [2, 1, 1])


async def test_a_session_pays_once_on_its_day_and_not_who_recorded_it(recognition, people, community_id, earned):
    host, *guests = people[:3]
    began = datetime.now(UTC) - timedelta(days=400)
    session, data = new_id(), {"present_ids": people[:3], "starts_at": began.isoformat(), "recorded_by": host}
    for sequence in (1, 2):
        await recognition.deliver(
            community_id, "groups.attendance_recorded.v1", data, aggregate_id=session, sequence=sequence
        )
    assert await earned("session_attended", host, *guests) == ([0, 3, 3], [0, 1, 1])
    entries = await recognition.rows("SELECT earned_at FROM ledger_entries WHERE community_id = :c", c=community_id)
    assert {row["earned_at"] for row in entries} == {began}
    leaders = await recognition.client(Actor(community_id)).get("/leaderboard", params={"period": "month"})
    assert leaders.json() == []
    data |= {"starts_at": (datetime.now(UTC) + timedelta(days=400)).isoformat()}
    await recognition.deliver(community_id, "groups.attendance_recorded.v1", data)
    entries = await recognition.rows("SELECT earned_at FROM ledger_entries WHERE community_id = :c", c=community_id)
    assert max(row["earned_at"] for row in entries) <= datetime.now(UTC), "nothing is earned before it has happened"


async def test_thanking_each_other_all_week_pays_two_friends_three_times(recognition, people, community_id, earned):
    one, other, third, *_ = people
    data = {"giver_id": one, "receiver_id": other}
    for _ in range(2):  # also over several batches
        events = [(new_id(), community_id, "recognition.kudos_given.v1", data, new_id(), 1) for _ in range(4)]
        await recognition.deliver_all(events)
    assert await earned("kudos_received", one, other) == ([3, 15], [0, 8])
    await recognition.deliver(community_id, "recognition.kudos_given.v1", {"giver_id": third, "receiver_id": other})
    assert await earned("kudos_received", third, other) == ([1, 20], [0, 9])
