"""Who was left out before comes first, at the least cost, and nobody more goes without for it."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kith_matching.assignment import assign
from kith_matching.priority import served

pytestmark = pytest.mark.unit


@st.composite
def problems(draw):
    """A few mentees and mentors: scores (0: not allowed), capacity, priority."""
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    scores = draw(st.lists(st.lists(st.integers(0, 100), min_size=m, max_size=m), min_size=n, max_size=n))
    capacity = draw(st.lists(st.integers(0, 2), min_size=m, max_size=m))
    priority = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    return np.array(scores) / 100, np.array(capacity), np.array(priority)


def every_assignment(scores, capacity):
    n, m = scores.shape
    for chosen in product(range(-1, m), repeat=n):
        mentor = np.array(chosen)
        if (np.bincount(mentor[mentor >= 0], minlength=m) > capacity).any():
            continue
        if all(each < 0 or scores[row, each] > 0 for row, each in enumerate(chosen)):
            yield mentor


def worth(mentor, scores, priority):
    """What is compared, in this order: people, the priority served, the total."""
    has = mentor >= 0
    return int(has.sum()), int(priority[has].sum()), round(float(scores[has.nonzero()[0], mentor[has]].sum()), 6)


@settings(deadline=None)
@given(problems())
def test_no_assignment_of_as_many_serves_more_priority_or_has_a_higher_total_then(problem):
    scores, capacity, priority = problem
    pairs = csr_array(scores)
    best = assign(pairs, capacity)
    found = served(best, pairs, capacity, priority)
    wanted = max(worth(mentor, scores, priority) for mentor in every_assignment(scores, capacity))
    assert worth(found.mentor, scores, priority) == wanted
    if found is not best:
        assert found.total == pytest.approx(wanted[2])
        assert found.gap == pytest.approx(best.bound - found.total)
        assert (found.next_best == -1).all()


def test_one_mentor_and_two_who_want_them_the_one_who_waited_gets_them_though_the_other_fits_better():
    pairs, room = csr_array(np.array([[0.9], [0.2]])), np.array([1])
    best = assign(pairs, room)
    assert best.mentor.tolist() == [0, -1]
    found = served(best, pairs, room, np.array([0, 1]))
    assert (found.mentor.tolist(), found.total, found.gap) == ([-1, 0], 0.2, 0.7)
    assert served(best, pairs, room, np.array([2, 1])).mentor.tolist() == [0, -1]


def test_bonuses_of_a_large_cohort_stay_within_what_is_exact():
    n = 300_000
    pairs = csr_array((np.full(n, 0.5), (np.arange(n), np.arange(n) // 2)), shape=(n, n // 2))
    best = assign(pairs, np.ones(n // 2, dtype=np.int64))
    priority = np.where(best.mentor < 0, 9, 0)
    found = served(best, pairs, np.ones(n // 2, dtype=np.int64), priority)
    assert (found.mentor[priority > 0] >= 0).all()
