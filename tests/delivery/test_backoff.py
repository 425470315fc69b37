"""When the next attempt is made, and what an answer means."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith_delivery.attempts import Outcome, judge
from kith_delivery.backoff import DELAYS_SECONDS, delay_seconds, retry_after_seconds

pytestmark = pytest.mark.unit
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_retries_go_on_for_three_days():
    assert sum(DELAYS_SECONDS) == pytest.approx(75 * 3600 + 35 * 60 + 5)
    assert delay_seconds(len(DELAYS_SECONDS), jitter=0) == 86_400
    assert delay_seconds(len(DELAYS_SECONDS) + 1, jitter=0) is None


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 86_400))
def test_a_retry_is_never_early_and_at_most_a_quarter_late(attempts, jitter, asked):
    delay = delay_seconds(attempts, jitter=jitter, retry_after=asked)
    least = max(DELAYS_SECONDS[attempts - 1], asked or 0)
    assert least <= delay <= least * 1.25


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("9" * 4000, 86_400),
        ("100000", 86_400),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 2026 12:01:00 -0000", 60),
        ("soon", None),
        ("-5", None),
        ("Mon, 01 Jan 99999999999999 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400),
        ("١٢", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(header, seconds):
    assert retry_after_seconds(header, now=NOW) == seconds


_WORDS = st.sampled_from(["Mon,", "01", "Jan", "2026", "9" * 20, "00:00:00", "25:61:61", "GMT", "+9999", "-2359", "0"])


@given(st.text() | st.lists(_WORDS, max_size=8).map(" ".join))
def test_whatever_a_receiver_asks_for_is_read_or_passed_over(header):
    seconds = retry_after_seconds(header, now=NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@pytest.mark.parametrize(
    ("outcome", "status", "paused", "gone"),
    [
        (Outcome(NOW, 1, 200), "delivered", False, False),
        (Outcome(NOW, 1, 302, "status"), "pending", False, False),
        (Outcome(NOW, 1, 404, "status"), "pending", False, False),
        (Outcome(NOW, 1, 410, "status"), "failed", False, True),
        (Outcome(NOW, 1, 429, "status"), "pending", True, False),
        (Outcome(NOW, 1, 500, "status"), "pending", False, False),
        (Outcome(NOW, 1, 502, "status"), "pending", True, False),
        (Outcome(NOW, 1, 503, "status"), "pending", True, False),
        (Outcome(NOW, 1, 504, "status"), "pending", True, False),
        (Outcome(NOW, 1, error="connection"), "pending", True, False),
        (Outcome(NOW, 1, error="timeout"), "pending", True, False),
        (Outcome(NOW, 1, error="address_refused"), "pending", True, False),
    ],
)
def test_what_an_outcome_means(outcome, status, paused, gone):
    verdict = judge(outcome, attempts=1, jitter=0)
    assert (verdict.status, verdict.pause > 0, verdict.gone) == (status, paused, gone)


def test_retry_after_counts_where_the_receiver_is_overloaded():
    asked = Outcome(NOW, 1, 503, "status", retry_after=900)
    assert judge(asked, attempts=1, jitter=0).delay == 900
    assert judge(asked, attempts=1, jitter=0).pause == 900
    assert judge(Outcome(NOW, 1, 400, "status", retry_after=900), attempts=1, jitter=0).delay == 5


def test_the_tenth_attempt_is_the_last():
    assert judge(Outcome(NOW, 1, 500, "status"), attempts=9, jitter=0).status == "pending"
    assert judge(Outcome(NOW, 1, 500, "status"), attempts=10, jitter=0).status == "failed"
