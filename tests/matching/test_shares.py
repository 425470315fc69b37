"""What share became mentors, when not everybody was watched for as long."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kith_matching.becoming.shares import Waits, median_wait, share_by

pytestmark = pytest.mark.unit
YEAR = 365
watched = some.integers(0, 1000).flatmap(
    lambda seen: some.builds(
        Waits,
        seen=some.just(seen),
        waited=some.none() | some.integers(0, seen),
        people=some.integers(1, 50),
    )
)


def test_where_all_were_watched_for_a_year_it_is_the_plain_share():
    waits = [Waits(400, None, 6), Waits(500, 100, 3), Waits(500, 450, 1)]
    assert share_by(YEAR, waits) == pytest.approx(0.3)


def test_who_finished_yesterday_does_not_make_it_look_worse():
    waits = [Waits(400, None, 5), Waits(400, 10, 5)]
    recent = Waits(1, None, 1000)
    assert share_by(YEAR, [*waits, recent]) == pytest.approx(0.5)


def test_by_hand_after_kaplan_and_meier():
    """Four finish; one mentors after 10 days, one is lost from sight at 20, one mentors after 30: 1 - 3/4 * 1/2."""
    waits = [Waits(400, 10), Waits(20, None), Waits(400, 30), Waits(400, None)]
    assert share_by(YEAR, waits) == pytest.approx(1 - 3 / 4 * 1 / 2)


@given(some.lists(watched, max_size=30))
def test_it_is_a_share_that_never_falls_as_days_go_by_and_none_where_nobody_was_watched_so_long(waits):
    shares = [share_by(days, waits) for days in (0, 30, 365, 1000)]
    known = [each for each in shares if each is not None]
    assert shares[: len(known)] == known, "what is unknown by a day is unknown by a later one"
    assert known == sorted(known)
    assert all(-1e-12 <= each <= 1 + 1e-12 for each in known)
    for days, share in zip((0, 30, 365, 1000), shares, strict=True):
        assert (share is None) == all(each.seen < days for each in waits)


def test_half_of_those_it_happened_to_waited_so_long():
    assert median_wait([]) is None
    assert median_wait([Waits(9, None, 5)]) is None
    assert median_wait([Waits(90, 3), Waits(90, 10, 2), Waits(90, 80), Waits(90, None, 9)]) == 10
