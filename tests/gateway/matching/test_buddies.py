"""Onboarding buddies: who joins has somebody to turn to, and no veteran has too many."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest
from tests.gateway.matching.conftest import MENTEES, MENTORS

from kith_matching import programs
from kith_matching.welcoming import newcomers
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
PAIRINGS = """query ($id: ID!) { pairings(programId: $id, first: 100) {
  edges { node { id status mentor { displayName } mentee { displayName } } }
} }"""
ATTENTION = """query ($id: ID!) { attention(programId: $id, kind: UNMATCHED, first: 50) {
  edges { node { reason nextAction member { displayName } } }
} }"""
BUDDY = {"name": "Welcome", "kind": "BUDDY", "acceptance": "AUTOMATIC", "automaticPairing": True}


async def pairs(place, program):
    """Who shows whom around: {newcomer: veteran}."""
    edges = (await place.get(PAIRINGS, "Ada", id=program["id"]))["pairings"]["edges"]
    open_now = [each["node"] for each in edges if each["node"]["status"] in {"ACCEPTED", "PROPOSED"}]
    return {each["mentee"]["displayName"]: each["mentor"]["displayName"] for each in open_now}


async def waits(place, program):
    edges = (await place.get(ATTENTION, "Ada", id=program["id"]))["attention"]["edges"]
    return {
        (each["node"]["member"]["displayName"], each["node"]["reason"], each["node"]["nextAction"]) for each in edges
    }


async def joins(place, *names, **profile):
    rows = [
        {"line": n, "external_id": name, "display_name": name, "languages": ["en"]} | profile
        for n, name in enumerate(names, start=1)
    ]
    await place.gateway.do("importMembers", {"rows": rows}, by=place.owner, want="imported { created }")
    members = await place.get("{ members(first: 100) { edges { node { id displayName } } } }", "Ada")
    place.ids |= {edge["node"]["displayName"]: edge["node"]["id"] for edge in members["members"]["edges"]}


async def paired(place, program, number):
    async def there():
        found = await pairs(place, program)
        return found if len(found) >= number else None

    return await eventually(there, what=f"{number} pairs")


@pytest.fixture
async def program(place, calendar):
    program = await place.program(**BUDDY, enrollNewcomers=True)
    await place.enrolled(program, dict.fromkeys(MENTORS, "MENTOR"), maxPairings=2)
    return program


async def test_m2_who_joins_has_a_buddy_at_once_and_newcomers_are_spread_fairly(place, program):
    await joins(place, "Nia", "Ned", "Nell")
    found = await paired(place, program, 3)
    assert Counter(found.values()) == Counter(MENTORS)
    told = [each for each in await place.told("pairing_accepted") if each["program_id"] == place.key_of(program["id"])]
    assert [each["by_themselves"] for each in told] == [False] * 3
    assert {each["mentee_id"] for each in told} == {place.key(name) for name in ("Nia", "Ned", "Nell")}
    query = "query ($id: ID!) { program(id: $id) { automaticPairing newcomersSince } }"
    shown = (await place.get(query, "Noa", id=program["id"]))["program"]
    assert (shown["automaticPairing"], bool(shown["newcomersSince"])) == (True, True)
    assert not set(MENTEES) & set(found), "who was here before the program is no newcomer"


async def test_m2_a_newcomer_gets_the_veteran_who_fits_best(place, program):
    skills = [{"tag": "pottery", "level": 4}]
    await place.do("updateProfile", "Mo", "", skillsOffered=skills)

    async def heard():
        rows = await place.matching.rows(
            "SELECT skills_offered FROM participants WHERE member_id = :member", member=place.key("Mo")
        )
        return "pottery" in str(rows)

    await eventually(heard, what="matching hearing of the profile")
    await place.enrolled(program, {"Noa": "MENTEE"})
    await paired(place, program, 1)
    await place.do("updateProfile", "Nils", "", skillsWanted=[{"tag": "pottery", "level": 1}])

    async def wants():
        rows = await place.matching.rows(
            "SELECT skills_wanted FROM participants WHERE member_id = :member", member=place.key("Nils")
        )
        return "pottery" in str(rows)

    await eventually(wants, what="matching hearing of the profile")
    await place.enrolled(program, {"Nils": "MENTEE"})
    assert (await paired(place, program, 2))["Nils"] == "Mo"


async def test_m2_while_nobody_is_free_newcomers_wait_are_seen_and_paired_as_soon_as_there_is_room(place, calendar):
    program = await place.program(**BUDDY)
    await place.enrolled(program, {"Mia": "MENTOR"})
    await place.enrolled(program, {"Noa": "MENTEE"})
    assert await paired(place, program, 1) == {"Noa": "Mia"}
    await place.enrolled(program, {"Nils": "MENTEE"})
    await calendar.turn(minutes=1)
    assert await pairs(place, program) == {"Noa": "Mia"}
    assert await waits(place, program) == {("Nils", "NOBODY_FREE", "FIND_MENTORS")}
    more = {"programId": program["id"], "side": "MENTOR", "maxPairings": 2}
    await place.do("changeEnrollment", "Mia", "enrollment { maxPairings }", **more)
    assert await paired(place, program, 2) == {"Noa": "Mia", "Nils": "Mia"}
    assert await waits(place, program) == set()


async def test_m2_joiners_at_once_and_events_told_again_never_overfill_a_veteran(place, program, matching):
    names = [f"N{n}" for n in range(9)]  # three more than there is room for
    await joins(place, *names)
    await paired(place, program, 6)
    again = [
        matching.deliver(place.community_id, "identity.member_joined.v1", {"member_id": place.key(name)},
                         aggregate_id=place.key(name), sequence=n)
        for name in names for n in (1, 2)
    ]  # fmt: skip
    await asyncio.gather(*again, *(newcomers.welcome(matching.database) for _ in range(4)))
    found = await pairs(place, program)
    assert Counter(found.values()) == dict.fromkeys(MENTORS, 2)
    assert len(await waits(place, program)) == 3
    rows = await matching.rows(
        "SELECT member_id FROM enrollments WHERE program_id = :program AND side = 'mentee'",
        program=place.key_of(program["id"]),
    )
    assert len(rows) == len({row["member_id"] for row in rows}) == 9


async def test_m2_a_newcomer_for_whom_two_veterans_are_found_at_once_gets_one(place, calendar, matching):
    program = await place.program(**BUDDY | {"automaticPairing": False})
    await place.enrolled(program, {"Mia": "MENTOR", "Max": "MENTOR"})
    await place.enrolled(program, {"Noa": "MENTEE"}, maxPairings=3)
    async with matching.database.transaction(tenant=place.community_id) as session:
        found = await programs.found(session, UUID(str(place.key_of(program["id"]))))
    newcomer, veterans = UUID(str(place.key("Noa"))), [UUID(str(place.key(each))) for each in ("Mia", "Max")]
    await asyncio.gather(
        *(newcomers._pair(matching.database, found, newcomer_id=newcomer, veteran_id=each) for each in veterans)
    )
    assert len(await pairs(place, program)) == 1
    assert len(await place.told("pairing_accepted")) == 1


async def test_m2_who_is_kept_apart_is_not_paired_not_even_if_decided_at_the_last_moment(
    place, matching, calendar, monkeypatch
):
    program = await place.program(**BUDDY)
    pair = newcomers._pair

    async def late(database, of, **two):
        if str(of.community_id) == place.community_id:
            members = {"memberIds": [place.ids["Mia"], place.ids["Noa"]]}
            await place.do("keepApart", "Ada", "keptApart { keptAt }", **members)
        await pair(database, of, **two)

    monkeypatch.setattr(newcomers, "_pair", late)
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    await newcomers.welcome(matching.database)

    async def kept():
        return await matching.rows("SELECT one_id FROM kept_apart WHERE community_id = :here", here=place.community_id)

    await eventually(kept, what="the last moment")
    monkeypatch.setattr(newcomers, "_pair", pair)
    await calendar.turn(minutes=1)
    assert await pairs(place, program) == {}
    assert await waits(place, program) == {("Noa", "NO_MENTOR", "START_MATCH_RUN")}
    await place.enrolled(program, {"Max": "MENTOR"})
    assert await paired(place, program, 1) == {"Noa": "Max"}


async def test_m2_where_both_are_asked_a_no_leads_to_the_next_veteran(place, calendar):
    program = await place.program(**BUDDY | {"acceptance": "BOTH"})
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    await paired(place, program, 1)
    [edge] = (await place.get(PAIRINGS, "Ada", id=program["id"]))["pairings"]["edges"]
    assert edge["node"]["status"] == "PROPOSED"
    await place.do("declinePairing", "Mia", "pairing { status }", pairingId=edge["node"]["id"])
    await calendar.turn(minutes=1)
    assert await pairs(place, program) == {}, "Mia is not asked again"
    await place.enrolled(program, {"Max": "MENTOR"})
    assert await paired(place, program, 1) == {"Noa": "Max"}


async def test_m2_a_buddy_who_saw_a_newcomer_through_is_not_followed_by_another(place, calendar):
    program = await place.program(**BUDDY)
    await place.enrolled(program, {"Mia": "MENTOR", "Max": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"})
    await paired(place, program, 2)
    edges = (await place.get(PAIRINGS, "Ada", id=program["id"]))["pairings"]["edges"]
    with_whom = {each["node"]["mentee"]["displayName"]: each["node"]["id"] for each in edges}
    await place.do("endPairing", "Noa", "pairing { id }", pairingId=with_whom["Noa"], reason="COMPLETED")
    await place.do("endPairing", "Nils", "pairing { id }", pairingId=with_whom["Nils"], reason="NO_FAULT")
    [again] = await paired(place, program, 1)
    assert again == "Nils"
    await calendar.turn(minutes=1)
    assert set(await pairs(place, program)) == {"Nils"}


async def test_m2_paused_veterans_closed_windows_and_finished_programs_take_no_newcomers(place, calendar):
    window = {"enrollFrom": calendar.time(days=2)}
    closed = await place.program(**BUDDY, enrollNewcomers=True, **window)
    paused = await place.program(**BUDDY)
    await place.enrolled(paused, {"Mia": "MENTOR"})
    given = {"programId": paused["id"], "side": "MENTOR", "paused": True}
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given)
    await place.enrolled(paused, {"Noa": "MENTEE"})
    await joins(place, "Nia")
    await place.enrolled(paused, {"Nia": "MENTEE"})
    await calendar.turn(minutes=1)
    assert await pairs(place, paused) == {}
    query = "query ($id: ID!) { program(id: $id) { enrollmentCounts { mentee } } }"
    assert (await place.get(query, "Ada", id=closed["id"]))["program"]["enrollmentCounts"] == {"mentee": 0}
    for step in ("RUNNING", "COMPLETED"):
        await place.do("advanceProgram", "Ada", "program { status }", programId=paused["id"], to=step)
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given | {"paused": False})
    await calendar.turn(minutes=1)
    assert await pairs(place, paused) == {}


async def test_m2_only_buddy_programs_pair_by_themselves_and_settings_can_be_changed(place, calendar):
    for setting in ("automaticPairing", "enrollNewcomers"):
        assert await place.refused("openProgram", "Ada", name="X", **{setting: True}) == ["BAD_SETTINGS"]
    assert await place.refused("openProgram", "Noa", name="X", kind="BUDDY") == ["FORBIDDEN"]
    program = await place.program(name="Welcome", kind="BUDDY", acceptance="AUTOMATIC")
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    await calendar.turn(minutes=1)
    assert await pairs(place, program) == {}
    which = {"programId": program["id"]}
    assert await place.refused("changeProgram", "Noa", **which, automaticPairing=True) == ["FORBIDDEN"]
    want = "program { automaticPairing newcomersSince }"
    changed = await place.do("changeProgram", "Ada", want, **which, automaticPairing=True, enrollNewcomers=True)
    assert (changed["automaticPairing"], bool(changed["newcomersSince"])) == (True, True)
    assert await paired(place, program, 1) == {"Noa": "Mia"}
    same = await place.do("changeProgram", "Ada", want, **which, enrollNewcomers=True, automaticPairing=None)
    assert same == changed
    off = await place.do("changeProgram", "Ada", want, **which, enrollNewcomers=False, automaticPairing=False)
    assert off == {"automaticPairing": False, "newcomersSince": None}
    mentoring = await place.program()
    assert await place.refused("changeProgram", "Ada", programId=mentoring["id"], automaticPairing=True) == [
        "BAD_SETTINGS"
    ]
