"""No mentor gives more hours than they offer, and of all such assignments the best is found."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import kith_matching.hours
from kith_matching.assignment import UNITS
from kith_matching.hours import within_hours

pytestmark = pytest.mark.unit
DATA = Path(__file__).parents[2] / "../shared/data/orlib_gap"
HALF = [0.5, 1, 1.5, 2, 3]


def tables(rows, hours):
    """Scores and hours from tables; None where a pair is not allowed."""
    cells = [
        (i, j, value, hours[i][j]) for i, row in enumerate(rows) for j, value in enumerate(row) if value is not None
    ]
    row, column, value, taken = zip(*cells, strict=True) if cells else ((), (), (), ())
    shape = (len(rows), len(rows[0]))
    return (csr_array((np.array(each, dtype=float), (row, column)), shape=shape) for each in (value, taken))


def best(rows, hours, capacity, offered, priority):
    """(matched, priority served, total in units) by trying everything."""
    reached = {(tuple(capacity), tuple(offered)): (0, 0, 0)}
    for i, row in enumerate(rows):
        after = {}
        for (room, left), (matched, served, total) in reached.items():
            for j in range(-1, len(capacity)):
                if j >= 0 and (row[j] is None or room[j] == 0 or hours[i][j] > left[j]):
                    continue
                state, found = (room, left), (matched, served, total)
                if j >= 0:
                    state = (
                        (*room[:j], room[j] - 1, *room[j + 1 :]),
                        (*left[:j], left[j] - hours[i][j], *left[j + 1 :]),
                    )
                    found = (matched + 1, served + priority[i], total + round(row[j] * UNITS))
                after[state] = max(after.get(state, (-1, 0, 0)), found)
        reached = after
    return max(reached.values())


@st.composite
def problems(draw):
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    score = st.none() | st.sampled_from([0, 0.25, 0.5, 0.75]) | st.floats(0, 1)

    def grid(of):
        return draw(st.lists(st.lists(of, min_size=m, max_size=m), min_size=n, max_size=n))

    capacity = draw(st.lists(st.integers(0, 4), min_size=m, max_size=m))
    offered = draw(st.lists(st.sampled_from([0, 1, 2, 3.5, 5, float("inf")]), min_size=m, max_size=m))
    priority = draw(st.just([0] * n) | st.lists(st.integers(0, 2), min_size=n, max_size=n))
    return grid(score), grid(st.sampled_from(HALF)), capacity, offered, priority


@settings(max_examples=200, deadline=None)
@given(problems())
def test_no_other_assignment_within_the_hours_is_better(problem):
    rows, hours, capacity, offered, priority = problem
    scores, taken = tables(rows, hours)
    found = within_hours(scores, np.array(capacity), taken, np.array(offered, dtype=float), priority=np.array(priority))
    served = sum(priority[i] for i in np.flatnonzero(found.mentor >= 0))
    assert (found.matched, served, round(found.total * UNITS)) == best(*problem)
    assert (found.gap, found.matched_bound) == (0, found.matched)
    for j, hours_of in enumerate(offered):
        mine = np.flatnonzero(found.mentor == j)
        assert sum(hours[i][j] for i in mine) <= hours_of
        assert len(mine) <= capacity[j]


@settings(max_examples=100, deadline=None)
@given(problems())
def test_where_branching_is_not_tried_the_bounds_hold_all_the_same(problem):
    rows, hours, capacity, offered, _ = problem
    scores, taken = tables(rows, hours)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kith_matching.hours, "MOST_PAIRS", -1)
        found = within_hours(scores, np.array(capacity), taken, np.array(offered, dtype=float))
    matched, _, total = best(rows, hours, capacity, offered, [0] * len(rows))
    assert found.matched <= matched <= found.matched_bound
    if found.matched == matched:
        assert found.total * UNITS <= total + 0.5
        assert total <= found.bound * UNITS + 0.5
    for j, hours_of in enumerate(offered):
        assert sum(hours[i][j] for i in np.flatnonzero(found.mentor == j)) <= hours_of


def test_a_pin_takes_its_hours_from_the_others_also_where_there_are_none_left():
    scores, hours = tables([[0.9], [0.8], [0.7]], [[2], [1], [1]])
    free = within_hours(scores, np.array([3]), hours, np.array([2.0]))
    assert list(free.mentor) == [-1, 0, 0]
    pinned = within_hours(scores, np.array([3]), hours, np.array([2.0]), pins={0: 0})
    assert (list(pinned.mentor), pinned.total, pinned.matched_bound) == ([0, -1, -1], 0.9, 1)
    over = within_hours(scores, np.array([3]), hours, np.array([1.0]), pins={0: 0, 2: 0})
    assert list(over.mentor) == [0, -1, 0]


def test_where_nobody_runs_out_of_hours_it_is_the_plain_assignment():
    chance = np.random.default_rng(3)
    scores = csr_array(chance.random((300, 60)))
    hours = csr_array(np.ones((300, 60)))
    found = within_hours(scores, np.full(60, 5), hours, np.full(60, 5.0))
    assert (found.matched, found.gap) == (300, 0)


# --- proven optima --------------------------------------------------------------------------------------------------


def instances(name):
    """(profits or costs, hours, offered) of each instance of a file of OR-Library."""
    numbers = iter((DATA / f"{name}.txt").read_text().split())

    def table(m, n):
        return np.array([[float(next(numbers)) for _ in range(n)] for _ in range(m)]).T

    for _ in range(int(next(numbers))):
        m, n = int(next(numbers)), int(next(numbers))
        yield table(m, n), table(m, n), np.array([float(next(numbers)) for _ in range(m)])


def optima():
    """The proven optima by file, as the data tells them; the file without one for each is left out."""
    lines = (DATA / "BEST_KNOWN.txt").read_text().splitlines() if DATA.exists() else []
    for line in lines:
        name, *values = line.partition("(")[0].split()
        if name.removeprefix("gap").isdigit() or (name in {"a", "b"} and len(values) == 6):
            file = name if name.startswith("gap") else f"gap{name}"
            if (DATA / f"{file}.txt").exists():
                yield file, [int(value) for value in values]


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the instances of OR-Library are not here")
@pytest.mark.parametrize(("name", "proven"), [*optima()], ids=[name for name, _ in optima()])
def test_proven_optima_are_found(name, proven):
    costs = not name.removeprefix("gap").isdigit()
    found = []
    for values, hours, offered in instances(name):
        highest = values.max()
        scores = csr_array(((highest - values) if costs else values) / highest + 1e-9)  # stored also where it is 0
        result = within_hours(scores, np.full(len(offered), len(values)), csr_array(hours), offered)
        assert result.matched == len(values)
        assert result.gap == 0
        found.append(int(values[np.arange(len(values)), result.mentor].sum()))
    assert found == proven
