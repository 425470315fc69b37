"""A program's cycle: when members enroll, and pairings brought from outside."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
ENROLLED = "enrollment { side }"


async def known(place, name):
    """Wait until matching has heard of somebody."""
    other = await place.program()
    await place.enrolled(other, {name: "MENTEE"})


async def test_m1_a_cycle_takes_enrollments_in_its_window_and_goes_one_step_at_a_time(place, calendar):
    await known(place, "Noa")
    window = {"enrollFrom": calendar.time(days=2), "enrollUntil": calendar.time(days=9)}
    program = await place.program(open=False, **window)
    given = {"programId": program["id"], "side": "MENTEE"}
    assert await place.refused("enroll", "Noa", **given) == ["PROGRAM_CLOSED"]
    assert await place.refused("advanceProgram", "Ada", programId=program["id"], to="RUNNING") == ["WRONG_STEP"]
    await place.do("advanceProgram", "Ada", "program { status }", programId=program["id"], to="OPEN")
    assert await place.refused("enroll", "Noa", **given) == ["ENROLLMENT_CLOSED"]
    await calendar.turn(days=3)
    await place.do("enroll", "Noa", ENROLLED, **given)
    await calendar.turn(days=7)
    assert await place.refused("enroll", "Mia", **given | {"side": "MENTOR"}) == ["ENROLLMENT_CLOSED"]
    await place.enrolled(program, {"Max": "MENTOR"})  # a coordinator may
    await place.do("changeProgram", "Ada", "program { id }", programId=program["id"], enrollUntil=None)
    await place.do("enroll", "Mia", ENROLLED, **given | {"side": "MENTOR"})
    for step in ("RUNNING", "COMPLETED"):
        await place.do("advanceProgram", "Ada", "program { status }", programId=program["id"], to=step)
    assert await place.refused("enroll", "Nils", **given) == ["PROGRAM_CLOSED"]
    for told in ("program_opened", "program_started", "program_completed"):
        assert program["id"] in [place.global_id("Program", each["program_id"]) for each in await place.told(told)]


async def test_m1_a_program_changes_its_times_and_never_to_nonsense(place, calendar):
    program = await place.program(startsOn=calendar.day(1), endsOn=calendar.day(30))
    which = {"programId": program["id"]}
    want = "program { name objectives startsOn endsOn enrollFrom requestExpiryDays }"
    changed = await place.do("changeProgram", "Ada", want, **which, name="Summer", endsOn=calendar.day(60))
    assert (changed["name"], changed["startsOn"], changed["endsOn"]) == ("Summer", calendar.day(1), calendar.day(60))
    kept = await place.do("changeProgram", "Ada", want, **which, name=None, requestExpiryDays=None)
    assert kept == changed
    for wrong in (
        {"endsOn": calendar.day(-5)},
        {"enrollFrom": calendar.time(days=2), "enrollUntil": calendar.time(days=1)},
    ):
        assert await place.refused("changeProgram", "Ada", **which, **wrong) == ["BAD_SETTINGS"]
        assert await place.refused("openProgram", "Ada", name="X", startsOn=calendar.day(1), **wrong) == [
            "BAD_SETTINGS"
        ]
    assert await place.refused("changeProgram", "Ada", **which, enrollFrom="9999-12-31T23:59:59-14:00") == [
        "INVALID_REQUEST"
    ]
    assert await place.refused("changeProgram", "Noa", **which, name="Mine") == ["FORBIDDEN"]


async def test_m14_room_is_edited_any_time_and_what_there_is_stays(place, calendar):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"})
    given = {"programId": program["id"], "mentorId": place.ids["Mia"], "message": "Me too?"}
    asked = await place.do("askMentor", "Nils", "request { id }", **given)  # two ask for one place
    await place.pairing(program)
    yes = {"requestId": asked["id"], "to": "ACCEPTED"}
    assert await place.refused("answerRequest", "Mia", **yes) == ["NO_ROOM"]
    room = {"programId": program["id"], "side": "MENTOR"}
    await place.do("changeEnrollment", "Mia", "enrollment { maxPairings }", **room, maxPairings=2, weeklyHours=3)
    await place.do("answerRequest", "Mia", "request { status }", **yes)
    await place.do("changeEnrollment", "Mia", "enrollment { maxPairings }", **room, maxPairings=0)
    assert len(await place.told("pairing_accepted")) == 2
    assert await place.told("pairing_ended") == []


async def test_m42_a_pairing_from_outside_is_lived_here_and_takes_nobodys_room(place, calendar):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    await known(place, "Nils")
    given = {"programId": program["id"], "side": "MENTEE", "otherId": place.ids["Mia"]}
    want = "pairing { id status private menteeAcceptedAt mentorAcceptedAt }"
    brought = await place.do("bringPairing", "Nils", want, **given)
    assert (brought["status"], brought["private"], brought["mentorAcceptedAt"]) == ("PROPOSED", True, None)
    assert await place.refused("bringPairing", "Nils", **given) == ["ALREADY_PAIRED"]
    assert await place.refused("bringPairing", "Mia", **given) == ["WITH_ONESELF"]
    which = {"pairingId": brought["id"]}
    assert await place.refused("acceptPairing", "Noa", **which) == ["NO_SUCH_PAIRING"]
    accepted = await place.do("acceptPairing", "Mia", want, **which)
    assert accepted["status"] == "ACCEPTED"
    await place.pairing(program)  # Mia's one place is free still
    await calendar.turn(days=7)
    assert len(await place.told("pairing_nudged")) == 2


async def test_m1_in_a_program_that_is_over_nobody_is_paired_any_more(place, calendar):
    program = await place.program(acceptance="BOTH")
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    two = {"programId": program["id"], "mentorId": place.ids["Mia"], "menteeId": place.ids["Noa"]}
    made = await place.do("makePairing", "Ada", "pairing { id status }", **two)
    for step in ("RUNNING", "COMPLETED"):
        await place.do("advanceProgram", "Ada", "program { status }", programId=program["id"], to=step)
    assert await place.refused("acceptPairing", "Mia", pairingId=made["id"]) == ["PROGRAM_CLOSED"]
    done = await place.do("acceptPairings", "Ada", "result { accepted }", pairingIds=[made["id"]])
    assert done == {"accepted": 0}
    await calendar.turn()
    query = "query ($id: ID!) { pairing(id: $id) { status } }"
    assert (await place.get(query, "Noa", id=made["id"]))["pairing"] == {"status": "DECLINED"}
    [told] = await place.told("pairing_declined")
    assert told["mentee_id"] == place.key("Noa")


async def test_m10_i_pair_two_by_hand_and_they_are_asked_where_the_program_asks(place):
    want = "pairing { status mentor { displayName } mentee { displayName } }"
    for acceptance, status in (("BOTH", "PROPOSED"), ("AUTOMATIC", "ACCEPTED")):
        program = await place.program(acceptance=acceptance)
        await place.enrolled(program, {"Mia": "MENTOR", "Max": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"})

        def two(mentor="Mia", mentee="Noa", which=program):
            return {"programId": which["id"], "mentorId": place.ids[mentor], "menteeId": place.ids[mentee]}

        made = await place.do("makePairing", "Ada", want, **two())
        assert made == {"status": status, "mentor": {"displayName": "Mia"}, "mentee": {"displayName": "Noa"}}
        assert await place.refused("makePairing", "Ada", **two(mentee="Nils")) == ["NO_ROOM"]
        assert await place.refused("makePairing", "Ada", **two("Mo")) == ["NOT_ENROLLED"]
        assert await place.refused("makePairing", "Ada", **two("Noa")) == ["WITH_ONESELF"]
        assert await place.refused("makePairing", "Mia", **two("Max", "Nils")) == ["FORBIDDEN"]
        pause = {"programId": program["id"], "side": "MENTOR", "paused": True}
        await place.do("changeEnrollment", "Max", "enrollment { paused }", **pause)
        assert await place.refused("makePairing", "Ada", **two("Max", "Nils")) == ["ENROLLMENT_PAUSED"]
        await place.do("changeEnrollment", "Max", "enrollment { paused }", **(pause | {"paused": False}))
    assert len(await place.told("pairing_proposed")) == 2
    await place.do("keepApart", "Ada", "keptApart { keptAt }", memberIds=[place.ids["Max"], place.ids["Nils"]])
    assert await place.refused("makePairing", "Ada", **two("Max", "Nils")) == ["KEPT_APART"]


async def test_m14_a_run_within_hours_gives_nobody_more_than_they_offer_nor_does_its_publication(place):
    program = await place.program(acceptance="AUTOMATIC")
    await place.enrolled(program, {"Mia": "MENTOR"}, maxPairings=5, weeklyHours=3)
    await place.enrolled(program, {"Noa": "MENTEE"}, weeklyHours=2.5)
    await place.enrolled(program, {"Nils": "MENTEE", "Nora": "MENTEE"}, weeklyHours=1.5)
    query = """query ($id: ID!) {
      matchRun(id: $id) { status certificate { matched gap bound total outcomes { mode matched } } }
      matchSuggestions(runId: $id) { edges { node { mentee { displayName } switchCost } } }
      unmatchedMentees(runId: $id) { edges { node { reason mentee { displayName } } } }
    }"""

    async def draft(mode):
        given = {"programId": program["id"], "mode": mode}
        run = await place.do("startMatchRun", "Ada", "matchRun { id }", **given)

        async def solved():
            seen = await place.get(query, "Ada", id=run["id"])
            return seen if seen["matchRun"]["status"] == "SOLVED" else None

        return run["id"], await eventually(solved, what="solving", seconds=60)

    _, seen = await draft("BEST_TOTAL")
    assert seen["matchRun"]["certificate"]["matched"] == 3
    assert len(seen["matchRun"]["certificate"]["outcomes"]) == 3
    run, seen = await draft("WITHIN_HOURS")
    certificate = seen["matchRun"]["certificate"]
    assert (certificate["matched"], certificate["gap"]) == (2, 0)
    assert certificate["bound"] == certificate["total"]
    assert {each["mode"]: each["matched"] for each in certificate["outcomes"]} == {
        "BEST_TOTAL": 3, "FAIR": 3, "STABLE": 3, "WITHIN_HOURS": 2,
    }  # fmt: skip
    found = {edge["node"]["mentee"]["displayName"] for edge in seen["matchSuggestions"]["edges"]}
    assert found == {"Nils", "Nora"}
    [left] = seen["unmatchedMentees"]["edges"]
    assert left["node"] == {"reason": "NO_ROOM", "mentee": {"displayName": "Noa"}}
    # Meanwhile she has less time: one of the two is all she can take on.
    changed = {"programId": program["id"], "side": "MENTOR", "weeklyHours": 2}
    await place.do("changeEnrollment", "Mia", "enrollment { weeklyHours }", **changed)
    await place.do("publishMatchRun", "Ada", "matchRun { status }", runId=run)
    pairings = "query ($id: ID!) { pairings(programId: $id) { edges { node { status } } } }"
    assert len((await place.get(pairings, "Ada", id=program["id"]))["pairings"]["edges"]) == 1
    _, seen = await draft("WITHIN_HOURS")  # half an hour is left of her time
    assert seen["matchRun"]["certificate"]["matched"] == 0


async def test_m44_what_counting_hours_would_do_is_previewed(place):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR"}, maxPairings=5, weeklyHours=3)
    await place.enrolled(program, {"Noa": "MENTEE", "Nils": "MENTEE"}, weeklyHours=2)
    given = {"programId": program["id"], "mode": "WITHIN_HOURS"}
    made = await place.do("previewMatching", "Ada", "matchPreview { id }", **given)
    query = """query ($id: ID!) { matchPreview(id: $id) {
      status result { lose before { matched } after { matched } } } }"""

    async def solved():
        seen = (await place.get(query, "Ada", id=made["id"]))["matchPreview"]
        return seen["result"] if seen["status"] == "SOLVED" else None

    result = await eventually(solved, what="the preview", seconds=60)
    assert result == {"lose": 1, "before": {"matched": 2}, "after": {"matched": 1}}
