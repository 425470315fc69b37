"""Circles that met already are measured, and rounds lead out of them where they can."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.matching.test_rounds import groups, key, problem, someone, year

from kith_matching.cliques import LATELY, PENALTY, QUARTER, Circles, share
from kith_matching.solve_round import solve

pytestmark = pytest.mark.unit
histories = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(17, 19)), max_size=25).map(
    lambda some: [each for each in some if each[0] != each[1]]
)


def circles(met, people=7, now=20):
    rows = np.array(met, dtype=np.int64).reshape(-1, 3)
    return Circles(people, rows[:, :2], rows[:, 2], now=now)


def acquaintances(met, now=20, people=7):
    """Whom each met lately, one way there is no doubt about."""
    known = {person: set() for person in range(people)}
    for one, other, when in met:
        if when >= now - min(LATELY, people // QUARTER):
            known[one].add(other)
            known[other].add(one)
    return known


@given(histories)
def test_closed_is_the_share_of_acquaintances_in_common(met):
    known, pairs = acquaintances(met), list(combinations(range(7), 2))
    one, other = np.array(pairs, dtype=np.int64).T
    expected = [len(known[i] & known[j]) / max(1, min(len(known[i]), len(known[j]))) for i, j in pairs]
    assert circles(met).closed(one, other) == pytest.approx(expected)
    assert circles(met).closed(other, one) == pytest.approx(expected)


@given(histories, st.lists(st.sets(st.integers(0, 6), min_size=2, max_size=3), max_size=4))
def test_a_meeting_is_inside_a_circle_if_all_its_pairs_are(met, meetings):
    known, meetings = acquaintances(met), [tuple(sorted(each)) for each in meetings]
    inside = circles(met).inside(meetings)
    assert inside.tolist() == [
        all(i in known[j] or known[i] & known[j] for i, j in combinations(each, 2)) for each in meetings
    ]
    assert 0 <= share(inside) <= 1


def matchings(people, may):
    """Every set of pairs of these people, of those who may meet."""
    if len(people) < 2:
        yield ()
        return
    first, rest = people[0], people[1:]
    yield from matchings(rest, may)
    for other in rest:
        if (first, other) in may:
            left = [each for each in rest if each != other]
            yield from (((first, other), *more) for more in matchings(left, may))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.sampled_from([4, 5, 6, 7]))
def test_a_round_is_the_best_there_is_for_scores_less_what_closed_circles_cost(seed, people):
    rng = np.random.default_rng(seed)
    tags = ["tea", "chess", "sea"]
    members = [
        someone(k, interests=rng.choice(tags, rng.integers(1, 4), replace=False).tolist()) for k in range(people)
    ]
    pairs = list(combinations(range(people), 2))
    met = [(i, j, int(rng.integers(1, 3))) for i, j in pairs if rng.random() < 0.4]
    known, ever = acquaintances(met, now=3, people=people), acquaintances(met, now=2, people=people)
    if any(len(ever[k]) == people - 1 for k in range(people)):
        return  # who met everyone meets somebody again, which is another rule
    given_ = problem(members, met=[[key(i), key(j), when] for i, j, when in met], now=3, trios=False)
    found = solve(given_)
    may = {(i, j) for i, j in pairs if j not in ever[i]}

    def score(i, j):
        one, other = (set(members[k]["interests"]) for k in (i, j))
        fits = (len(one & other) / len(one) + len(one & other) / len(other)) / 2
        closed = len(known[i] & known[j]) / max(1, min(len(known[i]), len(known[j])))
        return fits - PENALTY * closed

    every = list(matchings(list(range(people)), may))
    most = max(len(each) for each in every)
    best = max(sum(score(*pair) for pair in each) for each in every if len(each) == most)
    chosen = [tuple(sorted(key_of(each) for each in group)) for group in groups(found)]
    assert len(chosen) == most
    assert not {pair for pair in chosen if pair not in may}, "nobody meets twice while there is somebody new"
    assert sum(score(*pair) for pair in chosen) == pytest.approx(best, abs=1e-6)
    assert found["certificate"]["total"] == pytest.approx(best, abs=1e-5)
    assert found["certificate"]["gap"] == 0
    inside = [bool(known[i] & known[j]) for i, j in chosen]
    assert found["certificate"]["circle_share"] == share(np.array(inside, dtype=bool))


def key_of(member_id):
    return int(member_id.replace("-", ""), 16)


def test_of_two_who_fit_as_well_the_one_from_another_circle_is_met():
    people = [someone(k) for k in range(6)]
    met = [[key(i), key(j), 0] for trio in ((0, 1, 2), (3, 4, 5)) for i, j in list(combinations(trio, 2))[:2]]
    solution = solve(problem(people, met=met, now=1))
    assert all(len({key_of(each) // 3 for each in group}) == 2 for group in groups(solution))
    assert solution["certificate"]["circle_share"] == 0
    assert solution["certificate"]["circle_share_by_chance"] > 0


def test_a_better_fit_outweighs_a_closed_circle():
    interests = {0: ["tea"], 1: ["tea"], 2: ["sea"], 3: ["sea"], 4: ["ai"]}
    people = [someone(k, interests=interests[k]) for k in range(5)]
    met = [[key(4), key(k), 0] for k in range(2)]
    assert frozenset({key(0), key(1)}) in groups(solve(problem(people, met=met, now=1, trios=False)))
    assert PENALTY < 0.5


def test_over_a_year_fewer_meetings_stay_inside_circles_than_by_chance():
    found = year([someone(k) for k in range(40)], 8, trios=False)
    shares = [each["certificate"]["circle_share"] for each in found]
    chance = [each["certificate"]["circle_share_by_chance"] for each in found]
    assert shares[0] == chance[0] == 0
    assert sum(shares) < 0.8 * sum(chance)
    pairs = [frozenset(group) for each in found for group in groups(each)]
    assert len(pairs) == len(set(pairs)), "nobody met twice"


def test_what_is_long_ago_makes_no_circle_and_without_history_there_is_none():
    met = [(0, 1, 0), (1, 2, 0)]
    pair = np.array([0]), np.array([2])
    for people, lately in ((4, 1), (40, 10), (48, LATELY), (480, LATELY)):
        assert circles(met, people=people, now=lately).closed(*pair).tolist() == [1.0]
        assert circles(met, people=people, now=lately + 1).closed(*pair).tolist() == [0.0]
    assert circles([]).closed(*pair).tolist() == [0.0]
    assert circles([]).inside([]).tolist() == []
    assert share(np.zeros(0, dtype=bool)) == 0.0
