"""What a program refuses: pairings beyond the room people have, oneself, settings and pins that make no sense."""

import asyncio

import pytest

from kith_chassis.ids import new_id
from kith_matching.solve import ConflictError, default_settings, solve
from kith_testkit.probe import Actor, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(matching, community_id):
    return lambda member_id: matching.client(Actor(community_id, member_id=member_id))


@pytest.fixture
async def program(matching, coordinator, cohort):
    """A program in which the cohort takes part, mentors with room for five, mentees for one."""
    client = matching.client(coordinator)
    made = (await client.post("/programs", json={"name": "Spring", "kind": "mentoring"})).json()
    mentors, mentees = cohort
    rows = [{"member_id": str(each), "side": "mentor", "max_pairings": 5} for each in mentors]
    rows += [{"member_id": str(each), "side": "mentee"} for each in mentees]
    # One who is on both sides, as experienced newcomers are.
    rows.append({"member_id": str(mentors[5]), "side": "mentee"})
    answer = await client.post(f"/programs/{made['id']}/enrollments/bulk", json={"enrollments": rows})
    assert answer.json() == {"enrolled": 17, "errors": []}
    return made["id"]


def ask(client, program, mentor, message="Would you help me?"):
    return client.post(f"/programs/{program}/requests", json={"mentor_id": str(mentor), "message": message})


def settle(client, asked, to="accepted"):
    return client.post(f"/requests/{asked.json()['id']}/settle", json={"to": to})


async def test_a_mentee_with_room_for_one_has_one_pairing_however_many_mentors_say_yes(program, cohort, as_member):
    mentors, mentees = cohort
    mentee = as_member(mentees[0])
    answers = []
    for mentor in mentors[:3]:
        asked = await ask(mentee, program, mentor)
        assert asked.status_code == 201, asked.text
        answers.append(await settle(as_member(mentor), asked))
        if answers[-1].status_code != 200:
            assert (await settle(mentee, asked, "withdrawn")).status_code == 200
    assert [answer.status_code for answer in answers] == [200, 409, 409]
    assert answers[1].json()["code"] == "no_room"
    assert "mentee" in answers[1].json()["detail"]
    assert len((await mentee.get("/pairings")).json()["items"]) == 1


async def test_a_mentors_last_place_is_given_once_to_many_who_ask_at_once(program, cohort, as_member):
    mentors, mentees = cohort
    asked = [await ask(as_member(each), program, mentors[0]) for each in mentees[:7]]
    answers = await asyncio.gather(*(settle(as_member(mentors[0]), each) for each in asked))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [409] * 2


async def test_a_completed_program_takes_no_request_and_no_yes_but_still_a_no(
    matching, coordinator, program, cohort, as_member
):
    mentors, mentees = cohort
    asked = [await ask(as_member(each), program, mentors[0]) for each in mentees[:2]]
    for step in ("running", "completed"):
        answer = await matching.client(coordinator).post(f"/programs/{program}/step", json={"to": step})
        assert answer.status_code == 200
    mentor = as_member(mentors[0])
    yes = await settle(mentor, asked[0])
    assert (yes.status_code, yes.json()["code"]) == (409, "program_closed")
    assert (await settle(mentor, asked[0], "declined")).status_code == 200
    assert (await settle(as_member(mentees[1]), asked[1], "withdrawn")).status_code == 200
    late = await ask(as_member(mentees[2]), program, mentors[0])
    assert (late.status_code, late.json()["code"]) == (409, "program_closed")


@pytest.mark.parametrize("side", ["mentor", "mentee"])
async def test_who_has_paused_is_neither_asked_nor_paired(program, cohort, as_member, side):
    mentor, mentee = as_member(cohort[0][0]), as_member(cohort[1][0])
    asked = await ask(mentee, program, cohort[0][0])
    who = mentor if side == "mentor" else mentee
    change = {"side": side, "paused": True}
    assert (await who.patch(f"/programs/{program}/enrollments", json=change)).json()["paused"]
    yes = await settle(mentor, asked)
    assert (yes.status_code, yes.json()["code"]) == (409, "enrollment_paused")
    assert side in yes.json()["detail"]
    assert (await settle(mentor, asked, "declined")).status_code == 200
    again = await ask(mentee, program, cohort[0][0])
    assert (again.status_code, again.json()["code"]) == (409, "enrollment_paused")


async def test_nobody_asks_themselves_and_no_run_pairs_them(matching, coordinator, program, cohort, as_member):
    both = cohort[0][5]
    asked = await ask(as_member(both), program, both)
    assert (asked.status_code, asked.json()["code"]) == (422, "with_oneself")
    for table, more in (
        ("pairings (id, community_id, program_id, mentor_id, mentee_id, status)", "'accepted'"),
        (
            "requests (id, community_id, program_id, mentor_id, mentee_id, status, message, expires_at)",
            "'pending', '', now()",
        ),
    ):
        row = f"VALUES (gen_random_uuid(), :c, :p, :m, :m, {more}) RETURNING id"
        with pytest.raises(Exception, match="two_people_check"):
            await matching.rows(f"INSERT INTO {table} {row}", c=coordinator.community_id, p=program, m=both)
    client = matching.client(coordinator)
    pins = [{"mentee_id": str(both), "mentor_id": str(both)}]
    answer = await client.post(f"/programs/{program}/match-runs", json={"pins": pins})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_pins")
    assert "pins[0] is of a member with themselves" in answer.json()["detail"]


async def test_null_leaves_capacity_and_pause_as_they_are_and_forgets_hours(program, cohort, as_member):
    mentor = as_member(cohort[0][0])
    path = f"/programs/{program}/enrollments"
    assert (await mentor.patch(path, json={"side": "mentor", "weekly_hours": 2, "paused": True})).status_code == 200
    unset = {"side": "mentor", "max_pairings": None, "paused": None, "weekly_hours": None}
    answer = await mentor.patch(path, json=unset)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["max_pairings"], found["paused"], found["weekly_hours"]) == (5, True, None)


@pytest.mark.parametrize(
    "field", [{"name": "a\x00b"}, {"objectives": "a\x00b"}, {"rules": {"a\x00b": 1}}, {"weights": {"a\x00b": 1}}]
)
async def test_control_characters_in_a_program_are_refused(matching, coordinator, field):
    answer = await matching.client(coordinator).post("/programs", json={"name": "X"} | field)
    assert answer.status_code == 422, answer.text


async def test_control_characters_in_a_request_are_refused(program, cohort, as_member):
    asked = await ask(as_member(cohort[1][0]), program, cohort[0][0], message="help\x00me")
    assert asked.status_code == 422


async def test_pins_that_cannot_be_are_refused_by_their_place(matching, coordinator, program, cohort, as_member):
    mentors, mentees = cohort
    client = matching.client(coordinator)

    def pair(mentee, mentor):
        return {"mentee_id": str(mentee), "mentor_id": str(mentor)}

    async def refused(**given):
        answer = await client.post(f"/programs/{program}/match-runs", json=given)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_pins"), answer.text
        return answer.json()["detail"]

    good = pair(mentees[0], mentors[0])
    assert "pins[0] is among the prohibited" in await refused(pins=[good], prohibited=[good])
    assert "pins[1] cannot be honored: the mentor" in await refused(pins=[good, pair(mentees[1], mentees[0])])
    assert "pins[1] gives its mentee a second" in await refused(pins=[good, pair(mentees[0], mentors[1])])
    await as_member(mentors[2]).patch(f"/programs/{program}/enrollments", json={"side": "mentor", "paused": True})
    assert "pins[0] cannot be honored: the mentor" in await refused(pins=[pair(mentees[0], mentors[2])])
    assert (await client.post(f"/programs/{program}/match-runs", json={"pins": [good, good]})).status_code == 202


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"common_language": "banana"}, "common_language"),
        ({"common_language": 1}, "common_language"),
        ({"no_repeats": [1]}, "no_repeats"),
        ({"minimum_shared_skills": 1.5}, "minimum_shared_skills"),
        ({"minimum_shared_skills": True}, "minimum_shared_skills"),
        ({"minimum_shared_skills": 10**400}, "minimum_shared_skills"),
        ({"minimum_overlap_minutes": 10**400}, "minimum_overlap_minutes"),
        ({"minimum_overlap_minutes": -1}, "minimum_overlap_minutes"),
        ({"minimum_score": "0.5"}, "minimum_score"),
        ({"minimum_score": 10**400}, "minimum_score"),
        ({"minimum_score": None}, "minimum_score"),
        ({"banana": 1}, "banana"),
    ],
)
async def test_rules_that_make_no_sense_are_refused_by_name(matching, coordinator, rules, named):
    answer = await matching.client(coordinator).post("/programs", json={"name": "X", "rules": rules})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_settings"), answer.text
    assert named in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 300


@pytest.mark.parametrize("weight", ["1e999", "-0.1", str(10**400), '"NaN"', "2"])
async def test_weights_out_of_range_are_refused(matching, coordinator, weight):
    body = f'{{"name": "X", "weights": {{"skills": {weight}}}}}'
    headers = {"Content-Type": "application/json"}
    answer = await matching.client(coordinator).post("/programs", content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert "skills" in answer.text


async def test_a_run_leaves_alone_who_is_the_only_mentor_and_the_only_mentee(matching, coordinator, cohort):
    client = matching.client(coordinator)
    made = (await client.post("/programs", json={"name": "X", "rules": {"minimum_shared_skills": 0}})).json()
    rows = [{"member_id": str(cohort[0][0]), "side": side} for side in ("mentor", "mentee")]
    await client.post(f"/programs/{made['id']}/enrollments/bulk", json={"enrollments": rows})
    run = (await client.post(f"/programs/{made['id']}/match-runs", json={})).json()

    async def done():
        found = (await client.get(f"/match-runs/{run['id']}")).json()
        return found if found["status"] in {"solved", "failed"} else None

    assert (await eventually(done, what="solving", seconds=60))["certificate"]["matched"] == 0


def test_a_pin_of_who_paused_since_fails_the_run_and_is_not_dropped():
    mentee, mentor = str(new_id()), str(new_id())
    head = {"seed": 1, "week": "2026-03-02", **default_settings(), "mentees": [], "mentors": []}
    with pytest.raises(ConflictError, match="somebody in a pinned pair is paused") as refused:
        solve(head | {"pins": [[mentee, mentor]]})
    pins = [{"mentee_id": mentee, "mentor_id": mentor}]
    assert refused.value.found == [{"reason": "not_taking_part", "pins": pins, "prohibited": []}]


@pytest.mark.parametrize(("mentees", "mentors"), [(0, 0), (1, 0), (0, 1)])
def test_a_cohort_in_which_a_side_has_nobody_left_is_solved_with_nobody_matched(mentees, mentors):
    paired = [str(new_id()), str(new_id())]  # the only ones there were: neither has room any more
    someone = {"skills": [], "interests": [], "languages": [], "experience_years": None, "time_zone": None}
    sides = [[someone | {"member_id": str(new_id()), "availability": []}] * many for many in (mentees, mentors)]
    head = {"seed": 1, "week": "2026-03-02", **default_settings(), "mentees": sides[0], "mentors": sides[1]}
    found = solve(head | {"former": [paired]})
    assert (found["suggestions"], found["certificate"]["matched"], found["certificate"]["gap"]) == ([], 0, 0)
