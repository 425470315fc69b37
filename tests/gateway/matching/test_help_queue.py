"""The help queue: nobody waits unseen, and nobody does what somebody else is doing."""

import asyncio

import pytest

pytestmark = pytest.mark.integration
WANT = "helpRequest { id status topic claimedUntil claimedBy { displayName } askedBy { displayName } }"
QUEUE = "query ($id: ID!) { helpQueue(programId: $id) { edges { node { topic claimedBy { displayName } } } } }"


@pytest.fixture
async def program(place, calendar):
    program = await place.program()
    sides = {"Mia": "MENTOR", "Max": "MENTOR", "Mo": "PEER", "Noa": "MENTEE", "Nils": "MENTEE"}
    await place.enrolled(program, sides)
    return program


async def asked(place, program, topic, by="Noa"):
    return (await place.do("askForHelp", by, WANT, programId=program["id"], topic=topic))["id"]


async def queue(place, program, by):
    edges = (await place.get(QUEUE, by, id=program["id"]))["helpQueue"]["edges"]
    return [edge["node"]["topic"] for edge in edges]


async def test_m19_two_helpers_at_once_get_two_things_and_one_thing_is_claimed_once(place, program):
    topics = ["Install Python", "Read a traceback", "Name a variable"]
    ids = [await asked(place, program, topic) for topic in topics]
    given = {"programId": program["id"]}
    taken = await asyncio.gather(*(place.do("claimNextHelp", name, WANT, **given) for name in ("Mia", "Max")))
    assert len({each["topic"] for each in taken}) == 2
    [left] = set(ids) - {each["id"] for each in taken}
    tries = await asyncio.gather(*(place.refused("claimHelp", name, helpId=left) for name in ("Mia", "Max", "Mo")))
    assert sorted(tries) == [[], ["ALREADY_CLAIMED"], ["ALREADY_CLAIMED"]]
    assert await place.refused("claimNextHelp", "Mo", **given) == ["NOBODY_WAITS"]
    assert len(await place.told("help_claimed")) == 3


async def test_m19_what_has_waited_longest_is_next(place, program):
    for topic in ("First", "Second"):
        await asked(place, program, topic)
    assert (await place.do("claimNextHelp", "Mia", WANT, programId=program["id"]))["topic"] == "First"
    assert await queue(place, program, "Max") == ["First", "Second"]


async def test_m19_a_claim_runs_out_and_blocks_nobody(place, program, calendar):
    which = {"helpId": await asked(place, program, "Install Python")}
    await place.do("claimHelp", "Mia", WANT, **which)
    await calendar.turn(minutes=20)
    await place.do("claimHelp", "Mia", WANT, **which)  # goes on with it
    await calendar.turn(minutes=20)
    assert await place.refused("claimHelp", "Max", **which) == ["ALREADY_CLAIMED"]
    await calendar.turn(minutes=11)
    assert await place.refused("resolveHelp", "Mia", **which) == ["CLAIM_LOST"]
    taken = await place.do("claimHelp", "Max", WANT, **which)
    assert taken["claimedBy"] == {"displayName": "Max"}
    assert await place.refused("releaseHelp", "Mia", **which) == ["CLAIM_LOST"]
    await place.do("releaseHelp", "Max", WANT, **which)
    await place.do("claimHelp", "Mia", WANT, **which)
    resolved = await place.do("resolveHelp", "Mia", WANT, **which)
    assert (resolved["status"], resolved["claimedBy"]) == ("RESOLVED", {"displayName": "Mia"})
    assert await place.refused("resolveHelp", "Mia", **which) == ["ALREADY_DONE"]
    assert await place.refused("claimHelp", "Max", **which) == ["ALREADY_DONE"]
    [told] = await place.told("help_resolved")
    assert (told["asked_by"], told["helper_id"]) == (place.key("Noa"), place.key("Mia"))
    assert await queue(place, program, "Mia") == []


async def test_m19_helpers_see_the_queue_and_others_what_they_asked(place, program):
    which = {"helpId": await asked(place, program, "Install Python")}
    for name, seen in (("Mia", 1), ("Mo", 1), ("Ada", 1), ("Noa", 1), ("Nils", 0)):
        assert len(await queue(place, program, name)) == seen, name
    assert await place.refused("claimHelp", "Nils", **which) == ["NOT_ENROLLED"]
    assert await place.refused("askForHelp", "Nora", programId=program["id"], topic="x") == ["NOT_ENROLLED"]
    assert await place.refused("withdrawHelp", "Mia", **which) == ["NO_SUCH_HELP_REQUEST"]
    own = {"helpId": await asked(place, program, "My own", by="Mo")}
    assert await place.refused("claimHelp", "Mo", **own) == ["ALREADY_CLAIMED"]
    await place.do("resolveHelp", "Mo", WANT, **own)  # found it out
    await place.do("withdrawHelp", "Noa", WANT, **which)
    assert await queue(place, program, "Ada") == []
    [told] = await place.told("help_resolved")
    assert told["helper_id"] is None


@pytest.mark.parametrize("given", [{"topic": ""}, {"topic": "x" * 121}, {"topic": "x", "body": "a\u0007"}])
async def test_m19_what_makes_no_sense_is_refused(place, program, given):
    assert await place.refused("askForHelp", "Noa", programId=program["id"], **given) == ["INVALID_REQUEST"]
