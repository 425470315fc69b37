"""Weights are refitted where outcomes speak for others, and left alone where they do not."""

import numpy as np
import pytest

from kith_matching.refitting.fits import LEAST_MENTORS, LEAST_PAIRINGS, refit

pytestmark = pytest.mark.unit
IN_FORCE = np.array([0.5, 0.1, 0.1, 0.15, 0.15])


def lived(pairings, *, worth=(0, 0, 0, 0, 0), noise=0.1, liked=0.0, mentors=60, seed=1):
    """Pairings whose parts were worth so much; `liked`: how much more it was to have one mentor than another."""
    chance = np.random.default_rng(seed)
    parts = chance.random((pairings, 5))
    mentor = chance.integers(0, mentors, pairings)
    went = 0.5 + (parts - 0.5) @ np.array(worth) + noise * chance.standard_normal(pairings)
    return parts, went + liked * chance.standard_normal(mentors)[mentor], mentor


@pytest.mark.parametrize("seed", range(5))
def test_where_outcomes_are_clear_the_weights_become_what_the_parts_were_worth(seed):
    fit = refit(*lived(2000, worth=(0.05, 0.3, 0, 0.15, 0), seed=seed), IN_FORCE)
    assert fit.supported
    assert fit.weights.sum() == pytest.approx(1)
    assert fit.weights == pytest.approx([0.1, 0.6, 0, 0.3, 0], abs=0.06)
    mean, now, then = fit.errors
    assert then < now < mean


@pytest.mark.parametrize("seed", range(20))
def test_where_parts_foretell_nothing_the_weights_in_force_stay(seed):
    fit = refit(*lived(300, seed=seed), IN_FORCE)
    assert not fit.supported
    assert list(fit.weights) == list(IN_FORCE)


@pytest.mark.parametrize("seed", range(20))
def test_a_mentor_whom_all_like_is_no_evidence_for_parts(seed):
    assert not refit(*lived(300, liked=0.3, mentors=12, seed=seed), IN_FORCE).supported


@pytest.mark.parametrize("seed", range(5))
def test_where_the_weights_in_force_are_right_nothing_else_is_better(seed):
    assert not refit(*lived(2000, worth=IN_FORCE * 0.4, seed=seed), IN_FORCE).supported


def test_a_part_that_never_differs_keeps_its_share_of_the_weights():
    parts, went, mentor = lived(2000, worth=(0.05, 0.3, 0.1, 0.15, 0.05))
    parts[:, 2] = 0.5
    fit = refit(parts, went, mentor, IN_FORCE)
    assert fit.supported
    assert fit.weights[2] > 0
    assert np.isfinite(fit.weights).all()


def test_weights_sum_to_what_they_summed_to_and_the_same_seed_gives_the_same():
    given = lived(500, worth=(0, 0.4, 0, 0.1, 0))
    first, second = (refit(*given, IN_FORCE * 0.8, seed=3) for _ in range(2))
    assert first.weights.sum() == pytest.approx(0.8)
    assert list(first.weights) == list(second.weights)


@pytest.mark.parametrize("in_force", [np.zeros(5), np.array([1.0, 0, 0, 0, 0])])
@pytest.mark.parametrize("went", [0.0, 1.0])
def test_outcomes_and_weights_at_their_ends_change_nothing_without_reason(in_force, went):
    parts, _, mentor = lived(200)
    fit = refit(parts, np.full(200, went), mentor, in_force)
    assert not fit.supported
    assert list(fit.weights) == list(in_force)


@pytest.mark.parametrize("given", [{"pairings": LEAST_PAIRINGS - 1}, {"pairings": 500, "mentors": LEAST_MENTORS - 1}])
def test_from_too_few_pairings_or_mentors_nothing_is_told(given):
    fit = refit(*lived(worth=(0, 0.9, 0, 0, 0), **given), IN_FORCE)
    assert (fit.supported, fit.errors, list(fit.weights)) == (False, None, list(IN_FORCE))
    assert refit(np.zeros((0, 5)), np.zeros(0), np.zeros(0, dtype=np.int64), IN_FORCE).errors is None
