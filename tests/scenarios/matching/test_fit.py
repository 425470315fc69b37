"""Who fits whom: what a match run looks at, how good it is, and what it says of that."""

import pytest
from tests.scenarios.matching.conftest import knows, wants

pytestmark = pytest.mark.scenario


async def cohort(town, mentors, mentees, **settings):
    """A program with these people in it."""
    await town.arrive(**mentors, **mentees)
    program = await town.program(**settings)
    await town.enrolled(program, dict.fromkeys(mentors, "MENTOR") | dict.fromkeys(mentees, "MENTEE"))
    return program


def skills(**levels):
    return [{"tag": tag, "level": level} for tag, level in levels.items()]


def evening(zone, start=18, end=20, weekday=0):
    return {"time_zone": zone, "availability": [{"weekday": weekday, "start": start * 60, "end": end * 60}]}


async def test_m3_i_get_the_mentor_who_is_best_at_what_i_want_most(town):
    mentors = {
        "Rust teacher": knows(skills_offered=skills(rust=5, sql=1)),
        "SQL teacher": knows(skills_offered=skills(rust=1, sql=5)),
    }
    mentees = {"Ria": wants(skills_wanted=skills(rust=5, sql=1)), "Sam": wants(skills_wanted=skills(rust=1, sql=5))}
    program = await cohort(town, mentors, mentees)
    found, _ = await town.suggested(await town.draft(program))
    assert {name: each["mentor"]["displayName"] for name, each in found.items()} == {
        "Ria": "Rust teacher", "Sam": "SQL teacher",
    }  # fmt: skip
    assert found["Ria"]["sharedSkills"] == ["rust", "sql"]
    [part] = [each for each in found["Ria"]["parts"] if each["part"] == "skills"]
    assert part["value"] == pytest.approx((5 * 5 + 1 * 1) / 5 / 6)  # wanted times offered, of all that is wanted


async def test_m5_my_mentor_is_a_few_steps_ahead_and_two_who_can_teach_each_other_do(town):
    mentors = {"Veteran": knows("go", years=35), "Near peer": knows("go", years=6)}
    program = await cohort(town, mentors, {"Ria": wants("go", years=1)})
    found, _ = await town.suggested(await town.draft(program))
    assert found["Ria"]["mentor"]["displayName"] == "Near peer"
    peers = {
        "Painter": knows("art", skills_wanted=skills(law=2)),
        "Lawyer": knows("law", skills_wanted=skills(art=2)),
        "Cook": knows("soup"),
    }
    await town.arrive(**peers)
    exchange = await town.program(name="Teach each other", kind="PEER")
    await town.enrolled(exchange, dict.fromkeys(peers, "PEER"))
    _, [circle], left = await town.round(exchange, form="EXCHANGE")
    helps = {(each["giver"]["displayName"], *each["skills"], each["taker"]["displayName"]) for each in circle["helps"]}
    assert helps == {("Painter", "art", "Lawyer"), ("Lawyer", "law", "Painter")}
    assert left == ["Cook"]


async def test_m11_nobody_is_left_out_because_another_asked_first_and_that_is_proven(town):
    """Whoever looks for the best pair first gives Ria the all-rounder, and then nobody can help Sam."""
    mentors = {"All-rounder": knows("rust", "sql"), "Rust teacher": knows("rust", level=4)}
    program = await cohort(town, mentors, {"Ria": wants("rust"), "Sam": wants("sql")})
    run = await town.draft(program)
    assert await town.who_with_whom(run) == {"Ria": "Rust teacher", "Sam": "All-rounder"}
    proof = run["certificate"]
    assert (proof["matched"], proof["gap"]) == (2, 0)
    assert proof["total"] == pytest.approx(proof["bound"])
    assert {each["mode"]: each["matched"] for each in proof["outcomes"]}["BEST_TOTAL"] == 2


async def test_m12_i_see_who_would_gain_before_i_change_what_counts(town):
    mentors = {"Gus": knows("go", interests=["chess"]), "Sue": knows("sql", interests=["tea"])}
    mentees = {"Ria": wants("go", interests=["tea"]), "Sam": wants("sql", interests=["chess"])}
    program = await cohort(town, mentors, mentees, rules={"minimum_shared_skills": 0})
    by_interests = {"skills": 0, "interests": 1, "language": 0, "experience": 0, "availability": 0}
    given = {"programId": program["id"], "weights": by_interests}
    result = await town.preview(**given)
    assert (result["gain"], result["lose"]) == (2, 0)
    assert {each["mentee"]["displayName"]: each["mentorAfter"]["displayName"] for each in result["changes"]} == {
        "Ria": "Sue", "Sam": "Gus",
    }  # fmt: skip
    assert await town.who_with_whom(await town.draft(program)) == {"Ria": "Gus", "Sam": "Sue"}  # nothing changed yet
    await town.do("changeMatchingSettings", "Ada", "program { weights }", **given)
    assert await town.who_with_whom(await town.draft(program)) == {"Ria": "Sue", "Sam": "Gus"}
    lopsided = {"programId": program["id"], "weights": {"skills": 1}}
    assert await town.refused("changeMatchingSettings", "Ada", **lopsided) == ["BAD_SETTINGS"]


async def test_m13_each_pair_says_why_who_else_would_do_and_what_that_would_cost(town):
    mentors = {"Gus": knows("go", interests=["tea"]), "Sue": knows("go", level=3)}
    program = await cohort(town, mentors, {"Ria": wants("go", interests=["tea"])})
    found, _ = await town.suggested(await town.draft(program))
    ria = found["Ria"]
    assert (ria["mentor"]["displayName"], ria["nextBest"]["displayName"]) == ("Gus", "Sue")
    assert ria["score"] == pytest.approx(sum(each["value"] * each["weight"] for each in ria["parts"]), abs=1e-5)
    reasons = {each["part"]: each["reason"] for each in ria["parts"]}
    assert reasons["skills"] == "skills_shared"
    assert reasons["availability"] == "availability_unknown"
    # Sue teaches on level 3 of 5 at half the weight; that she says nothing of what she likes counts half of a tenth.
    assert 0 < ria["switchCost"] <= 0.5 * 2 / 5 + 0.1 * 0.5 + 1e-6  # it says: at least


async def test_m22_we_have_time_at_the_same_time_though_our_clocks_differ(town):
    mentors = {
        "In New York": knows("go", **evening("America/New_York", 11, 14)),
        "In Tokyo": knows("go", **evening("Asia/Tokyo")),
    }
    mentees = {"In Vienna": wants("go", **evening("Europe/Vienna")), "In Seoul": wants("go", **evening("Asia/Seoul"))}
    program = await cohort(town, mentors, mentees, rules={"minimum_overlap_minutes": 60})
    found, left = await town.suggested(await town.draft(program))
    assert {name: each["mentor"]["displayName"] for name, each in found.items()} == {
        "In Vienna": "In New York", "In Seoul": "In Tokyo",
    }  # fmt: skip
    assert [each["overlapMinutes"] for each in found.values()] == [120, 120]
    await town.arrive(Sailor=wants("go", **evening("Pacific/Auckland")))
    await town.enrolled(program, {"Sailor": "MENTEE"})
    await town.enrolled(program, {"Mia": "MENTOR"})
    _, left = await town.suggested(await town.draft(program))
    assert left["Sailor"]["reason"] == "NOBODY_MEETS_THE_RULES"


async def test_m23_two_who_speak_no_common_language_are_not_paired_unless_the_program_allows_it(town):
    mentors = {"Anna": knows("go", languages=["de-AT"], level=2), "Bob": knows("go", languages=["en"])}
    program = await cohort(town, mentors, {"Ria": wants("go", languages=["de-DE"])})
    found, _ = await town.suggested(await town.draft(program))
    assert (found["Ria"]["mentor"]["displayName"], found["Ria"]["sharedLanguages"]) == ("Anna", ["de"])
    preferred = {"programId": program["id"], "rules": {"common_language": False}}
    await town.do("changeMatchingSettings", "Ada", "program { rules }", **preferred)
    assert await town.who_with_whom(await town.draft(program)) == {"Ria": "Bob"}  # who teaches better counts for more


async def test_m37_a_draft_is_reviewed_changed_and_solved_again_before_anybody_hears_of_it(town):
    mentors = {"Gus": knows("go"), "Sue": knows("go", level=3)}
    program = await cohort(town, mentors, {"Ria": wants("go"), "Sam": wants("go", years=3)})
    run = await town.draft(program)
    assert len(await town.who_with_whom(run)) == 2
    asks = await town.gateway.ask("query ($id: ID!) { matchRun(id: $id) { id } }", run, by=town.actor("Ria"))
    assert [each["extensions"]["code"] for each in asks["errors"]] == ["FORBIDDEN"]
    again = await town.draft(program, pins=[town.pair("Ria", "Sue")], prohibited=[town.pair("Sam", "Sue")])
    assert await town.who_with_whom(again) == {"Ria": "Sue", "Sam": "Gus"}
    other = await town.draft(program, prohibited=[town.pair("Ria", "Sue"), town.pair("Ria", "Gus")])
    assert list(await town.who_with_whom(other)) == ["Sam"]
    query = """query ($one: ID!, $other: ID!) {
      matchRunComparison(runId: $one, otherId: $other) { gain lose pinsDropped { mentee { displayName } } }
      matchRunDifferences(runId: $one, otherId: $other) { edges { node { change mentee { displayName } } } }
    }"""
    seen = await town.get(query, "Ada", one=again["id"], other=other["id"])
    pinned = [{"mentee": {"displayName": "Ria"}}]
    assert seen["matchRunComparison"] == {"gain": 0, "lose": 1, "pinsDropped": pinned}
    told = [
        (each["node"]["mentee"]["displayName"], each["node"]["change"]) for each in seen["matchRunDifferences"]["edges"]
    ]
    assert told == [("Ria", "LOSES")]
    for name in ("Ria", "Sam", "Gus", "Sue"):
        assert await town.pairings_of(name) == []
    assert (await town.publish(again))["status"] == "PUBLISHED"
    assert [each["mentor"]["displayName"] for each in await town.pairings_of("Ria")] == ["Sue"]
    await town.publish(other)  # those who have somebody by now are left as they are
    assert [each["mentor"]["displayName"] for each in await town.pairings_of("Sam")] == ["Gus"]


async def test_m44_i_replay_the_last_run_under_another_policy_and_see_who_would_have_lost(town):
    program = await cohort(town, {"Gus": knows("go"), "Sue": knows("sql")}, {"Ria": wants("go"), "Sam": wants("sql")})
    run = await town.draft(program)
    await town.publish(run)
    result = await town.preview(programId=program["id"], runId=run["id"], rules={"minimum_shared_skills": 2})
    assert (result["mentees"], result["gain"], result["lose"]) == (2, 0, 2)
    assert (result["before"]["matched"], result["after"]["matched"]) == (2, 0)
    assert [each["status"] for each in await town.pairings_of("Ria")] == ["PROPOSED"]  # looking changes nothing
