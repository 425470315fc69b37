"""Availability in real minutes: daylight saving, midnight and the ends of the week."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith_matching.availability import SLOT_MINUTES, SLOTS, overlap_minutes, packed, weekly_mask

pytestmark = pytest.mark.unit
SPRING, AUTUMN, PLAIN = (
    date(2026, 3, 2),
    date(2026, 10, 26),
    date(2026, 1, 5),
)  # the clocks of New York change on Sunday


def window(weekday, start, end):
    return {"weekday": weekday, "start": start, "end": end}


def minutes(mask):
    return int(mask.sum()) * SLOT_MINUTES


def hour(mask):
    """Where the first available slot lies, in hours of the UTC week."""
    return int(np.argmax(mask)) * SLOT_MINUTES / 60


def test_the_same_wall_clock_hour_moves_in_utc_with_daylight_saving():
    nine = [window(0, 540, 600)]
    assert hour(weekly_mask("America/New_York", nine, PLAIN)) == 14
    assert hour(weekly_mask("America/New_York", nine, date(2026, 7, 6))) == 13
    assert hour(weekly_mask("Asia/Kolkata", nine, PLAIN)) == 3.5


def test_a_skipped_hour_is_nobodys_and_a_repeated_one_counts_twice():
    night = [window(6, 0, 240)]
    assert minutes(weekly_mask("America/New_York", night, PLAIN)) == 240
    assert minutes(weekly_mask("America/New_York", night, SPRING)) == 180
    assert minutes(weekly_mask("America/New_York", night, AUTUMN)) == 300
    assert minutes(weekly_mask("America/New_York", [window(6, 120, 180)], SPRING)) == 0


def test_a_window_may_cross_midnight_and_the_end_of_the_week():
    mask = weekly_mask("UTC", [window(6, 1380, 60)], PLAIN)
    assert minutes(mask) == 120
    assert mask[:12].all()
    assert mask[-12:].all()
    assert minutes(weekly_mask("UTC", [window(2, 0, 1440)], PLAIN)) == 1440


def test_only_slots_wholly_inside_a_window_count():
    assert minutes(weekly_mask("UTC", [window(0, 3, 14)], PLAIN)) == 5
    assert minutes(weekly_mask("UTC", [window(0, 1, 4)], PLAIN)) == 0


def test_windows_that_overlap_count_once():
    assert minutes(weekly_mask("UTC", [window(0, 0, 60), window(0, 30, 90)], PLAIN)) == 90


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "Europe"])
def test_an_unknown_zone_is_refused_with_an_example(zone):
    with pytest.raises(ValueError, match="IANA name such as"):
        weekly_mask(zone, [window(0, 0, 60)], PLAIN)


@pytest.mark.parametrize("bad", [window(7, 0, 60), window(0, -5, 60), window(0, 1440, 60), window(0, 0, 1441)])
def test_a_window_out_of_range_is_refused(bad):
    with pytest.raises(ValueError, match="weekday 0-6"):
        weekly_mask("UTC", [bad], PLAIN)


def test_a_week_starts_on_a_monday():
    with pytest.raises(ValueError, match="Monday"):
        weekly_mask("UTC", [], date(2026, 1, 6))


zones = st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"])
windows = st.lists(st.builds(window, st.integers(0, 6), st.integers(0, 1439), st.integers(0, 1440)), max_size=4)


@settings(max_examples=25, deadline=None)
@given(zones, windows, st.sampled_from([SPRING, AUTUMN, PLAIN, date(2026, 3, 30)]))
def test_a_slot_is_available_when_the_clock_on_the_wall_says_so(zone, given_windows, week):
    open_minutes = set()
    for each in given_windows:
        first = each["weekday"] * 1440 + each["start"]
        length = (each["end"] - each["start"]) % 1440 or 1440
        inside = range(first, first + length)
        open_minutes |= {m // 5 % SLOTS for m in inside if m % 5 == 0 and m + 5 <= first + length}
    mask = weekly_mask(zone, given_windows, week)
    start = datetime.combine(week, datetime.min.time(), UTC)
    for slot in range(0, SLOTS, 3):
        wall = (start + timedelta(minutes=5 * slot)).astimezone(ZoneInfo(zone))
        assert mask[slot] == ((wall.weekday() * 1440 + wall.hour * 60 + wall.minute) // 5 in open_minutes)


def test_overlap_is_counted_for_many_pairs_at_once():
    masks = np.random.default_rng(3).random((6, SLOTS)) < 0.3
    bits = packed([*masks, None])
    expected = (masks[:, None] & masks[None]).sum(axis=2) * SLOT_MINUTES
    assert bits.shape == (7, 252)
    assert (overlap_minutes(bits[:6, None], bits[None, :6]) == expected).all()
    assert overlap_minutes(bits[6], bits[0]) == 0
