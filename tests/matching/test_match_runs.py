"""A coordinator's day: open a program, enroll, solve, look, publish; and what members see of it."""

import asyncio

import pytest

from kith_chassis.ids import new_id
from kith_matching import runs
from kith_testkit.probe import Actor, eventually

pytestmark = pytest.mark.integration


async def open_program(client, **given):
    answer = await client.post("/programs", json={"name": "Spring", "kind": "mentoring"} | given)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def enroll(client, program, mentors, mentees, room=2):
    rows = [{"member_id": str(m), "side": "mentor", "max_pairings": room} for m in mentors]
    rows += [{"member_id": str(m), "side": "mentee"} for m in mentees]
    answer = await client.post(f"/programs/{program['id']}/enrollments/bulk", json={"enrollments": rows})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def solved(client, program, **given):
    run = (await client.post(f"/programs/{program['id']}/match-runs", json=given)).json()

    async def done():
        found = (await client.get(f"/match-runs/{run['id']}")).json()
        return found if found["status"] in {"solved", "failed"} else None

    return await eventually(done, what="solving", seconds=60)


async def test_a_cohort_is_matched_published_once_and_accepted(matching, coordinator, cohort):
    mentors, mentees = cohort
    client = matching.client(coordinator)
    program = await open_program(client)
    assert await enroll(client, program, mentors, mentees) == {"enrolled": 16, "errors": []}
    assert (await enroll(client, program, mentors, mentees))["enrolled"] == 0
    run = await solved(client, program, seed=7)
    assert run["certificate"]["matched"] == 10
    assert run["certificate"]["gap"] == 0
    suggestions = (await client.get(f"/match-runs/{run['id']}/suggestions")).json()["items"]
    assert len(suggestions) == 10
    for each in suggestions:
        assert each["shared_skills"]
        assert each["score"] == pytest.approx(sum(p["value"] * p["weight"] for p in each["parts"]), abs=1e-3)

    someone = matching.client(Actor(coordinator.community_id, member_id=mentees[0]))
    assert (await someone.get("/pairings")).json()["items"] == []
    assert (await someone.get(f"/match-runs/{run['id']}")).status_code == 403

    published = await client.post(f"/match-runs/{run['id']}/publish")
    again = await client.post(f"/match-runs/{run['id']}/publish")
    assert published.json() == again.json()
    pairings = (await client.get(f"/programs/{program['id']}/pairings")).json()["items"]
    assert {p["mentee_id"] for p in pairings} == {str(m) for m in mentees}

    mine = (await someone.get("/pairings")).json()["items"][0]
    mentor = matching.client(Actor(coordinator.community_id, member_id=mine["mentor_id"]))
    assert (await someone.post(f"/pairings/{mine['id']}/answer", json={"accept": True})).json()["status"] == "proposed"
    assert (await mentor.post(f"/pairings/{mine['id']}/answer", json={"accept": True})).json()["status"] == "accepted"
    rest = [p["id"] for p in pairings]
    assert (await client.post("/pairings/accept", json={"pairing_ids": rest})).json() == {"accepted": 9}
    accepted = await matching.emitted(coordinator.community_id, "matching.pairing_accepted.v1")
    assert len({event["pairing_id"] for event in accepted}) == len(accepted) == 10
    assert [event["pairing_id"] for event in accepted if event["by_themselves"]] == [mine["id"]]


@pytest.mark.parametrize("mode", ["best_total", "fair", "stable"])
async def test_a_run_makes_best_what_was_asked_for_and_says_what_the_others_would_give(
    matching, coordinator, cohort, mode
):
    mentors, mentees = cohort
    client = matching.client(coordinator)
    program = await open_program(client)
    await enroll(client, program, mentors, mentees, room=1)
    run = await solved(client, program, mode=mode, seed=3)
    assert (run["status"], run["mode"]) == ("solved", mode)
    outcomes = {each["mode"]: each for each in run["certificate"]["outcomes"]}
    assert list(outcomes) == ["best_total", "fair", "stable"]
    assert run["certificate"]["matched"] == outcomes[mode]["matched"]
    assert run["certificate"]["total"] == pytest.approx(outcomes[mode]["total"])
    assert outcomes["stable"]["blocking_pairs"] == 0
    assert outcomes["fair"]["worst"] >= outcomes["best_total"]["worst"] - 0.005
    assert outcomes["best_total"]["total"] >= outcomes["fair"]["total"] - 1e-6
    rows = (await client.get(f"/match-runs/{run['id']}/suggestions")).json()["items"]
    assert len(rows) == outcomes[mode]["matched"] == 6
    assert sum(row["score"] for row in rows) == pytest.approx(outcomes[mode]["total"], abs=1e-4)
    refused = await client.post(f"/programs/{program['id']}/match-runs", json={"mode": "best"})
    assert refused.status_code == 422


async def test_a_pin_is_kept_a_prohibition_never_made_and_room_is_respected(matching, coordinator, cohort):
    mentors, mentees = cohort
    client = matching.client(coordinator)
    program = await open_program(client)
    await enroll(client, program, mentors, mentees, room=1)
    pins = [{"mentee_id": str(mentees[1]), "mentor_id": str(mentors[0])}]
    never = [{"mentee_id": str(mentees[0]), "mentor_id": str(mentors[0])}]
    run = await solved(client, program, pins=pins, prohibited=never)
    rows = (await client.get(f"/match-runs/{run['id']}/suggestions")).json()["items"]
    pairs = {row["mentee_id"]: row["mentor_id"] for row in rows}
    assert pairs[str(mentees[1])] == str(mentors[0])
    assert len(set(pairs.values())) == len(pairs) == 6
    unmatched = (await client.get(f"/match-runs/{run['id']}/unmatched")).json()["items"]
    assert {row["reason"] for row in unmatched} == {"no_room"}
    assert len(unmatched) == 4


async def test_who_is_paired_already_is_not_suggested_again_where_repeats_are_allowed(matching, coordinator, cohort):
    mentors, mentees = cohort
    client = matching.client(coordinator)
    program = await open_program(client, rules={"no_repeats": False}, acceptance="automatic")
    alike = [mentors[0], mentors[3]]
    await enroll(client, program, alike, [])
    row = {"member_id": str(mentees[0]), "side": "mentee", "max_pairings": 3}
    await client.post(f"/programs/{program['id']}/enrollments/bulk", json={"enrollments": [row]})
    seen = set()
    for _ in range(2):
        run = await solved(client, program)
        [one] = (await client.get(f"/match-runs/{run['id']}/suggestions")).json()["items"]
        seen.add(one["mentor_id"])
        assert (await client.post(f"/match-runs/{run['id']}/publish")).status_code == 200
    assert seen == set(map(str, alike))
    accepted = await matching.emitted(coordinator.community_id, "matching.pairing_accepted.v1")
    assert [event["by_themselves"] for event in accepted] == [False, False]
    run = await solved(client, program)
    assert (run["certificate"]["matched"], run["certificate"]["bound"]) == (0, 0)


async def test_an_impossible_pin_fails_the_run_says_what_to_do_and_cannot_be_published(matching, coordinator, cohort):
    mentors, mentees = cohort
    client = matching.client(coordinator)
    program = await open_program(client)
    await enroll(client, program, mentors, mentees, room=1)
    pins = [{"mentee_id": str(each), "mentor_id": str(mentors[0])} for each in mentees[:2]]
    run = await solved(client, program, pins=pins)
    assert run["status"] == "failed"
    assert "unpin one or raise the capacity" in run["failure"]
    published = await client.post(f"/match-runs/{run['id']}/publish")
    assert (published.status_code, published.json()["code"]) == (409, "not_solved")


async def test_unknown_members_are_told_by_index_and_the_rest_are_enrolled(matching, coordinator, cohort):
    client = matching.client(coordinator)
    program = await open_program(client)
    rows = [{"member_id": str(new_id()), "side": "mentee"}, {"member_id": str(cohort[1][0]), "side": "mentee"}]
    answer = await client.post(f"/programs/{program['id']}/enrollments/bulk", json={"enrollments": rows})
    assert answer.json()["enrolled"] == 1
    assert [(e["index"], e["code"]) for e in answer.json()["errors"]] == [(0, "no_such_participant")]


async def test_weights_that_do_not_sum_to_one_are_refused(matching, coordinator):
    answer = await matching.client(coordinator).post("/programs", json={"name": "X", "weights": {"skills": 3}})
    assert answer.status_code == 422
    assert "sum to 1" in answer.json()["detail"]


async def test_a_request_makes_a_pairing_and_a_second_one_waits(matching, coordinator, cohort):
    mentors, mentees = cohort
    client = matching.client(coordinator)
    program = await open_program(client)
    await enroll(client, program, mentors, mentees, room=1)
    mentee = matching.client(Actor(coordinator.community_id, member_id=mentees[0]))
    mentor = matching.client(Actor(coordinator.community_id, member_id=mentors[0]))
    ask = {"mentor_id": str(mentors[0]), "message": "Would you help me with SQL?"}
    asked = await mentee.post(f"/programs/{program['id']}/requests", json=ask)
    assert asked.json()["move"]["member_id"] == str(mentors[0])
    second = await mentee.post(f"/programs/{program['id']}/requests", json=ask | {"mentor_id": str(mentors[1])})
    assert (second.status_code, second.json()["code"]) == (409, "already_waiting")
    settle = f"/requests/{asked.json()['id']}/settle"
    assert (await mentee.post(settle, json={"to": "accepted"})).status_code == 404
    assert (await mentor.post(settle, json={"to": "accepted"})).json()["status"] == "accepted"
    other = matching.client(Actor(coordinator.community_id, member_id=mentees[1]))
    asked = await other.post(f"/programs/{program['id']}/requests", json=ask)
    assert asked.json()["status"] == "waitlisted"
    unseen = await mentor.post(f"/requests/{asked.json()['id']}/settle", json={"to": "accepted"})
    assert (unseen.status_code, unseen.json()["code"]) == (404, "no_such_request")
    made = await matching.emitted(coordinator.community_id, "matching.request_made.v1")
    assert len(made) == 1


async def test_a_stranger_finds_nothing(matching, coordinator, stranger, cohort):
    client = matching.client(coordinator)
    program = await open_program(client)
    other = matching.client(stranger)
    assert (await other.get(f"/programs/{program['id']}")).status_code == 404
    assert (await other.post(f"/programs/{program['id']}/match-runs", json={})).status_code == 404
    assert (await other.post("/read/programs", json={"keys": [program["id"]]})).json() == [None]


async def test_a_run_thrown_away_in_mid_solve_is_given_up_and_stays_that(matching, coordinator, cohort, monkeypatch):
    begun, discarded, gave_up = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_module, _problem, keep):
        begun.set()
        await discarded.wait()
        try:
            await keep()
        finally:
            gave_up.set()

    monkeypatch.setattr(runs, "solved", slow)
    client = matching.client(coordinator)
    program = await open_program(client)
    await enroll(client, program, *cohort)
    run = (await client.post(f"/programs/{program['id']}/match-runs", json={})).json()
    await asyncio.wait_for(begun.wait(), 20)
    assert (await client.get(f"/match-runs/{run['id']}")).json()["status"] == "solving"
    for _ in range(2):
        answer = await client.post(f"/match-runs/{run['id']}/discard")
        assert (answer.status_code, answer.json()["status"]) == (200, "discarded")
    discarded.set()
    await asyncio.wait_for(gave_up.wait(), 20)
    monkeypatch.undo()
    again = await solved(client, program)  # solved after it by the same worker
    assert again["status"] == "solved"
    given_up = (await client.get(f"/match-runs/{run['id']}")).json()
    assert (given_up["status"], given_up["failure"]) == ("discarded", None)
    for type_ in ("match_run_failed", "match_run_discarded", "match_run_started"):
        told = await matching.emitted(coordinator.community_id, f"matching.{type_}.v1")
        assert len(told) == {"match_run_failed": 0, "match_run_discarded": 1, "match_run_started": 2}[type_]
