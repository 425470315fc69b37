"""Two who are paired: from the first question to the last word."""

import pytest

pytestmark = pytest.mark.scenario
REQUESTS = """{ viewer { requests { edges { node {
  id status mentor { displayName } move { since member { displayName } }
} } } } }"""
PAIRING = """query ($id: ID!) { pairing(id: $id) {
  status endReason wentQuiet { displayName }
  contact { move { displayName } silentDays closesAt stuck }
  nudges { kind silentDays member { displayName } }
  agreement { support boundaries channel everyDays endsOn }
  goals { title progress reachedAt } tasks { title doneAt assignee { displayName } }
  program { checkInTemplates { name agenda { prompt minutes } } resources { title url audience } }
  pulses { rating note member { displayName } }
} }"""


@pytest.fixture
async def program(town, calendar):
    program = await town.program(requestExpiryDays=5)
    sides = dict.fromkeys(("Mia", "Max", "Mo"), "MENTOR") | dict.fromkeys(("Noa", "Nils"), "MENTEE")
    await town.enrolled(program, sides)
    return program


@pytest.fixture
async def pairing(town, program):
    """Mia and Noa."""
    return await town.pairing(program)


async def seen(town, pairing, by="Noa"):
    return (await town.get(PAIRING, by, id=pairing))["pairing"]


async def met(town, pairing, by, calendar):
    given = {"pairingId": pairing, "kind": "MET", "channel": "VIDEO", "happenedAt": calendar.time()}
    await town.do("recordTouchpoint", by, "touchpoint { id }", **given)


async def test_m18_a_mentor_who_says_no_passes_the_request_to_the_next(town, program, calendar):
    first, *then = (town.ids[name] for name in ("Mia", "Max", "Mo"))
    given = {"programId": program["id"], "mentorId": first, "then": then, "message": "Would you help me?"}
    asked = await town.do("askMentor", "Noa", "request { id }", **given)
    assert await town.refused("askMentor", "Noa", **given) == ["ALREADY_WAITING"]
    await town.do("answerRequest", "Mia", "request { status }", requestId=asked["id"], to="DECLINED")
    await calendar.turn(days=6)  # Max says nothing
    edges = (await town.get(REQUESTS, "Noa"))["viewer"]["requests"]["edges"]
    now = {edge["node"]["mentor"]["displayName"]: edge["node"] for edge in edges}
    assert {name: each["status"] for name, each in now.items()} == {
        "Mia": "DECLINED", "Max": "EXPIRED", "Mo": "PENDING",
    }  # fmt: skip
    assert now["Mo"]["move"]["member"] == {"displayName": "Mo"}
    await town.do("answerRequest", "Mo", "request { status }", requestId=now["Mo"]["id"], to="ACCEPTED")
    assert [each["mentor"]["displayName"] for each in await town.pairings_of("Noa")] == ["Mo"]


async def test_m19_one_question_is_answered_by_one_helper_and_comes_free_again_if_they_do_not(town, program, calendar):
    given = {"programId": program["id"], "topic": "My loop never ends"}
    asked = await town.do("askForHelp", "Noa", "helpRequest { id }", **given)
    claimed = await town.do("claimNextHelp", "Mia", "helpRequest { id topic }", programId=program["id"])
    assert (claimed["id"], claimed["topic"]) == (asked["id"], "My loop never ends")
    assert await town.refused("claimHelp", "Max", helpId=asked["id"]) == ["ALREADY_CLAIMED"]
    await calendar.turn(hours=1)  # Mia was called away
    await town.do("claimHelp", "Max", "helpRequest { id }", helpId=asked["id"])
    assert await town.refused("resolveHelp", "Mia", helpId=asked["id"]) == ["CLAIM_LOST"]
    want = "helpRequest { status claimedBy { displayName } }"
    done = await town.do("resolveHelp", "Max", want, helpId=asked["id"])
    assert done == {"status": "RESOLVED", "claimedBy": {"displayName": "Max"}}
    assert await town.refused("claimNextHelp", "Mia", programId=program["id"]) == ["NOBODY_WAITS"]


async def test_m25_we_write_down_what_it_is_about_and_both_agree(town, pairing, calendar):
    terms = {
        "support": "Finding my way in Python", "boundaries": "Not at weekends.", "channel": "VIDEO",
        "everyDays": 14, "endsOn": calendar.day(90),
    }  # fmt: skip
    made = await town.do("proposeAgreement", "Noa", "agreement { id }", pairingId=pairing, **terms)
    assert (await seen(town, pairing))["agreement"] is None
    await town.do("acceptAgreement", "Mia", "agreement { id }", agreementId=made["id"])
    assert (await seen(town, pairing, "Mia"))["agreement"] == terms
    assert (await seen(town, pairing, "Ada"))["agreement"] is None  # it is between the two


async def test_m26_who_says_nothing_is_reminded_after_a_week_two_and_three(town, pairing, calendar):
    for _ in range(3):
        await calendar.turn(days=7)
    now = await seen(town, pairing)
    assert [(each["silentDays"], each["member"]["displayName"]) for each in now["nudges"]] == [
        (21, "Noa"), (14, "Noa"), (7, "Noa"),
    ]  # fmt: skip
    await met(town, pairing, "Noa", calendar)
    now = await seen(town, pairing)
    assert now["contact"]["silentDays"] == 0
    await calendar.turn(days=6)
    assert len((await seen(town, pairing))["nudges"]) == 3


async def test_m27_the_coordinator_gives_us_an_agenda_for_our_meetings_and_edits_it(town, program, pairing):
    agenda = [{"prompt": "What went well?", "minutes": 10}, {"prompt": "What is hard?", "minutes": 30}]
    given = {"programId": program["id"], "name": "Every meeting", "agenda": agenda}
    made = await town.do("addCheckInTemplate", "Ada", "checkInTemplate { id }", **given)
    assert (await seen(town, pairing))["program"]["checkInTemplates"] == [{"name": "Every meeting", "agenda": agenda}]
    shorter = {"templateId": made["id"], "name": "Every meeting", "agenda": agenda[:1]}
    await town.do("changeCheckInTemplate", "Ada", "checkInTemplate { id }", **shorter)
    assert (await seen(town, pairing, "Mia"))["program"]["checkInTemplates"][0]["agenda"] == agenda[:1]


async def test_m28_we_have_a_goal_and_tasks_that_both_of_us_see(town, pairing):
    goal = await town.do("setGoal", "Noa", "goal { id }", pairingId=pairing, title="My first pull request")
    given = {"pairingId": pairing, "goalId": goal["id"], "title": "Pick an issue", "assigneeId": town.ids["Noa"]}
    task = await town.do("addTask", "Mia", "task { id }", **given)
    await town.do("checkTask", "Noa", "task { doneAt }", taskId=task["id"], done=True)
    await town.do("changeGoal", "Mia", "goal { progress }", goalId=goal["id"], progress=100)
    for name in ("Noa", "Mia"):
        now = await seen(town, pairing, name)
        assert [(each["title"], each["progress"]) for each in now["goals"]] == [("My first pull request", 100)]
        assert now["goals"][0]["reachedAt"]
        assert now["tasks"][0]["doneAt"]
    assert (await seen(town, pairing, "Ada"))["goals"] == []


async def test_m29_there_is_something_to_read_for_mentors_for_mentees_and_for_both(town, program, pairing):
    links = [("MENTORS", "Listening"), ("MENTEES", "How to ask"), ("PAIRS", "First meeting")]
    for audience, title in links:
        given = {"audience": audience, "title": title, "url": f"https://example.org/{len(title)}"}
        await town.do("addResource", "Ada", "resource { id }", programId=program["id"], **given)
    there = (await seen(town, pairing))["program"]["resources"]
    assert {(each["audience"], each["title"]) for each in there} == set(links)


async def test_m30_a_pairing_in_which_somebody_went_quiet_is_warned_then_ends_and_says_who(town, pairing, calendar):
    given = {"pairingId": pairing, "kind": "REACHED_OUT", "channel": "TEXT", "happenedAt": calendar.time()}
    await town.do("recordTouchpoint", "Noa", "touchpoint { id }", **given)
    await calendar.turn(days=28)
    now = await seen(town, pairing)
    assert now["nudges"][0] == {"kind": "WARNING", "silentDays": 28, "member": {"displayName": "Mia"}}
    assert now["contact"]["closesAt"]
    assert "NOT_MET" in now["contact"]["stuck"]
    await calendar.turn(days=7)
    now = await seen(town, pairing)
    assert (now["status"], now["endReason"], now["wentQuiet"]) == ("ENDED", "SILENCE", {"displayName": "Mia"})


async def test_m31_each_of_us_is_asked_in_private_how_it_goes(town, pairing, calendar):
    await calendar.turn(days=28)
    query = "{ viewer { pulses { edges { node { id } } } } }"
    for name, rating in (("Noa", 2), ("Mia", 5)):
        [pulse] = (await town.get(query, name))["viewer"]["pulses"]["edges"]
        given = {"pulseId": pulse["node"]["id"], "rating": rating, "note": f"{name} says so."}
        await town.do("answerPulse", name, "pulse { rating }", **given)
    for name, ratings in (("Noa", {2}), ("Mia", {5}), ("Ada", {2, 5})):
        assert {each["rating"] for each in (await seen(town, pairing, name))["pulses"]} == ratings


async def test_m32_it_did_not_fit_nobody_is_to_blame_and_i_come_first_in_the_next_run(town, program, pairing):
    await town.do("endPairing", "Noa", "pairing { status }", pairingId=pairing, reason="NO_FAULT")
    survey = {"pairingId": pairing, "rating": 2, "goalsMet": False, "note": "We are too different."}
    await town.do("answerClosingSurvey", "Noa", "closingSurvey { rating }", **survey)
    query = "query ($id: ID!) { pairing(id: $id) { wentQuiet { id } closingSurveys { note } } }"
    assert (await town.get(query, "Mia", id=pairing))["pairing"] == {"wentQuiet": None, "closingSurveys": []}
    for name in ("Max", "Mo"):
        pause = {"programId": program["id"], "side": "MENTOR", "maxPairings": 0}
        await town.do("changeEnrollment", name, "enrollment { maxPairings }", **pause)
    await town.enrolled(program, {"Nora": "MENTEE"})
    run = await town.draft(program)
    assert "Noa" not in await town.who_with_whom(run)  # the only mentor with room is the one it did not fit with
    more = {"programId": program["id"], "side": "MENTOR", "maxPairings": 1}
    await town.do("changeEnrollment", "Max", "enrollment { maxPairings }", **more)
    assert (await town.who_with_whom(await town.draft(program)))["Noa"] == "Max"


async def test_m33_what_i_say_of_my_mentor_is_public_when_both_of_us_want_it_beside_my_thanks(town, pairing):
    body = "Mia showed me how to read code."
    made = await town.do("writeTestimonial", "Noa", "testimonial { id }", pairingId=pairing, body=body)
    thanks = {"receiverId": town.ids["Mia"], "message": "Thank you, Mia."}
    await town.soon("giveKudos", "Noa", "kudos { id }", **thanks)
    query = """query ($id: ID!) { member(id: $id) {
      testimonials { body author { displayName } } kudos { message giver { displayName } }
    } }"""
    assert (await town.get(query, "Max", id=town.ids["Mia"]))["member"]["testimonials"] == []
    await town.do("publishTestimonial", "Mia", "testimonial { id }", testimonialId=made["id"])
    mia = (await town.get(query, "Max", id=town.ids["Mia"]))["member"]
    assert mia["testimonials"] == [{"body": body, "author": {"displayName": "Noa"}}]
    assert mia["kudos"] == [{"message": "Thank you, Mia.", "giver": {"displayName": "Noa"}}]
    await town.do("withdrawTestimonial", "Noa", "testimonial { id }", testimonialId=made["id"])
    assert (await town.get(query, "Max", id=town.ids["Mia"]))["member"]["testimonials"] == []


async def test_m36_one_look_tells_me_who_needs_me_why_and_what_to_do(town, program, pairing, calendar):
    query = """query ($id: ID!) { attention(programId: $id) {
      edges { node { kind reason nextAction member { displayName } } }
    } }"""
    await calendar.turn(days=28)
    [pulse] = (await town.get("{ viewer { pulses { edges { node { id } } } } }", "Noa"))["viewer"]["pulses"]["edges"]
    given = {"pulseId": pulse["node"]["id"], "rating": 3, "wantsHelp": True}
    await town.do("answerPulse", "Noa", "pulse { id }", **given)
    less = {"programId": program["id"], "side": "MENTOR", "maxPairings": 0}
    await town.do("changeEnrollment", "Mia", "enrollment { maxPairings }", **less)
    found = [edge["node"] for edge in (await town.get(query, "Ada", id=program["id"]))["attention"]["edges"]]
    assert {(each["kind"], each["member"]["displayName"], each["reason"], each["nextAction"]) for each in found} == {
        ("UNMATCHED", "Nils", "NO_MENTOR", "START_MATCH_RUN"),
        ("STUCK", "Noa", "SILENT", "TALK_TO_WHO_IS_AWAITED"),
        ("UNHAPPY", "Noa", "WANTS_HELP", "GET_IN_TOUCH"),
        ("OVERLOADED", "Mia", "MORE_THAN_WANTED", "RELIEVE"),
    }
