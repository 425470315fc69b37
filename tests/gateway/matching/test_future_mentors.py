"""Who could be a mentor next, where mentors stand, and how many mentees have become one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kith_testkit.probe import eventually

from .conftest import MENTEES, MENTORS

pytestmark = pytest.mark.integration
FUTURE = """query ($id: ID!, $first: Int, $after: String) {
  futureMentors(programId: $id, first: $first, after: $after) {
    edges { node {
      helpfulness people thanked mentored served quiet skills wasMentee calledAt member { displayName }
    } } pageInfo { endCursor hasNextPage } } }"""
CONVERSION = """query ($id: ID, $since: DateTime) { mentorConversion(programId: $id, since: $since) {
  share shareInAYear finished enrolled mentored medianDays quarters { startsOn finished mentored }
} }"""
STANDING = "{ myMentorStanding { tier completed tenureDays enoughAnswers next { tier completed tenureDays rating } } }"
TIERS = """query ($tier: MentorTier) { mentorTiers(tier: $tier) {
  edges { node { tier opens since member { displayName } } } } }"""
TIER = "query ($id: ID!) { member(id: $id) { mentorTier { tier since } } }"
ROWS = {"mentor_rating": 5, "mentee_rating": 5, "goals_met": True}
"""What both say of a pairing that went well, as a list has it."""


@pytest.fixture
async def program(place, calendar):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR"} | dict.fromkeys(MENTEES, "MENTEE"), maxPairings=3)
    return program


async def thanked(place, receiver, *givers):
    for giver in givers:
        told = {"giver_id": place.key(giver), "receiver_id": place.key(receiver)}
        await place.matching.deliver(place.community_id, "recognition.kudos_given.v1", told)


async def future(place, program, **page):
    found = (await place.get(FUTURE, "Ada", id=program["id"], **page))["futureMentors"]
    return [edge["node"] for edge in found["edges"]], found["pageInfo"]


async def ended(place, program, mentor="Mia", mentee="Noa", reason="COMPLETED"):
    pairing = await place.pairing(program, mentor=mentor, mentee=mentee)
    await place.do("endPairing", mentee, "pairing { status }", pairingId=pairing, reason=reason)


async def forbidden(place, query, by, **variables):
    found = await place.gateway.ask(query, variables, by=place.actor(by))
    return [each["extensions"]["code"] for each in found["errors"]] == ["FORBIDDEN"]


async def newcomers(place, count):
    """More members, by names of their own."""
    names = [f"New {n}" for n in range(count)]
    rows = [
        {"line": n, "external_id": name, "display_name": name, "languages": ["en"]} for n, name in enumerate(names, 1)
    ]
    await place.gateway.do("importMembers", {"rows": rows}, by=place.owner, want="imported { created }")
    return names


async def imported(place, program, rows):
    """Bring past pairings as soon as matching knows of everybody in them."""
    rows = [{"line": line} | row for line, row in enumerate(rows, start=2)]
    want = "imported { errors { line reason } }"

    async def done():
        brought = await place.do("importPastPairings", "Ada", want, programId=program["id"], rows=rows)
        return brought["errors"] == []

    await eventually(done, what="matching hearing of all members")


# --- M9 -------------------------------------------------------------------------------------------------------------


async def test_m9_who_helped_many_people_comes_first_and_who_merely_did_much_does_not(place, program, calendar):
    await thanked(place, "Max", *["Noa"] * 9)
    await thanked(place, "Mo", "Noa", "Nils", "Nora")
    for n in range(3):  # Nora answers everybody, and nobody says that it helped
        post = {"author_id": place.key("Nora"), "reply_to_id": place.key(MENTORS[n]), "post_id": place.key("Mo")}
        await place.matching.deliver(place.community_id, "groups.post_written.v1", post)
    await thanked(place, "Mia", "Noa")  # a mentor already
    (mo, max_), page = await future(place, program)
    assert [mo["member"]["displayName"], max_["member"]["displayName"]] == ["Mo", "Max"]
    assert (mo["people"], mo["thanked"], mo["mentored"], mo["served"], mo["helpfulness"]) == (3, 3, 0, 0, 0.5)
    assert (max_["people"], max_["helpfulness"]) == (1, 0.25), "one person who thanks nine times is one person"
    assert mo["skills"] == ["python"]
    assert (mo["wasMentee"], mo["calledAt"], page["hasNextPage"]) == (False, None, False)
    first, page = await future(place, program, first=1)
    second, _ = await future(place, program, first=1, after=page["endCursor"])
    assert [first, second] == [[mo], [max_]]


async def test_m9_a_mentee_who_finished_and_a_helper_of_the_queue_are_found_until_it_is_long_ago(
    place, program, calendar
):
    await place.enrolled(program, {"Max": "PEER"})
    await ended(place, program, mentee="Noa")
    asked = await place.do("askForHelp", "Nils", "helpRequest { id }", programId=program["id"], topic="Imports")
    await place.do("claimHelp", "Max", "helpRequest { id }", helpId=asked["id"])
    await place.do("resolveHelp", "Max", "helpRequest { id }", helpId=asked["id"])
    await thanked(place, "Noa", "Nils", "Nora")
    (noa, max_), _ = await future(place, program)
    assert (noa["member"]["displayName"], noa["wasMentee"], noa["people"], noa["skills"]) == ("Noa", True, 2, [])
    assert (max_["member"]["displayName"], max_["served"], max_["people"]) == ("Max", 1, 1)
    await calendar.turn(days=366)
    assert (await future(place, program))[0] == []


async def test_m9_who_went_quiet_as_a_mentor_counts_less(place, program, calendar):
    other = await place.program(name="Autumn")
    await place.enrolled(other, {"Max": "MENTOR", "Nora": "MENTEE"})
    pairing = await place.pairing(other, mentor="Max", mentee="Nora")
    met = {"pairingId": pairing, "kind": "REACHED_OUT", "channel": "TEXT", "happenedAt": calendar.time()}
    await place.do("recordTouchpoint", "Nora", **met)  # now it is the move of Max
    for _ in range(6):
        await calendar.turn(days=7)
    await thanked(place, "Max", "Noa", "Nils")
    [max_], _ = await future(place, program)
    assert (max_["people"], max_["quiet"], max_["helpfulness"]) == (2, 1, 0.25)


async def test_m9_who_left_is_not_found_and_only_coordinators_look(place, program, calendar):
    await thanked(place, "Mo", "Noa")
    assert [each["member"]["displayName"] for each in (await future(place, program))[0]] == ["Mo"]
    assert await forbidden(place, FUTURE, "Mia", id=program["id"])
    await place.matching.deliver(place.community_id, "identity.member_left.v1", {"member_id": place.key("Mo")})
    assert (await future(place, program))[0] == []
    coffee = await place.program(name="Coffee", kind="INTRODUCTION")
    found = await place.gateway.ask(FUTURE, {"id": coffee["id"]}, by=place.owner)
    assert [each["extensions"]["code"] for each in found["errors"]] == ["NOT_FOR_CALLS"]


# --- M39 ------------------------------------------------------------------------------------------------------------


async def conversion(place, **given):
    return (await place.get(CONVERSION, "Ada", **given))["mentorConversion"]


async def test_m39_i_see_how_many_of_those_who_were_mentees_mentor_now(place, program, calendar):
    nothing = await conversion(place)
    assert (nothing["share"], nothing["shareInAYear"], nothing["finished"], nothing["quarters"]) == (None, None, 0, [])
    for mentee in MENTEES:
        await ended(place, program, mentee=mentee)
    await place.enrolled(program, {"Noa": "MENTOR", "Nils": "MENTOR"})
    await calendar.turn(days=30)
    await place.enrolled(program, {"Max": "MENTEE"})
    await place.pairing(program, mentor="Noa", mentee="Max")
    now = await conversion(place, id=program["id"])
    assert (now["finished"], now["enrolled"], now["mentored"], now["medianDays"]) == (3, 2, 1, 30)
    assert now["share"] == pytest.approx(1 / 3)
    assert now["shareInAYear"] is None, "nobody finished a year ago"
    assert sum(each["finished"] for each in now["quarters"]) == 3
    await calendar.turn(days=336)
    assert (await conversion(place))["shareInAYear"] == pytest.approx(1 / 3)
    assert (await conversion(place, since=calendar.time()))["finished"] == 0
    other = await place.program(name="Autumn")
    assert (await conversion(place, id=other["id"]))["finished"] == 0


async def test_m39_who_mentored_before_and_who_was_paired_outside_do_not_make_it_better(place, program, calendar):
    await place.enrolled(program, {"Mia": "MENTEE", "Max": "MENTOR"})
    await place.pairing(program, mentor="Mia", mentee="Noa")  # first a mentor
    await ended(place, program, mentor="Max", mentee="Mia")
    await ended(place, program, mentor="Max", mentee="Nils", reason="NO_FAULT")  # came to no end
    assert (await conversion(place))["finished"] == 0
    assert await forbidden(place, CONVERSION, "Mia")


# --- M34 ------------------------------------------------------------------------------------------------------------


async def tiers(place, **given):
    edges = (await place.get(TIERS, "Ada", **given))["mentorTiers"]["edges"]
    return {edge["node"]["member"]["displayName"]: (edge["node"]["tier"], edge["node"]["opens"]) for edge in edges}


async def standing(place, name):
    return (await place.get(STANDING, name))["myMentorStanding"]


async def test_m34_i_earn_a_tier_by_seeing_a_mentee_through_and_see_what_the_next_one_takes(place, program, calendar):
    none = await standing(place, "Mia")
    assert (none["tier"], none["completed"], none["next"]["tier"]) == (None, 0, "PROVEN")
    await ended(place, program)
    await calendar.turn(days=59)
    assert (await place.get(TIER, "Noa", id=place.ids["Mia"]))["member"]["mentorTier"] is None
    await calendar.turn(days=2)
    assert (await place.get(TIER, "Noa", id=place.ids["Mia"]))["member"]["mentorTier"]["tier"] == "PROVEN"
    mine = await standing(place, "Mia")
    assert (mine["tier"], mine["completed"], mine["tenureDays"], mine["enoughAnswers"]) == ("PROVEN", 1, 61, False)
    assert mine["next"] == {"tier": "SENIOR", "completed": 4, "tenureDays": 240, "rating": 4.0}
    assert await tiers(place) == {"Mia": ("PROVEN", [])}
    assert await place.told("mentor_tier_changed") == [
        {"member_id": place.key("Mia"), "tier": "proven", "before": None}
    ]
    assert (await standing(place, "Noa"))["tier"] is None
    assert await forbidden(place, TIERS, "Mia")


def ago(days):
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


def past(mentor, mentee, **more):
    row = {"mentor_external_id": mentor, "mentee_external_id": mentee}
    return row | {"began_on": ago(700), "ended_on": ago(400)} | more


async def test_m34_the_highest_tier_opens_roles_and_is_lost_only_after_a_bad_time(place, program, calendar):
    names = await newcomers(place, 14)
    await imported(place, program, [past("Mo", name, **ROWS) for name in names[:12]])
    await calendar.turn(minutes=1)
    assert await tiers(place, tier="LEAD") == {"Mo": ("LEAD", ["MODERATOR", "COORDINATOR"])}
    assert await tiers(place, tier="PROVEN") == {}
    assert (await standing(place, "Mo"))["next"] is None
    bad = [past("Mo", name, **(ROWS | {"mentee_rating": 1})) for name in names[:6]]
    await imported(place, program, bad)  # the list said it wrong, and is corrected
    for _ in range(3):
        await calendar.turn(days=15)
    assert set(await tiers(place, tier="LEAD")) == {"Mo"}, "a bad month changes nothing"
    await calendar.turn(days=31)
    assert await tiers(place) == {"Mo": ("PROVEN", [])}
    assert [(each["before"], each["tier"]) for each in await place.told("mentor_tier_changed")] == [
        (None, "lead"), ("lead", "proven"),
    ]  # fmt: skip


async def test_m34_many_pairings_with_one_friend_are_one_and_pairings_from_outside_are_none(place, program, calendar):
    years = [past("Mo", "Max", began_on=ago(50 * k + 720), ended_on=ago(50 * k + 680), **ROWS) for k in range(12)]
    await imported(place, program, years)
    await calendar.turn(minutes=1)
    assert await tiers(place) == {"Mo": ("PROVEN", [])}


async def test_m34_two_who_judge_at_once_tell_of_a_tier_once(place, program, calendar):
    await ended(place, program)
    calendar.ahead += timedelta(days=61)
    [judging] = [job for job in place.matching.app.state.jobs if job.name == "judge mentors"]
    await asyncio.gather(*(judging.act(place.matching.database) for _ in range(4)))
    await judging.act(place.matching.database)
    assert len(await place.told("mentor_tier_changed")) == 1
