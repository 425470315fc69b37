"""Thanking, earning, being seen; and what cannot be gamed."""

import asyncio

import pytest
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(recognition, community_id):
    return lambda member_id: recognition.client(Actor(community_id, member_id=member_id))


async def points(client, ids):
    return (await client.post("/read/points-by-member", json={"keys": [str(each) for each in ids]})).json()


async def test_kudos_reach_the_receiver_with_points_and_first_badges(recognition, people, as_member, community_id):
    giver = as_member(people[0])
    given = await giver.post("/kudos", json={"receiver_id": str(people[1]), "message": "Thank you!", "value": "care"})
    assert given.status_code == 201, given.text

    async def both():
        return await points(giver, people[:2]) == [1, 5]

    await eventually(both, what="awarding points")
    badges = (await giver.post("/read/badges-by-member", json={"keys": [str(p) for p in people[:2]]})).json()
    assert [[badge["badge_key"] for badge in some] for some in badges] == [["first_thanks"], ["first_kudos"]]
    leaders = (await giver.get("/leaderboard", params={"period": "week"})).json()
    assert [(row["rank"], row["member_id"]) for row in leaders] == [(1, str(people[1])), (2, str(people[0]))]
    awarded = await recognition.emitted(community_id, "recognition.points_awarded.v1")
    assert sorted(event["points"] for event in awarded) == [1, 5]


async def test_an_event_delivered_twice_pays_once(recognition, people, community_id, as_member):
    event_id, data = new_id(), {"author_id": people[2]}
    for sequence in (1, 1):
        event = (event_id, community_id, "groups.post_written.v1", data, new_id(), sequence)
        await recognition.deliver_all([event])
    assert await points(as_member(people[2]), [people[2]]) == [1]


async def test_a_hundred_posts_on_a_day_pay_no_more_than_five(recognition, people, community_id, as_member):
    events = [
        (new_id(), community_id, "groups.post_written.v1", {"author_id": people[3]}, new_id(), 1) for _ in range(100)
    ]
    await recognition.deliver_all(events[:60])
    await recognition.deliver_all(events[60:])
    assert await points(as_member(people[3]), [people[3]]) == [5]


async def test_the_weekly_allowance_cannot_be_overdrawn_by_hurrying(recognition, people, as_member, community_id):
    giver = as_member(people[0])
    answers = await asyncio.gather(
        *(giver.post("/kudos", json={"receiver_id": str(people[n % 7 + 1]), "message": "!"}) for n in range(26))
    )
    codes = [answer.status_code for answer in answers]
    assert (codes.count(201), codes.count(409)) == (20, 6)
    assert len(await recognition.emitted(community_id, "recognition.kudos_given.v1")) == 20


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"receiver_id": str(new_id())}, 404),
        ({"message": " "}, 422),
        ({"message": "a\u202eb"}, 422),
        ({"value": "\0"}, 422),
        ({"value": "I know where you live"}, 422),
    ],
)
async def test_kudos_need_a_receiver_and_words(people, as_member, change, status):
    body = {"receiver_id": str(people[1]), "message": "Thanks"} | change
    assert (await as_member(people[0]).post("/kudos", json=body)).status_code == status


async def test_nobody_thanks_themselves_or_earns_by_their_own_word(recognition, people, as_member, community_id):
    body = {"receiver_id": str(people[0]), "message": "Well done me"}
    assert (await as_member(people[0]).post("/kudos", json=body)).json()["code"] == "kudos_to_oneself"
    own = {"answerer_id": people[0], "accepted_by": people[0]}
    await recognition.deliver(community_id, "groups.answer_accepted.v1", own)
    assert await points(as_member(people[0]), [people[0]]) == [0]


async def test_ten_kudos_from_two_friends_make_no_helper_but_from_five_people_do(
    recognition, people, as_member, community_id
):
    star = people[7]

    async def thank(givers):
        for giver in givers:
            answer = await as_member(giver).post("/kudos", json={"receiver_id": str(star), "message": "Thanks"})
            assert answer.status_code == 201

    async def badges():
        rows = (await as_member(star).post("/read/badges-by-member", json={"keys": [str(star)]})).json()[0]
        return {row["badge_key"] for row in rows}

    await thank(people[:2] * 5)

    async def counted():
        sql = "SELECT count FROM tallies WHERE community_id = :c AND member_id = :m AND kind = 'kudos_received'"
        return [row["count"] for row in await recognition.rows(sql, c=community_id, m=star)]

    await eventually(lambda: _is(counted, [10]), what="counting ten kudos")
    assert await badges() == {"first_kudos"}
    await thank(people[2:5])
    await eventually(lambda: _is(counted, [13]), what="counting thirteen kudos")
    assert await badges() == {"first_kudos", "helper"}


async def _is(read, value):
    return await read() == value


async def test_who_opts_out_is_not_ranked(recognition, people, as_member, community_id):
    await recognition.deliver(community_id, "groups.attendance_recorded.v1", {"present_ids": people[:3]})
    client = as_member(people[0])
    assert len((await client.get("/leaderboard")).json()) == 3
    assert (await client.put("/me/ranking", json={"listed": False})).status_code == 204
    assert str(people[0]) not in {row["member_id"] for row in (await client.get("/leaderboard")).json()}


async def test_a_badge_by_hand_is_given_once_with_a_reason(recognition, people, coordinator):
    client = recognition.client(coordinator)
    badge = {"key": "gardener", "name": "Gardener", "description": "Keeps the place tidy"}
    assert (await client.post("/badges", json=badge)).status_code == 201
    assert (await client.post("/badges", json=badge)).json()["code"] == "badge_exists"
    award = {"member_id": str(people[0]), "badge_key": "gardener", "reason": "Sorted all resources"}
    assert (await client.post("/badge-awards", json=award)).json()["reason"] == "Sorted all resources"
    assert (await client.post("/badge-awards", json=award)).json()["code"] == "already_awarded"
    member = recognition.client(Actor(coordinator.community_id))
    assert (await member.post("/badge-awards", json=award)).status_code == 403


async def test_the_ledger_cannot_be_rewritten_by_the_service_itself(recognition, people, community_id):
    await recognition.deliver(community_id, "groups.post_written.v1", {"author_id": people[0]})
    for sql in ("UPDATE ledger_entries SET points = 1000", "DELETE FROM ledger_entries"):
        with pytest.raises(Exception, match="permission denied"):
            async with recognition.database.transaction() as session:
                await session.execute(text(sql))


async def test_who_has_left_is_neither_ranked_nor_thanked_nor_awarded(recognition, people, as_member, coordinator):
    community_id = coordinator.community_id
    late = new_id()  # whose leaving is heard of before their joining
    await recognition.deliver(community_id, "groups.attendance_recorded.v1", {"present_ids": people[:3]})
    for gone in (people[0], late):
        await recognition.deliver(community_id, "identity.member_left.v1", {"member_id": gone, "reason": "left"})
    await recognition.deliver(community_id, "identity.member_joined.v1", {"member_id": late})
    client = as_member(people[1])
    leaders = (await client.get("/leaderboard")).json()
    assert {row["member_id"] for row in leaders} == {str(each) for each in people[1:3]}
    badge = {"key": "gardener", "name": "Gardener", "description": "Keeps the place tidy"}
    assert (await recognition.client(coordinator).post("/badges", json=badge)).status_code == 201
    for gone in (people[0], late):
        thanks = {"receiver_id": str(gone), "message": "Thanks"}
        assert (await client.post("/kudos", json=thanks)).json()["code"] == "no_such_member"
        award = {"member_id": str(gone), "badge_key": "gardener", "reason": "Sorted all resources"}
        answer = await recognition.client(coordinator).post("/badge-awards", json=award)
        assert answer.json()["code"] == "no_such_member"
    assert await points(client, people[:1]) == [3]  # what was earned stays


async def test_the_points_of_who_wants_no_ranking_are_theirs_and_coordinators_to_see(
    recognition, people, as_member, coordinator
):
    await recognition.deliver(coordinator.community_id, "groups.attendance_recorded.v1", {"present_ids": people[:2]})
    await as_member(people[0]).put("/me/ranking", json={"listed": False})
    app = Actor(coordinator.community_id, permissions=frozenset({"recognition:read"}), app=True)
    assert await points(as_member(people[0]), people[:3]) == [3, 3, 0]
    assert await points(as_member(people[1]), people[:3]) == [None, 3, 0]
    assert await points(recognition.client(app), people[:3]) == [None, 3, 0]
    assert await points(recognition.client(coordinator), people[:3]) == [3, 3, 0]


async def test_of_very_many_badges_the_newest_hundred_are_shown_as_they_were_given(recognition, people, coordinator):
    rows = [(new_id(), coordinator.community_id, people[0], f"badge_{number}") for number in range(103)]
    async with recognition.database.transaction() as session:
        for id_, community_id, member_id, key in rows:
            columns = "id, community_id, member_id, badge_key, repeatable"
            sql = text(f"INSERT INTO badge_awards ({columns}) VALUES (:id, :community, :member, :key, true)")
            await session.execute(sql, {"id": id_, "community": community_id, "member": member_id, "key": key})
    answer = await recognition.client(coordinator).post("/read/badges-by-member", json={"keys": [str(people[0])]})
    assert [each["badge_key"] for each in answer.json()[0]] == [key for *_, key in rows[3:]]
