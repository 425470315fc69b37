"""Mentors who carry too much are spared, and who asks them is told whom to ask instead."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
STATE = "state paused room pairings requests late overdue silent cancelled"
MINE = f"query ($id: ID!) {{ myLoad(programId: $id) {{ {STATE} }} }}"
ALL = f"""query ($id: ID!, $first: Int, $after: String) {{ mentorLoads(programId: $id, first: $first, after: $after) {{
  edges {{ node {{ {STATE} member {{ displayName }} }} }} pageInfo {{ endCursor hasNextPage }}
}} }}"""
ROOM = """query ($id: ID!) { mentorsWithRoom(programId: $id, first: 50) {
  edges { node { pairings free member { displayName } } }
} }"""


@pytest.fixture
async def program(place, calendar):
    program = await place.program(requestExpiryDays=30)
    await place.enrolled(program, dict.fromkeys(("Mia", "Max"), "MENTOR"), maxPairings=3)
    await place.enrolled(program, dict.fromkeys(("Noa", "Nils", "Nora"), "MENTEE"))
    return program


def asking(place, program, mentor="Mia", **more):
    return {"programId": program["id"], "mentorId": place.ids[mentor], "message": "Would you?"} | more


async def state(place, program, name="Mia"):
    return (await place.get(MINE, name, id=program["id"]))["myLoad"]["state"]


async def loads(place, program):
    edges = (await place.get(ALL, "Ada", id=program["id"]))["mentorLoads"]["edges"]
    return {edge["node"]["member"]["displayName"]: edge["node"]["state"] for edge in edges}


async def with_room(place, program, by="Nora"):
    edges = (await place.get(ROOM, by, id=program["id"]))["mentorsWithRoom"]["edges"]
    return [(edge["node"]["member"]["displayName"], edge["node"]["free"]) for edge in edges]


async def overloaded(place, program, calendar):
    """Noa and Nils wait for Mia, for days."""
    requests = [
        (await place.do("askMentor", name, "request { id }", **asking(place, program)))["id"]
        for name in ("Noa", "Nils")
    ]
    await calendar.turn(days=3, minutes=1)
    return requests


async def solved(place, run):
    query = """query ($id: ID!) { matchRun(id: $id) { status failure }
      matchSuggestions(runId: $id, first: 50) { edges { node { mentor { displayName } parts { part value } } } } }"""

    async def done():
        found = await place.get(query, "Ada", id=run["id"])
        return found if found["matchRun"]["status"] in {"SOLVED", "FAILED"} else None

    found = await eventually(done, what="solving", seconds=60)
    assert found["matchRun"]["status"] == "SOLVED", found["matchRun"]["failure"]
    return [edge["node"] for edge in found["matchSuggestions"]["edges"]]


async def test_m16_an_overloaded_mentor_gets_no_new_request_and_who_asks_learns_whom_to_ask(place, program, calendar):
    assert await loads(place, program) == {"Mia": "FRESH", "Max": "FRESH"}
    requests = await overloaded(place, program, calendar)
    assert await state(place, program) == "OVERLOADED"
    mine = (await place.get(MINE, "Mia", id=program["id"]))["myLoad"]
    assert (mine["requests"], mine["late"], mine["pairings"], mine["room"]) == (2, 2, 0, 3)
    assert await loads(place, program) == {"Mia": "OVERLOADED", "Max": "FRESH"}
    assert await place.refused("askMentor", "Nora", **asking(place, program)) == ["MENTOR_OVERLOADED"]
    assert await with_room(place, program) == [("Max", 3)]
    answer = {"requestId": requests[0], "to": "DECLINED"}
    await place.do("answerRequest", "Mia", "request { status }", **answer)
    assert await state(place, program) == "BUSY"
    await place.do("askMentor", "Nora", "request { id }", **asking(place, program))


async def test_m16_the_next_choice_is_not_a_mentor_who_is_to_be_spared(place, program, calendar):
    await place.enrolled(program, {"Mo": "MENTOR"})
    requests = await overloaded(place, program, calendar)
    then = [place.ids["Mia"], place.ids["Mo"]]
    asked = await place.do("askMentor", "Nora", "request { id }", **asking(place, program, "Max", then=then))
    await place.do("answerRequest", "Max", "request { status }", requestId=asked["id"], to="DECLINED")
    query = "{ viewer { requests(first: 50) { edges { node { status mentor { displayName } } } } } }"
    edges = (await place.get(query, "Nora"))["viewer"]["requests"]["edges"]
    waits = [edge["node"]["mentor"]["displayName"] for edge in edges if edge["node"]["status"] == "PENDING"]
    assert (waits, len(requests)) == (["Mo"], 2)


async def test_m16_who_is_overloaded_is_in_no_run_and_a_draft_of_before_gives_them_nobody(place, program, calendar):
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"])
    before = {each["mentor"]["displayName"] for each in await solved(place, run)}
    assert before <= {"Mia", "Max"}
    await overloaded(place, program, calendar)
    again = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"])
    assert {each["mentor"]["displayName"] for each in await solved(place, again)} == {"Max"}
    pin = {"menteeId": place.ids["Nora"], "mentorId": place.ids["Mia"]}
    pinned = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"], pins=[pin])

    async def failed():
        query = "query ($id: ID!) { matchRun(id: $id) { status failure } }"
        found = (await place.get(query, "Ada", id=pinned["id"]))["matchRun"]
        return found if found["status"] == "FAILED" else None

    assert "overloaded" in (await eventually(failed, what="failing", seconds=60))["failure"]
    await place.do("publishMatchRun", "Ada", "matchRun { status }", runId=run["id"])
    proposed = {each["mentor_id"] for each in await place.told("pairing_proposed")}
    assert place.key("Mia") not in proposed


async def test_m16_the_weight_of_load_sends_mentees_to_who_is_fresh(place, program, calendar):
    weights = {"skills": 0.4, "load": 0.1}
    await place.do("changeMatchingSettings", "Ada", "program { weights }", programId=program["id"], weights=weights)
    await place.do("askMentor", "Noa", "request { id }", **asking(place, program))
    await calendar.turn(days=4)
    assert await loads(place, program) == {"Mia": "BUSY", "Max": "FRESH"}
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"])
    suggested = await solved(place, run)
    assert [each["mentor"]["displayName"] for each in suggested] == ["Max"] * 3
    assert all({"part": "load", "value": 1.0} in each["parts"] for each in suggested)
    wrong = {"programId": program["id"], "weights": {"load": 0.5}}
    assert await place.refused("changeMatchingSettings", "Ada", **wrong) == ["BAD_SETTINGS"]


async def test_m16_who_paused_or_wants_nobody_is_on_break_and_what_fell_apart_makes_busy(place, program, calendar):
    given = {"programId": program["id"], "side": "MENTOR"}
    for name, changes in (("Mia", {"paused": True}), ("Max", {"maxPairings": 0})):
        await place.do("changeEnrollment", name, "enrollment { paused }", **given, **changes)
    assert await loads(place, program) == {"Mia": "ON_BREAK", "Max": "ON_BREAK"}
    for name, code in (("Mia", "ENROLLMENT_PAUSED"), ("Max", "MENTOR_ON_BREAK")):
        assert await place.refused("askMentor", "Noa", **asking(place, program, name)) == [code]
    assert await with_room(place, program) == []
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given, paused=False)
    for mentee in ("Noa", "Nils"):
        pairing = await place.pairing(program, mentee=mentee)
        assert await state(place, program) == "FRESH"
        await place.do("endPairing", mentee, "pairing { id }", pairingId=pairing, reason="NO_FAULT")
    assert await state(place, program) == "BUSY"
    await calendar.turn(days=91)
    assert await state(place, program) == "FRESH"


async def test_m16_newcomers_are_not_given_to_who_is_overloaded(place, calendar):
    given = {"kind": "BUDDY", "acceptance": "AUTOMATIC", "requestExpiryDays": 30}
    program = await place.program(**given)
    await place.enrolled(program, {"Mia": "MENTOR"}, maxPairings=3)
    await place.enrolled(program, dict.fromkeys(("Noa", "Nils", "Nora"), "MENTEE"))
    await overloaded(place, program, calendar)
    await place.do("changeProgram", "Ada", "program { id }", programId=program["id"], automaticPairing=True)
    await calendar.turn(minutes=1)
    assert await place.told("pairing_accepted") == []


async def test_m16_a_load_is_seen_by_the_mentor_and_by_coordinators(place, program, calendar):
    for query in (MINE, ROOM):
        answer = await place.gateway.ask(query, {"id": place.global_id("Program", place.key("Mia"))}, by=place.owner)
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["NO_SUCH_PROGRAM"]
    answer = await place.gateway.ask(MINE, {"id": program["id"]}, by=place.actor("Noa"))
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["NOT_ENROLLED"]
    answer = await place.gateway.ask(ALL, {"id": program["id"]}, by=place.actor("Mia"))
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
    seen, after = [], None
    for _ in range(2):
        page = (await place.get(ALL, "Ada", id=program["id"], first=1, after=after))["mentorLoads"]
        seen += [edge["node"]["member"]["displayName"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    assert (sorted(seen), page["pageInfo"]["hasNextPage"]) == (["Max", "Mia"], False)
    assert [name for name, _ in await with_room(place, program, by="Mia")] == ["Max"], "nobody asks themselves"
    for wrong in ("x", "WyJhIiwgImIiXQ"):
        answer = await place.gateway.ask(ALL, {"id": program["id"], "after": wrong}, by=place.owner)
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["INVALID_CURSOR"]
