"""Which veteran each newcomer gets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith_matching.welcoming.spreading import ALIKE, shared_out

pytestmark = pytest.mark.unit


@st.composite
def problems(draw):
    newcomers, veterans = draw(st.integers(0, 8)), draw(st.integers(0, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    fit = np.round(rng.random((newcomers, veterans)), 2)
    fit[rng.random(fit.shape) < draw(st.sampled_from([0, 0.3, 0.8]))] = -1
    return fit, rng.integers(0, 4, veterans), rng.integers(0, 4, veterans)


@settings(max_examples=300)
@given(problem=problems())
def test_nobody_gets_more_than_they_have_room_for_and_everybody_about_the_best_who_was_free(problem):
    fit, room, taken = problem
    chosen = shared_out(fit, room, taken)
    assert len(chosen) == len(fit)
    left = room.copy()
    for newcomer, veteran in enumerate(chosen):
        may = (fit[newcomer] >= 0) & (left > 0)
        if veteran < 0:
            assert not may.any()
            continue
        assert may[veteran]
        assert fit[newcomer, veteran] >= fit[newcomer, may].max() - ALIKE
        left[veteran] -= 1
    assert (left >= 0).all()


@given(veterans=st.integers(1, 8), newcomers=st.integers(0, 30), seed=st.integers(0, 2**32))
def test_among_equals_nobody_has_two_more_than_another(veterans, newcomers, seed):
    taken = np.random.default_rng(seed).integers(0, 2, veterans)
    fit, room = np.full((newcomers, veterans), 0.5), 40 - taken
    chosen = shared_out(fit, room, taken)
    now = taken + np.bincount(chosen, minlength=veterans)
    assert now.max() - now.min() <= 1


def test_who_offers_more_room_gets_more_and_who_was_asked_longest_ago_comes_first():
    chosen = shared_out(np.full((4, 2), 0.5), np.array([1, 3]), np.array([0, 0]))
    assert chosen.tolist() == [0, 1, 1, 1]
    assert shared_out(np.full((1, 3), 0.5), np.ones(3, dtype=int), np.zeros(3, dtype=int)).tolist() == [0]


def test_a_better_fit_outweighs_the_load_only_where_somebody_would_notice():
    room, taken = np.array([1, 5]), np.array([4, 0])
    assert shared_out(np.array([[0.8, 0.6]]), room, taken).tolist() == [0]
    assert shared_out(np.array([[0.64, 0.6]]), room, taken).tolist() == [1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_without_newcomers_or_veterans_there_is_nothing_to_share_out(shape):
    none = np.zeros(shape[1], dtype=int)
    assert shared_out(np.zeros(shape), none, none).tolist() == [-1] * shape[0]
