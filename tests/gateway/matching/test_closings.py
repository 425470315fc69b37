"""How it goes, how it ends, and what comes after."""

import pytest

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
SIDES = {"Mia": "MENTOR", "Noa": "MENTEE"}
ASKED = "{ viewer { pulses { edges { node { id rating pairing { id } member { displayName } } } } } }"
SAID = """query ($id: ID!) { pairing(id: $id) {
  status endReason pulses { rating wantsHelp note member { displayName } }
  closingSurveys { rating goalsMet note member { displayName } }
} }"""
PUBLIC = "query ($id: ID!) { member(id: $id) { testimonials { id body publishedAt author { displayName } } } }"


@pytest.fixture
async def program(place):
    program = await place.program()
    await place.enrolled(program, SIDES)
    return program


@pytest.fixture
async def pairing(place, program, calendar):
    return await place.pairing(program)


async def asked(place, name):
    return [edge["node"] for edge in (await place.get(ASKED, name))["viewer"]["pulses"]["edges"]]


async def test_m31_both_sides_say_every_four_weeks_how_it_goes_and_neither_reads_the_other(place, pairing, calendar):
    await calendar.turn(days=27)
    assert await asked(place, "Noa") == []
    await calendar.turn(days=1)
    [pulse] = await asked(place, "Noa")
    met = {"pairingId": pairing, "kind": "MET", "channel": "VIDEO", "happenedAt": calendar.time()}
    await place.do("recordTouchpoint", "Noa", **met)
    await calendar.turn(days=27)
    assert await asked(place, "Noa") == [pulse]
    assert (pulse["pairing"]["id"], pulse["rating"], pulse["member"]["displayName"]) == (pairing, None, "Noa")
    given = {"pulseId": pulse["id"], "rating": 2, "wantsHelp": True, "note": "We talk past each other."}
    assert await place.refused("answerPulse", "Mia", **given) == ["NO_SUCH_PULSE"]
    await place.do("answerPulse", "Noa", "pulse { rating }", **given)
    assert await place.refused("answerPulse", "Noa", **given) == ["ALREADY_ANSWERED"]
    assert await asked(place, "Noa") == []
    mine = {"rating": 2, "wantsHelp": True, "note": "We talk past each other.", "member": {"displayName": "Noa"}}
    assert (await place.get(SAID, "Noa", id=pairing))["pairing"]["pulses"] == [mine]
    assert [each["rating"] for each in (await place.get(SAID, "Mia", id=pairing))["pairing"]["pulses"]] == [None]
    assert mine in (await place.get(SAID, "Ada", id=pairing))["pairing"]["pulses"]
    await calendar.turn(days=1)
    assert len(await asked(place, "Noa")) == len(await asked(place, "Mia")) == 1
    told = await place.told("pulse_asked")
    assert [each["member_id"] for each in told].count(place.key("Noa")) == 2
    assert all(set(each) == {"pulse_id", "pairing_id", "member_id"} for each in told)


async def test_m31_not_even_a_coordinator_reads_what_the_other_of_their_own_pair_says(place, program, calendar):
    await place.enrolled(program, {"Ada": "MENTOR", "Nils": "MENTEE"})
    given = {"programId": program["id"], "mentorId": place.ids["Ada"], "message": "Would you help me?"}
    request = await place.do("askMentor", "Nils", "request { id }", **given)
    await place.do("answerRequest", "Ada", "request { id }", requestId=request["id"], to="ACCEPTED")
    await calendar.turn(days=28)
    [pulse] = await asked(place, "Nils")
    await place.do("answerPulse", "Nils", "pulse { id }", pulseId=pulse["id"], rating=1, wantsHelp=True)
    seen = (await place.get(SAID, "Ada", id=pulse["pairing"]["id"]))["pairing"]["pulses"]
    assert [each["member"]["displayName"] for each in seen] == ["Ada"]
    query = "query ($id: ID!) { attention(programId: $id, kind: UNHAPPY) { edges { node { reason } } } }"
    assert (await place.get(query, "Ada", id=program["id"]))["attention"]["edges"] == []


@pytest.mark.parametrize("given", [{"rating": 0}, {"rating": 6}, {"note": "x" * 4001}, {"note": "a\u0007"}])
async def test_m31_an_answer_that_makes_no_sense_is_refused(place, pairing, calendar, given):
    await calendar.turn(days=28)
    [pulse] = await asked(place, "Mia")
    refused = await place.refused("answerPulse", "Mia", **({"pulseId": pulse["id"], "rating": 3} | given))
    assert refused == ["INVALID_REQUEST"]


async def test_m32_a_pairing_is_closed_and_both_say_how_it_was(place, program, pairing, calendar):
    survey = {"pairingId": pairing, "rating": 5, "goalsMet": True, "note": "Thank you."}
    assert await place.refused("answerClosingSurvey", "Noa", **survey) == ["NOT_ENDED"]
    await place.do("endPairing", "Mia", "pairing { status endReason }", pairingId=pairing, reason="COMPLETED")
    again = {"pairingId": pairing, "reason": "COMPLETED"}
    assert await place.refused("endPairing", "Noa", **again) == ["NOT_TOGETHER"]
    await place.do("answerClosingSurvey", "Noa", "closingSurvey { rating }", **survey)
    assert await place.refused("answerClosingSurvey", "Noa", **survey) == ["ALREADY_ANSWERED"]
    assert await place.refused("answerClosingSurvey", "Max", **survey) == ["NO_SUCH_PAIRING"]
    mine = {"rating": 5, "goalsMet": True, "note": "Thank you.", "member": {"displayName": "Noa"}}
    for name, found in (("Noa", [mine]), ("Mia", []), ("Ada", [mine])):
        assert (await place.get(SAID, name, id=pairing))["pairing"]["closingSurveys"] == found
    assert await asked(place, "Noa") == []


async def draft(place, program):
    """A solved run: its id and its certificate."""
    run = await place.do("startMatchRun", "Ada", "matchRun { id }", programId=program["id"])
    query = "query ($id: ID!) { matchRun(id: $id) { status failure certificate { matched gap bound total } } }"

    async def solved():
        found = (await place.get(query, "Ada", id=run["id"]))["matchRun"]
        return found if found["status"] in {"SOLVED", "FAILED"} else None

    found = await eventually(solved, what="solving", seconds=60)
    assert found["status"] == "SOLVED", found["failure"]
    return run["id"], found["certificate"]


async def published(place, program):
    run, certificate = await draft(place, program)
    await place.do("publishMatchRun", "Ada", "matchRun { id }", runId=run)
    query = """query ($id: ID!) { pairings(programId: $id) { edges { node {
      id status mentor { displayName } mentee { displayName } } } } }"""
    edges = (await place.get(query, "Ada", id=program["id"]))["pairings"]["edges"]
    open_ = [edge["node"] for edge in edges if edge["node"]["status"] == "PROPOSED"]
    return certificate, {each["mentee"]["displayName"]: each["mentor"]["displayName"] for each in open_}


async def test_m32_who_parts_without_fault_and_who_was_left_out_come_first_in_the_next_run(place, calendar):
    """Three want two mentors, one place each. Noa parts from hers; whoever else had none is first as well."""
    program = await place.program(acceptance="BOTH")
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    pairing = await place.pairing(program)
    left = {"pairingId": pairing, "reason": "NO_FAULT"}
    await place.do("endPairing", "Noa", "pairing { endReason }", **left)
    await place.enrolled(program, {"Max": "MENTOR", "Nils": "MENTEE", "Nora": "MENTEE"})
    given = {"programId": program["id"], "side": "MENTOR"}
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given, paused=True)
    _, first = await published(place, program)
    assert first == {"Noa": "Max"}
    enrollments = await place.matching.rows(
        "SELECT member_id, priority FROM enrollments WHERE program_id = :program AND side = 'mentee'",
        program=place.key_of(program["id"]),
    )
    assert sorted(each["priority"] for each in enrollments) == [1, 1, 1]  # Noa's until she accepts
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given, paused=False)
    certificate, second = await published(place, program)
    assert certificate["matched"] == 1
    assert set(second) - {"Noa"} < {"Nils", "Nora"}


async def test_m32_who_found_a_mentor_since_the_draft_was_not_left_out(place, calendar):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE", "Nora": "MENTEE"})
    run, certificate = await draft(place, program)
    assert certificate["matched"] == 1
    query = "query ($id: ID!) { unmatchedMentees(runId: $id) { edges { node { mentee { displayName } } } } }"
    [edge] = (await place.get(query, "Ada", id=run))["unmatchedMentees"]["edges"]
    found = edge["node"]["mentee"]["displayName"]
    [drafted] = {"Noa", "Nora"} - {found}
    await place.pairing(program, mentee=found)
    await place.do("publishMatchRun", "Ada", "matchRun { id }", runId=run)
    assert await priorities(place, program) == {found: 0, drafted: 1}  # whose mentor was taken meanwhile


async def priorities(place, program):
    """Of each mentee, by name."""
    rows = await place.matching.rows(
        "SELECT member_id, priority FROM enrollments WHERE program_id = :program AND side = 'mentee'",
        program=place.key_of(program["id"]),
    )
    names = {place.key(name): name for name in place.ids}
    return {names[str(each["member_id"])]: each["priority"] for each in rows}


async def test_m13_a_place_that_one_could_not_take_any_more_goes_to_the_next_of_the_draft(place, calendar):
    program = await place.program(acceptance="BOTH")
    await place.enrolled(program, {"Mia": "MENTOR"}, maxPairings=2)
    await place.enrolled(program, {"Noa": "MENTEE", "Nils": "MENTEE"})
    run, certificate = await draft(place, program)
    assert certificate["matched"] == 2
    first, other = sorted(("Noa", "Nils"), key=place.key)  # they fit equally well
    await place.pairing(program, mentee=first)
    await place.do("publishMatchRun", "Ada", "matchRun { id }", runId=run)
    query = "{ viewer { pairings { edges { node { status mentor { displayName } } } } } }"
    [edge] = (await place.get(query, other))["viewer"]["pairings"]["edges"]
    assert edge["node"] == {"status": "PROPOSED", "mentor": {"displayName": "Mia"}}
    assert await priorities(place, program) == {"Noa": 0, "Nils": 0}


async def test_m32_whose_mentor_of_the_draft_has_no_time_any_more_comes_first_next_time(place, calendar):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    run, certificate = await draft(place, program)
    assert certificate["matched"] == 1
    given = {"programId": program["id"], "side": "MENTOR"}
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given, paused=True)
    await place.do("publishMatchRun", "Ada", "matchRun { id }", runId=run)
    assert await priorities(place, program) == {"Noa": 1}


async def test_m33_what_somebody_says_of_one_who_blocked_them_reaches_nobody(place, pairing, calendar):
    await place.do("blockMember", "Mia", memberId=place.ids["Noa"])

    async def parted():
        await calendar.turn()
        found = await place.get("query ($id: ID!) { pairing(id: $id) { status } }", "Noa", id=pairing)
        return found["pairing"]["status"] == "ENDED"

    await eventually(parted, what="parting")
    given = {"pairingId": pairing, "body": "You cannot hide."}
    written = await place.do("writeTestimonial", "Noa", "testimonial { id publishedAt }", **given)
    assert written["publishedAt"] is None  # as ever, for who wrote it
    assert (await place.get(PUBLIC, "Mia", id=place.ids["Mia"]))["member"]["testimonials"] == []
    refused = await place.refused("publishTestimonial", "Mia", testimonialId=written["id"])
    assert refused == ["NO_SUCH_TESTIMONIAL"]


async def test_m33_a_testimonial_is_public_when_both_want_it_until_one_does_not(place, pairing, calendar):
    given = {"pairingId": pairing, "body": "Mia showed me how to read code."}
    written = await place.do("writeTestimonial", "Noa", "testimonial { id publishedAt }", **given)
    assert written["publishedAt"] is None
    assert await place.refused("writeTestimonial", "Noa", **given) == ["ALREADY_WRITTEN"]
    assert await place.refused("writeTestimonial", "Max", **given) == ["NO_SUCH_PAIRING"]
    which = {"testimonialId": written["id"]}
    for name in ("Noa", "Max", "Ada"):
        assert await place.refused("publishTestimonial", name, **which) == ["NO_SUCH_TESTIMONIAL"]
        assert (await place.get(PUBLIC, name, id=place.ids["Mia"]))["member"]["testimonials"] == []
    assert len((await place.get(PUBLIC, "Mia", id=place.ids["Mia"]))["member"]["testimonials"]) == 1
    await place.do("publishTestimonial", "Mia", "testimonial { publishedAt }", **which)
    [seen] = (await place.get(PUBLIC, "Max", id=place.ids["Mia"]))["member"]["testimonials"]
    assert (seen["body"], seen["author"]) == (given["body"], {"displayName": "Noa"})
    [told] = await place.told("testimonial_published")
    assert (told["author_id"], told["subject_id"]) == (place.key("Noa"), place.key("Mia"))
    await place.do("withdrawTestimonial", "Noa", "testimonial { id }", **which)
    assert (await place.get(PUBLIC, "Mia", id=place.ids["Mia"]))["member"]["testimonials"] == []
    assert len(await place.told("testimonial_withdrawn")) == 1
    await place.do("writeTestimonial", "Noa", "testimonial { id }", **given)
