"""What two who are paired agree on."""

import asyncio

import pytest

pytestmark = pytest.mark.integration
WANT = "agreement { id version support everyDays mentorAcceptedAt menteeAcceptedAt }"
SEEN = """query ($id: ID!) { pairing(id: $id) {
  agreement { id version support everyDays channel boundaries endsOn proposedBy { displayName } }
  proposedAgreement { id version support }
} }"""


@pytest.fixture
async def pairing(place):
    program = await place.program()
    await place.enrolled(program, {"Mia": "MENTOR", "Noa": "MENTEE"})
    return await place.pairing(program)


def terms(pairing, **given):
    return {"pairingId": pairing, "support": "Finding my way in Python", "channel": "VIDEO", "everyDays": 14} | given


async def test_m25_an_agreement_holds_when_both_accept_it_and_a_change_needs_both_again(place, pairing, calendar):
    given = terms(pairing, boundaries="Not at weekends.", endsOn=calendar.day(90))
    first = await place.do("proposeAgreement", "Noa", WANT, **given)
    assert (first["version"], first["mentorAcceptedAt"]) == (1, None)
    assert first["menteeAcceptedAt"]
    seen = (await place.get(SEEN, "Mia", id=pairing))["pairing"]
    assert (seen["agreement"], seen["proposedAgreement"]["id"]) == (None, first["id"])
    await place.do("acceptAgreement", "Mia", WANT, agreementId=first["id"])
    again = await place.do("acceptAgreement", "Noa", WANT, agreementId=first["id"])
    assert again["mentorAcceptedAt"]
    seen = (await place.get(SEEN, "Noa", id=pairing))["pairing"]
    assert seen["proposedAgreement"] is None
    assert seen["agreement"] == {
        "id": first["id"], "version": 1, "support": "Finding my way in Python", "everyDays": 14, "channel": "VIDEO",
        "boundaries": "Not at weekends.", "endsOn": calendar.day(90), "proposedBy": {"displayName": "Noa"},
    }  # fmt: skip

    second = await place.do("proposeAgreement", "Mia", WANT, **terms(pairing, everyDays=7))
    seen = (await place.get(SEEN, "Noa", id=pairing))["pairing"]
    assert (seen["agreement"]["version"], seen["proposedAgreement"]["version"]) == (1, 2)
    await place.do("acceptAgreement", "Noa", WANT, agreementId=second["id"])
    assert (await place.get(SEEN, "Noa", id=pairing))["pairing"]["agreement"]["everyDays"] == 7
    assert [each["proposed_by"] for each in await place.told("agreement_proposed")] == [
        place.key("Noa"),
        place.key("Mia"),
    ]
    assert len(await place.told("agreement_reached")) == 2


async def test_m25_nobody_accepts_terms_that_are_over(place, pairing, calendar):
    first = await place.do("proposeAgreement", "Noa", WANT, **terms(pairing, endsOn=calendar.day(1)))
    await calendar.turn(days=3)
    assert await place.refused("acceptAgreement", "Mia", agreementId=first["id"]) == ["ENDS_IN_THE_PAST"]
    await calendar.turn()
    assert (await place.get("query ($id: ID!) { pairing(id: $id) { status } }", "Noa", id=pairing))["pairing"] == {
        "status": "ACCEPTED"
    }


async def test_m25_nobody_accepts_terms_that_were_replaced_before_they_read_the_new_ones(place, pairing):
    first = await place.do("proposeAgreement", "Noa", WANT, **terms(pairing))
    await place.do("proposeAgreement", "Noa", WANT, **terms(pairing, everyDays=1))
    assert await place.refused("acceptAgreement", "Mia", agreementId=first["id"]) == ["AGREEMENT_CHANGED"]
    assert await place.told("agreement_reached") == []


async def test_m25_what_is_between_two_is_nobody_elses(place, pairing):
    first = await place.do("proposeAgreement", "Noa", WANT, **terms(pairing))
    for name in ("Max", "Ada"):
        assert await place.refused("acceptAgreement", name, agreementId=first["id"]) == ["NO_SUCH_AGREEMENT"]
        assert await place.refused("proposeAgreement", name, **terms(pairing)) == ["NO_SUCH_PAIRING"]
    assert (await place.get(SEEN, "Max", id=pairing))["pairing"] is None
    assert (await place.get(SEEN, "Ada", id=pairing))["pairing"] == {"agreement": None, "proposedAgreement": None}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"everyDays": 0}, "INVALID_REQUEST"),
        ({"everyDays": 91}, "INVALID_REQUEST"),
        ({"support": "a\u0007b"}, "INVALID_REQUEST"),
        ({"boundaries": "x" * 4001}, "INVALID_REQUEST"),
        ({"endsOn": "2020-01-01"}, "ENDS_IN_THE_PAST"),
    ],
)
async def test_m25_terms_that_make_no_sense_are_refused(place, pairing, given, code):
    assert await place.refused("proposeAgreement", "Noa", **terms(pairing, **given)) == [code]


async def test_m25_both_accept_at_the_same_time_and_it_is_reached_once(place, pairing):
    first = await place.do("proposeAgreement", "Noa", WANT, **terms(pairing))
    await asyncio.gather(*(place.do("acceptAgreement", "Mia", WANT, agreementId=first["id"]) for _ in range(4)))
    assert len(await place.told("agreement_reached")) == 1
    proposed = await asyncio.gather(
        *(place.do("proposeAgreement", name, WANT, **terms(pairing)) for name in ("Mia", "Noa"))
    )
    assert {each["version"] for each in proposed} == {2, 3}


async def test_m25_a_retried_proposal_is_one(place, pairing):
    key = {"clientMutationId": "an agreement, proposed"}
    first = await place.do("proposeAgreement", "Noa", WANT, **terms(pairing), **key)
    assert await place.do("proposeAgreement", "Noa", WANT, **terms(pairing), **key) == first
    assert len(await place.told("agreement_proposed")) == 1
