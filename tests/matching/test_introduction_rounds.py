"""Rounds of introductions on the real service: drafts, what is checked again when they are published, schedules."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
import pytest_asyncio

from kith_chassis.ids import new_id
from kith_matching import clock
from kith_matching.introducing import schedules
from kith_testkit.probe import Actor, eventually

pytestmark = pytest.mark.integration
DAILY = {"every": "week", "at": "09:00", "time_zone": "Europe/Vienna"}


@pytest_asyncio.fixture
async def program(matching, coordinator, cohort):
    """A program of introductions in which seven take part; the ids of both."""
    client = matching.client(coordinator)
    made = (await client.post("/programs", json={"name": "Coffee", "kind": "introduction"})).json()
    assert made["rules"]["minimum_shared_skills"] == 0
    people = cohort[1][:7]
    rows = [{"member_id": str(each), "side": "peer"} for each in people]
    answer = await client.post(f"/programs/{made['id']}/enrollments/bulk", json={"enrollments": rows})
    assert answer.json() == {"enrolled": 7, "errors": []}
    return made["id"], [str(each) for each in people]


@pytest.fixture
def as_member(matching, community_id):
    return lambda member_id: matching.client(Actor(community_id, member_id=member_id))


@pytest.fixture
def calendar(monkeypatch):
    """Sets what matching takes for the present."""
    return lambda moment: monkeypatch.setattr(clock, "now", lambda: moment)


async def solved(client, program, **given):
    answer = await client.post(f"/programs/{program}/introduction-rounds", json=given)
    assert answer.status_code == 202, answer.text
    return await ended(client, answer.json()["id"])


async def ended(client, round_id, *, status="solved"):
    async def done():
        found = (await client.get(f"/introduction-rounds/{round_id}")).json()
        assert found["status"] != "failed", found
        return found if found["status"] == status else None

    return await eventually(done, what="solving", seconds=60)


async def meetings(client, round_id):
    page = (await client.get(f"/introduction-rounds/{round_id}/introductions")).json()
    return [(each["status"], each["member_ids"]) for each in page["items"]]


async def left_out(client, round_id):
    page = (await client.get(f"/introduction-rounds/{round_id}/left-out")).json()
    return {each["member_id"]: each["reason"] for each in page["items"]}


async def test_everyone_meets_somebody_new_until_they_met_everyone_and_nobody_waits_twice(
    matching, coordinator, community_id, program, as_member
):
    client, (program, _people) = matching.client(coordinator), program
    met, waited = set(), set()
    for number in range(4):
        one = await solved(client, program, trios=False, seed=number)
        assert (one["number"], one["certificate"]["gap"], one["certificate"]["most"]) == (number, 0, True)
        out = await left_out(client, one["id"])
        assert list(out.values()) == ["odd_one_out"]
        assert not waited & {*out}
        waited = {*out}
        pairs = {tuple(sorted(members)) for _, members in await meetings(client, one["id"])}
        assert len(pairs) == 3
        assert not pairs & met
        met |= pairs
        someone = as_member(next(iter(pairs))[0])
        assert len((await someone.get("/introductions")).json()["items"]) <= number
        published = await client.post(f"/introduction-rounds/{one['id']}/publish")
        again = await client.post(f"/introduction-rounds/{one['id']}/publish")
        assert published.json() == again.json()
        mine = (await someone.get("/introductions")).json()["items"][0]
        assert str(someone_id(pairs)) in mine["member_ids"]
        assert mine["host_id"] == mine["member_ids"][0]
    told = await matching.emitted(community_id, "matching.introduction_made.v1")
    assert {tuple(sorted(each["member_ids"])) for each in told} == met
    rounds = await matching.emitted(community_id, "matching.introduction_round_published.v1")
    assert [(each["introductions"], each["left_out"]) for each in rounds] == [(3, 1)] * 4


def someone_id(pairs):
    return next(iter(pairs))[0]


async def test_who_paused_or_is_kept_apart_since_the_draft_is_not_introduced_and_their_partner_is_first_next_time(
    matching, coordinator, program, as_member
):
    client, (program, _people) = matching.client(coordinator), program
    one = await solved(client, program)
    drafted = [members for _, members in await meetings(client, one["id"])]
    trio = next(each for each in drafted if len(each) == 3)
    first, second = (each for each in drafted if len(each) == 2)
    paused = {"side": "peer", "paused": True}
    for each in (trio[0], first[0]):
        assert (await as_member(each).patch(f"/programs/{program}/enrollments", json=paused)).status_code == 200
    assert (await client.post("/kept-apart", json={"member_ids": second})).status_code == 200
    published = await client.post(f"/introduction-rounds/{one['id']}/publish")
    assert published.json()["status"] == "published"
    assert sorted(await meetings(client, one["id"])) == sorted([
        ("made", trio[1:]), ("dropped", first), ("dropped", second),
    ])  # fmt: skip
    lost = {first[1], *second}
    assert await left_out(client, one["id"]) == dict.fromkeys(lost, "partner_dropped_out")
    later = await solved(client, program, trios=False)
    found = {each for _, members in await meetings(client, later["id"]) for each in members}
    assert lost <= found
    assert not {trio[0], first[0]} & found
    together = [members for _, members in await meetings(client, later["id"])]
    assert not any(set(second) <= set(each) for each in together)


async def test_who_is_kept_apart_is_neither_matched_nor_paired_by_request_until_it_is_lifted(
    matching, coordinator, cohort, as_member
):
    mentors, mentees = ([str(each) for each in some] for some in cohort)
    client = matching.client(coordinator)
    program = (await client.post("/programs", json={"name": "Spring", "kind": "mentoring"})).json()["id"]
    rows = [{"member_id": mentors[0], "side": "mentor"}, {"member_id": mentees[0], "side": "mentee"}]
    await client.post(f"/programs/{program}/enrollments/bulk", json={"enrollments": rows})
    pair = {"member_ids": [mentees[0], mentors[0]]}
    kept = (await client.post("/kept-apart", json=pair)).json()
    assert (await client.post("/kept-apart", json=pair)).json() == kept
    assert [each["member_ids"] for each in (await client.get("/kept-apart")).json()["items"]] == [kept["member_ids"]]
    run = (await client.post(f"/programs/{program}/match-runs", json={})).json()

    async def done():
        found = (await client.get(f"/match-runs/{run['id']}")).json()
        return found if found["status"] == "solved" else None

    assert (await eventually(done, what="solving", seconds=60))["certificate"]["matched"] == 0
    mentee, mentor = as_member(mentees[0]), as_member(mentors[0])
    ask = f"/programs/{program}/requests", {"mentor_id": mentors[0], "message": "Hello?"}
    asked = await mentee.post(ask[0], json=ask[1])
    assert asked.status_code == 201
    assert (await mentor.get("/requests")).json()["items"] == []
    assert (await mentee.post(f"/requests/{asked.json()['id']}/settle", json={"to": "withdrawn"})).status_code == 200
    assert (await client.post("/kept-apart/lift", json=pair)).status_code == 204
    asked = await mentee.post(ask[0], json=ask[1])
    assert (await client.post("/kept-apart", json=pair)).status_code == 200
    yes = await mentor.post(f"/requests/{asked.json()['id']}/settle", json={"to": "accepted"})
    assert (yes.status_code, yes.json()["code"]) == (409, "kept_apart")
    assert (await client.post("/kept-apart/lift", json=pair)).status_code == 204
    assert (await mentor.post(f"/requests/{asked.json()['id']}/settle", json={"to": "accepted"})).status_code == 200
    told = await matching.emitted(coordinator.community_id, "matching.pairing_accepted.v1")
    assert [each["by_themselves"] for each in told] == [True]


async def test_one_round_at_a_time_and_only_a_solved_one_is_published(matching, coordinator, program, as_member):
    client, (program, people) = matching.client(coordinator), program
    one = await solved(client, program)
    second = await client.post(f"/programs/{program}/introduction-rounds", json={})
    assert (second.status_code, second.json()["code"]) == (409, "round_open")
    assert (await client.post(f"/introduction-rounds/{one['id']}/discard")).json()["status"] == "discarded"
    late = await client.post(f"/introduction-rounds/{one['id']}/publish")
    assert (late.status_code, late.json()["code"]) == (409, "round_not_solved")
    again = await solved(client, program)
    assert again["number"] == 1
    await client.post(f"/introduction-rounds/{again['id']}/publish")
    undone = await client.post(f"/introduction-rounds/{again['id']}/discard")
    assert (undone.status_code, undone.json()["code"]) == (409, "round_not_solved")
    member = as_member(people[0])
    assert (await member.get(f"/introduction-rounds/{one['id']}")).status_code == 403
    assert (await member.post(f"/programs/{program}/introduction-rounds", json={})).status_code == 403


async def test_a_program_with_mentors_has_no_rounds(matching, coordinator):
    client = matching.client(coordinator)
    program = (await client.post("/programs", json={"name": "Spring"})).json()["id"]
    for answer in (
        await client.post(f"/programs/{program}/introduction-rounds", json={}),
        await client.put(f"/programs/{program}/introduction-schedule", json=DAILY | {"starts_on": "2026-03-02"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_for_rounds")


async def test_rounds_come_every_week_by_themselves_one_after_a_long_silence_and_none_when_ended(
    matching, coordinator, program, calendar
):
    client, (program, _people) = matching.client(coordinator), program
    calendar(datetime(2031, 3, 20, 12, tzinfo=UTC))
    given = DAILY | {"starts_on": "2031-03-24", "automatic": True}
    put = await client.put(f"/programs/{program}/introduction-schedule", json=given)
    assert put.json()["next_at"] == "2031-03-24T08:00:00Z"
    met = set()
    # The second is due while the clocks have changed; for the third, nothing ran for three weeks.
    for number, (month, day, hour) in enumerate([(3, 24, 8), (3, 31, 7), (4, 25, 7)]):
        moment = datetime(2031, month, day, hour, tzinfo=UTC)
        calendar(moment - timedelta(seconds=1))
        await schedules.make_due(matching.database)
        calendar(moment)
        await schedules.make_due(matching.database)
        await schedules.make_due(matching.database)
        listed = (await client.get(f"/programs/{program}/introduction-rounds")).json()["items"]
        assert [each["number"] for each in listed] == list(range(number, -1, -1))
        one = await ended(client, listed[0]["id"], status="published")
        assert one["automatic"]
        for _, members in await meetings(client, one["id"]):
            met |= {tuple(sorted(pair)) for pair in combinations(members, 2)}
    there = (await client.get(f"/programs/{program}/introduction-schedule")).json()
    assert there["next_at"] == "2031-04-28T07:00:00Z"
    assert (await client.post(f"/programs/{program}/introduction-schedule/end")).status_code == 200
    gone = await client.get(f"/programs/{program}/introduction-schedule")
    assert (gone.status_code, gone.json()["code"]) == (404, "no_schedule")
    assert len(met) >= 3 * 5 - 3


async def test_a_draft_nobody_published_gives_way_to_the_next_and_a_closed_program_has_none(
    matching, coordinator, program, calendar
):
    client, (program, _people) = matching.client(coordinator), program
    one = await solved(client, program)
    calendar(datetime(2032, 3, 1, 12, tzinfo=UTC))
    await client.put(f"/programs/{program}/introduction-schedule", json=DAILY | {"starts_on": "2032-03-02"})
    calendar(datetime(2032, 3, 2, 12, tzinfo=UTC))
    await schedules.make_due(matching.database)
    listed = (await client.get(f"/programs/{program}/introduction-rounds")).json()["items"]
    assert [each["number"] for each in listed] == [1, 0]
    assert listed[1]["status"] == "discarded"
    assert (await ended(client, listed[0]["id"]))["published_at"] is None
    for step in ("running", "completed"):
        await client.post(f"/programs/{program}/step", json={"to": step})
    calendar(datetime(2032, 3, 9, 12, tzinfo=UTC))
    await schedules.make_due(matching.database)
    assert len((await client.get(f"/programs/{program}/introduction-rounds")).json()["items"]) == 2
    closed = await client.post(f"/introduction-rounds/{listed[0]['id']}/publish")
    assert (closed.status_code, closed.json()["code"]) == (409, "program_closed")
    assert one["id"] == listed[1]["id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Europe"}, {"time_zone": "../../etc/passwd"}, {"time_zone": "Mars/Olympus"}, {"time_zone": "\0"},
        {"at": "25:00"}, {"at": "09:00:30"}, {"at": "09:00+02:00"}, {"every": "day"}, {"starts_on": "9999-12-31"},
        {"starts_on": "0001-01-01"}, {"starts_on": "2026-02-30"}, {"trios": 2}, {"more": 1},
    ],
)  # fmt: skip
async def test_schedules_that_cannot_be_are_refused(matching, coordinator, program, wrong):
    today = datetime.now(UTC).date().isoformat()
    given = DAILY | {"starts_on": today} | wrong
    answer = await matching.client(coordinator).put(f"/programs/{program[0]}/introduction-schedule", json=given)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("members", [[], ["a"], [None, None], [str(new_id())] * 2, [str(new_id()), str(new_id())]])
async def test_two_who_are_not_two_members_cannot_be_kept_apart(matching, coordinator, members):
    answer = await matching.client(coordinator).post("/kept-apart", json={"member_ids": members})
    assert answer.status_code in {404, 422}
