"""What past pairings say of the weights, previewed before it is used."""

import pytest

from kith_testkit.probe import eventually

from .test_future_mentors import ago, forbidden, imported

pytestmark = pytest.mark.integration
REFITTED = """query ($id: ID!) { refittedWeights(programId: $id) {
  supported weights weightsNow pairings mentors errorOfMean errorNow errorRefitted
} }"""
MENTORS, MENTEES = 12, 60
PREVIEW = "query ($id: ID!) { matchPreview(id: $id) { status settings result { mentees gain lose } } }"


@pytest.fixture
async def program(place):
    """A program, and people half of whom like chess and half jazz; how long they have worked says nothing."""
    program = await place.program()
    rows = [
        {"external_id": f"{side}{n}", "display_name": f"{side}{n}", "interests": [("chess", "jazz")[n % 2]]}
        | {"experience_years": n // 2 % 5 * 4}
        for side, count in (("mentor", MENTORS), ("mentee", MENTEES))
        for n in range(count)
    ]
    rows = [row | {"line": line, "languages": ["en"]} for line, row in enumerate(rows, start=1)]
    await place.gateway.do("importMembers", {"rows": rows}, by=place.owner, want="imported { created }")
    return program


async def lived(place, program, rating):
    """Everybody had a mentor; `rating(mentor, mentee)` is what both said of it."""
    rows = []
    for mentee in range(MENTEES):
        mentor = (mentee // 2 + mentee // 3) % MENTORS
        said = rating(mentor, mentee)
        row = {"mentor_external_id": f"mentor{mentor}", "mentee_external_id": f"mentee{mentee}"}
        row |= {"began_on": ago(300), "ended_on": ago(100), "goals_met": True}
        rows.append(row | {"mentor_rating": said, "mentee_rating": said})
    await imported(place, program, rows)


async def refitted(place, program):
    return (await place.get(REFITTED, "Ada", id=program["id"]))["refittedWeights"]


async def test_m40_what_past_pairings_speak_for_is_previewed_before_it_is_used(place, program):
    nothing = await refitted(place, program)
    assert (nothing["supported"], nothing["pairings"], nothing["errorNow"]) == (False, 0, None)
    assert nothing["weights"] == nothing["weightsNow"]
    await lived(place, program, lambda mentor, mentee: 5 if (mentor - mentee) % 2 == 0 else 2 + mentee % 2)
    found = await refitted(place, program)
    assert (found["supported"], found["pairings"], found["mentors"]) == (True, MENTEES, MENTORS)
    assert found["weights"]["interests"] > 2 * found["weightsNow"]["interests"]
    assert sum(found["weights"].values()) == pytest.approx(1)
    assert found["errorRefitted"] < min(found["errorNow"], found["errorOfMean"])
    query = "query ($id: ID!) { program(id: $id) { weights } }"
    assert (await place.get(query, "Ada", id=program["id"]))["program"]["weights"] == found["weightsNow"]
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    given = {"programId": program["id"], "weights": found["weights"]}
    made = await place.do("previewMatching", "Ada", "matchPreview { id }", **given)

    async def solved():
        preview = (await place.get(PREVIEW, "Ada", id=made["id"]))["matchPreview"]
        return preview if preview["status"] == "SOLVED" else None

    preview = await eventually(solved, what="the preview", seconds=60)
    assert (preview["result"]["mentees"], preview["settings"]["weights"]) == (1, found["weights"])
    changed = await place.do("changeMatchingSettings", "Ada", "program { weights }", **given)
    assert changed["weights"] == found["weights"]


async def test_m40_where_outcomes_have_nothing_to_do_with_profiles_the_weights_stay(place, program):
    await lived(place, program, lambda mentor, mentee: 1 + (7 * mentee + mentor) % 5)
    found = await refitted(place, program)
    assert (found["supported"], found["weights"]) == (False, found["weightsNow"])
    assert found["errorOfMean"] > 0
    assert await forbidden(place, REFITTED, "Mia", id=program["id"])


async def test_m40_a_pairing_in_which_somebody_went_quiet_counts_though_nobody_rated_it(place, calendar):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    await place.pairing(program)
    assert (await refitted(place, program))["pairings"] == 0
    for _ in range(6):
        await calendar.turn(days=7)
    found = await refitted(place, program)
    assert (found["pairings"], found["mentors"], found["supported"]) == (1, 1, False)
