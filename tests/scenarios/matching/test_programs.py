"""Programs: what a coordinator sets up, and how people come into one."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.scenarios.matching.conftest import met

pytestmark = pytest.mark.scenario
SPRING = "programs(first: 9) { edges { node { id name kind objectives status coordinator { displayName } } } }"


async def test_m1_a_cycle_opens_runs_and_ends_and_members_enroll_in_its_window(town, calendar):
    given = {
        "name": "Spring", "kind": "MENTORING", "objectives": "Everyone ships something.", "open": False,
        "startsOn": calendar.day(14), "endsOn": calendar.day(90), "enrollUntil": calendar.time(days=14),
    }  # fmt: skip
    program = await town.program(**given)
    step, mine = {"programId": program["id"]}, {"programId": program["id"], "side": "MENTEE"}
    assert await town.refused("enroll", "Noa", **mine) == ["PROGRAM_CLOSED"]
    await town.do("advanceProgram", "Ada", "program { status }", **step, to="OPEN")
    await town.do("enroll", "Noa", "enrollment { side }", **mine)
    await calendar.turn(days=15)
    await town.do("advanceProgram", "Ada", "program { status }", **step, to="RUNNING")
    assert await town.refused("enroll", "Nils", **mine) == ["ENROLLMENT_CLOSED"]
    await town.enrolled(program, {"Nils": "MENTEE", "Mia": "MENTOR"})  # the coordinator still may
    seen = [edge["node"] for edge in (await town.get(f"{{ {SPRING} }}", "Noa"))["programs"]["edges"]]
    assert seen[0] == {
        "id": program["id"], "name": "Spring", "kind": "MENTORING", "objectives": "Everyone ships something.",
        "status": "RUNNING", "coordinator": {"displayName": "Ada"},
    }  # fmt: skip
    await town.do("advanceProgram", "Ada", "program { status }", **step, to="COMPLETED")
    asked = {"programId": program["id"], "mentorId": town.ids["Mia"], "message": "Would you?"}
    assert await town.refused("askMentor", "Noa", **asked) == ["PROGRAM_CLOSED"]


async def test_m10_the_coordinator_the_members_and_the_solver_make_pairings_in_one_program(town):
    program = await town.program()
    everyone = dict.fromkeys(("Mia", "Max", "Mo"), "MENTOR") | dict.fromkeys(("Noa", "Nils", "Nora"), "MENTEE")
    await town.enrolled(program, everyone)
    await town.pairing(program, mentor="Mia", mentee="Noa")  # self-chosen
    run = await town.draft(program, pins=[town.pair("Nils", "Mo")])  # made by the coordinator
    assert await town.who_with_whom(run) == {"Nils": "Mo", "Nora": "Max"}  # suggested: what is left
    await town.publish(run)
    [proposed] = await town.pairings_of("Nora")
    assert proposed["status"] == "PROPOSED"
    for name in ("Nora", "Max"):
        await town.do("acceptPairing", name, "pairing { status }", pairingId=proposed["id"])
    [pinned] = await town.pairings_of("Nils")
    await town.do("acceptPairings", "Ada", "result { accepted }", pairingIds=[pinned["id"]])
    with_whom = {name: await town.pairings_of(name) for name in ("Noa", "Nils", "Nora")}
    assert {(name, one["mentor"]["displayName"], one["status"]) for name, [one] in with_whom.items()} == {
        ("Noa", "Mia", "ACCEPTED"), ("Nils", "Mo", "ACCEPTED"), ("Nora", "Max", "ACCEPTED"),
    }  # fmt: skip
    by_itself = await town.program(name="Buddies", acceptance="AUTOMATIC")  # paired without asking anybody
    await town.enrolled(by_itself, {"Mia": "MENTOR", "Nora": "MENTEE"})
    await town.publish(await town.draft(by_itself))
    assert [(each["mentor"]["displayName"], each["status"]) for each in await town.pairings_of("Nora")] == [
        ("Max", "ACCEPTED"), ("Mia", "ACCEPTED"),
    ]  # fmt: skip


async def test_m14_a_mentor_changes_how_many_mentees_they_take_any_time(town):
    program = await town.program()
    await town.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"})
    await town.pairing(program, mentee="Noa")
    room = {"programId": program["id"], "side": "MENTOR"}
    run = await town.draft(program)
    assert await town.who_with_whom(run) == {}
    want = "enrollment { maxPairings weeklyHours }"
    await town.do("changeEnrollment", "Mia", want, **room, maxPairings=2, weeklyHours=3)
    run = await town.draft(program)
    assert await town.who_with_whom(run) == {"Nils": "Mia"}
    fewer = await town.do("changeEnrollment", "Mia", want, **room, maxPairings=0)
    assert fewer == {"maxPairings": 0, "weeklyHours": 3}
    await town.publish(run)  # her room is counted again
    assert await town.pairings_of("Nils") == []
    assert [each["status"] for each in await town.pairings_of("Noa")] == ["ACCEPTED"]


async def test_m17_i_am_told_how_long_i_would_wait_and_who_was_left_out_is_first_next_time(town, calendar):
    program = await town.program()
    await town.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"})
    forecast = "query ($id: ID!) { waitForecast(programId: $id) { ahead free weeks } }"
    seen = (await town.get(forecast, "Nora", id=program["id"]))["waitForecast"]  # before she enrolls
    assert seen == {"ahead": 2, "free": 1, "weeks": None}  # nobody got a mentor lately: nothing can be foretold
    run = await town.draft(program)
    [(first, _)], [(left, why)] = (each.items() for each in await town.suggested(run))
    assert why["reason"] == "NO_ROOM"
    await town.publish(run)
    [pairing] = await town.pairings_of(first)
    await town.do("acceptPairings", "Ada", "result { accepted }", pairingIds=[pairing["id"]])
    seen = (await town.get(forecast, "Nora", id=program["id"]))["waitForecast"]
    assert (seen["ahead"], seen["free"]) == (1, 0)
    assert seen["weeks"] > 0
    mine = {"programId": program["id"], "side": "MENTEE"}
    waits = await town.do("changeEnrollment", left, "enrollment { priority }", **mine, paused=False)
    assert waits["priority"] == 1
    helped = {"programId": program["id"], "topic": "Which book first?"}  # meanwhile there is the queue
    await town.do("askForHelp", left, "helpRequest { status }", **helped)
    await town.enrolled(program, {"Nora": "MENTEE", "Max": "MENTOR"})
    assert await town.who_with_whom(await town.draft(program)) == {left: "Max"}


async def test_m41_a_mentor_asks_a_mentee_and_the_mentee_answers(town):
    program = await town.program()
    await town.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    given = {"programId": program["id"], "menteeId": town.ids["Noa"], "message": "May I show you Python?"}
    asked = await town.do("askMentee", "Mia", "request { id move { member { displayName } } }", **given)
    assert asked["move"]["member"] == {"displayName": "Noa"}
    assert await town.refused("answerRequest", "Mia", requestId=asked["id"], to="ACCEPTED") == ["NO_SUCH_REQUEST"]
    await town.do("answerRequest", "Noa", "request { status }", requestId=asked["id"], to="ACCEPTED")
    assert [each["status"] for each in await town.pairings_of("Mia")] == ["ACCEPTED"]


async def test_m42_two_who_know_each_other_already_live_it_here_and_take_nobodys_room(town):
    program = await town.program()
    await town.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    given = {"programId": program["id"], "side": "MENTEE", "otherId": town.ids["Mia"]}
    brought = await town.do("bringPairing", "Nils", "pairing { id private status }", **given)
    assert (brought["private"], brought["status"]) == (True, "PROPOSED")
    await town.do("acceptPairing", "Mia", "pairing { status }", pairingId=brought["id"])
    await town.pairing(program, mentee="Noa")  # Mia's one place was free still
    assert len(await town.pairings_of("Mia")) == 2


async def test_m7_rounds_come_every_week_on_our_clock_by_themselves_and_hosting_goes_round(town, calendar):
    program = await town.program(kind="INTRODUCTION")
    await town.enrolled(program, dict.fromkeys(("Mia", "Noa", "Nils", "Nora"), "PEER"))
    given = {
        "programId": program["id"], "every": "WEEK", "startsOn": calendar.day(2), "at": "09:00",
        "timeZone": "Europe/Vienna", "automatic": True,
    }  # fmt: skip
    schedule = await town.do("scheduleIntroductions", "Ada", "introductionSchedule { nextAt }", **given)
    assert datetime.fromisoformat(schedule["nextAt"]).date().isoformat() == calendar.day(2)
    query = "query ($id: ID!) { introductionRounds(programId: $id) { edges { node { id status number dueAt } } } }"
    hosts, pairs = [], []
    for number in range(3):
        await calendar.turn(days=7)
        await calendar.turn()  # solved in one turn, published in the next
        rounds = (await town.get(query, "Ada", id=program["id"]))["introductionRounds"]["edges"]
        assert [edge["node"]["status"] for edge in rounds] == ["PUBLISHED"] * (number + 1)
        _, meetings, _ = await town.round_when_solved(rounds[0]["node"]["id"])
        hosts += [each["host"]["displayName"] for each in meetings]
        pairs += met(meetings)
    assert len(set(pairs)) == len(pairs) == 6  # everyone has met everyone
    assert max(hosts.count(name) for name in hosts) <= 2  # six meetings, four people
    await town.do("endIntroductionSchedule", "Ada", "ended { programId }", programId=program["id"])
    await calendar.turn(days=7)
    assert len((await town.get(query, "Ada", id=program["id"]))["introductionRounds"]["edges"]) == 3


async def test_m6_one_mentor_takes_three_mentees_who_meet_together(town):
    program = await town.program(name="Together")
    await town.enrolled(program, {"Mia": "MENTOR"}, maxPairings=3)
    await town.enrolled(program, dict.fromkeys(("Noa", "Nils", "Nora"), "MENTEE"))
    run = await town.draft(program)
    assert set((await town.who_with_whom(run)).values()) == {"Mia"}
    await town.publish(run)
    three = [each["id"] for each in await town.pairings_of("Mia")]
    await town.do("acceptPairings", "Ada", "result { accepted }", pairingIds=three)
    people = [town.ids[name] for name in ("Mia", "Noa", "Nils", "Nora")]
    pool = {"memberIds": people, "facilitatorIds": people[:1]}
    given = {"pool": pool, "kind": "POD", "name": "Mia's mentees", "smallest": 4, "largest": 4}
    want = "formation { groups { id memberships { role member { displayName } } } }"
    [group] = (await town.soon("formGroups", "Ada", want, **given))["groups"]
    roles = {each["member"]["displayName"]: each["role"] for each in group["memberships"]}
    assert roles == {"Mia": "FACILITATOR", "Noa": "MEMBER", "Nils": "MEMBER", "Nora": "MEMBER"}
    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    session = {"groupId": group["id"], "startsAt": soon}
    [session] = await town.do("scheduleSessions", "Mia", "sessions { id }", sessions=[session])
    for name in ("Noa", "Nils", "Nora"):
        await town.do("rsvp", name, "rsvp { answer }", sessionId=session["id"], answer="YES")
    came = [{"sessionId": session["id"], "presentIds": people}]
    await town.soon("recordAttendance", "Mia", "sessions { id }", sessions=came)  # as soon as it has begun
    query = "query ($id: ID!) { session(id: $id) { attendance { present member { displayName } } } }"
    seen = (await town.get(query, "Noa", id=session["id"]))["session"]["attendance"]
    assert all(each["present"] for each in seen)
    assert len(seen) == 4


async def test_m38_a_mentor_has_office_hours_with_places_and_who_waits_moves_up(town):
    people = [town.ids[name] for name in ("Mia", "Noa", "Nils", "Nora")]
    pool = {"memberIds": people, "facilitatorIds": people[:1]}
    given = {"pool": pool, "kind": "COMMUNITY_OF_PRACTICE", "name": "Office hours", "smallest": 2, "largest": 8}
    [group] = (await town.soon("formGroups", "Ada", "formation { groups { id } }", **given))["groups"]
    slot = {"groupId": group["id"], "title": "Ask me anything", "startsAt": "2098-03-01T18:00:00+01:00", "capacity": 1}
    [session] = await town.do("scheduleSessions", "Mia", "sessions { id capacity }", sessions=[slot])
    answers = []
    for name, answer in (("Noa", "YES"), ("Nils", "YES"), ("Noa", "NO")):
        given = {"sessionId": session["id"], "answer": answer}
        answers.append((await town.do("rsvp", name, "rsvp { answer }", **given))["answer"])
    assert answers == ["YES", "WAITING", "NO"]
    query = "query ($id: ID!) { session(id: $id) { rsvps { answer member { displayName } } } }"
    seen = (await town.get(query, "Nils", id=session["id"]))["session"]["rsvps"]
    assert {each["member"]["displayName"]: each["answer"] for each in seen} == {"Noa": "NO", "Nils": "YES"}
