"""The best of a whole cohort, found by looking closely at few pairs and proven over all."""

from datetime import date
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kith_matching.assignment import assign
from kith_matching.candidates import candidates
from kith_matching.ceilings import MARGIN, Ceilings
from kith_matching.optimum import optimum
from kith_matching.scoring import Cohort, Person, Rules, Weights

pytestmark = pytest.mark.unit
TAGS = ["sql", "go", "rust", "design", "writing"]


def made(seed, n, m, **rules):
    """A cohort in which a few mentors are everyone's favorites, and the room there is."""
    rng = np.random.default_rng(seed)

    def person(number, few):
        return Person(
            UUID(int=number + 1),
            {tag: int(rng.integers(1, 6)) for tag in rng.choice(TAGS, few, replace=False)},
            interests=rng.choice(["ai", "sea", "chess"], rng.integers(0, 3), replace=False).tolist(),
            languages=[[], ["en"], ["en", "de"], ["pt"]][rng.integers(4)],
            experience_years=None if rng.random() < 0.1 else float(rng.integers(0, 20)),
            time_zone=["UTC", "Asia/Kolkata", "America/Chicago"][rng.integers(3)],
            availability=[]
            if rng.random() < 0.2
            else [{"weekday": int(day), "start": 1020, "end": 1147} for day in rng.choice(7, 3)],
            fresh=bool(rng.integers(2)),
        )

    mentees, mentors = [person(k, 2) for k in range(n)], [person(n + k, 3) for k in range(m)]
    given_rules = Rules(**{"minimum_overlap_minutes": 10} | rules)
    forbidden = {(mentees[0].member_id, mentors[0].member_id)} if n and m else set()
    some = [Weights(), Weights(skills=0.4, load=0.1), Weights(skills=0, interests=0.6)]
    weights = some[seed % 3]
    both = Cohort(mentees, mentors, weights=weights, rules=given_rules, week=date(2026, 3, 23), forbidden=forbidden)
    return both, rng.integers(0, 3, m).astype(np.int32)


def every(cohort):
    """All allowed pairs, one way there is no doubt about."""
    n, m = len(cohort.mentees.people), len(cohort.mentors.people)
    row, column = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    value, allowed = cohort.scores(row, column)
    return csr_array((value[allowed], (row[allowed], column[allowed])), shape=(n, m))


cohorts = st.builds(
    made, st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 25), minimum_shared_skills=st.integers(0, 2)
)


@settings(max_examples=40, deadline=None)
@given(cohorts)
def test_no_score_exceeds_its_ceiling(problem):
    cohort, _ = problem
    ceilings = np.vstack(Ceilings(cohort).each(np.arange(len(cohort.mentees.people)), lambda _, block: block))
    scores = every(cohort).tocoo()
    assert (scores.data <= ceilings[scores.row, scores.col] + MARGIN / 2).all()


@settings(max_examples=40, deadline=None)
@given(cohorts, st.integers(0, 9))
def test_few_candidates_reach_what_all_pairs_reach_and_prove_it(problem, seed):
    cohort, capacity = problem
    best = assign(every(cohort), capacity)
    found = optimum(cohort, capacity, most=2, seed=seed).assignment
    assert (found.matched, found.total) == (best.matched, best.total)
    assert (found.gap, found.matched_bound, found.bound) == (0, best.matched, best.total)


@settings(max_examples=30, deadline=None)
@given(cohorts)
def test_stopping_early_gives_a_bound_that_holds(problem):
    cohort, capacity = problem
    best = assign(every(cohort), capacity)
    early = optimum(cohort, capacity, most=1, rounds=1).assignment
    assert early.matched <= best.matched <= early.matched_bound
    if early.matched == best.matched:
        assert early.total <= best.total <= early.bound + 1e-9


@settings(max_examples=20, deadline=None)
@given(cohorts)
def test_with_room_for_all_the_candidates_are_every_allowed_pair(problem):
    cohort, _ = problem
    found, expected = candidates(cohort, most=len(cohort.mentors.people)), every(cohort)
    assert found.nnz == expected.nnz
    assert (found != expected).nnz == 0


def test_a_cohort_too_large_to_remember_gets_the_same_answer(monkeypatch):
    cohort, capacity = made(5, 300, 120)
    kept = optimum(cohort, capacity, most=4)
    monkeypatch.setattr("kith_matching.ceilings.REMEMBERED", 0)
    monkeypatch.setattr("kith_matching.ceilings.BLOCK", 1000)
    anew = optimum(cohort, capacity, most=4)
    assert (anew.assignment.matched, anew.assignment.total) == (kept.assignment.matched, kept.assignment.total)
    assert anew.assignment.gap == kept.assignment.gap == 0


def test_the_same_seed_gives_the_same_pairs():
    cohort, capacity = made(6, 200, 80)
    one, other = (optimum(cohort, capacity, most=4, seed=3) for _ in range(2))
    assert (one.assignment.mentor == other.assignment.mentor).all()
    assert (candidates(cohort, seed=3) != candidates(cohort, seed=3)).nnz == 0


def test_pins_hold_against_the_rules_and_count_with_their_score():
    cohort, _ = made(7, 30, 10)
    capacity = np.ones(10, dtype=np.int32)
    found = optimum(cohort, capacity, pins={0: 0, 5: 3}, most=2).assignment  # 0 and 0 are a forbidden pair
    assert found.mentor[[0, 5]].tolist() == [0, 3]
    assert found.gap == 0
    pairs = np.flatnonzero(found.mentor >= 0)
    assert found.total == pytest.approx(cohort.scores(pairs, found.mentor[pairs])[0].sum(), abs=1e-4)
    with pytest.raises(ValueError, match="unpin one"):
        optimum(cohort, capacity, pins={0: 0, 5: 0})
    with pytest.raises(ValueError, match="does not take part"):
        optimum(cohort, capacity, pins={0: 10})


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 2), (2, 0)])
def test_a_side_without_people_is_an_answer_too(n, m):
    cohort, capacity = made(8, n, m)
    found = optimum(cohort, capacity).assignment
    assert (found.matched, found.gap, found.matched_bound) == (0, 0, 0)


def test_mentees_who_all_name_the_same_mentors_still_find_somebody():
    mentees = [Person(UUID(int=k + 1), {"sql": 3}) for k in range(120)]
    mentors = [Person(UUID(int=k + 1000), {"sql": 5 if k < 5 else 1}) for k in range(120)]
    cohort = Cohort(mentees, mentors, weights=Weights(), rules=Rules(), week=date(2026, 1, 5))
    found = optimum(cohort, np.ones(120, dtype=np.int32), most=3).assignment
    assert (found.matched, found.gap) == (120, 0)
