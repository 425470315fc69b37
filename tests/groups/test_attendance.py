"""Who was at a session, by who belonged to its group then."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(groups, community_id):
    return lambda member_id: groups.client(Actor(community_id, member_id=UUID(str(member_id))))


@pytest.fixture
async def circle(groups, coordinator, newcomers):
    """A circle of eight of the newcomers, with room for four more: its id, and the ids of its members."""
    pool = {"member_ids": [str(each) for each in newcomers[:8]]}
    formed = await groups.client(coordinator).post("/formations", json={"pool": pool})
    return formed.json()["group_ids"][0], pool["member_ids"]


@pytest.fixture
def schedule(groups, coordinator, circle):
    async def one(starts_at="2098-12-01T18:00:00Z"):
        body = {"sessions": [{"group_id": circle[0], "starts_at": starts_at}]}
        answer = await groups.client(coordinator).post("/sessions", json=body)
        return answer.json()[0]["id"]

    return one


@pytest.fixture
def record(groups, coordinator):
    """Record who came to a session."""

    def one(session, present):
        body = {"sessions": [{"session_id": session, "present_ids": present}]}
        return groups.client(coordinator).post("/attendance", json=body)

    return one


@pytest.fixture
def recorded(groups, coordinator):
    """What is recorded of a session: (who was present, who was not, who had said yes and was not)."""

    async def one(session):
        rows = (await groups.client(coordinator).post("/read/attendance-by-session", json={"keys": [session]})).json()[
            0
        ]
        present = {row["member_id"] for row in rows if row["present"]}
        absent = {row["member_id"] for row in rows if not row["present"]}
        return present, absent, {row["member_id"] for row in rows if row["no_show"]}

    return one


async def test_attendance_is_recorded_once_and_no_shows_are_seen(
    groups, coordinator, circle, schedule, begin, record, recorded, as_member
):
    session, ids = await schedule(), circle[1]
    await as_member(ids[0]).post(f"/sessions/{session}/rsvp", json={"answer": "yes"})
    await begin(session)
    assert (await record(session, ids[1:6])).status_code == 200
    assert (await record(session, ids[1:6])).status_code == 200
    assert (await record(session, ids[:1])).json()["code"] == "attendance_recorded"
    assert await recorded(session) == (set(ids[1:6]), {ids[0], *ids[6:]}, {ids[0]})
    [event] = await groups.emitted(coordinator.community_id, "groups.attendance_recorded.v1")
    assert event["present_ids"] == sorted(ids[1:6])
    assert event["absent_ids"] == sorted([ids[0], *ids[6:]])
    began = (await groups.client(coordinator).get(f"/sessions/{session}")).json()["starts_at"]
    assert datetime.fromisoformat(event["starts_at"]) == datetime.fromisoformat(began)
    assert event["recorded_by"] == str(coordinator.member_id)


async def test_who_left_after_a_session_was_there_and_recording_it_again_changes_nothing(
    groups, circle, schedule, begin, record, recorded, as_member
):
    (group_id, ids), session = circle, await schedule()
    await begin(session)
    await as_member(ids[0]).post(f"/groups/{group_id}/leave")
    assert (await record(session, ids[:3])).status_code == 200
    assert await recorded(session) == (set(ids[:3]), set(ids[3:]), set())
    await as_member(ids[1]).post(f"/groups/{group_id}/leave")
    assert (await record(session, ids[:3])).status_code == 200


async def test_who_joined_after_a_session_began_is_not_missed_and_may_have_been_there(
    newcomers, circle, schedule, begin, record, recorded, as_member
):
    (group_id, ids), session = circle, await schedule()
    await begin(session)
    came, not_there = (str(each) for each in newcomers[10:12])
    for each in (came, not_there):
        assert (await as_member(each).post(f"/groups/{group_id}/join")).status_code == 200
    assert (await record(session, [*ids[:2], came])).status_code == 200
    assert await recorded(session) == ({*ids[:2], came}, set(ids[2:]), set())


async def test_who_had_left_before_a_session_was_not_there(groups, newcomers, circle, schedule, record, as_member):
    group_id, ids = circle
    await as_member(ids[0]).post(f"/groups/{group_id}/leave")
    session = await schedule(datetime.now(UTC).isoformat())
    for stranger in (ids[0], str(newcomers[15])):
        refused = await record(session, [stranger, ids[1]])
        assert (refused.status_code, refused.json()["code"]) == (404, "not_a_member")
        assert stranger in refused.json()["detail"]


async def test_attendance_of_a_session_to_come_is_refused(groups, coordinator, circle, schedule, record, recorded):
    session = await schedule("2099-01-01T18:00:00Z")
    refused = await record(session, circle[1][:3])
    assert (refused.status_code, refused.json()["code"]) == (409, "session_to_come")
    assert await recorded(session) == (set(), set(), set())
    assert await groups.emitted(coordinator.community_id, "groups.attendance_recorded.v1") == []


async def test_the_same_session_twice_in_one_record_is_refused(groups, coordinator, circle, schedule, begin):
    session = await schedule()
    await begin(session)
    came = [{"session_id": session, "present_ids": some} for some in (circle[1][:2], circle[1][2:4])]
    client = groups.client(coordinator)
    answer = await client.post("/attendance", json={"sessions": came})
    assert (answer.status_code, answer.json()["code"]) == (422, "session_twice")
    assert session in answer.json()["detail"]
    assert (await client.get(f"/sessions/{session}")).json()["attendance_recorded_at"] is None
    assert (await client.post("/attendance", json={"sessions": came[:1]})).status_code == 200
