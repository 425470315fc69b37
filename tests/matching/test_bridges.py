"""Silos that were planted are found, and no other few introductions would mend them more."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kith_matching.bridges import apartness, bridges, silos

pytestmark = pytest.mark.unit
FOOTBALL = Path(__file__).parents[2] / "../shared/data/community_gt/football.gml"


def tied(n, pairs):
    one, other = (np.array([pair[k] for pair in pairs], dtype=int) for k in (0, 1))
    ends = np.concatenate([one, other]), np.concatenate([other, one])
    return csr_array((np.ones(2 * len(one)), ends), shape=(n, n))


def parts(label):
    return {frozenset(np.flatnonzero(label == each).tolist()) for each in set(label.tolist())}


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(4, 8), st.integers(0, 9))
def test_groups_that_know_each_other_through_one_alone_are_found(count, size, seed):
    groups = [range(k * size, (k + 1) * size) for k in range(count)]
    pairs = [pair for each in groups for pair in combinations(each, 2)]
    pairs += [(k * size, (k + 1) * size) for k in range(count - 1)]
    assert parts(silos(tied(count * size, pairs), seed=seed)) == {frozenset(each) for each in groups}


def test_who_has_no_ties_is_alone_and_nobody_is_no_error():
    assert parts(silos(tied(3, [(0, 1)]))) == {frozenset({0, 1}), frozenset({2})}
    assert silos(tied(0, [])).tolist() == []
    assert apartness(tied(2, []), np.array([0, 1])).index == 0


def test_the_index_goes_from_no_tie_between_silos_to_as_many_as_by_chance():
    halves = [pair for each in (range(4), range(4, 8)) for pair in combinations(each, 2)]
    label = np.repeat([0, 1], 4)
    found = [apartness(tied(8, halves), label, more=[(0, 4), (1, 5), (2, 6)][:k]).index for k in range(4)]
    assert found == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6])
    assert apartness(tied(8, list(combinations(range(8), 2))), label).index == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 7), st.integers(0, 3), st.data())
def test_no_other_few_introductions_lower_the_index_more(n, most, data):
    everyone = list(combinations(range(n), 2))
    pairs = data.draw(st.lists(st.sampled_from(everyone), unique=True, min_size=1))
    ties, label = tied(n, pairs), np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    may = [pair for pair in everyone if pair not in pairs]
    score = np.array([data.draw(st.integers(0, 10)) / 10 for _ in may])
    one, other = (np.array([pair[k] for pair in may], dtype=int) for k in (0, 1))
    found = bridges(ties, label, one, other, score, most=most)
    best = min(
        apartness(ties, label, more=some).index
        for size in range(most + 1)
        for some in combinations(may, size)
        if len({each for pair in some for each in pair}) == 2 * size
    )
    assert found.after == pytest.approx(best)
    assert (len(found.pairs) <= most, found.gap) == (True, pytest.approx(0, abs=1e-6))
    assert len({each for pair in found.pairs for each in pair}) == 2 * len(found.pairs)
    assert all(label[i] != label[j] and (i, j) in may for i, j in found.pairs)
    assert found.after == pytest.approx(apartness(ties, label, more=found.pairs).index)


def test_the_leagues_of_a_season_are_mostly_found_from_who_played_whom():
    if not FOOTBALL.exists():
        pytest.skip("the season (shared/data/community_gt) is not on this machine")
    text = FOOTBALL.read_text()
    league = np.array([int(each) for each in re.findall(r"value (\d+)", text)])
    games = {tuple(sorted(map(int, each))) for each in re.findall(r"source (\d+)\s+target (\d+)", text)}
    label = silos(tied(len(league), sorted(games)))
    alike = [(league[i] == league[j]) == (label[i] == label[j]) for i, j in combinations(range(len(league)), 2)]
    assert np.mean(alike) > 0.93
