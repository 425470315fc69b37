"""Somebody leaves the community: what was open with them ends, and nobody waits for them."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
SIDES = {"Mia": "MENTOR", "Max": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE", "Nora": "MENTEE"}
COUNTS = "query ($id: ID!) { program(id: $id) { enrollmentCounts { mentor mentee } } }"
PAIRING = "query ($id: ID!) { pairing(id: $id) { status endReason wentQuiet { id } } }"
RUN = "query ($id: ID!) { matchRun(id: $id) { status } }"


@pytest.fixture
async def program(place):
    program = await place.program()
    await place.enrolled(program, SIDES)
    return program


async def leaves(place, name, program):
    """Ada removes somebody; returns when they are in no program any more."""
    before = (await place.get(COUNTS, "Ada", id=program["id"]))["program"]["enrollmentCounts"]
    await place.do("removeMember", "Ada", memberId=place.ids[name])
    side = SIDES[name].lower()

    async def gone():
        now = (await place.get(COUNTS, "Ada", id=program["id"]))["program"]["enrollmentCounts"]
        return now[side] == before[side] - 1

    await eventually(gone, what=f"{name} leaving the program")


async def draft(place, program, **given):
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"], **given)

    async def solved():
        return (await place.get(RUN, "Ada", id=run["id"]))["matchRun"]["status"] == "SOLVED"

    await eventually(solved, what="solving", seconds=60)
    return run["id"]


async def test_whoever_leaves_between_a_draft_and_its_publication_is_in_no_pairing(place, program):
    pins = [{"menteeId": place.ids["Noa"], "mentorId": place.ids["Mia"]}]
    pins.append({"menteeId": place.ids["Nils"], "mentorId": place.ids["Max"]})
    run = await draft(place, program, pins=pins)
    await leaves(place, "Mia", program)
    await place.do("publishMatchRun", "Ada", "matchRun { status }", runId=run)
    mine = "{ viewer { pairings { edges { node { mentor { displayName } } } } } }"
    assert (await place.get(mine, "Noa"))["viewer"]["pairings"]["edges"] == []
    assert len((await place.get(mine, "Nils"))["viewer"]["pairings"]["edges"]) == 1
    given = {"programId": program["id"], "side": "MENTEE", "paused": False}
    noa = await place.do("changeEnrollment", "Noa", "enrollment { priority }", **given)
    assert noa["priority"] == 1  # she had one and was left out: she comes first next time
    assert await place.refused("startMatchRun", "Ada", programId=program["id"], pins=pins[:1]) == ["BAD_PINS"]


async def test_who_was_paired_with_them_is_free_and_first_next_time_and_nobody_is_blamed(place, program):
    pairing = await place.pairing(program, mentor="Mia", mentee="Noa")
    await leaves(place, "Mia", program)
    seen = (await place.get(PAIRING, "Noa", id=pairing))["pairing"]
    assert seen == {"status": "ENDED", "endReason": "MEMBER_LEFT", "wentQuiet": None}
    [told] = await place.told("pairing_ended")
    assert told["reason"] == "member_left"
    [ended] = await place.told("enrollment_ended")
    assert (ended["member_id"], ended["side"], ended["reason"]) == (place.key("Mia"), "mentor", "member_left")
    given = {"programId": program["id"], "side": "MENTEE", "paused": False}
    assert (await place.do("changeEnrollment", "Noa", "enrollment { priority }", **given))["priority"] == 1


async def test_requests_to_them_go_on_to_the_next_and_theirs_are_taken_back(place, program):
    given = {"programId": program["id"], "message": "Would you?"}
    then = {"mentorId": place.ids["Mia"], "then": [place.ids["Max"]]}
    await place.do("askMentor", "Noa", "request { id }", **given, **then)
    await place.do("askMentor", "Nils", "request { id }", **given, mentorId=place.ids["Max"])
    await leaves(place, "Mia", program)
    await leaves(place, "Nils", program)
    query = "{ viewer { requests { edges { node { status mentor { displayName } mentee { displayName } } } } } }"

    async def settled():
        edges = (await place.get(query, "Max"))["viewer"]["requests"]["edges"]
        found = {edge["node"]["mentee"]["displayName"]: edge["node"]["status"] for edge in edges}
        return found == {"Noa": "PENDING", "Nils": "WITHDRAWN"}

    await eventually(settled, what="settling their requests")
    [mine] = [
        edge["node"] for edge in (await place.get(query, "Noa"))["viewer"]["requests"]["edges"]
        if edge["node"]["mentor"]["displayName"] == "Mia"
    ]  # fmt: skip
    assert mine["status"] == "DECLINED"


async def test_nobody_enrolls_or_brings_a_pairing_with_somebody_who_left(place, program):
    await leaves(place, "Mia", program)
    row = {"memberId": place.ids["Mia"], "side": "MENTOR"}
    want = "result { enrolled errors { code } }"
    done = await place.do("enrollMembers", "Ada", want, programId=program["id"], enrollments=[row])
    assert done == {"enrolled": 0, "errors": [{"code": "no_such_participant"}]}
    given = {"programId": program["id"], "side": "MENTEE", "otherId": place.ids["Mia"]}
    assert await place.refused("bringPairing", "Noa", **given) == ["NO_SUCH_PARTICIPANT"]


async def test_a_run_that_is_thrown_away_while_it_is_solved_stays_that_and_tells_nobody(place, program):
    which = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"])
    given = {"runId": which["id"]}
    discarded = await place.do("discardMatchRun", "Ada", "matchRun { status }", **given)
    assert discarded["status"] == "DISCARDED"
    assert await place.refused("publishMatchRun", "Ada", **given) == ["NOT_SOLVED"]
    assert await place.refused("discardMatchRun", "Noa", **given) == ["FORBIDDEN"]
    run = await draft(place, program)  # the next is solved after the one before, whatever became of that
    await place.do("discardMatchRun", "Ada", "matchRun { status }", **given)
    assert (await place.get(RUN, "Ada", id=which["id"]))["matchRun"]["status"] == "DISCARDED"
    assert [each["run_id"] for each in await place.told("match_run_discarded")] == [place.key_of(which["id"])]
    assert [each["run_id"] for each in await place.told("match_run_solved")] == [place.key_of(run)]
    await place.do("publishMatchRun", "Ada", "matchRun { status }", runId=run)
    assert await place.refused("discardMatchRun", "Ada", runId=run) == ["NOT_SOLVED"]
