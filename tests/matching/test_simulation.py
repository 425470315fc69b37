"""A simulated year adds up, is the same for everyone compared, and measures its own forecast."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith_matching.simulation import Community, Policy, simulate
from kith_matching.waits import expected_wait

pytestmark = pytest.mark.unit
MODES = ["best_total", "fair", "stable", "first_come"]

communities = st.builds(
    Community,
    weeks=st.integers(0, 12),
    mentees=st.floats(0, 4),
    mentors=st.floats(0, 2),
    founders=st.integers(0, 6),
    room=st.integers(0, 3),
    says_yes=st.floats(0, 1),
    stays=st.floats(1, 8),
    patience=st.floats(1, 8),
)


@settings(max_examples=60, deadline=None)
@given(communities, st.builds(Policy, st.integers(1, 4), st.sampled_from(MODES)), st.integers(0, 99))
def test_everyone_who_came_was_matched_left_or_waits_and_nobody_had_too_many(community, policy, seed):
    year = simulate(community, policy, seed=seed)
    other = simulate(community, Policy(), seed=seed)
    assert year == simulate(community, policy, seed=seed)
    assert year.overfull == 0
    assert year.matched + year.left + year.waiting == other.matched + other.left + other.waiting
    assert min(year.matched, year.left, year.waiting) >= 0
    assert 0 <= year.worst_score <= year.mean_score + 1e-9 <= 1 + 1e-9


@pytest.mark.parametrize("mode", MODES)
def test_where_there_is_room_for_all_nobody_waits_and_the_forecast_says_so(mode):
    plenty = Community(weeks=20, mentees=3, founders=200, says_yes=1, stays=4)
    year = simulate(plenty, Policy(mode=mode), seed=1)
    assert (year.left, year.waiting, year.mean_wait, year.forecast_error) == (0, 0, 0, 0)


def test_one_run_for_the_whole_reaches_more_than_first_come_first_served():
    once = Community(weeks=1, mentees=60, founders=40, says_yes=1)
    found = {mode: simulate(once, Policy(mode=mode), seed=4) for mode in MODES}
    assert found["best_total"].matched == found["first_come"].matched
    assert found["best_total"].mean_score > found["first_come"].mean_score
    assert found["fair"].worst_score >= found["best_total"].worst_score - 0.005


def test_fewer_runs_make_people_wait_longer():
    community = Community()
    assert simulate(community, Policy(8), seed=2).mean_wait > simulate(community, Policy(1), seed=2).mean_wait


def test_the_forecast_of_a_crowded_year_is_off_by_weeks_not_months():
    crowded = Community(founders=15, mentors=0.4)
    years = [simulate(crowded, Policy(), seed=seed) for seed in range(5)]
    assert max(year.mean_wait for year in years) > 1  # there is something to forecast
    assert max(year.forecast_error for year in years) < 4


def test_more_ahead_is_longer_and_a_place_is_no_wait():
    assert expected_wait(0, 1, 0) == 0
    assert expected_wait(3, 10, 0, every_weeks=3) == 1
    assert [expected_wait(k, 2, 4.0) for k in (1, 2, 6)] == [0, 0.25, 1.25]
    assert math.isinf(expected_wait(5, 2, 0))


@pytest.mark.parametrize("bad", [{"mentees": -1}, {"says_yes": 2}, {"stays": 0}, {"patience": float("nan")}])
def test_a_community_that_cannot_be_is_refused(bad):
    with pytest.raises(ValueError, match=r"numbers from 0|a week at least"):
        Community(**bad)
    with pytest.raises(ValueError, match="at least 1"):
        Policy(0)
