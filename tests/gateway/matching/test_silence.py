"""Contact between two who are paired: touchpoints, whose move it is, and what silence leads to."""

import pytest

pytestmark = pytest.mark.integration
SEEN = """query ($id: ID!) { pairing(id: $id) {
  status endReason wentQuiet { displayName }
  contact { move { displayName } silentDays everyDays closesAt stuck }
  nudges { kind silentDays member { displayName } }
  touchpoints { kind channel recordedBy { displayName } }
} }"""


@pytest.fixture
async def program(place):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    return program


@pytest.fixture
async def pairing(place, program, calendar):
    return await place.pairing(program)


async def seen(place, pairing, by="Noa"):
    return (await place.get(SEEN, by, id=pairing))["pairing"]


async def touch(place, pairing, by, kind="REACHED_OUT", **given):
    await place.do("recordTouchpoint", by, pairingId=pairing, kind=kind, channel="TEXT", **given)


async def test_m26_silence_is_noticed_after_7_14_and_21_days(place, pairing, calendar):
    await calendar.turn(days=6)
    assert (await seen(place, pairing))["nudges"] == []
    await calendar.turn(days=1)
    await calendar.turn()
    reminded = {"kind": "REMINDER", "silentDays": 7, "member": {"displayName": "Noa"}}
    assert (await seen(place, pairing))["nudges"] == [reminded]
    await calendar.turn(days=7)
    await calendar.turn(days=7)
    now = await seen(place, pairing, by="Mia")
    assert [each["silentDays"] for each in now["nudges"]] == [21, 14, 7]
    assert (now["contact"]["move"]["displayName"], now["contact"]["silentDays"]) == ("Noa", 21)
    told = await place.told("pairing_nudged")
    assert [(each["silent_days"], each["move_id"]) for each in told] == [(n, place.key("Noa")) for n in (7, 14, 21)]


async def test_m26_a_nudge_goes_to_the_one_whose_move_it_is(place, pairing, calendar):
    await touch(place, pairing, "Noa", happenedAt=calendar.time())
    await calendar.turn(days=7)
    assert (await seen(place, pairing))["nudges"][0]["member"]["displayName"] == "Mia"
    await touch(place, pairing, "Mia", happenedAt=calendar.time())
    now = await seen(place, pairing)
    assert (now["contact"]["move"]["displayName"], now["contact"]["silentDays"]) == ("Noa", 0)
    assert [each["recordedBy"]["displayName"] for each in now["touchpoints"]] == ["Mia", "Noa"]
    await calendar.turn(days=3)
    await touch(place, pairing, "Mia", kind="MET", happenedAt=calendar.time())
    await calendar.turn(days=6)
    assert len((await seen(place, pairing))["nudges"]) == 1


async def test_m26_who_agreed_on_less_contact_is_reminded_later(place, pairing, calendar):
    terms = {"pairingId": pairing, "support": "Code reviews", "channel": "VIDEO", "everyDays": 14}
    made = await place.do("proposeAgreement", "Noa", "agreement { id }", **terms)
    await place.do("acceptAgreement", "Mia", agreementId=made["id"])
    await calendar.turn(days=13)
    assert (await seen(place, pairing))["nudges"] == []
    await calendar.turn(days=1)
    assert [each["silentDays"] for each in (await seen(place, pairing))["nudges"]] == [14]


async def test_m26_nobody_records_what_has_not_happened_or_was_before_they_met(place, pairing, calendar):
    given = {"pairingId": pairing, "kind": "MET", "channel": "VIDEO"}
    for when in (calendar.time(minutes=1), calendar.time(days=-1)):
        assert await place.refused("recordTouchpoint", "Noa", **given, happenedAt=when) == ["NOT_IN_THIS_TIME"]
    for when in ("9999-12-31T23:59:59-14:00", "2027-01-01T00:00:00"):
        assert await place.refused("recordTouchpoint", "Noa", **given, happenedAt=when) == ["INVALID_REQUEST"]
    assert await place.refused("recordTouchpoint", "Max", **given, happenedAt=calendar.time()) == ["NO_SUCH_PAIRING"]


async def test_m15_while_somebody_has_paused_no_silence_counts(place, program, pairing, calendar):
    given = {"programId": program["id"], "side": "MENTOR"}
    await calendar.turn(days=6)
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given, paused=True)
    await calendar.turn(days=60)
    assert (await seen(place, pairing))["nudges"] == []
    await place.do("changeEnrollment", "Mia", "enrollment { paused }", **given, paused=False)
    await calendar.turn(days=6)
    assert (await seen(place, pairing))["nudges"] == []
    await calendar.turn(days=1)
    assert [each["silentDays"] for each in (await seen(place, pairing))["nudges"]] == [7]


async def test_m15_no_silence_from_before_a_pause_counts_whoevers_move_it_becomes(place, program, pairing, calendar):
    given = {"programId": program["id"], "side": "MENTEE"}
    await calendar.turn(days=2)
    await place.do("changeEnrollment", "Noa", "enrollment { paused }", **given, paused=True)
    await calendar.turn(days=60)
    await place.do("changeEnrollment", "Noa", "enrollment { paused }", **given, paused=False)
    await calendar.turn(days=1)
    await touch(place, pairing, "Mia", happenedAt=calendar.time(days=-20))  # told late
    await touch(place, pairing, "Mia", happenedAt=calendar.time())
    await calendar.turn(days=5)
    now = await seen(place, pairing)
    assert (now["nudges"], now["status"], now["contact"]["move"]["displayName"]) == ([], "ACCEPTED", "Noa")
    assert now["contact"]["silentDays"] <= 6
    await calendar.turn(days=1)
    assert [(each["kind"], each["silentDays"]) for each in (await seen(place, pairing))["nudges"]] == [("REMINDER", 7)]


async def test_m30_a_silent_pairing_is_warned_and_then_ends_and_names_who_went_quiet(place, program, pairing, calendar):
    await touch(place, pairing, "Noa", happenedAt=calendar.time())
    await calendar.turn(days=28)
    now = await seen(place, pairing)
    assert now["nudges"][0] == {"kind": "WARNING", "silentDays": 28, "member": {"displayName": "Mia"}}
    assert now["contact"]["stuck"] == ["NO_AGREEMENT", "NOT_MET", "SILENT"]
    assert now["contact"]["closesAt"]
    await calendar.turn(days=6)
    assert (await seen(place, pairing))["status"] == "ACCEPTED"
    await calendar.turn(days=1)
    for name in ("Noa", "Mia", "Ada"):
        now = await seen(place, pairing, by=name)
        assert (now["status"], now["endReason"], now["contact"]) == ("ENDED", "SILENCE", None)
        assert now["wentQuiet"] == {"displayName": "Mia"}
    [ended] = await place.told("pairing_ended")
    assert ended["reason"] == "silence"
    assert "quiet_id" not in ended
    given = {"pairingId": pairing, "kind": "MET", "channel": "VIDEO", "happenedAt": calendar.time()}
    assert await place.refused("recordTouchpoint", "Noa", **given) == ["NOT_TOGETHER"]
    assert await place.pairing(program) != pairing  # both have room again


async def test_m30_after_an_outage_of_two_months_there_is_a_warning_and_a_week_before_the_end(place, pairing, calendar):
    await calendar.turn(days=60)
    assert [each["kind"] for each in (await seen(place, pairing))["nudges"]] == ["WARNING"]
    await calendar.turn(days=6)
    assert (await seen(place, pairing))["status"] == "ACCEPTED"
    await touch(place, pairing, "Noa", happenedAt=calendar.time())
    await calendar.turn(days=6)
    now = await seen(place, pairing)
    assert (now["status"], now["contact"]["closesAt"], now["contact"]["move"]["displayName"]) == (
        "ACCEPTED",
        None,
        "Mia",
    )


async def test_m25_a_pairing_ends_after_the_last_day_that_was_agreed(place, pairing, calendar):
    terms = {"pairingId": pairing, "support": "Code reviews", "channel": "VIDEO", "everyDays": 90}
    made = await place.do("proposeAgreement", "Noa", "agreement { id }", **terms, endsOn=calendar.day(30))
    await place.do("acceptAgreement", "Mia", agreementId=made["id"])
    await calendar.turn(days=30)
    assert (await seen(place, pairing))["status"] == "ACCEPTED"
    await calendar.turn(days=2)
    now = await seen(place, pairing)
    assert (now["status"], now["endReason"], now["wentQuiet"]) == ("ENDED", "AGREED_END", None)


async def test_m30_others_see_neither_nudges_nor_who_went_quiet(place, pairing, calendar):
    await calendar.turn(days=28)
    assert await seen(place, pairing, by="Max") is None
    max_ = place.matching.client(place.actor("Max"))
    for read in ("contact", "nudges", "touchpoints"):
        answer = await max_.post(f"/read/{read}-by-pairing", json={"keys": [place.key_of(pairing)]})
        assert answer.json() in ([[]], [None])
