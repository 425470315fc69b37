"""Pausing until a day, and being back by oneself."""

from datetime import timedelta

import pytest

from kith_matching import clock
from kith_matching.pausing.days import over_at
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
MINE = "query ($id: ID!) { program(id: $id) { myEnrollments { side paused pausedUntil priority enrolledAt } } }"
NUDGES = "query ($id: ID!) { pairing(id: $id) { status nudges { silentDays } } }"


@pytest.fixture
async def program(place):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE", "Nils": "MENTEE"}, maxPairings=2)
    return program


async def mine(place, program, by="Mia"):
    [found] = (await place.get(MINE, by, id=program["id"]))["program"]["myEnrollments"]
    return found


async def pause(place, program, by="Mia", side="MENTOR", **given):
    return await place.do("changeEnrollment", by, "enrollment { paused }", programId=program["id"], side=side, **given)


async def lives_in(place, name, zone):
    await place.do("updateProfile", name, "member { id }", timeZone=zone)
    sql = "SELECT time_zone FROM participants WHERE member_id = :member"

    async def heard():
        return [row["time_zone"] for row in await place.matching.rows(sql, member=place.key(name))] == [zone]

    await eventually(heard, what="matching hearing of the zone")


async def test_m15_i_pause_until_friday_and_am_back_by_myself(place, program, calendar):
    pairing = await place.pairing(program)
    before = await mine(place, program)
    await pause(place, program, paused=True, pausedUntil=calendar.day(40))
    asked = {"programId": program["id"], "mentorId": place.ids["Mia"], "message": "Hi"}
    assert await place.refused("askMentor", "Nils", **asked) == ["ENROLLMENT_PAUSED"]
    await calendar.turn(days=39)
    assert (await mine(place, program))["paused"]
    assert (await place.get(NUDGES, "Noa", id=pairing))["pairing"] == {"status": "ACCEPTED", "nudges": []}
    await calendar.turn(days=2)
    assert await mine(place, program) == before  # their place as well
    await place.do("askMentor", "Nils", "request { id }", **asked)
    await calendar.turn(days=6)
    assert (await place.get(NUDGES, "Noa", id=pairing))["pairing"]["nudges"] == []
    await calendar.turn(days=1)
    assert (await place.get(NUDGES, "Noa", id=pairing))["pairing"]["nudges"] == [{"silentDays": 7}]
    [began] = await place.told("pause_began")
    [ended] = await place.told("pause_ended")
    assert (began["member_id"], began["side"]) == (ended["member_id"], ended["side"]) == (place.key("Mia"), "mentor")
    assert began["last_day"] is not None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
async def test_m15_the_last_day_ends_where_i_live(place, program, calendar, zone):
    await lives_in(place, "Mia", zone)
    last = (clock.now() + timedelta(days=5)).date()
    await pause(place, program, paused=True, pausedUntil=last.isoformat())
    await calendar.turn(seconds=(over_at(last, zone) - clock.now()).total_seconds() - 60)
    assert (await mine(place, program))["paused"]
    await calendar.turn(minutes=2)
    assert not (await mine(place, program))["paused"]


async def test_m15_a_pause_without_a_last_day_lasts_and_can_be_shortened_or_ended(place, program, calendar):
    await pause(place, program, paused=True)
    await calendar.turn(days=300)
    assert (await mine(place, program))["paused"]
    await pause(place, program, pausedUntil=calendar.day(3))
    assert (await mine(place, program))["pausedUntil"] == calendar.day(3)
    await pause(place, program, maxPairings=1)
    assert (await mine(place, program))["pausedUntil"] == calendar.day(3)
    await pause(place, program, pausedUntil=None)
    await calendar.turn(days=10)
    assert (await mine(place, program))["paused"]
    await pause(place, program, paused=False)
    assert (await mine(place, program))["paused"] is False
    assert len(await place.told("pause_ended")) == 1


async def test_m15_a_last_day_that_makes_no_sense_is_refused(place, program, calendar):
    which = {"programId": program["id"], "side": "MENTOR"}
    for wrong in ({"pausedUntil": calendar.day(3)}, {"paused": True, "pausedUntil": calendar.day(-2)}):
        assert await place.refused("changeEnrollment", "Mia", **which, **wrong) == ["BAD_PAUSE"]
    assert await place.refused("changeEnrollment", "Mia", **which, paused=False, pausedUntil=calendar.day(1)) == [
        "BAD_PAUSE"
    ]
    for wrong in ("9999-12-31", "2100-01-01"):
        assert await place.refused("changeEnrollment", "Mia", **which, paused=True, pausedUntil=wrong) == [
            "INVALID_REQUEST"
        ]
    assert await place.refused("changeEnrollment", "Nils", **which, paused=True) == ["NOT_ENROLLED"]
    assert (await mine(place, program))["paused"] is False
