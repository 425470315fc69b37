"""Stable and fair assignments are what they are said to be, against everything tried."""

import csv
import gzip
import json
from itertools import combinations, product
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from kith_matching.contradictions import contradictions
from kith_matching.fair import fair
from kith_matching.modes import assigned
from kith_matching.solve import ConflictError, default_settings, solve
from kith_matching.stable import blocking, stable

pytestmark = pytest.mark.unit
DATES = Path(__file__).parents[2] / "../shared/data/speed_dating"
RESIDENTS = Path(__file__).parents[2] / "../shared/data/hr_4000"


def matrix(rows):
    cells = [(i, j, value) for i, row in enumerate(rows) for j, value in enumerate(row) if value is not None]
    row, column, value = zip(*cells, strict=True) if cells else ((), (), ())
    return csr_array((np.array(value, dtype=float), (row, column)), shape=(len(rows), len(rows[0])))


@st.composite
def problems(draw, most=7):
    n, m = draw(st.integers(1, most)), draw(st.integers(1, 4))
    score = st.one_of(st.none(), st.sampled_from([0, 0.2, 0.4, 0.6]), st.integers(0, 100).map(lambda k: k / 100))
    rows = draw(st.lists(st.lists(score, min_size=m, max_size=m), min_size=n, max_size=n))
    return rows, draw(st.lists(st.integers(0, 2), min_size=m, max_size=m))


def everything(rows, capacity):
    """Every assignment that the pairs and the room allow."""
    options = [[-1, *(j for j, v in enumerate(row) if v is not None)] for row in rows]
    for choice in product(*options):
        if all(choice.count(j) <= room for j, room in enumerate(capacity)):
            yield choice


def worst_first(rows, choice):
    """What `fair` makes largest: how many, their scores from the lowest on, the total."""
    scores = sorted(rows[i][j] for i, j in enumerate(choice) if j >= 0)
    return len(scores), [round(each * 100) for each in scores], round(sum(scores), 6)


@settings(max_examples=200, deadline=None)
@given(problems())
def test_no_other_assignment_of_as_many_is_better_for_the_worst_off(problem):
    rows, capacity = problem
    found = fair(matrix(rows), np.array(capacity)).tolist()
    assert found in [list(choice) for choice in everything(rows, capacity)]
    assert worst_first(rows, found) == max(worst_first(rows, choice) for choice in everything(rows, capacity))


def test_the_worst_off_come_before_the_total():
    rows = [[0.9, 0.5], [0.6, 0.1]]
    assert fair(matrix(rows), np.array([1, 1])).tolist() == [1, 0]
    assert fair(matrix([[0.9, 0.5], [0.604, 0.499]]), np.array([1, 1])).tolist() == [0, 1]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_scores_that_are_no_scores_are_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        fair(matrix([[bad]]), np.array([1]))
    if bad != -1.0:
        with pytest.raises(ValueError, match="finite"):
            stable(matrix([[bad]]), np.array([1]))


@settings(max_examples=150, deadline=None)
@given(problems(most=5), st.data())
def test_of_all_stable_assignments_each_mentee_has_the_one_they_like_best(problem, data):
    rows, capacity = problem
    liking = matrix(rows)
    count = len(liking.data)
    liking.data = np.array(data.draw(st.permutations(range(count))), dtype=float)
    regard = liking.copy()
    regard.data = np.array(data.draw(st.permutations(range(count))), dtype=float)
    room = np.array(capacity)
    found = stable(liking, room, regard=regard)
    assert len(blocking(liking, room, found, regard=regard)) == 0
    coo = liking.tocoo()
    like = dict(zip(zip(coo.row.tolist(), coo.col.tolist(), strict=True), coo.data.tolist(), strict=True))
    for choice in everything(rows, capacity):
        if len(blocking(liking, room, np.array(choice), regard=regard)):
            continue
        for i, j in enumerate(choice):
            assert (j < 0) == (found[i] < 0)  # the same people in all of them
            assert j < 0 or like[i, j] <= like[i, int(found[i])]


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 9))
def test_with_equal_scores_nobody_has_a_better_pair_to_leave_for(problem, seed):
    rows, capacity = problem
    found = stable(matrix(rows), np.array(capacity), seed=seed)
    assert len(blocking(matrix(rows), np.array(capacity), found)) == 0
    assert all(np.count_nonzero(found == j) <= room for j, room in enumerate(capacity))


def test_two_who_would_leave_are_named():
    rows = [[0.9, 0.5], [0.4, 0.3]]
    assert blocking(matrix(rows), np.array([1, 1]), np.array([1, 0])).tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="same pairs"):
        stable(matrix(rows), np.array([1, 1]), regard=matrix([[1, 2]]))


def test_four_thousand_residents_are_placed_without_a_blocking_pair():
    if not RESIDENTS.exists():
        pytest.skip("the residents and programs (shared/data/hr_4000) are not on this machine")
    csv.field_size_limit(2**24)
    with gzip.open(RESIDENTS / "residents4000.csv.gz", "rt") as file:
        residents = {each["id"]: each["rol"].strip("[]").split(",") for each in csv.DictReader(file)}
    with gzip.open(RESIDENTS / "programs4000.csv.gz", "rt") as file:
        programs = {each["id"]: each for each in csv.DictReader(file)}
    place = {name: j for j, name in enumerate(programs)}
    row = {name: i for i, name in enumerate(residents)}
    ranks = {name: {each: k for k, each in enumerate(json.loads(p["rol"]))} for name, p in programs.items()}
    cells = [
        (row[name], place[one], -k, -ranks[one][int(name)])
        for name, wanted in residents.items()
        for k, one in enumerate(wanted)
        if one in place and int(name) in ranks[one]
    ]
    i, j, like, back = (np.array(each) for each in zip(*cells, strict=True))
    shape = (len(row), len(place))
    liking, regard = (csr_array((each.astype(float), (i, j)), shape=shape) for each in (like, back))
    room = np.array([int(each["numberOfPos"]) for each in programs.values()])
    found = stable(liking, room, regard=regard)
    assert len(blocking(liking, room, found, regard=regard)) == 0
    assert (np.bincount(found[found >= 0], minlength=len(room)) <= room).all()
    # Were it the programs who ask, place by place, nobody would be better off, and the same people be placed.
    places = np.repeat(np.arange(len(room)), room)
    asking = [matrix_.T.tocsr()[places] for matrix_ in (regard, liking)]
    place_of = stable(asking[0], np.ones(len(row), dtype=int), regard=asking[1])
    other = np.full(len(row), -1)
    other[place_of[place_of >= 0]] = places[place_of >= 0]
    assert ((other < 0) == (found < 0)).all()
    like = dict(zip(zip(i.tolist(), j.tolist(), strict=True), like.tolist(), strict=True))
    assert all(like[k, int(found[k])] >= like[k, int(other[k])] for k in np.flatnonzero(found >= 0))


def test_people_who_met_for_four_minutes_get_the_most_liking_there_is_or_nobody_they_would_leave_for():
    if not DATES.exists():
        pytest.skip("the evenings (shared/data/speed_dating) are not on this machine")
    with gzip.open(DATES / "waves_01_14.csv.gz", "rt", encoding="latin-1") as file:
        rows = [each for each in csv.DictReader(file) if each["pid"]]
    liking = {(int(each["iid"]), int(float(each["pid"]))): float(each["like"] or 0) for each in rows}
    evenings = {}
    for each in rows:
        evenings.setdefault(each["wave"], ({}, {}))[int(each["gender"])].setdefault(int(each["iid"]), None)
    for women, men in evenings.values():
        ones, others = list(women), list(men)
        there = np.array([[liking.get((i, j), 0.0) for j in others] for i in ones])
        back = np.array([[liking.get((j, i), 0.0) for j in others] for i in ones])
        mutual, room = (there + back) / 20, np.ones(len(others), dtype=int)
        best = assigned("best_total", matrix(mutual), room)
        row, column = linear_sum_assignment(mutual, maximize=True)
        chosen = best >= 0
        assert mutual[chosen, best[chosen]].sum() == pytest.approx(mutual[row, column].sum())
        found = stable(matrix(there), room, regard=matrix(back))
        assert len(blocking(matrix(there), room, found, regard=matrix(back))) == 0


wishes = st.lists(st.tuples(st.integers(0, 3), st.integers(2, 5)), max_size=5)


@settings(max_examples=200, deadline=None)
@given(
    wishes,
    wishes,
    st.dictionaries(st.integers(0, 3), st.integers(0, 2)),
    st.dictionaries(st.integers(2, 5), st.integers(0, 2)),
)
def test_the_smallest_contradiction_is_the_smallest_there_is(pins, never, mentees, mentors):
    pins, never = list(dict.fromkeys(pins)), list(dict.fromkeys(never))

    def possible(some):
        made = [pair for kind, pair in some if kind == "pin"]
        return (
            all(one != other and one in mentees and other in mentors for one, other in made)
            and not {pair for kind, pair in some if kind == "never"} & set(made)
            and all(sum(one == each for one, _ in made) <= room for each, room in mentees.items())
            and all(sum(other == each for _, other in made) <= room for each, room in mentors.items())
        )

    everyone = [("pin", each) for each in pins] + [("never", each) for each in never]
    sizes = [k for k in range(len(everyone) + 1) if any(not possible(some) for some in combinations(everyone, k))]
    found = contradictions(pins, never, mentees, mentors)
    assert [each.size for each in found[:1]] == sizes[:1]
    for each in found:
        wanted = [("pin", pin) for pin in each.pins] + [("never", pair) for pair in each.never]
        assert not possible(wanted)
        assert all(possible(wanted[:k] + wanted[k + 1 :]) for k in range(len(wanted)))


@pytest.mark.parametrize(
    ("pins", "prohibited", "told"),
    [
        ([(1, 9), (2, 9)], [], "no room for all"),
        ([(1, 8)], [(1, 8)], "prohibited as well"),
        ([(1, 8), (1, 9)], [], "to two mentors"),
        ([(3, 8)], [], "overloaded or has no room"),
    ],
)
def test_a_run_names_the_smallest_set_of_wishes_that_contradict(pins, prohibited, told):
    def person(number):
        return {
            "member_id": str(UUID(int=number)), "skills": [{"tag": "sql", "level": 3}], "interests": [],
            "languages": [], "experience_years": None, "time_zone": None, "availability": [],
        }  # fmt: skip

    def ids(pairs):
        return [[str(UUID(int=one)), str(UUID(int=other))] for one, other in pairs]

    problem = {
        "seed": 0, "week": "2026-03-02", "mentees": [person(1), person(2)], "mentors": [person(8), person(9)],
        "pins": ids(pins), "prohibited": ids(prohibited), **default_settings(),
    }  # fmt: skip
    with pytest.raises(ConflictError, match=told) as refused:
        solve(problem)
    named = [(each["mentee_id"], each["mentor_id"]) for each in refused.value.found[0]["pins"]]
    assert named == [tuple(each) for each in ids(pins)]
    found = solve(problem | {"pins": ids(pins[:0])})
    assert found["certificate"]["gap"] == 0
