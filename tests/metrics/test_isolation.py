"""Who is alone and why, without anything around it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith_metrics.isolation import WEIGHTS, Signals, risk
from kith_metrics.reports import NAMED_FROM

pytestmark = pytest.mark.unit
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALONE = Signals(NOW - timedelta(days=30), 0, None, None, None, False, False, False)
maybe = st.one_of(st.none(), st.datetimes(datetime(2025, 1, 1), datetime(2026, 3, 1), timezones=st.just(UTC)))  # noqa: DTZ001
flag = st.booleans()
signals = st.builds(Signals, maybe, st.integers(0, 5), maybe, maybe, maybe, flag, flag, flag)


@given(signals)
def test_a_score_is_the_sum_of_its_reasons_and_names_a_step(of):
    found = risk(of, now=NOW)
    assert found.score == pytest.approx(min(1, sum(WEIGHTS[reason] for reason in found.reasons)), abs=1e-3)
    in_grace = of.joined_at is not None and NOW - of.joined_at < timedelta(days=3)
    assert found.never_connected == (of.partners == 0 and not in_grace)
    assert bool(found.step) == bool(found.reasons)


@given(signals)
def test_meeting_somebody_never_raises_the_score(of):
    connected = replace(of, partners=of.partners + 2, last_tie_at=NOW)
    assert risk(connected, now=NOW).score <= risk(replace(of, partners=0), now=NOW).score


@given(signals, st.timedeltas(timedelta(), timedelta(days=400)), st.integers(1, 5))
def test_an_older_last_tie_never_lowers_the_score(of, further_back, partners):
    newer = replace(of, partners=partners, last_tie_at=of.last_tie_at or NOW)
    older = replace(newer, last_tie_at=newer.last_tie_at - further_back)
    assert risk(older, now=NOW).score >= risk(newer, now=NOW).score


@pytest.mark.parametrize("partners", [1, 2, 9])
def test_who_has_heard_of_nobody_for_long_is_named(partners):
    cooled = replace(ALONE, partners=partners, last_tie_at=NOW - timedelta(days=61))
    assert "ties_have_cooled" in risk(cooled, now=NOW).reasons
    assert risk(cooled, now=NOW).score >= NAMED_FROM
    assert risk(cooled, now=NOW).score < risk(ALONE, now=NOW).score


def test_what_was_only_offered_is_told_apart_from_what_is_missing():
    offered = replace(ALONE, in_group=True, pairing_proposed=True)
    assert {"not_in_a_group", "no_pairing"} <= set(risk(ALONE, now=NOW).reasons)
    assert {"in_a_group_but_met_nobody", "pairing_not_accepted"} <= set(risk(offered, now=NOW).reasons)
    assert risk(offered, now=NOW).score < risk(ALONE, now=NOW).score
    assert risk(offered, now=NOW).step == "invite_to_a_session"


def test_nobody_is_isolated_on_their_first_day():
    new = replace(ALONE, joined_at=NOW)
    assert risk(new, now=NOW).reasons == ()
    answered = replace(new, posted_at=NOW, replied_to_at=NOW, partners=1, last_tie_at=NOW)
    assert risk(answered, now=NOW).reasons == ()


def test_on_the_first_day_only_a_post_that_nobody_answers_is_named():
    found = risk(replace(ALONE, joined_at=NOW, posted_at=NOW), now=NOW)
    assert (found.reasons, found.step) == (("no_reply_to_first_post",), "reply_to_their_post")
    assert found.score >= NAMED_FROM


def test_a_first_post_nobody_answered_asks_for_a_reply():
    found = risk(replace(ALONE, posted_at=NOW - timedelta(days=2)), now=NOW)
    assert found.reasons[:2] == ("never_connected", "no_reply_to_first_post")
    assert found.step == "reply_to_their_post"
