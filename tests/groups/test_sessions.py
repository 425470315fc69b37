"""Sessions at the edges: who leaves gives their place, dates and zones that are none."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration
SOON = (datetime.now(UTC) + timedelta(days=7)).isoformat()


@pytest.fixture
async def circle(groups, coordinator, newcomers):
    """A circle: its id, and the ids of its members."""
    client = groups.client(coordinator)
    group_id = (await client.post("/formations", json={"pool": {"newest": 100}})).json()["group_ids"][0]
    members = (await client.post("/read/memberships-by-group", json={"keys": [group_id]})).json()[0]
    return group_id, [each["member_id"] for each in members]


@pytest.fixture
def schedule(groups, coordinator, circle):
    async def one(**given):
        body = {"sessions": [{"group_id": circle[0], "starts_at": SOON} | given]}
        return await groups.client(coordinator).post("/sessions", json=body)

    return one


async def test_who_leaves_gives_their_place_to_who_waits(groups, coordinator, circle, schedule, begin):
    group_id, (first, second, third, *_) = circle
    sessions = [(await schedule(capacity=1)).json()[0]["id"] for _ in range(2)]

    def as_member(each):
        return groups.client(Actor(coordinator.community_id, member_id=UUID(each)))

    for each in (first, second, third):
        for session in sessions:
            assert (await as_member(each).post(f"/sessions/{session}/rsvp", json={"answer": "yes"})).status_code == 200
    await begin(sessions[1])
    assert (await as_member(first).post(f"/groups/{group_id}/leave")).status_code == 204
    to_come, past = (
        {each["member_id"]: each["answer"] for each in some}
        for some in (await groups.client(coordinator).post("/read/rsvps-by-session", json={"keys": sessions})).json()
    )
    assert to_come == {first: "no", second: "yes", third: "waiting"}
    assert past == {first: "yes", second: "waiting", third: "waiting"}
    told = await groups.emitted(coordinator.community_id, "groups.rsvp_given.v1")
    assert [(each["session_id"], each["member_id"], each["answer"]) for each in told[-2:]] == [
        (sessions[0], first, "no"),
        (sessions[0], second, "yes"),
    ]
    assert (await as_member(third).post(f"/groups/{group_id}/leave")).status_code == 204
    assert (await as_member(second).post(f"/groups/{group_id}/leave")).status_code == 204
    rsvps = (await groups.client(coordinator).post("/read/rsvps-by-session", json={"keys": sessions[:1]})).json()[0]
    assert {each["answer"] for each in rsvps} == {"no"}


async def test_nobody_gets_or_gives_a_place_in_a_session_that_has_begun(groups, coordinator, circle, schedule, begin):
    session = (await schedule(capacity=1)).json()[0]["id"]
    has, waits, late = (groups.client(Actor(coordinator.community_id, member_id=UUID(each))) for each in circle[1][:3])
    for each in (has, waits):
        await each.post(f"/sessions/{session}/rsvp", json={"answer": "yes"})
    await begin(session)
    for client, answer in ((has, "no"), (late, "yes")):
        refused = await client.post(f"/sessions/{session}/rsvp", json={"answer": answer})
        assert (refused.status_code, refused.json()["code"]) == (409, "session_begun")
    rsvps = (await groups.client(coordinator).post("/read/rsvps-by-session", json={"keys": [session]})).json()[0]
    assert [each["answer"] for each in rsvps] == ["yes", "waiting"]


@pytest.mark.parametrize(
    "starts_at",
    [
        "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z",
    ],
)  # fmt: skip
async def test_dates_far_out_are_refused(schedule, starts_at):
    answer = await schedule(starts_at=starts_at)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("starts_at", ["2000-01-01T00:00:00Z", "2099-12-31T23:59:59Z"])
async def test_dates_at_the_limits_are_read_back_as_they_were(schedule, starts_at):
    assert (await schedule(starts_at=starts_at)).json()[0]["starts_at"] == starts_at


@pytest.mark.parametrize(
    "zone",
    [
        "Europe", "America/Argentina", "__pycache__", "localtime", "posixrules", "", "../Europe/Vienna", "tzdata.zi",
        "europe/vienna", "Europe/Vienna\x00",
    ],
)  # fmt: skip
async def test_zones_that_are_none_are_refused(schedule, zone):
    answer = await schedule(time_zone=zone)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_time_zone"), answer.text


@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/Argentina/Ushuaia", "UTC"])
async def test_zones_are_taken_by_their_name(schedule, zone):
    assert (await schedule(time_zone=zone)).json()[0]["time_zone"] == zone


async def test_a_title_that_nobody_can_see_is_refused_and_hidden_characters_are_taken_out(schedule):
    assert (await schedule(title="\u200b\u200d")).status_code == 422
    assert (await schedule(title="\u202eFirst\ufeff")).json()[0]["title"] == "First"


async def test_the_next_session_of_a_group_comes_first_and_the_past_ones_last(groups, coordinator, circle, schedule):
    now = datetime.now(UTC)
    starts = {days: (now + timedelta(days=days)).isoformat() for days in (21, -7, 7, 14, -14)}
    ids = {days: (await schedule(starts_at=at)).json()[0]["id"] for days, at in starts.items()}
    client, keys = groups.client(coordinator), [circle[0], str(new_id()), circle[0]]
    for first, wanted in ((20, [7, 14, 21, -7, -14]), (4, [7, 14, 21, -7]), (2, [7, 14])):
        read = (await client.post("/read/sessions-by-group", json={"keys": keys, "first": first})).json()
        mine = [ids[days] for days in wanted]
        assert [[each["id"] for each in some] for some in read] == [mine, [], mine]
