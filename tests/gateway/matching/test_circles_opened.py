"""Rounds of introductions lead out of the circles that have met already, and say how far they do."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
EVEN = {"skills": 0, "interests": 0, "language": 1, "experience": 0, "availability": 0}
NAMES = ("Mia", "Max", "Mo", "Noa", "Nils", "Nora")
MORE = ("Nia", "Ned")
ROUND = "query ($id: ID!) { introductionRound(id: $id) { status certificate { circleShare circleShareByChance } } }"
MEETINGS = """query ($id: ID!) { introductions(roundId: $id, first: 50) {
  edges { node { members { displayName } again } }
} }"""


async def round_of(place, program, *, publish=True, **given):
    """The certificate of another round, and its meetings."""
    started = await place.do("startIntroductionRound", "Ada", "introductionRound { id }", **program, **given)

    async def solved():
        found = (await place.get(ROUND, "Ada", id=started["id"]))["introductionRound"]
        return found if found["status"] == "SOLVED" else None

    certificate = (await eventually(solved, what="solving", seconds=60))["certificate"]
    edges = (await place.get(MEETINGS, "Ada", id=started["id"]))["introductions"]["edges"]
    verb = "publishIntroductionRound" if publish else "discardIntroductionRound"
    await place.do(verb, "Ada", "introductionRound { status }", roundId=started["id"])
    return certificate, [frozenset(each["displayName"] for each in edge["node"]["members"]) for edge in edges]


@pytest.fixture
async def program(place, calendar):
    rows = [
        {"line": n, "external_id": name, "display_name": name, "languages": ["en"]}
        for n, name in enumerate(MORE, start=1)
    ]
    await place.gateway.do("importMembers", {"rows": rows}, by=place.owner, want="imported { created }")
    members = await place.get("{ members(first: 100) { edges { node { id displayName } } } }", "Ada")
    place.ids |= {edge["node"]["displayName"]: edge["node"]["id"] for edge in members["members"]["edges"]}
    program = await place.program(name="Coffee", kind="INTRODUCTION", weights=EVEN)
    await place.enrolled(program, dict.fromkeys((*NAMES, *MORE), "PEER"))
    return {"programId": program["id"]}


async def test_m24_a_coordinator_sees_that_a_round_leads_out_of_the_circles_that_met(place, program):
    seen, first = set(), await round_of(place, program)
    assert first[0] == {"circleShare": 0, "circleShareByChance": 0}, "nobody has met anybody yet"
    second = await round_of(place, program)
    # Two rounds of eight make one ring or two: of the twenty pairs who have not met, eight or four have met a third.
    certificate, third = await round_of(place, program)
    assert certificate["circleShare"] == 0
    assert certificate["circleShareByChance"] in {0.4, 0.2}
    for meetings in (first[1], second[1], third):
        assert len(meetings) == 4
        assert not seen & set(meetings), "nobody met twice"
        seen |= set(meetings)


async def test_m24_other_forms_have_no_such_number_and_members_do_not_see_it(place, program):
    certificate, _ = await round_of(place, program, form="EXCHANGE", publish=False)
    assert certificate == {"circleShare": None, "circleShareByChance": None}
    started = await place.do("startIntroductionRound", "Ada", "introductionRound { id }", **program)
    answer = await place.gateway.ask(ROUND, {"id": started["id"]}, by=place.actor("Mia"))
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
