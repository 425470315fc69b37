"""Who takes part and who was paired before, brought from lists."""

import httpx
import pytest

from kith_local.client import Client
from kith_local.commands import program_id
from kith_local.errors import LocalError
from kith_local.imports import import_members, rejected_path
from kith_local.lists import PARTICIPANTS
from kith_local.member_files import open_members
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
WANT = "imported { created updated unchanged errors { line column reason } }"
ENROLLED = """query ($id: ID!) { enrollments(programId: $id, first: 100) { edges { node {
  side maxPairings weeklyHours goals member { displayName }
} } } }"""
PAIRED = """query ($id: ID!) { pairings(programId: $id) { edges { node {
  id status endReason settledAt endedAt mentor { displayName } mentee { displayName }
  closingSurveys { rating goalsMet }
} } } }"""


async def bring(place, mutation, program, rows, by="Ada"):
    """What came of an import: (created, updated, unchanged), and the errors by line and column."""
    rows = [{"line": line} | row for line, row in enumerate(rows, start=2)]
    done = await place.do(mutation, by, WANT, programId=program["id"], rows=rows)
    counts = tuple(done[name] for name in ("created", "updated", "unchanged"))
    return counts, {(each["line"], each["column"]): each["reason"] for each in done["errors"]}


async def enrolled(place, program):
    """Who takes part: {name: (side, room, hours, goals)}."""
    edges = (await place.get(ENROLLED, "Ada", id=program["id"]))["enrollments"]["edges"]
    found = [edge["node"] for edge in edges]
    return {
        each["member"]["displayName"]: (each["side"], each["maxPairings"], each["weeklyHours"], each["goals"])
        for each in found
    }


@pytest.fixture
async def program(place):
    program = await place.program()

    async def heard():  # of everybody
        _, wrong = await bring(place, "importParticipants", program, [{"external_id": "Nora", "side": "peer"}])
        return not wrong

    await eventually(heard, what="matching hearing of all members")
    return program


def past(mentor="Mia", mentee="Noa", began="2024-01-10", ended="2024-06-30", **more):
    return {"mentor_external_id": mentor, "mentee_external_id": mentee, "began_on": began, "ended_on": ended, **more}


async def test_m45_i_bring_my_participants_from_a_list_and_correct_it(place, program):
    rows = [
        {"external_id": "Mia", "side": "Mentor", "max_pairings": "3", "weekly_hours": "2.5", "goals": ["Give back"]},
        {"external_id": "Noa", "side": "mentee"},
        {"external_id": "Nils", "side": "mentee", "max_pairings": None},
    ]
    assert await bring(place, "importParticipants", program, rows) == ((3, 0, 0), {})
    there = await enrolled(place, program)
    assert there["Mia"] == ("MENTOR", 3, 2.5, ["Give back"])
    assert there["Noa"] == there["Nils"] == ("MENTEE", 1, None, [])
    told = len(await place.told("member_enrolled"))
    assert await bring(place, "importParticipants", program, rows) == ((0, 0, 3), {})
    given = {"programId": program["id"], "side": "MENTEE"}
    await place.do("changeEnrollment", "Nils", "enrollment { id }", **given, maxPairings=2, goals=["Mine"])
    rows[0]["max_pairings"] = 1
    assert await bring(place, "importParticipants", program, rows) == ((0, 1, 2), {})
    there = await enrolled(place, program)
    assert there["Mia"] == ("MENTOR", 1, 2.5, ["Give back"])
    assert there["Nils"] == ("MENTEE", 2, None, ["Mine"])  # what they chose since stays
    assert len(await place.told("member_enrolled")) == told


async def test_m45_what_is_wrong_with_a_list_is_told_by_line_and_column_and_the_rest_is_taken(place, program):
    rows = [
        {"external_id": "Mia", "side": "mentor"},
        {"external_id": "Mia", "side": "mentor", "max_pairings": 9},
        {"external_id": "nobody", "side": "mentor"},
        {"email": "nobody@example.org", "side": "mentee"},
        {"side": "mentee"},
        {"external_id": "Max", "side": "boss", "max_pairings": 51, "weekly_hours": -1},
        {"external_id": "Max", "side": "mentor", "favourite": "blue"},
        {"external_id": ["Max"], "side": "mentor"},
        {"external_id": "Max", "email": "nobody@example.org", "side": "mentor"},
        {"external_id": "Mia", "side": "mentee"},
    ]
    counts, wrong = await bring(place, "importParticipants", program, rows)
    assert counts == (2, 0, 0)  # nobody is kept from being both
    assert set(wrong) == {
        (3, "external_id"), (4, "external_id"), (5, "email"), (6, "external_id"), (7, "side"), (7, "max_pairings"),
        (7, "weekly_hours"), (8, "favourite"), (9, "external_id"), (10, "external_id"),
    }  # fmt: skip
    assert "same as on line 2" in wrong[3, "external_id"]
    assert "names no member" in wrong[4, "external_id"]
    assert "is missing" in wrong[6, "external_id"]


async def test_m45_pairings_of_before_are_history_that_nobody_is_told_of(place, program):
    rows = [
        past(end_reason="Completed", mentor_rating="5", mentee_rating="4", goals_met="yes"),
        past(mentee="Nils", ended="2024-02-01", end_reason="no_fault"),
    ]
    events = ("pairing_proposed", "pairing_accepted", "pairing_ended")
    assert await bring(place, "importPastPairings", program, rows) == ((2, 0, 0), {})
    assert await bring(place, "importPastPairings", program, rows) == ((0, 0, 2), {})
    assert [await place.told(type_) for type_ in events] == [[], [], []]
    seen = [edge["node"] for edge in (await place.get(PAIRED, "Ada", id=program["id"]))["pairings"]["edges"]]
    first = next(each for each in seen if each["mentee"]["displayName"] == "Noa")
    assert (first["status"], first["endReason"], first["settledAt"][:10]) == ("ENDED", "COMPLETED", "2024-01-10")
    assert sorted(each["rating"] for each in first["closingSurveys"]) == [4, 5]
    rows[0] |= {"ended_on": "2024-07-31", "mentee_rating": "2"}
    assert await bring(place, "importPastPairings", program, rows) == ((0, 1, 1), {})
    seen = [edge["node"] for edge in (await place.get(PAIRED, "Ada", id=program["id"]))["pairings"]["edges"]]
    first = next(each for each in seen if each["mentee"]["displayName"] == "Noa")
    assert (len(seen), first["endedAt"][:10]) == (2, "2024-07-31")
    assert sorted(each["rating"] for each in first["closingSurveys"]) == [2, 5]
    told = [(each["pairings"], each["corrected"]) for each in await place.told("history_imported")]
    assert told == [(2, 0), (0, 1)]


async def test_m45_who_was_paired_before_is_not_suggested_again(place, program):
    await bring(place, "importPastPairings", program, [past()])
    sides = {"Mia": "MENTOR", "Max": "MENTOR", "Noa": "MENTEE"}
    await place.enrolled(program, sides)
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"])
    query = """query ($id: ID!) { matchRun(id: $id) { status }
      matchSuggestions(runId: $id) { edges { node { mentor { displayName } } } } }"""

    async def solved():
        found = await place.get(query, "Ada", id=run["id"])
        return found if found["matchRun"]["status"] == "SOLVED" else None

    found = await eventually(solved, what="solving", seconds=60)
    assert [edge["node"]["mentor"]["displayName"] for edge in found["matchSuggestions"]["edges"]] == ["Max"]


async def test_m45_two_rows_of_one_line_are_two_rows(place, program):
    assert (await bring(place, "importPastPairings", program, [past()]))[0] == (1, 0, 0)
    both = [past(mentor_rating=4, goals_met=True), past("Max", "Nils", "2023-01-01", "2023-02-01")]
    counts, wrong = await bring(place, "importPastPairings", program, [each | {"line": 2} for each in both])
    assert (counts, wrong) == ((1, 1, 0), {})
    edges = (await place.get(PAIRED, "Ada", id=program["id"]))["pairings"]["edges"]
    found = {edge["node"]["mentee"]["displayName"]: edge["node"]["settledAt"][:10] for edge in edges}
    assert found == {"Noa": "2024-01-10", "Nils": "2023-01-01"}


async def test_m45_what_cannot_have_been_is_refused_by_row(place, program, calendar):
    rows = [
        past(),
        past(began="2024-06-01", ended="2024-08-01"),
        past("Noa", "Mia", "2024-03-01", "2024-04-01"),
        past("Noa", "Mia", "2024-06-30", "2024-07-30"),
        past("Mia", "Mia"),
        past("Max", ended="2023-12-31"),
        past("Max", ended=calendar.day(2)),
        past("Max", began="soon"),
        past("Max", began=5),
        past("Max", mentor_rating=6),
        past("Max", mentor_rating=4),
        past("Max", end_reason="boredom"),
        past("Max", "nobody"),
    ]
    counts, wrong = await bring(place, "importPastPairings", program, rows)
    assert counts == (2, 0, 0)  # the fourth: they changed sides on the day they parted
    assert set(wrong) == {
        (3, "began_on"), (4, "row"), (6, "mentee_external_id"), (7, "row"), (8, "ended_on"), (9, "began_on"),
        (10, "began_on"), (11, "mentor_rating"), (12, "row"), (13, "end_reason"), (14, "mentee_external_id"),
    }  # fmt: skip
    assert "on line 2" in wrong[3, "began_on"]
    assert "cycle" in wrong[4, "row"]
    _, wrong = await bring(place, "importPastPairings", program, [past("Noa", "Mia", "2024-02-01", "2024-03-01")])
    assert "in this program already" in wrong[2, "row"]


async def test_m45_what_two_live_here_is_not_rewritten_by_a_list(place, program, calendar):
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    pairing = await place.pairing(program)
    await calendar.turn(days=10)
    for two in (("Mia", "Noa"), ("Noa", "Mia")):
        row = past(*two, calendar.day(-8), calendar.day(-5))
        counts, wrong = await bring(place, "importPastPairings", program, [row])
        assert (counts, len(wrong)) == ((0, 0, 0), 1)
    assert (await place.get("query ($id: ID!) { pairing(id: $id) { status } }", "Noa", id=pairing))["pairing"] == {
        "status": "ACCEPTED"
    }


async def test_m45_lists_are_for_coordinators_and_a_thousand_rows_at_most(place, program):
    for mutation in ("importParticipants", "importPastPairings"):
        rows = [{"external_id": "Mia", "side": "mentor"}]
        assert await place.refused(mutation, "Mia", programId=program["id"], rows=rows) == ["FORBIDDEN"]
        for hostile in ([{"line": 1}] * 1001, ["row"], [[]]):
            assert await place.refused(mutation, "Ada", programId=program["id"], rows=hostile) == ["INVALID_REQUEST"]
    nobody = {"member": {"id": place.key("Max"), "by": "email"}, "side": "mentor"}
    counts, _ = await bring(place, "importParticipants", program, [nobody])
    assert counts == (0, 0, 0)
    hidden = place.matching.client(place.actor("Mia"))
    assert (await hidden.get(f"/programs/{place.key_of(program['id'])}/enrollments")).status_code == 403


async def test_m45_the_command_line_brings_a_file_into_the_program_of_that_name(place, program, tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_text('{"external_id": "Mia", "side": "mentor"}\n{"external_id": "Who", "side": "mentor"}\n')
    async with httpx.AsyncClient(transport=httpx.ASGITransport(place.gateway.app)) as http:
        client = Client(http, "http://gateway/graphql", token=place.owner.token())
        into = {"programId": await program_id(client, "Spring")}
        assert into == {"programId": program["id"]}
        with pytest.raises(LocalError, match="There is no program 'Autumn'"):
            await program_id(client, "Autumn")
        with open_members(path, kind=PARTICIPANTS) as rows:
            result = await import_members(client, rows, rejected_path=rejected_path(path), into=into)
    assert (result.created, [(each.line, each.column) for each in result.errors]) == (1, [(2, "external_id")])
    assert (await enrolled(place, program))["Mia"][0] == "MENTOR"
