"""What two want to reach, and what their program gives them for it."""

import pytest

pytestmark = pytest.mark.integration
SHEET = """query ($id: ID!) { pairing(id: $id) {
  goals { id title progress reachedAt setBy { displayName } }
  tasks { id goalId title dueOn doneAt assignee { displayName } doneBy { displayName } }
  program { checkInTemplates { id name agenda { prompt minutes } } resources { id title url note audience } }
} }"""


@pytest.fixture
async def program(place):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"}, maxPairings=2)
    return program


@pytest.fixture
async def pairing(place, program):
    return await place.pairing(program)


async def sheet(place, pairing, by):
    return (await place.get(SHEET, by, id=pairing))["pairing"]


async def test_m28_both_see_and_change_what_they_want_to_reach(place, pairing, calendar):
    goal = await place.do("setGoal", "Noa", "goal { id }", pairingId=pairing, title="My first pull request")
    given = {"pairingId": pairing, "goalId": goal["id"], "title": "Pick an issue", "dueOn": calendar.day(7)}
    task = await place.do("addTask", "Mia", "task { id }", **given, assigneeId=place.ids["Noa"])
    await place.do("checkTask", "Noa", "task { doneAt }", taskId=task["id"], done=True)
    await place.do("checkTask", "Mia", "task { doneAt }", taskId=task["id"], done=True)
    await place.do("changeGoal", "Mia", "goal { progress }", goalId=goal["id"], progress=100)
    await place.do("changeGoal", "Noa", "goal { progress }", goalId=goal["id"], progress=100)
    for name in ("Noa", "Mia"):
        seen = await sheet(place, pairing, name)
        [one] = seen["goals"]
        assert (one["title"], one["progress"], one["setBy"]) == ("My first pull request", 100, {"displayName": "Noa"})
        assert one["reachedAt"]
        [one] = seen["tasks"]
        assert (one["goalId"], one["dueOn"], one["doneBy"]) == (goal["id"], calendar.day(7), {"displayName": "Noa"})
    assert len(await place.told("goal_reached")) == 1
    await place.do("changeGoal", "Noa", "goal { progress }", goalId=goal["id"], progress=80, title="My second one")
    await place.do("checkTask", "Noa", "task { doneAt }", taskId=task["id"], done=False)
    seen = await sheet(place, pairing, "Mia")
    assert (seen["goals"][0]["reachedAt"], seen["goals"][0]["title"]) == (None, "My second one")
    assert (seen["tasks"][0]["doneAt"], seen["tasks"][0]["doneBy"]) == (None, None)


async def test_m28_what_two_want_to_reach_is_nobody_elses(place, program, pairing):
    goal = await place.do("setGoal", "Noa", "goal { id }", pairingId=pairing, title="Mine")
    task = await place.do("addTask", "Noa", "task { id }", pairingId=pairing, title="Mine too")
    for name in ("Nils", "Ada"):
        assert await place.refused("changeGoal", name, goalId=goal["id"], progress=1) == ["NO_SUCH_GOAL"]
        assert await place.refused("checkTask", name, taskId=task["id"], done=True) == ["NO_SUCH_TASK"]
        assert await place.refused("setGoal", name, pairingId=pairing, title="x") == ["NO_SUCH_PAIRING"]
    assert (await sheet(place, pairing, "Ada"))["goals"] == (await sheet(place, pairing, "Ada"))["tasks"] == []
    other = await place.pairing(program, mentee="Nils")
    stolen = {"pairingId": other, "title": "x", "goalId": goal["id"]}
    assert await place.refused("addTask", "Mia", **stolen) == ["NO_SUCH_GOAL"]
    third = {"pairingId": other, "title": "x", "assigneeId": place.ids["Noa"]}
    assert await place.refused("addTask", "Mia", **third) == ["NOT_ONE_OF_THE_TWO"]
    await place.do("endPairing", "Noa", "pairing { id }", pairingId=pairing, reason="COMPLETED")
    assert await place.refused("changeGoal", "Noa", goalId=goal["id"], progress=1) == ["NOT_TOGETHER"]


@pytest.mark.parametrize("given", [{"progress": -1}, {"progress": 101}, {"title": " "}, {"title": "a\u0007"}])
async def test_m28_goals_that_make_no_sense_are_refused(place, pairing, given):
    goal = await place.do("setGoal", "Noa", "goal { id }", pairingId=pairing, title="Mine")
    assert await place.refused("changeGoal", "Noa", goalId=goal["id"], **given) == ["INVALID_REQUEST"]


async def test_m27_a_program_has_agendas_that_coordinators_edit(place, program, pairing):
    agenda = [{"prompt": "How are you?", "minutes": 10}, {"prompt": "Your question", "minutes": 30}]
    given = {"name": "First meeting", "agenda": agenda}
    made = await place.do("addCheckInTemplate", "Ada", "checkInTemplate { id }", programId=program["id"], **given)
    seen = {"id": made["id"], "name": "First meeting", "agenda": agenda}
    assert (await sheet(place, pairing, "Noa"))["program"]["checkInTemplates"] == [seen]
    which = {"templateId": made["id"]}
    changed = {"name": "Every meeting", "agenda": agenda[1:]}
    await place.do("changeCheckInTemplate", "Ada", "checkInTemplate { id }", **which, **changed)
    assert (await sheet(place, pairing, "Noa"))["program"]["checkInTemplates"] == [{"id": made["id"], **changed}]
    for wrong in ([], [{"prompt": "x", "minutes": 0}], [{"prompt": "x", "minutes": 1}] * 21):
        refused = await place.refused("changeCheckInTemplate", "Ada", **which, name="x", agenda=wrong)
        assert refused == ["INVALID_REQUEST"]
    assert await place.refused("removeCheckInTemplate", "Mia", **which) == ["FORBIDDEN"]
    await place.do("removeCheckInTemplate", "Ada", "checkInTemplate { id }", **which)
    assert await place.refused("removeCheckInTemplate", "Ada", **which) == ["NO_SUCH_GUIDE"]
    assert (await sheet(place, pairing, "Noa"))["program"]["checkInTemplates"] == []


async def test_m29_a_program_has_resources_for_mentors_mentees_and_pairs(place, program, pairing):
    given = {"audience": "MENTEES", "title": "How to ask", "url": "https://example.org/ask"}
    made = await place.do("addResource", "Ada", "resource { id }", programId=program["id"], **given)
    assert (await sheet(place, pairing, "Noa"))["program"]["resources"] == [{"id": made["id"], "note": "", **given}]
    changed = given | {"resourceId": made["id"], "note": "Read this first."}
    await place.do("changeResource", "Ada", "resource { note }", **changed)
    assert (await sheet(place, pairing, "Mia"))["program"]["resources"][0]["note"] == "Read this first."
    for url in ("javascript:alert(1)", "file:///etc/passwd", "example.org", "https://" + "x" * 3000):
        assert await place.refused("changeResource", "Ada", **(changed | {"url": url})) == ["INVALID_REQUEST"]
    assert await place.refused("changeResource", "Mia", **changed) == ["FORBIDDEN"]
    await place.do("removeResource", "Ada", "resource { id }", resourceId=made["id"])
    assert (await sheet(place, pairing, "Noa"))["program"]["resources"] == []
