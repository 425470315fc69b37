"""From newcomers to circles that meet and talk."""

import asyncio
import threading
from uuid import UUID

import pytest

from kith_chassis.ids import new_id
from kith_groups.circles import groups as circles
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


async def form(client, **given):
    answer = await client.post("/formations", json={"pool": {"newest": 100}} | given)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def as_member(groups, community_id):
    return lambda member_id: groups.client(Actor(community_id, member_id=UUID(str(member_id))))


async def session_of(client, group_id, **given):
    body = {"sessions": [{"group_id": group_id, "starts_at": "2098-12-01T18:00:00+01:00"} | given]}
    answer = await client.post("/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()[0]


async def test_newcomers_become_two_circles_and_a_second_round_takes_nobody_twice(groups, coordinator, newcomers):
    client = groups.client(coordinator)
    pool = {"newest": 100, "facilitator_ids": [str(newcomers[0]), str(newcomers[1])]}
    formed = await form(client, pool=pool)
    assert len(formed["group_ids"]) == 2
    members = (await client.post("/read/memberships-by-group", json={"keys": formed["group_ids"]})).json()
    assert sorted(m["member_id"] for some in members for m in some) == sorted(map(str, newcomers))
    assert [sum(m["role"] == "facilitator" for m in some) for some in members] == [1, 1]
    again = await form(client, pool={"member_ids": [str(each) for each in newcomers]})
    assert again["group_ids"] == []
    assert {each["reason"] for each in again["left"]} == {"already_in_a_group"}
    events = await groups.emitted(coordinator.community_id, "groups.group_formed.v1")
    assert sorted(event["group_id"] for event in events) == sorted(formed["group_ids"])


@pytest.mark.parametrize("pool", [{"newest": 10}, {"members": slice(0, 10)}])
async def test_a_facilitator_who_is_named_comes_into_the_pool_and_is_never_forgotten(
    groups, coordinator, newcomers, pool
):
    client = groups.client(coordinator)
    members = pool.get("members")
    whom = {"member_ids": [str(each) for each in newcomers[members]]} if members else pool
    facilitator = str(newcomers[19])
    formed = await form(client, pool=whom | {"facilitator_ids": [facilitator]})
    [members] = (await client.post("/read/memberships-by-group", json={"keys": formed["group_ids"]})).json()
    assert [m["member_id"] for m in members if m["role"] == "facilitator"] == [facilitator]
    assert len(members) == 11
    busy = await form(client, pool={"newest": 100, "facilitator_ids": [facilitator]})
    assert {"member_id": facilitator, "reason": "already_in_a_group"} in busy["left"]
    unknown = {"newest": 100, "facilitator_ids": [str(new_id())]}
    refused = await client.post("/formations", json={"pool": unknown})
    assert (refused.status_code, refused.json()["code"]) == (404, "no_such_participant")


async def test_two_are_together_or_apart_as_a_coordinator_wishes_and_a_block_goes_before_that_unseen(
    groups, coordinator, newcomers
):
    client, ids = groups.client(coordinator), [str(each) for each in newcomers]
    blocked = {"member_id": ids[2], "blocked_id": ids[3]}
    await groups.deliver(
        coordinator.community_id, "identity.member_blocked.v1", blocked, aggregate_id=newcomers[2], sequence=3
    )
    # Beside their difference in experience, these would be put together, and those apart.
    wishes = {
        "together": [{"member_ids": [ids[0], ids[1]]}, {"member_ids": [ids[3], ids[2]]}],
        "apart": [{"member_ids": [ids[19], ids[0]]}],
    }
    formed = await form(client, pool={"member_ids": ids} | wishes)
    assert formed["left"] == []
    members = (await client.post("/read/memberships-by-group", json={"keys": formed["group_ids"]})).json()
    group_of = {m["member_id"]: number for number, some in enumerate(members) for m in some}
    assert group_of[ids[0]] == group_of[ids[1]]
    assert group_of[ids[0]] != group_of[ids[19]]
    assert group_of[ids[2]] != group_of[ids[3]]


@pytest.mark.parametrize(
    ("together", "apart", "code"),
    [
        ([0, 1], [1, 0], "bad_pool"),
        ([0, 0], None, "bad_pool"),
        ([0, 1, 2], None, "invalid_request"),
        (None, [3], "invalid_request"),
    ],
)
async def test_wishes_that_make_no_sense_are_refused(groups, coordinator, newcomers, together, apart, code):
    given = {"together": together, "apart": apart}
    wishes = {name: [{"member_ids": [str(newcomers[k]) for k in some]}] for name, some in given.items() if some}
    answer = await groups.client(coordinator).post("/formations", json={"pool": {"newest": 20} | wishes})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_two_formations_at_once_never_put_anyone_in_two_circles(groups, coordinator, newcomers):
    client = groups.client(coordinator)
    answers = await asyncio.gather(*(client.post("/formations", json={"pool": {"newest": 50}}) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {201}
    rows = await groups.rows(
        "SELECT member_id FROM memberships WHERE community_id = :c AND until IS NULL", c=coordinator.community_id
    )
    assert len({row["member_id"] for row in rows}) == len(rows) == 20
    told = await groups.emitted(coordinator.community_id, "groups.group_formed.v1")
    assert sorted(member for each in told for member in each["member_ids"]) == sorted(map(str, newcomers))


@pytest.fixture
def while_looking(monkeypatch):
    """Have something happen while a formation looks for groups."""

    async def do(formation, act):
        begun, go_on, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

        def slowly(*args, **given):
            loop.call_soon_threadsafe(begun.set)
            assert go_on.wait(20)
            return search(*args, **given)

        search = circles.form
        monkeypatch.setattr(circles, "form", slowly)
        running = asyncio.create_task(formation)
        await begun.wait()
        monkeypatch.undo()
        await act()
        go_on.set()
        return await running

    return do


@pytest.mark.parametrize(("n", "formed"), [(9, 1), (8, 0)])
async def test_who_joins_a_circle_while_others_are_formed_is_left_and_the_others_are_formed(
    groups, coordinator, newcomers, as_member, while_looking, n, formed
):
    client = groups.client(coordinator)
    ids = [str(each) for each in newcomers]
    there = (await form(client, pool={"member_ids": ids[10:14]}, smallest=2, largest=5))["group_ids"][0]
    pool = {"member_ids": ids[:n], "facilitator_ids": ids[:1]}

    async def joins():
        assert (await as_member(ids[0]).post(f"/groups/{there}/join")).status_code == 200

    answer = await while_looking(form(client, pool=pool), joins)
    assert len(answer["group_ids"]) == formed
    left = {each["member_id"]: each["reason"] for each in answer["left"]}
    rest = {} if formed else dict.fromkeys(ids[1:n], "no_room_within_the_sizes")
    assert left == {ids[0]: "already_in_a_group"} | rest
    told = await groups.emitted(coordinator.community_id, "groups.group_formed.v1")
    assert [(each["facilitator_id"], sorted(each["member_ids"])) for each in told[1:]] == [
        (None, sorted(ids[1:n]))
    ] * formed


async def test_who_blocks_somebody_while_groups_are_formed_is_not_put_beside_them(
    groups, coordinator, newcomers, while_looking
):
    client, ids = groups.client(coordinator), [str(each) for each in newcomers[:10]]

    async def blocks():
        blocked = {"member_id": ids[0], "blocked_id": ids[1]}
        await groups.deliver(
            coordinator.community_id, "identity.member_blocked.v1", blocked, aggregate_id=newcomers[0], sequence=3
        )

    answer = await while_looking(form(client, pool={"member_ids": ids}), blocks)
    [left] = answer["left"]
    assert left["member_id"] in ids[:2]
    assert left["reason"] == "no_room_within_the_sizes"


async def test_a_full_session_makes_a_waitlist_and_who_steps_back_lets_the_next_in(
    groups, coordinator, newcomers, as_member
):
    client = groups.client(coordinator)
    formed = await form(client)
    group_id = formed["group_ids"][0]
    members = (await client.post("/read/memberships-by-group", json={"keys": [group_id]})).json()[0]
    ids = [m["member_id"] for m in members]
    session = await session_of(client, group_id, capacity=2)
    said = [
        (await as_member(each).post(f"/sessions/{session['id']}/rsvp", json={"answer": "yes"})).json()["answer"]
        for each in ids[:4]
    ]
    assert said == ["yes", "yes", "waiting", "waiting"]
    await as_member(ids[0]).post(f"/sessions/{session['id']}/rsvp", json={"answer": "no"})
    rsvps = (await client.post("/read/rsvps-by-session", json={"keys": [session["id"]]})).json()[0]
    assert {r["member_id"]: r["answer"] for r in rsvps} == {
        ids[0]: "no", ids[1]: "yes", ids[2]: "yes", ids[3]: "waiting",
    }  # fmt: skip


async def test_the_last_place_is_given_once(groups, coordinator, newcomers, as_member):
    client = groups.client(coordinator)
    group_id = (await form(client))["group_ids"][0]
    members = (await client.post("/read/memberships-by-group", json={"keys": [group_id]})).json()[0]
    session = await session_of(client, group_id, capacity=3)
    answers = await asyncio.gather(
        *(as_member(m["member_id"]).post(f"/sessions/{session['id']}/rsvp", json={"answer": "yes"}) for m in members)
    )
    assert sum(answer.json()["answer"] == "yes" for answer in answers) == 3


async def test_a_member_cannot_record_or_schedule_for_a_group_they_do_not_run(
    groups, coordinator, newcomers, as_member
):
    client = groups.client(coordinator)
    group_id = (await form(client))["group_ids"][0]
    body = {"sessions": [{"group_id": group_id, "starts_at": "2026-12-01T18:00:00Z"}]}
    assert (await as_member(new_id()).post("/sessions", json=body)).status_code == 404
    naive = {"sessions": [{"group_id": group_id, "starts_at": "2026-12-01T18:00:00"}]}
    assert (await client.post("/sessions", json=naive)).status_code == 422
    body["sessions"][0]["time_zone"] = "Moon/Crater"
    assert (await client.post("/sessions", json=body)).json()["code"] == "unknown_time_zone"


async def test_a_question_is_answered_and_the_answer_accepted(groups, coordinator, newcomers, as_member):
    asker, helper = as_member(newcomers[0]), as_member(newcomers[1])
    space = (await asker.get("/spaces")).json()["items"][0]
    assert space["key"] == "welcome"
    opened = await asker.post(
        "/threads", json={"space_id": space["id"], "kind": "question", "title": "How?", "body": "How do I start?"}
    )
    thread = opened.json()
    post = (await helper.post(f"/threads/{thread['id']}/posts", json={"body": "Like this."})).json()
    refused = await helper.post(f"/threads/{thread['id']}/accept", json={"post_id": post["id"]})
    assert refused.status_code == 404
    accepted = await asker.post(f"/threads/{thread['id']}/accept", json={"post_id": post["id"]})
    assert accepted.json()["accepted_post_id"] == post["id"]
    await asker.post(f"/threads/{thread['id']}/accept", json={"post_id": post["id"]})
    [told] = await groups.emitted(coordinator.community_id, "groups.answer_accepted.v1")
    assert (told["asker_id"], told["answerer_id"]) == (str(newcomers[0]), str(newcomers[1]))
    events = await groups.emitted(coordinator.community_id)
    replies = [event["reply_to_id"] for event in events if "reply_to_id" in event]
    assert replies == [None, str(newcomers[0])]
    posts = (await asker.get(f"/threads/{thread['id']}/posts", params={"first": 1})).json()
    rest = (await asker.get(f"/threads/{thread['id']}/posts", params={"after": posts["next_cursor"]})).json()
    assert [p["body"] for p in (*posts["items"], *rest["items"])] == ["How do I start?", "Like this."]


async def test_the_accepted_answer_may_move_and_each_post_counts_once(groups, coordinator, newcomers, as_member):
    asker, one, other = (as_member(each) for each in newcomers[:3])
    space = (await asker.get("/spaces")).json()["items"][0]
    new = {"space_id": space["id"], "kind": "question", "title": "How?", "body": "How do I start?"}
    thread = f"/threads/{(await asker.post('/threads', json=new)).json()['id']}"
    posts = [(await each.post(f"{thread}/posts", json={"body": "Like this."})).json()["id"] for each in (one, other)]
    for by, post in ((asker, posts[0]), (groups.client(coordinator), posts[1]), (asker, posts[0]), (asker, posts[1])):
        answer = await by.post(f"{thread}/accept", json={"post_id": post})
        assert answer.json()["accepted_post_id"] == post
    told = await groups.emitted(coordinator.community_id, "groups.answer_accepted.v1")
    assert [each["post_id"] for each in told] == posts
    assert [each["accepted_by"] for each in told] == [str(newcomers[0]), str(coordinator.member_id)]
    assert {each["asker_id"] for each in told} == {str(newcomers[0])}


@pytest.mark.parametrize("body", ["", "   ", "x" * 8001, "bell\x07"])
async def test_bodies_nobody_could_read_are_refused(groups, newcomers, as_member, body):
    client = as_member(newcomers[0])
    space = (await client.get("/spaces")).json()["items"][0]
    answer = await client.post("/threads", json={"space_id": space["id"], "title": "T", "body": body})
    assert answer.status_code == 422


async def test_a_full_group_takes_nobody_more(groups, coordinator, newcomers, as_member):
    client = groups.client(coordinator)
    ids = [str(each) for each in newcomers]
    group_id = (await form(client, pool={"member_ids": ids[:4]}, smallest=2, largest=5))["group_ids"][0]
    members = (await client.post("/read/memberships-by-group", json={"keys": [group_id]})).json()[0]
    room = 5 - len(members)
    answers = await asyncio.gather(*(as_member(each).post(f"/groups/{group_id}/join") for each in ids[10:16]))
    assert sorted(answer.status_code for answer in answers) == [200] * room + [409] * (6 - room)
    joined = next(each for each, answer in zip(ids[10:16], answers, strict=True) if answer.status_code == 200)
    assert (await as_member(joined).post(f"/groups/{group_id}/leave")).status_code == 204
    assert (await as_member(joined).post(f"/groups/{group_id}/leave")).status_code == 404
