"""A coordinator looks at two match runs side by side before choosing one."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
COMPARED = """query ($one: ID!, $other: ID!, $first: Int, $after: String) {
  matchRunComparison(runId: $one, otherId: $other) {
    gain lose anotherMentor settingsBefore settingsAfter
    before { certificate { matched total gap } } after { certificate { matched total gap } }
    pinsAdded { mentee { displayName } mentor { displayName } } pinsDropped { mentee { displayName } }
    prohibitedAdded { mentor { displayName } } prohibitedDropped { mentor { displayName } }
  }
  matchRunDifferences(runId: $one, otherId: $other, first: $first, after: $after) {
    edges { node {
      change fitBefore fitAfter mentee { displayName } mentorBefore { displayName } mentorAfter { displayName }
    } }
    pageInfo { endCursor hasNextPage }
  }
}"""
SIDES = {"Mia": "MENTOR", "Max": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"}


@pytest.fixture
async def program(place):
    program = await place.program()
    await place.enrolled(program, SIDES)
    return program


async def draft(place, program, *pins, **given):
    pins = [{"menteeId": place.ids[one], "mentorId": place.ids[other]} for one, other in pins]
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"], pins=pins, **given)
    query = "query ($id: ID!) { matchRun(id: $id) { status } }"

    async def solved():
        return (await place.get(query, "Ada", id=run["id"]))["matchRun"]["status"] == "SOLVED"

    await eventually(solved, what="solving", seconds=60)
    return run["id"]


async def compared(place, one, other, **page):
    seen = await place.get(COMPARED, "Ada", one=one, other=other, **({"first": 50} | page))
    found = seen["matchRunDifferences"]
    return seen["matchRunComparison"], [edge["node"] for edge in found["edges"]], found["pageInfo"]


async def test_i_see_who_changes_who_loses_and_which_of_my_wishes_differ(place, program):
    one = await draft(place, program, ("Noa", "Mia"), ("Nils", "Max"))
    never = [{"menteeId": place.ids["Noa"], "mentorId": place.ids[name]} for name in ("Mia", "Max")]
    other = await draft(place, program, ("Nils", "Mia"), prohibited=never)
    whole, changes, _ = await compared(place, one, other)
    assert (whole["gain"], whole["lose"], whole["anotherMentor"]) == (0, 1, 2)
    assert [whole[side]["certificate"]["matched"] for side in ("before", "after")] == [2, 1]
    assert whole["settingsBefore"] == whole["settingsAfter"]
    assert whole["settingsAfter"]["weights"]["skills"] == 0.5
    assert whole["pinsAdded"] == [{"mentee": {"displayName": "Nils"}, "mentor": {"displayName": "Mia"}}]
    assert {each["mentee"]["displayName"] for each in whole["pinsDropped"]} == {"Noa", "Nils"}
    assert {each["mentor"]["displayName"] for each in whole["prohibitedAdded"]} == {"Mia", "Max"}
    assert whole["prohibitedDropped"] == []
    told = [
        (each["mentee"]["displayName"], each["change"], each["mentorBefore"], each["mentorAfter"]) for each in changes
    ]
    mia, max_ = {"displayName": "Mia"}, {"displayName": "Max"}
    assert told == [("Noa", "LOSES", mia, None), ("Nils", "SAME", max_, mia)]  # who loses most is first
    back, _, _ = await compared(place, other, one)
    assert (back["gain"], back["lose"]) == (1, 0)
    itself, nothing, _ = await compared(place, one, one)
    assert (itself["anotherMentor"], nothing) == (0, [])


async def test_fits_are_measured_by_the_weights_of_the_second_run_and_pages_hold_everyone_once(place, program):
    one = await draft(place, program, ("Noa", "Mia"), ("Nils", "Max"))
    weights = {"skills": 0, "interests": 0, "language": 1, "experience": 0, "availability": 0}
    settings = {"programId": program["id"], "weights": weights}
    await place.do("changeMatchingSettings", "Ada", "program { weights }", **settings)
    other = await draft(place, program, ("Noa", "Max"), ("Nils", "Mia"))
    whole, changes, _ = await compared(place, one, other)
    assert whole["settingsBefore"]["weights"]["skills"] == 0.5
    assert whole["settingsAfter"]["weights"] == weights | {"load": 0}
    assert [(each["fitBefore"], each["fitAfter"], each["change"]) for each in changes] == [(1, 1, "SAME")] * 2
    _, [first], page = await compared(place, one, other, first=1)
    assert page["hasNextPage"]
    _, [second], page = await compared(place, one, other, first=1, after=page["endCursor"])
    assert not page["hasNextPage"]
    assert {each["mentee"]["displayName"] for each in (first, second)} == {"Noa", "Nils"}


async def test_runs_that_are_not_solved_of_two_programs_or_not_mine_are_not_compared(place, program):
    one = await draft(place, program)
    thrown = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"])
    await place.do("discardMatchRun", "Ada", "matchRun { id }", runId=thrown["id"])
    elsewhere = await place.program(name="Autumn")
    other = await draft(place, elsewhere)

    async def refused(by, **which):
        answer = await place.gateway.ask(COMPARED, which | {"first": 5}, by=place.actor(by))
        return {each["extensions"]["code"] for each in answer["errors"]}

    assert await refused("Ada", one=one, other=thrown["id"]) == {"NOT_SOLVED"}
    assert await refused("Ada", one=one, other=other) == {"NO_SUCH_MATCH_RUN"}
    assert await refused("Noa", one=one, other=one) == {"FORBIDDEN"}
