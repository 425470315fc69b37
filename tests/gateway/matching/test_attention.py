"""The coordinator's one query."""

import pytest

pytestmark = pytest.mark.integration
QUERY = """query ($id: ID!, $kind: AttentionKind, $first: Int!, $after: String) {
  attention(programId: $id, kind: $kind, first: $first, after: $after) {
    edges { node { kind reason since nextAction member { displayName } pairing { id } } }
    pageInfo { endCursor hasNextPage }
  }
}"""


@pytest.fixture
async def program(place, calendar):
    return await place.program()


async def attention(place, program, **given):
    found = (await place.get(QUERY, "Ada", id=program["id"], **({"first": 50} | given)))["attention"]
    return [edge["node"] for edge in found["edges"]]


def told(items):
    return {(each["member"]["displayName"], each["reason"], each["nextAction"]) for each in items}


async def met(place, pairing, by, when):
    given = {"pairingId": pairing, "kind": "MET", "channel": "VIDEO", "happenedAt": when}
    await place.do("recordTouchpoint", by, "touchpoint { id }", **given)


async def test_m36_one_query_names_who_is_unmatched_stuck_unhappy_or_overloaded_and_what_to_do(
    place, program, calendar
):
    await place.enrolled(program, {"Mia": "MENTOR"}, maxPairings=3)
    await place.enrolled(program, dict.fromkeys(("Noa", "Nils", "Nora"), "MENTEE"))
    await place.do("askMentor", "Nora", "request { id }", **asking(place, program))
    assert told(await attention(place, program)) == {
        ("Noa", "NO_MENTOR", "START_MATCH_RUN"),
        ("Nils", "NO_MENTOR", "START_MATCH_RUN"),
        ("Nora", "WAITS_FOR_ANSWER", "REMIND_WHO_IS_ASKED"),
    }
    with_noa = await place.pairing(program, mentee="Noa")
    with_nils = await place.pairing(program, mentee="Nils")
    await met(place, with_noa, "Noa", calendar.time())
    reached = {"kind": "REACHED_OUT", "channel": "TEXT", "happenedAt": calendar.time()}
    for pairing, name in ((with_noa, "Noa"), (with_nils, "Nils")):
        await place.do("recordTouchpoint", name, "touchpoint { id }", pairingId=pairing, **reached)
    await calendar.turn(days=21)
    now = await attention(place, program)
    assert told(now) == {
        ("Noa", "NO_AGREEMENT", "ASK_FOR_AGREEMENT"),
        ("Nils", "NOT_MET", "HELP_THEM_MEET"),
        ("Nora", "NO_MENTOR", "START_MATCH_RUN"),  # nobody answered her
        ("Mia", "OVERDUE", "RELIEVE"),
    }
    assert [each["since"] for each in now] == sorted(each["since"] for each in now)
    await calendar.turn(days=7)
    query = "{ viewer { pulses { edges { node { id pairing { id } } } } } }"
    [pulse] = [edge["node"] for edge in (await place.get(query, "Nils"))["viewer"]["pulses"]["edges"]]
    await place.do("answerPulse", "Nils", "pulse { id }", pulseId=pulse["id"], rating=2)
    now = await attention(place, program)
    assert {("Mia", "SILENT", "TALK_TO_WHO_IS_AWAITED"), ("Nils", "LOW_RATING", "GET_IN_TOUCH")} < told(now)
    stuck = await attention(place, program, kind="STUCK")
    assert {each["pairing"]["id"] for each in stuck} == {with_noa, with_nils}


def asking(place, program):
    return {"programId": program["id"], "mentorId": place.ids["Mia"], "message": "Would you help me?"}


async def test_m36_a_pairing_that_is_well_and_who_has_paused_need_nobody(place, program, calendar):
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"})
    pairing = await place.pairing(program)
    terms = {"pairingId": pairing, "support": "Code reviews", "channel": "VIDEO", "everyDays": 60}
    made = await place.do("proposeAgreement", "Noa", "agreement { id }", **terms)
    await place.do("acceptAgreement", "Mia", "agreement { id }", agreementId=made["id"])
    await met(place, pairing, "Mia", calendar.time())
    given = {"programId": program["id"], "side": "MENTEE"}
    await place.do("changeEnrollment", "Nils", "enrollment { paused }", **given, paused=True)
    await calendar.turn(days=40)
    assert await attention(place, program) == []
    fewer = {"programId": program["id"], "side": "MENTOR", "maxPairings": 0}
    await place.do("changeEnrollment", "Mia", "enrollment { maxPairings }", **fewer)
    assert told(await attention(place, program)) == {("Mia", "MORE_THAN_WANTED", "RELIEVE")}


async def test_m36_pages_hold_everyone_once_and_only_coordinators_see_them(place, program, calendar):
    await place.enrolled(program, dict.fromkeys(("Noa", "Nils", "Nora", "Mo", "Max"), "MENTEE"))
    seen, after = [], None
    for _ in range(3):
        page = (await place.get(QUERY, "Ada", id=program["id"], first=2, after=after))["attention"]
        seen += [edge["node"]["member"]["displayName"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    assert (sorted(seen), page["pageInfo"]["hasNextPage"]) == (["Max", "Mo", "Nils", "Noa", "Nora"], False)
    given = {"id": program["id"], "first": 5}
    answer = await place.gateway.ask(QUERY, given, by=place.actor("Noa"))
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
    for wrong in ("x", "WyJhIiwgImIiXQ"):
        answer = await place.gateway.ask(QUERY, given | {"after": wrong}, by=place.owner)
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["INVALID_CURSOR"]
