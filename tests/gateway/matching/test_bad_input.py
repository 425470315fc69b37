"""What cannot be matched has a clear error or a defined effect."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration


async def ended(place, program, **given):
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"], **given)
    query = """query ($id: ID!) {
      matchRun(id: $id) {
        status failure certificate { matched gap }
        conflicts { reason pins { mentee { displayName } mentor { displayName } } prohibited { mentee { id } } }
      }
      unmatchedMentees(runId: $id) { edges { node { reason mentee { displayName } } } }
    }"""

    async def done():
        seen = await place.get(query, "Ada", id=run["id"])
        return seen if seen["matchRun"]["status"] in {"SOLVED", "FAILED"} else None

    seen = await eventually(done, what="solving", seconds=60)
    left = {each["node"]["mentee"]["displayName"]: each["node"]["reason"] for each in seen["unmatchedMentees"]["edges"]}
    return seen["matchRun"], left


@pytest.mark.parametrize("mentors", [{}, {"Mia": "MENTOR"}])
async def test_a_program_without_mentors_or_with_none_who_has_room_is_solved_and_leaves_everyone(place, mentors):
    program = await place.program()
    await place.enrolled(program, {"Noa": "MENTEE", "Nils": "MENTEE"})
    if mentors:
        await place.enrolled(program, mentors, maxPairings=0)
    run, left = await ended(place, program)
    assert (run["status"], run["certificate"]) == ("SOLVED", {"matched": 0, "gap": 0})
    assert left == dict.fromkeys(("Noa", "Nils"), "NO_MENTOR_FREE")


async def test_of_wishes_that_contradict_each_other_the_smallest_set_is_named(place):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Max": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"})
    noa, nils = ({"menteeId": place.ids[name], "mentorId": place.ids["Mia"]} for name in ("Noa", "Nils"))
    given = {"programId": program["id"], "pins": [noa]}
    assert await place.refused("startMatchRun", "Ada", **given, prohibited=[noa]) == ["BAD_PINS"]
    run, _ = await ended(place, program, pins=[noa, nils])
    assert run["status"] == "FAILED"
    assert "raise the capacity" in run["failure"]
    [conflict] = run["conflicts"]
    assert (conflict["reason"], conflict["prohibited"]) == ("MENTOR_FULL", [])
    pairs = {(each["mentee"]["displayName"], each["mentor"]["displayName"]) for each in conflict["pins"]}
    assert pairs == {("Noa", "Mia"), ("Nils", "Mia")}


@pytest.mark.parametrize(
    "given",
    [
        {"timeZone": "Mars/Olympus"},
        {"skillsWanted": [{"tag": f"tag {n}", "level": 1} for n in range(10_000)]},
        {"interests": [f"tag {n}" for n in range(10_000)]},
        {"skillsOffered": [{"tag": "python", "level": 6}]},
        {"availability": [{"weekday": 7, "start": 0, "end": 60}]},
    ],
    ids=["a zone that is none", "10,000 skills", "10,000 interests", "level 6", "an eighth day"],
)
async def test_a_profile_nobody_could_be_matched_by_is_refused(place, given):
    assert await place.refused("updateProfile", "Noa", **given) == ["INVALID_REQUEST"]
