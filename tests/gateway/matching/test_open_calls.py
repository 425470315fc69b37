"""Calls for mentors: where more wait than there is room, members who would be good mentors are asked."""

import asyncio

import pytest
from tests.gateway.matching.conftest import MENTEES

from kith_matching.open_calls import asking
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
CALL = "openCall { id status places filled asked declined openedBy { displayName } program { id } }"
STATE = f"query ($id: ID!) {{ {CALL.replace('openCall', 'openCall(id: $id)', 1)} }}"
ASKED = """query ($id: ID!) { callInvitations(callId: $id, first: 50) {
  edges { node { id status skills people maxPairings member { displayName } } }
} }"""
MINE = "{ myCalls { edges { node { id status skills people program { name } member { displayName } } } } }"


@pytest.fixture
async def program(place, calendar):
    """Three wait, and there is nobody to mentor them."""
    program = await place.program()
    await place.enrolled(program, dict.fromkeys(MENTEES, "MENTEE"))
    return program


async def thanked(place, receiver, *givers):
    for giver in givers:
        told = {"giver_id": place.key(giver), "receiver_id": place.key(receiver)}
        await place.matching.deliver(place.community_id, "recognition.kudos_given.v1", told)


async def opened(place, program, **given):
    return await place.do("openCall", "Ada", CALL, programId=program["id"], **given)


async def state(place, call):
    return (await place.get(STATE, "Ada", id=call["id"]))["openCall"]


async def asked(place, call):
    """Who was asked by a call, and where that is: {name: status}."""
    edges = (await place.get(ASKED, "Ada", id=call["id"]))["callInvitations"]["edges"]
    return {edge["node"]["member"]["displayName"]: edge["node"]["status"] for edge in edges}


async def mine(place, name):
    return [edge["node"] for edge in (await place.get(MINE, name))["myCalls"]["edges"]]


async def says(place, name, **given):
    [invitation] = await mine(place, name)
    want = "callInvitation { status maxPairings }"
    return await place.do("answerCall", name, want, invitationId=invitation["id"], **given)


async def test_m8_those_who_help_are_asked_until_there_is_room_for_all_who_wait(place, program, calendar):
    await thanked(place, "Mia", "Noa", "Nils")
    await thanked(place, "Max", *["Noa"] * 5)
    for n in range(3):  # Mo talks a lot, and nobody said that it helped
        post = {"author_id": place.key("Mo"), "reply_to_id": place.key(MENTEES[n]), "post_id": place.key("Mo")}
        await place.matching.deliver(place.community_id, "groups.post_written.v1", post)
    call = await opened(place, program)
    assert (call["status"], call["places"], call["asked"]) == ("OPEN", 3, 0)
    assert call["openedBy"] == {"displayName": "Ada"}
    await calendar.turn(minutes=1)
    assert await asked(place, call) == {"Mia": "ASKED", "Max": "ASKED"}
    [wanted] = await mine(place, "Mia")
    assert (wanted["skills"], wanted["people"], wanted["program"]) == (["python"], 2, {"name": "Spring"})
    [wanted] = await mine(place, "Max")
    assert wanted["people"] == 1, "one person who thanks five times is one person"
    assert await says(place, "Mia", accept=True, maxPairings=2) == {"status": "ACCEPTED", "maxPairings": 2}
    assert await says(place, "Max", accept=False) == {"status": "DECLINED", "maxPairings": None}
    now = await state(place, call)
    assert [now[name] for name in ("status", "filled", "asked", "declined")] == ["OPEN", 2, 2, 1]
    await place.pairing(program, mentor="Mia", mentee="Noa")  # she is a mentor now
    await thanked(place, "Mo", "Nora")
    await calendar.turn(minutes=1)
    await says(place, "Mo", accept=True)
    now = await state(place, call)
    assert [now[name] for name in ("status", "filled")] == ["FILLED", 3]
    [told] = await place.told("call_closed")
    assert (told["reason"], told["places"], told["filled"]) == ("filled", 3, 3)
    assert {each["member_id"] for each in await place.told("member_called")} == {
        place.key(name) for name in ("Mia", "Max", "Mo")
    }


async def test_m8_who_left_answers_no_call_and_is_not_waited_for(place, program, calendar):
    await thanked(place, "Mia", "Noa", "Nils")
    call = await opened(place, program)
    await calendar.turn(minutes=1)
    [invitation] = await mine(place, "Mia")
    await place.do("removeMember", "Ada", memberId=place.ids["Mia"])

    async def lapsed():
        await calendar.turn()
        return await asked(place, call) == {"Mia": "LAPSED"}

    await eventually(lapsed, what="Mia parting")
    refused = await place.refused("answerCall", "Mia", invitationId=invitation["id"], accept=True)
    assert refused == ["NO_SUCH_INVITATION"]
    sql = "SELECT 1 FROM enrollments WHERE program_id = :program AND side = 'mentor'"
    assert await place.matching.rows(sql, program=place.key_of(program["id"])) == []


async def test_m8_nobody_is_asked_twice_in_thirty_days_by_whatever_call(place, program, calendar):
    await thanked(place, "Mia", "Noa", "Nils")
    first = await opened(place, program)
    await calendar.turn(minutes=1)
    await says(place, "Mia", accept=False)
    await place.do("closeCall", "Ada", CALL, callId=first["id"])
    other = await place.program(name="Autumn")
    await place.enrolled(other, {"Noa": "MENTEE"})
    far = {"endsAt": calendar.time(days=60)}
    again, second = await opened(place, program, **far), await opened(place, other, **far)
    await calendar.turn(days=29)
    assert (await asked(place, again), await asked(place, second)) == ({}, {})
    await calendar.turn(days=2)
    found = [await asked(place, again), await asked(place, second)]
    assert sorted(found, key=len) == [{}, {"Mia": "ASKED"}], "of two calls one asks"


async def test_m8_a_call_ends_at_its_date_or_by_hand_and_who_was_asked_is_not_waited_for(place, program, calendar):
    await thanked(place, "Mia", "Noa")
    await thanked(place, "Max", "Noa")
    call = await opened(place, program, places=5, endsAt=calendar.time(days=3))
    await calendar.turn(minutes=1)
    assert await asked(place, call) == {"Mia": "ASKED", "Max": "ASKED"}
    assert await place.refused("openCall", "Ada", programId=program["id"]) == ["CALL_OPEN"]
    await calendar.turn(days=4)
    assert ((await state(place, call))["status"], await asked(place, call)) == (
        "ENDED",
        {"Mia": "LAPSED", "Max": "LAPSED"},
    )
    [invitation] = await mine(place, "Mia")
    late = {"invitationId": invitation["id"], "accept": True}
    assert await place.refused("answerCall", "Mia", **late) == ["ALREADY_ANSWERED"]
    by_hand = await opened(place, program)
    for _ in range(2):
        assert (await place.do("closeCall", "Ada", CALL, callId=by_hand["id"]))["status"] == "CLOSED"
    assert [each["reason"] for each in await place.told("call_closed")] == ["ended", "closed"]
    third = await opened(place, program)
    for step in ("RUNNING", "COMPLETED"):
        await place.do("advanceProgram", "Ada", "program { status }", programId=program["id"], to=step)
    await calendar.turn(minutes=1)
    assert (await state(place, third))["status"] == "ENDED"


async def test_m8_a_program_may_call_by_itself_when_too_many_wait_and_not_again_at_once(place, calendar):
    program = await place.program(automaticCalls=True)
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    await calendar.turn(minutes=1)
    listed = """query ($id: ID!) { openCalls(programId: $id) {
      edges { node { id status places openedBy { displayName } } } } }"""

    async def all_calls():
        edges = (await place.get(listed, "Ada", id=program["id"]))["openCalls"]["edges"]
        return [edge["node"] for edge in edges]

    assert await all_calls() == []
    await place.enrolled(program, {"Nils": "MENTEE", "Nora": "MENTEE"})
    await calendar.turn(minutes=1)
    [call] = await all_calls()
    assert (call["status"], call["places"], call["openedBy"]) == ("OPEN", 2, None)
    await place.do("closeCall", "Ada", CALL, callId=call["id"])
    await calendar.turn(days=6)
    assert len(await all_calls()) == 1
    await calendar.turn(days=2)
    assert [each["status"] for each in await all_calls()] == ["OPEN", "CLOSED"]
    which = {"programId": program["id"]}
    changed = await place.do("changeProgram", "Ada", "program { automaticCalls }", **which, automaticCalls=False)
    assert changed == {"automaticCalls": False}
    for kind in ("INTRODUCTION", "PEER"):
        given = {"name": "Coffee", "kind": kind}
        assert await place.refused("openProgram", "Ada", **given, automaticCalls=True) == ["BAD_SETTINGS"]


async def test_m8_answers_and_openings_at_once_count_once(place, program, calendar):
    for name in ("Mia", "Max", "Mo"):
        await thanked(place, name, "Noa")
    given = {"programId": program["id"], "places": 2}
    tries = await asyncio.gather(*(place.refused("openCall", "Ada", **given) for _ in range(3)))
    assert sorted(tries) == [[], ["CALL_OPEN"], ["CALL_OPEN"]]
    await asyncio.gather(*(asking.work(place.matching.database) for _ in range(3)))
    invitations = {name: (await mine(place, name))[0]["id"] for name in ("Mia", "Max", "Mo")}
    answers = await asyncio.gather(
        *(
            place.refused("answerCall", name, invitationId=invitations[name], accept=True)
            for name in ("Mia", "Max", "Mo", "Mia")
        )
    )
    assert [code for each in answers for code in each] in (["ALREADY_ANSWERED"], ["ALREADY_ANSWERED"] * 2)
    query = "query ($id: ID!) { program(id: $id) { enrollmentCounts { mentor } } }"
    assert (await place.get(query, "Ada", id=program["id"]))["program"]["enrollmentCounts"] == {"mentor": 2}
    [closed] = await place.told("call_closed")
    assert (closed["reason"], closed["filled"]) == ("filled", 2)
    assert len(await place.told("member_called")) == 3


async def test_m8_who_enrolled_meanwhile_says_now_how_much_room_they_have(place, program, calendar):
    await thanked(place, "Mia", "Noa")
    await opened(place, program)
    await calendar.turn(minutes=1)
    await place.enrolled(program, {"Mia": "MENTOR"})
    await says(place, "Mia", accept=True, maxPairings=3)
    want = "enrollment { maxPairings paused }"
    given = {"programId": program["id"], "side": "MENTOR"}
    assert await place.do("changeEnrollment", "Mia", want, **given) == {"maxPairings": 3, "paused": False}


async def test_m8_only_coordinators_see_calls_and_only_the_asked_answer(place, program, calendar):
    await thanked(place, "Mia", "Noa")
    call = await opened(place, program)
    await calendar.turn(minutes=1)
    [invitation] = await mine(place, "Mia")
    answer = {"invitationId": invitation["id"], "accept": True}
    for name in ("Max", "Noa", "Ada"):
        assert await place.refused("answerCall", name, **answer) == ["NO_SUCH_INVITATION"]
        assert await mine(place, name) == []
    assert await place.refused("openCall", "Mia", programId=program["id"]) == ["FORBIDDEN"]
    assert await place.refused("closeCall", "Mia", callId=call["id"]) == ["FORBIDDEN"]
    for query in (STATE, ASKED):
        found = await place.gateway.ask(query, {"id": call["id"]}, by=place.actor("Mia"))
        assert [each["extensions"]["code"] for each in found["errors"]] == ["FORBIDDEN"]
    for wrong in (0, 51, -1):
        assert await place.refused("answerCall", "Mia", **answer, maxPairings=wrong) == ["INVALID_REQUEST"]
    assert (await mine(place, "Mia"))[0]["status"] == "ASKED"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"places": 0}, "INVALID_REQUEST"),
        ({"places": -3}, "INVALID_REQUEST"),
        ({"places": 1001}, "INVALID_REQUEST"),
        ({"endsAt": "2020-01-01T00:00:00Z"}, "BAD_SETTINGS"),
        ({"endsAt": "2099-01-01T00:00:00Z"}, "BAD_SETTINGS"),
        ({"endsAt": "9999-12-31T23:59:59-12:00"}, "INVALID_REQUEST"),
    ],
)
async def test_m8_a_call_that_makes_no_sense_is_refused(place, program, given, code):
    assert await place.refused("openCall", "Ada", programId=program["id"], **given) == [code]


async def test_m8_where_there_is_room_or_nobody_mentors_there_is_nothing_to_call_for(place, calendar):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    which = {"programId": program["id"]}
    assert await place.refused("openCall", "Ada", **which) == ["NOBODY_GOES_WITHOUT"]
    assert (await opened(place, program, places=4))["places"] == 4
    coffee = await place.program(name="Coffee", kind="INTRODUCTION")
    assert await place.refused("openCall", "Ada", programId=coffee["id"], places=1) == ["NOT_FOR_CALLS"]
    draft = await place.program(name="Draft", open=False)
    assert await place.refused("openCall", "Ada", programId=draft["id"], places=1) == ["PROGRAM_CLOSED"]
    unknown = place.global_id("Program", place.key("Noa"))
    assert await place.refused("openCall", "Ada", programId=unknown, places=1) == ["NO_SUCH_PROGRAM"]
    for mutation, field, kind in (
        ("closeCall", "callId", "OpenCall"),
        ("answerCall", "invitationId", "CallInvitation"),
    ):
        more = {"accept": True} if mutation == "answerCall" else {}
        there = place.global_id(kind, place.key("Noa"))
        code = "NO_SUCH_CALL" if mutation == "closeCall" else "NO_SUCH_INVITATION"
        assert await place.refused(mutation, "Ada", **{field: there}, **more) == [code]
