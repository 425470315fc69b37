"""Tiers are earned by one bar, kept by a lower one, and lost after a time of grace."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kith_matching.tiers.bars import EARNED, GRACE, KEPT, LEAST_ANSWERING, Outcomes, Standing, judged

pytestmark = pytest.mark.unit
START = datetime(2027, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
outcomes = some.builds(
    Outcomes,
    completed=some.integers(0, 15),
    tenure_days=some.integers(0, 800),
    answering=some.integers(0, 12),
    rating=some.floats(1, 5),
)
standings = some.builds(
    Standing,
    rank=some.integers(0, 3),
    since=some.just(START - 90 * DAY),
    below_since=some.none() | some.integers(0, 90).map(lambda days: START - days * DAY),
)
LEAD = Outcomes(completed=12, tenure_days=700, answering=8, rating=4.6)


def lived(standing, rating_by_day, of=LEAD):
    """The tiers of day after day on which the mean is this."""
    tiers = []
    for day, rating in enumerate(rating_by_day):
        standing = judged(standing, replace(of, rating=rating), now=START + day * DAY)
        tiers.append(standing.rank)
    return tiers


def test_what_keeps_a_tier_never_asks_for_more_than_what_earns_it():
    for earned, kept in zip(EARNED, KEPT, strict=True):
        assert (kept.completed, kept.tenure_days) <= (earned.completed, earned.tenure_days)
        assert (kept.rating or 0) <= (earned.rating or 0)
    for bars in (EARNED, KEPT):
        for lower, higher in pairwise(bars):
            assert lower.completed <= higher.completed
            assert lower.tenure_days <= higher.tenure_days
            assert (lower.rating or 0) <= (higher.rating or 0)


@given(standing=standings, found=outcomes)
def test_judged_again_at_once_nothing_changes(standing, found):
    once = judged(standing, found, now=START)
    assert judged(once, found, now=START) == once


@given(standing=standings, found=outcomes)
def test_while_nothing_happens_a_tier_changes_once_up_or_only_down(standing, found):
    tiers, now = [], standing
    for day in range(0, 400, 10):
        now = judged(now, found, now=START + day * DAY)
        tiers.append(now.rank)
    assert tiers == sorted(tiers, reverse=True)
    assert tiers[-1] == judged(now, found, now=START + 400 * DAY).rank


@given(some.lists(some.floats(4.0, 5.0), min_size=1, max_size=300))
def test_a_mean_that_wavers_above_the_lower_bar_costs_nothing(ratings):
    assert set(lived(Standing(3, START), ratings)) == {3}


@given(some.lists(some.floats(4.0, 4.399), min_size=1, max_size=300))
def test_a_mean_that_wavers_below_the_higher_bar_earns_nothing(ratings):
    assert set(lived(Standing(2, START), ratings)) == {2}


@given(some.lists(some.floats(1, 5), min_size=2, max_size=600))
def test_no_tier_is_lost_before_the_grace_is_over_and_none_comes_and_goes_faster(ratings):
    tiers = lived(Standing(), ratings)
    losses = [day for day in range(1, len(tiers)) if tiers[day] < tiers[day - 1]]
    for one, other in pairwise(losses):
        assert (other - one) * DAY >= GRACE
    for day in losses:  # all the days of grace before it were below the bar of what was lost
        kept = KEPT[tiers[day - 1] - 1].rating
        assert kept is not None
        assert all(rating < kept for rating in ratings[day - GRACE.days : day + 1])


@given(found=outcomes, standing=standings, more=some.integers(0, 5), better=some.floats(0, 4))
def test_who_did_better_never_stands_lower(found, standing, more, better):
    over = replace(found, completed=found.completed + more, rating=min(5.0, found.rating + better))
    assert judged(standing, over, now=START).rank >= judged(standing, found, now=START).rank


@given(standing=standings, found=outcomes, rating=some.floats(1, 5), answering=some.integers(0, LEAST_ANSWERING - 1))
def test_what_few_mentees_say_has_no_effect_at_all(standing, found, rating, answering):
    few = replace(found, answering=answering)
    assert judged(standing, few, now=START) == judged(standing, replace(few, rating=rating), now=START)


def test_a_bad_time_costs_one_tier_and_a_good_one_earns_it_back():
    standing = judged(Standing(), LEAD, now=START)
    assert standing.tier == "lead"
    bad = replace(LEAD, rating=3.7)
    below = judged(standing, bad, now=START + DAY)
    assert (below.tier, below.since, below.below_since) == ("lead", START, START + DAY)
    assert judged(below, replace(LEAD, rating=4.1), now=START + 2 * DAY).below_since is None
    lost = judged(below, bad, now=START + DAY + GRACE)
    assert (lost.tier, lost.since, lost.below_since) == ("senior", START + DAY + GRACE, None)
    assert judged(lost, replace(LEAD, rating=4.2), now=START + 100 * DAY).tier == "senior"
    assert judged(lost, LEAD, now=START + 100 * DAY).tier == "lead"
    worst = replace(LEAD, rating=1.5)
    assert judged(below, worst, now=START + DAY + GRACE).tier == "proven"
