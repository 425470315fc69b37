"""The assignment is the best there is, and says by how much it could be wrong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

import kith_matching.assignment
from kith_matching.assignment import UNITS, assign

pytestmark = pytest.mark.unit
DATA = Path(__file__).parents[2] / "../shared/data/orlib_assign"
OPTIMA = {"assign100": 305, "assign500": 991, "assign600": 1176}


def matrix(rows):
    """Scores from a table with None where a pair is not allowed."""
    cells = [(i, j, value) for i, row in enumerate(rows) for j, value in enumerate(row) if value is not None]
    row, column, value = zip(*cells, strict=True) if cells else ((), (), ())
    return csr_array((np.array(value, dtype=float), (row, column)), shape=(len(rows), len(rows[0]) if rows else 0))


def best(rows, capacity, forced=None):
    """(matched, total in units) by trying everything: the best of each way to use up the room, row by row."""
    reached = {tuple(capacity): (0, 0)}
    for i, row in enumerate(rows):
        after = {}
        for room, (matched, total) in reached.items():
            for j in range(-1, len(capacity)):
                if forced and forced.get(i, j) != j:
                    continue
                if j >= 0 and (row[j] is None or room[j] == 0):
                    continue
                left = room if j < 0 else (*room[:j], room[j] - 1, *room[j + 1 :])
                found = (matched + (j >= 0), total + (round(row[j] * UNITS) if j >= 0 else 0))
                after[left] = max(after.get(left, (-1, 0)), found)
        reached = after
    return max(reached.values(), default=(-1, 0))


@st.composite
def problems(draw):
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    score = st.one_of(st.none(), st.sampled_from([0, 0.25, 0.5, 0.75]), st.floats(0, 1))
    rows = draw(st.lists(st.lists(score, min_size=m, max_size=m), min_size=n, max_size=n))
    return rows, draw(st.lists(st.integers(0, 3 if m < 5 else 2), min_size=m, max_size=m)), draw(st.integers(0, 5))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_no_other_assignment_matches_more_people_or_scores_higher(problem):
    rows, capacity, seed = problem
    result = assign(matrix(rows), np.array(capacity), seed=seed)
    matched, total = best(rows, capacity)
    assert (result.matched, round(result.total * UNITS)) == (matched, total)
    assert result.gap == 0
    assert result.matched_bound == matched
    assert result.bound == result.total
    assert (np.bincount(result.mentor[result.mentor >= 0], minlength=len(capacity)) <= capacity).all()


@settings(max_examples=100, deadline=None)
@given(problems())
def test_taking_the_next_best_costs_at_least_what_is_said(problem):
    rows, capacity, _ = problem
    result = assign(matrix(rows), np.array(capacity))
    for mentee, other in enumerate(result.next_best.tolist()):
        if other < 0:
            continue
        matched, total = best(rows, capacity, {mentee: other})
        lost = result.matched - matched
        assert lost >= result.switch_people[mentee]
        if lost == result.switch_people[mentee]:
            assert round(result.total * UNITS) - total >= round(result.switch_cost[mentee] * UNITS)


@settings(max_examples=60, deadline=None)
@given(problems(), st.data())
def test_pins_are_kept_and_the_rest_is_still_the_best(problem, data):
    rows, capacity, _ = problem
    allowed = [(i, j) for i, row in enumerate(rows) for j, v in enumerate(row) if v is not None and capacity[j]]
    if not allowed:
        return
    mentee, mentor = data.draw(st.sampled_from(allowed))
    result = assign(matrix(rows), np.array(capacity), pins={mentee: mentor})
    assert result.mentor[mentee] == mentor
    assert (result.matched, round(result.total * UNITS)) == best(rows, capacity, {mentee: mentor})
    assert (result.gap, result.next_best[mentee]) == (0, -1)


@settings(max_examples=80, deadline=None)
@given(problems(), problems(), st.data())
def test_prices_of_before_change_nothing_but_the_work(problem, other, data):
    rows, capacity, _ = problem
    start = assign(matrix(rows), np.array(capacity))
    changed = data.draw(st.integers(0, len(rows) - 1))
    if len(other[1]) == len(capacity):
        rows[changed], capacity = other[0][0], other[1]
    again = assign(matrix(rows), np.array(capacity), start=start)
    assert (again.matched, round(again.total * UNITS), again.gap) == (*best(rows, capacity), 0)
    assert again.matched_bound == again.matched


@settings(max_examples=60, deadline=None)
@given(problems(), st.sampled_from([0.5, 0.1, 0.001]))
def test_an_answer_that_may_be_imprecise_is_no_more_so_than_it_says(problem, precision):
    rows, capacity, seed = problem
    early = assign(matrix(rows), np.array(capacity), precision=precision, seed=seed)
    matched, total = best(rows, capacity)
    assert early.matched == matched
    assert early.gap <= precision * early.total + 1 / UNITS
    assert round(early.total * UNITS) <= total <= round(early.bound * UNITS)


def test_a_thousand_people_have_the_assignment_another_solver_finds():
    rng = np.random.default_rng(1)
    for capacity in (rng.integers(0, 3, 400), rng.integers(0, 9, 400)):
        pairs = np.unique(rng.integers(1000 * 400, size=8000))
        row, column, value = pairs // 400, pairs % 400, rng.integers(0, 50, len(pairs)) / 50
        found = assign(csr_array((value, (row, column)), shape=(1000, 400)), capacity)
        # One copy of a mentor for each place, and a place of nothing for everyone.
        copies = np.concatenate([[0], np.cumsum(capacity)])
        dense = np.zeros((1000, copies[-1] + 1000))
        for i, j, v in zip(row, column, value, strict=True):
            dense[i, copies[j] : copies[j + 1]] = 1000 + v
        one, other = linear_sum_assignment(dense, maximize=True)
        assert found.matched * 1000 + found.total == pytest.approx(dense[one, other].sum())
        assert found.gap == 0


def test_a_pair_that_is_prohibited_is_not_made_and_a_pin_needs_no_score():
    rows = [[0.9, 0.1], [0.8, None]]
    result = assign(matrix(rows), np.array([1, 1]), prohibited={(0, 1)})
    assert result.mentor.tolist() == [0, -1]
    result = assign(matrix(rows), np.array([1, 1]), pins={1: 1})
    assert result.mentor.tolist() == [0, 1]
    assert result.total == pytest.approx(0.9)


def test_one_more_person_outweighs_any_score():
    result = assign(matrix([[1.0, 0.0], [1.0, None]]), np.array([1, 1]))
    assert result.mentor.tolist() == [1, 0]


def test_the_gap_shows_an_assignment_that_is_not_the_best(monkeypatch):
    worse = np.array([1, 0]), np.array([0, 0])
    monkeypatch.setattr(kith_matching.assignment, "_solve", lambda *_: (*worse, np.zeros(2, dtype=bool)))
    result = assign(matrix([[0.9, 0.1], [0.1, 0.9]]), np.array([1, 1]))
    assert result.gap > 0
    assert result.bound >= 1.8
    monkeypatch.setattr(
        kith_matching.assignment, "_solve", lambda *_: (np.array([0, -1]), np.array([0, 0]), np.zeros(2, dtype=bool))
    )
    assert assign(matrix([[0.9, 0.1], [0.1, 0.9]]), np.array([1, 1])).matched_bound == 2


def test_the_same_seed_gives_the_same_pairs_and_equals_are_not_served_by_their_order():
    scores = matrix([[0.5] * 3] * 9)
    found = [assign(scores, np.ones(3, dtype=int), seed=seed).mentor for seed in (1, 1, 2, 3, 4)]
    assert (found[0] == found[1]).all()
    assert len({tuple(np.flatnonzero(each >= 0)) for each in found}) > 1


@pytest.mark.parametrize(
    ("rows", "capacity", "given", "complaint"),
    [
        ([[float("nan")]], [1], {}, "finite"),
        ([[float("inf")]], [1], {}, "finite"),
        ([[-0.5]], [1], {}, "not below 0"),
        ([[1e300]], [1], {}, "divide them"),
        ([[1e9] * 2] * 2000, [1000, 1000], {}, "divide them"),
        ([[0.5]], [-1], {}, "from 0"),
        ([[0.5]], [1.5], {}, "whole number"),
        ([[0.5]], [1, 1], {}, "each of the 1 mentors"),
        ([[0.5], [0.5]], [1], {"pins": {0: 0, 1: 0}}, "unpin one or raise the capacity"),
        ([[0.5]], [1], {"pins": {0: 0}, "prohibited": [(0, 0)]}, "drop one of the two"),
        ([[0.5]], [1], {"pins": {0: 4}}, "does not take part"),
        ([[0.5]], [1], {"pins": {-1: 0}}, "does not take part"),
    ],
)
def test_what_cannot_be_solved_is_refused_with_what_to_change(rows, capacity, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        assign(matrix(rows), np.array(capacity), **given)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 3)])
def test_nobody_and_nothing_is_an_answer_too(shape):
    result = assign(csr_array(shape), np.ones(shape[1], dtype=np.int32))
    assert (result.matched, result.total, result.gap, result.matched_bound) == (0, 0, 0, 0)
    assert (result.mentor == -1).all()
    assert (result.next_best == -1).all()


def test_a_capacity_far_beyond_the_candidates_costs_nothing():
    result = assign(matrix([[0.5, 0.4]] * 50), np.array([2**31 - 1, 1], dtype=np.int32))
    assert (result.matched, result.total) == (50, pytest.approx(25.0))


@pytest.mark.parametrize("name", OPTIMA)
def test_published_instances_reach_their_known_optimum(name):
    path = DATA / f"{name}.txt"
    if not path.exists():
        pytest.skip(f"{path.name} is not on this machine")
    n, *costs = map(int, path.read_text().split())
    top = max(costs) + 1
    result = assign(csr_array(top - np.array(costs, dtype=float).reshape(n, n)), np.ones(n, dtype=np.int32))
    assert (result.matched, n * top - result.total, result.gap) == (n, OPTIMA[name], 0)
