"""Who asks whom, and whose move it is."""

import asyncio

import pytest

pytestmark = pytest.mark.integration
SIDES = {"Mia": "MENTOR", "Max": "MENTOR", "Mo": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"}
SEEN = """{ viewer { requests { edges { node {
  id status askedAt expiresAt mentor { displayName } askedBy { displayName }
  nextChoices { displayName } move { since member { displayName } }
} } } } }"""


@pytest.fixture
async def program(place, calendar):
    program = await place.program(requestExpiryDays=5)
    await place.enrolled(program, SIDES)
    return program


async def seen(place, by):
    """Requests by the name of the mentor."""
    edges = (await place.get(SEEN, by))["viewer"]["requests"]["edges"]
    return {edge["node"]["mentor"]["displayName"]: edge["node"] for edge in edges}


def asking(place, program, *mentors, message="Would you help me?"):
    first, *then = (place.ids[name] for name in mentors)
    return {"programId": program["id"], "mentorId": first, "message": message, "then": then}


async def test_m18_who_says_no_or_nothing_hands_the_request_to_the_next_choice(place, program, calendar):
    asked = await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mia", "Max", "Mo"))
    first = (await seen(place, "Noa"))["Mia"]
    assert [each["displayName"] for each in first["nextChoices"]] == ["Max", "Mo"]
    assert first["move"] == {"since": first["askedAt"], "member": {"displayName": "Mia"}}
    await place.do("answerRequest", "Mia", "request { status }", requestId=asked["id"], to="DECLINED")
    now = await seen(place, "Noa")
    assert (now["Mia"]["status"], now["Mia"]["move"]["member"]) == ("DECLINED", None)
    assert (now["Max"]["status"], now["Max"]["move"]["member"]) == ("PENDING", {"displayName": "Max"})
    await calendar.turn(days=4)
    assert (await seen(place, "Noa"))["Max"]["status"] == "PENDING"
    await calendar.turn(days=1)
    await calendar.turn()
    now = await seen(place, "Noa")
    assert {name: each["status"] for name, each in now.items()} == {
        "Mia": "DECLINED",
        "Max": "EXPIRED",
        "Mo": "PENDING",
    }
    assert (now["Mo"]["nextChoices"], now["Mo"]["move"]["since"]) == ([], now["Mo"]["askedAt"])
    await place.do("answerRequest", "Mo", "request { status }", requestId=now["Mo"]["id"], to="ACCEPTED")
    assert len(await place.told("request_made")) == 3
    assert [each["mentor_id"] for each in await place.told("pairing_accepted")] == [place.key("Mo")]


async def test_m18_the_next_choice_is_one_who_can_say_yes(place, program, calendar):
    await place.pairing(program, mentor="Max", mentee="Nils")
    asked = await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mia", "Max", "Mo"))
    given = {"programId": program["id"], "side": "MENTOR"}
    await place.do("answerRequest", "Mia", "request { status }", requestId=asked["id"], to="DECLINED")
    assert set(await seen(place, "Noa")) == {"Mia", "Mo"}
    await place.do("withdrawRequest", "Noa", "request { id }", requestId=(await seen(place, "Noa"))["Mo"]["id"])
    await place.do("changeEnrollment", "Mo", "enrollment { id }", **given, paused=True)
    asked = await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mia", "Mo"))
    await place.do("answerRequest", "Mia", "request { status }", requestId=asked["id"], to="DECLINED")
    assert [each["status"] for each in (await seen(place, "Noa")).values()].count("PENDING") == 0


async def test_m18_nobody_is_asked_in_my_name_whom_i_am_kept_apart_from(place, program, calendar):
    asked = await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mia", "Max", "Mo"))
    await place.do("keepApart", "Ada", memberIds=[place.ids["Max"], place.ids["Noa"]])
    await place.do("answerRequest", "Mia", "request { status }", requestId=asked["id"], to="DECLINED")
    assert set(await seen(place, "Noa")) == {"Mia", "Mo"}


async def test_m42_a_yes_to_somebody_i_am_kept_apart_from_meanwhile_is_refused(place, program, calendar):
    given = {"programId": program["id"], "side": "MENTEE", "otherId": place.ids["Mia"]}
    brought = await place.do("bringPairing", "Noa", "pairing { id }", **given)
    await place.do("keepApart", "Ada", memberIds=[place.ids["Mia"], place.ids["Noa"]])
    assert await place.refused("acceptPairing", "Mia", pairingId=brought["id"]) == ["KEPT_APART"]
    await place.do("declinePairing", "Mia", pairingId=brought["id"])


async def test_m18_taking_it_back_asks_nobody_else(place, program, calendar):
    asked = await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mia", "Max"))
    await place.do("withdrawRequest", "Noa", "request { id }", requestId=asked["id"])
    assert set(await seen(place, "Noa")) == {"Mia"}


async def test_m18_a_no_and_a_new_request_at_the_same_time_leave_one_open(place, program, calendar):
    asked = await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mia", "Max"))
    given = asking(place, program, "Mo")
    await asyncio.gather(
        place.do("answerRequest", "Mia", "request { status }", requestId=asked["id"], to="DECLINED"),
        *(place.refused("askMentor", "Noa", **given) for _ in range(3)),
    )
    assert [each["status"] for each in (await seen(place, "Noa")).values()].count("PENDING") == 1


async def test_m41_either_side_asks_and_the_other_answers(place, program, calendar):
    given = {"programId": program["id"], "menteeId": place.ids["Noa"], "message": "May I show you around?"}
    asked = await place.do("askMentee", "Mia", "request { id }", **given)
    await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mo"))
    now = (await seen(place, "Mia"))["Mia"]
    assert (now["askedBy"], now["move"]["member"]) == ({"displayName": "Mia"}, {"displayName": "Noa"})
    which = {"requestId": asked["id"]}
    assert await place.refused("answerRequest", "Mia", **which, to="ACCEPTED") == ["NO_SUCH_REQUEST"]
    assert await place.refused("withdrawRequest", "Noa", **which) == ["NO_SUCH_REQUEST"]
    assert await place.refused("askMentee", "Mia", **given) == ["ALREADY_WAITING"]
    assert await place.refused("askMentee", "Noa", **given) == ["WITH_ONESELF"]
    await place.do("answerRequest", "Noa", "request { status }", **which, to="ACCEPTED")
    [paired] = await place.told("pairing_accepted")
    assert (paired["mentor_id"], paired["mentee_id"]) == (place.key("Mia"), place.key("Noa"))


async def test_m18_ten_next_choices_at_most_and_nobody_twice(place, program, calendar):
    given = asking(place, program, "Mia", *["Max"] * 11)
    assert await place.refused("askMentor", "Noa", **given) == ["INVALID_REQUEST"]
    await place.do("askMentor", "Noa", "request { id }", **asking(place, program, "Mia", "Max", "Max", "Mia"))
    assert [each["displayName"] for each in (await seen(place, "Noa"))["Mia"]["nextChoices"]] == ["Max"]


# --- in line --------------------------------------------------------------------------------------------------------

LINE = "{ viewer { requests(first: 20) { edges { node { id status placeInLine mentor { displayName } } } } } }"


async def standing(place, name):
    """(status, place in line, mentor) of somebody's newest request."""
    edges = (await place.get(LINE, name))["viewer"]["requests"]["edges"]
    newest = edges[0]["node"] if edges else None
    return newest and (newest["status"], newest["placeInLine"], newest["mentor"]["displayName"])


@pytest.fixture
async def full(place, calendar):
    """A program whose one place of Mia is taken by Noa."""
    program = await place.program()
    sides = {"Mia": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE", "Nora": "MENTEE"}
    await place.enrolled(program, sides)
    program["pairing"] = await place.pairing(program)
    return program


async def test_m17_where_a_mentor_has_no_room_one_waits_in_line_and_is_asked_for_when_there_is(place, full, calendar):
    ask = {"programId": full["id"], "mentorId": place.ids["Mia"], "message": "Would you help me?"}
    for name in ("Nils", "Nora"):
        made = await place.do("askMentor", name, "request { status move { member { id } } }", **ask)
        assert made == {"status": "WAITLISTED", "move": {"member": None}}
    assert [await standing(place, name) for name in ("Nils", "Nora")] == [
        ("WAITLISTED", 1, "Mia"), ("WAITLISTED", 2, "Mia"),
    ]  # fmt: skip
    assert await place.refused("askMentor", "Nils", **ask) == ["ALREADY_WAITING"]
    assert (await standing(place, "Mia"))[0] == "ACCEPTED", "she sees nobody who waits in line"
    assert len(await place.told("request_made")) == 1
    await calendar.turn(days=30)  # nothing expires in line
    assert (await standing(place, "Nils"))[:2] == ("WAITLISTED", 1)
    await place.do("endPairing", "Noa", "pairing { id }", pairingId=full["pairing"], reason="COMPLETED")
    await calendar.turn(minutes=1)
    assert [await standing(place, name) for name in ("Nils", "Nora")] == [
        ("PENDING", None, "Mia"), ("WAITLISTED", 1, "Mia"),
    ]  # fmt: skip
    assert len(await place.told("request_made")) == 2
    await calendar.turn(days=6)
    assert (await standing(place, "Nils"))[0] == "PENDING", "from when she was asked she has all the time to answer"
    await calendar.turn(days=2)
    assert [(await standing(place, name))[0] for name in ("Nils", "Nora")] == ["EXPIRED", "PENDING"]


async def test_m17_who_lost_a_mentor_before_comes_first_in_line_and_one_may_leave_it(place, full, calendar):
    await place.enrolled(full, {"Max": "MENTOR"})
    lost = await place.pairing(full, mentor="Max", mentee="Nora")
    ask = {"programId": full["id"], "mentorId": place.ids["Mia"], "message": "Would you help me?"}
    await place.do("askMentor", "Nils", "request { id }", **ask)
    await place.do("endPairing", "Nora", "pairing { id }", pairingId=lost, reason="NO_FAULT")
    nora = await place.do("askMentor", "Nora", "request { id }", **ask)
    assert [(await standing(place, name))[1] for name in ("Nils", "Nora")] == [2, 1]
    await place.do("withdrawRequest", "Nora", "request { status }", requestId=nora["id"])
    assert [(await standing(place, name))[:2] for name in ("Nils", "Nora")] == [("WAITLISTED", 1), ("WITHDRAWN", None)]
    for step in ("RUNNING", "COMPLETED"):
        await place.do("advanceProgram", "Ada", "program { status }", programId=full["id"], to=step)
    await calendar.turn(minutes=1)
    assert (await standing(place, "Nils"))[0] == "EXPIRED"
    for told in ("request_withdrawn", "request_expired"):
        assert await place.told(told) == [], "Mia never heard of them"


async def test_m18_of_several_choices_the_first_with_room_is_asked_at_once(place, full):
    await place.enrolled(full, {"Max": "MENTOR"})
    ask = {"programId": full["id"], "mentorId": place.ids["Mia"], "message": "Would you?", "then": [place.ids["Max"]]}
    await place.do("askMentor", "Nils", "request { id }", **ask)
    assert await standing(place, "Nils") == ("PENDING", None, "Max")


async def test_m17_a_place_is_asked_for_once_whoever_works_at_it(place, full, calendar):
    ask = {"programId": full["id"], "mentorId": place.ids["Mia"], "message": "Would you help me?"}
    for name in ("Nils", "Nora"):
        await place.do("askMentor", name, "request { id }", **ask)
    await place.do("endPairing", "Noa", "pairing { id }", pairingId=full["pairing"], reason="COMPLETED")
    [moving] = [job for job in place.matching.app.state.jobs if job.name == "move up in line"]
    await asyncio.gather(*(moving.act(place.matching.database) for _ in range(4)))
    assert sorted([(await standing(place, name))[0] for name in ("Nils", "Nora")]) == ["PENDING", "WAITLISTED"]
    assert len(await place.told("request_made")) == 2


async def test_m17_a_program_lets_nobody_in_who_would_wait_too_long_but_coordinators_may(place, calendar):
    program = await place.program(longestWaitWeeks=2)
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    mine = {"programId": program["id"], "side": "MENTEE"}
    assert await place.refused("enroll", "Nils", **mine) == ["ADMISSION_CLOSED"]
    await place.do("enroll", "Noa", "enrollment { side }", **mine)  # who is in, is
    await place.do("enroll", "Max", "enrollment { side }", **(mine | {"side": "MENTOR"}))
    await place.do("enroll", "Nils", "enrollment { side }", **mine)
    await place.enrolled(program, {"Nora": "MENTEE"})
    change = {"programId": program["id"], "longestWaitWeeks": None}
    changed = await place.do("changeProgram", "Ada", "program { longestWaitWeeks }", **change)
    assert changed == {"longestWaitWeeks": None}
    assert await place.refused("changeProgram", "Ada", programId=program["id"], longestWaitWeeks=-1) == [
        "INVALID_REQUEST"
    ]
