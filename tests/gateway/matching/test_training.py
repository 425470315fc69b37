"""Training before a first pairing."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
MINE = """query ($id: ID!) { program(id: $id) {
  training { id title position completedAt }
  myEnrollments { side openTraining { title } }
} }"""
PROGRESS = """query ($id: ID!) { trainingProgress(programId: $id) { edges { node {
  side required completed exempt heldBack member { displayName }
} } } }"""
ATTENTION = """query ($id: ID!) { attention(programId: $id) { edges { node {
  kind reason nextAction member { displayName }
} } } }"""
RUN = """query ($id: ID!) {
  matchRun(id: $id) { status }
  matchSuggestions(runId: $id) { edges { node { mentor { displayName } mentee { displayName } } } }
}"""


@pytest.fixture
async def program(place):
    program = await place.program(acceptance="AUTOMATIC")
    sides = {"Mia": "MENTOR", "Max": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"}
    await place.enrolled(program, sides, maxPairings=2)
    return program


async def module(place, program, title="How to listen", **given):
    given = {"requiredFor": ["MENTOR"]} | given
    given |= {"programId": program["id"], "title": title}
    return (await place.do("addTrainingModule", "Ada", "trainingModule { id }", **given))["id"]


async def mine(place, program, by):
    return (await place.get(MINE, by, id=program["id"]))["program"]


async def solved(place, program, **given):
    """The run's id and its pairs."""
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"], **given)

    async def done():
        found = await place.get(RUN, "Ada", id=run["id"])
        return found if found["matchRun"]["status"] == "SOLVED" else None

    found = await eventually(done, what="solving", seconds=60)
    edges = found["matchSuggestions"]["edges"]
    return run["id"], {(e["node"]["mentor"]["displayName"], e["node"]["mentee"]["displayName"]) for e in edges}


async def attention(place, program):
    edges = (await place.get(ATTENTION, "Ada", id=program["id"]))["attention"]["edges"]
    found = [edge["node"] for edge in edges]
    return {(each["member"]["displayName"], each["kind"], each["reason"], each["nextAction"]) for each in found}


async def test_m35_a_mentor_completes_the_training_before_a_first_pairing(place, program):
    first = await module(place, program)
    second = await module(place, program, "House rules", requiredFor=["MENTOR"])
    await module(place, program, "Further reading", requiredFor=[], url="https://example.org/more")
    ask = {"programId": program["id"], "mentorId": place.ids["Mia"], "message": "Would you?"}
    assert await place.refused("askMentor", "Noa", **ask) == ["TRAINING_OPEN"]
    asked = {"programId": program["id"], "menteeId": place.ids["Noa"], "message": "May I?"}
    assert await place.refused("askMentee", "Mia", **asked) == ["TRAINING_OPEN"]
    seen = await mine(place, program, "Mia")
    assert [(each["title"], each["position"]) for each in seen["training"]] == [
        ("How to listen", 1), ("House rules", 2), ("Further reading", 3),
    ]  # fmt: skip
    assert seen["myEnrollments"][0]["openTraining"] == [{"title": "How to listen"}, {"title": "House rules"}]
    assert ("Mia", "UNTRAINED", "TRAINING_OPEN", "REMIND_OF_TRAINING") in await attention(place, program)
    for _ in range(2):
        await place.do("completeTrainingModule", "Mia", "trainingModule { completedAt }", moduleId=first)
    assert await place.refused("askMentor", "Noa", **ask) == ["TRAINING_OPEN"]
    await place.do("completeTrainingModule", "Mia", "trainingModule { completedAt }", moduleId=second)
    seen = await mine(place, program, "Mia")
    assert seen["myEnrollments"][0]["openTraining"] == []
    assert [bool(each["completedAt"]) for each in seen["training"]] == [True, True, False]
    told = await place.told("training_module_completed")
    assert [each["module_id"] for each in told] == [place.key_of(first), place.key_of(second)]
    await place.do("askMentor", "Noa", "request { id }", **ask)
    _, pairs = await solved(place, program)
    assert {mentor for mentor, _ in pairs} == {"Mia"}  # Max has not


async def test_m35_training_that_is_added_later_holds_back_nobody_who_has_begun(place, program):
    await place.pairing(program)
    await module(place, program)
    ask = {"programId": program["id"], "message": "Would you?"}
    await place.do("askMentor", "Nils", "request { id }", **ask, mentorId=place.ids["Mia"])
    assert (await mine(place, program, "Mia"))["myEnrollments"][0]["openTraining"] == []
    assert (await mine(place, program, "Max"))["myEnrollments"][0]["openTraining"] == [{"title": "How to listen"}]
    past = {"line": 1, "mentor_external_id": "Max", "mentee_external_id": "Nils"}
    rows = [past | {"began_on": "2024-01-01", "ended_on": "2024-02-01"}]
    await place.do("importPastPairings", "Ada", "imported { created }", programId=program["id"], rows=rows)
    assert (await mine(place, program, "Max"))["myEnrollments"][0]["openTraining"] == []


async def test_m35_a_draft_of_before_pairs_nobody_whose_training_is_open_meanwhile(place, program):
    run, pairs = await solved(place, program)
    assert len(pairs) == 2
    await module(place, program)
    await place.do("publishMatchRun", "Ada", "matchRun { status }", runId=run)
    query = "query ($id: ID!) { pairings(programId: $id) { edges { node { id } } } }"
    assert (await place.get(query, "Ada", id=program["id"]))["pairings"]["edges"] == []
    pin = {"menteeId": place.ids["Noa"], "mentorId": place.ids["Mia"]}
    assert await place.refused("startMatchRun", "Ada", programId=program["id"], pins=[pin]) == ["BAD_PINS"]


async def test_m35_i_see_how_far_everybody_is_and_let_somebody_go_without(place, program):
    await module(place, program, requiredFor=["MENTOR", "MENTEE"])
    await place.do("completeTrainingModule", "Noa", "trainingModule { id }", moduleId=await module(place, program, "B"))

    async def progress():
        edges = (await place.get(PROGRESS, "Ada", id=program["id"]))["trainingProgress"]["edges"]
        names = ("side", "required", "completed", "exempt", "heldBack")
        return {e["node"]["member"]["displayName"]: tuple(e["node"][name] for name in names) for e in edges}

    assert (await progress())["Mia"] == ("MENTOR", 2, 0, False, True)
    assert (await progress())["Noa"] == ("MENTEE", 1, 0, False, True)
    assert ("Noa", "UNMATCHED", "TRAINING_OPEN", "REMIND_OF_TRAINING") in await attention(place, program)
    for name in ("Mia", "Noa"):
        given = {"programId": program["id"], "memberId": place.ids[name], "exempt": True}
        await place.do("exemptFromTraining", "Ada", "enrollment { id }", **given)
    assert (await progress())["Mia"] == ("MENTOR", 2, 0, True, False)
    assert (await solved(place, program))[1] == {("Mia", "Noa")}
    await place.do("exemptFromTraining", "Ada", "enrollment { id }", **(given | {"exempt": False}))
    assert (await progress())["Noa"][3:] == (False, True)


async def test_m35_modules_are_changed_moved_and_removed(place, program):
    first, second = await module(place, program), await module(place, program, "House rules")
    await place.do("completeTrainingModule", "Mia", "trainingModule { id }", moduleId=first)
    changed = {"moduleId": second, "title": "Our rules", "position": 1, "requiredFor": ["MENTEE"]}
    await place.do("changeTrainingModule", "Ada", "trainingModule { position }", **changed)
    await place.do("removeTrainingModule", "Ada", "trainingModule { id }", moduleId=first)
    seen = await mine(place, program, "Mia")
    assert [(each["title"], each["position"]) for each in seen["training"]] == [("Our rules", 1)]
    assert seen["myEnrollments"][0]["openTraining"] == []
    for mutation, given in (
        ("removeTrainingModule", {}),
        ("changeTrainingModule", {"title": "x"}),
        ("completeTrainingModule", {}),
    ):
        assert await place.refused(mutation, "Ada", moduleId=first, **given) == ["NO_SUCH_MODULE"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "},
        {"title": "a\u0007"},
        {"url": "javascript:alert(1)"},
        {"position": 0},
        {"requiredFor": ["PEER"]},
        {"requiredFor": ["MENTOR"] * 3},
        {"body": "x" * 4001},
    ],
)
async def test_m35_modules_that_make_no_sense_are_refused(place, program, wrong):
    given = {"programId": program["id"], "title": "T"} | wrong
    assert await place.refused("addTrainingModule", "Ada", **given) == ["INVALID_REQUEST"]


async def test_m35_only_who_takes_part_completes_and_only_coordinators_decide(place, program):
    made = await module(place, program)
    assert await place.refused("completeTrainingModule", "Mo", moduleId=made) == ["NOT_ENROLLED"]
    stranger = {"programId": program["id"], "memberId": place.ids["Mo"], "exempt": True}
    assert await place.refused("exemptFromTraining", "Ada", **stranger) == ["NOT_ENROLLED"]
    own = {"programId": program["id"], "memberId": place.ids["Mia"], "exempt": True}
    assert await place.refused("exemptFromTraining", "Mia", **own) == ["FORBIDDEN"]
    assert await place.refused("addTrainingModule", "Mia", programId=program["id"], title="T") == ["FORBIDDEN"]
    sql = "SELECT id FROM enrollments WHERE program_id = :program AND side = 'mentor'"
    keys = [str(row["id"]) for row in await place.matching.rows(sql, program=place.key_of(program["id"]))]
    mia = place.matching.client(place.actor("Mia"))
    answer = await mia.post("/read/open-training-by-enrollment", json={"keys": keys})
    assert sorted(len(each) for each in answer.json()) == [0, 1]  # hers, and nothing of Max
