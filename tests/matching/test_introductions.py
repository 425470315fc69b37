"""Rounds of meetings and circles of help, against everything tried."""

from itertools import chain, combinations, permutations

import numpy as np
import pytest
import rustworkx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kith_matching.exchanges import exchange
from kith_matching.introductions import introduce, meetings

pytestmark = pytest.mark.unit


def symmetric(n, scores):
    """From {(one, other): score}."""
    entries = [(i, j, v) for (one, other), v in scores.items() for i, j, v in ((one, other, v), (other, one, v))]
    row, column, value = zip(*entries, strict=True) if entries else ((), (), ())
    return csr_array((np.array(value, dtype=float), (row, column)), shape=(n, n))


def every_round(people, scores):
    """(pairs, total) of every set of pairs that could be."""
    if not people:
        return [((), 0.0)]
    one, rest = people[0], people[1:]
    found = every_round(rest, scores)
    for other in rest:
        if (one, other) in scores:
            left = [each for each in rest if each != other]
            found = found + [(((one, other), *pairs), t + scores[one, other]) for pairs, t in every_round(left, scores)]
    return found


@st.composite
def communities(draw):
    n = draw(st.integers(1, 7))
    pairs = list(combinations(range(n), 2))
    score = st.one_of(st.none(), st.integers(0, 10).map(lambda k: k / 10))
    drawn = draw(st.lists(score, min_size=len(pairs), max_size=len(pairs)))
    return n, {pair: v for pair, v in zip(pairs, drawn, strict=True) if v is not None}


def check(n, scores, found):
    for i in range(n):
        j = found.partner[i]
        assert j < 0 or (found.partner[j] == i and (min(i, j), max(i, j)) in scores)
    total = sum(scores[i, int(found.partner[i])] for i in range(n) if found.partner[i] > i)
    assert found.total == pytest.approx(total)


@settings(max_examples=200, deadline=None)
@given(communities(), st.integers(0, 5))
def test_a_round_is_allowed_and_no_other_of_as_many_exceeds_its_bound(community, seed):
    n, scores = community
    found = introduce(symmetric(n, scores), seed=seed)
    check(n, scores, found)
    pairs = int((found.partner >= 0).sum()) // 2
    best = max(total for some, total in every_round(list(range(n)), scores) if len(some) == pairs)
    assert best <= found.bound + 1e-9
    assert found.gap == pytest.approx(found.bound - found.total, abs=2e-6)


@settings(max_examples=300, deadline=None)
@given(communities(), st.integers(0, 5), st.sets(st.integers(0, 6)))
def test_the_most_people_meet_then_the_most_who_waited_and_then_nothing_is_better(community, seed, waited):
    n, scores = community
    first = np.array([each for each in waited if each < n], dtype=int)
    found = introduce(symmetric(n, scores), first=first, seed=seed, trio=False)
    check(n, scores, found)
    met = {int(i) for i in np.flatnonzero(found.partner >= 0)}
    rounds = every_round(list(range(n)), scores)
    best = max((2 * len(pairs), len({*chain(*pairs)} & {*first.tolist()}), total) for pairs, total in rounds)
    assert (len(met), len(met & {*first.tolist()})) == best[:2]
    assert found.total == pytest.approx(best[2])
    assert (found.gap, found.most) == (0, True)


@pytest.mark.parametrize(("n", "each", "seed"), [(60, 3, 1), (61, 4, 2), (200, 3, 3), (301, 8, 4), (301, 2, 5)])
def test_a_round_of_hundreds_is_the_best_one_as_another_solver_finds_it(n, each, seed):
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.integers(n, size=(n * each // 2, 2)), axis=1)
    scores = {(int(a), int(b)): round(float(v), 6) for (a, b), v in zip(drawn, rng.random(len(drawn))) if a != b}  # noqa: B905
    found = introduce(symmetric(n, scores), seed=seed, trio=False)
    check(n, scores, found)
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(n))
    graph.add_edges_from([(i, j, round(v * 1e6)) for (i, j), v in scores.items()])
    pairs = rustworkx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    assert (found.partner >= 0).sum() == 2 * len(pairs)
    assert found.total == pytest.approx(sum(scores[min(pair), max(pair)] for pair in pairs))
    assert (found.gap, found.most) == (0, True)


@settings(max_examples=100, deadline=None)
@given(communities())
def test_a_trio_is_of_three_who_may_all_meet_and_the_left_out_are_named(community):
    n, scores = community
    found = introduce(symmetric(n, scores))
    for i in np.flatnonzero((found.partner < 0) & (found.third >= 0)):
        a = int(found.third[i])
        b = int(found.partner[a])
        assert {(min(p), max(p)) for p in ((int(i), a), (int(i), b), (a, b))} <= set(scores)
        assert found.third[a] == found.third[b] == i
    assert set(found.left_out.tolist()) == {i for i in range(n) if found.partner[i] < 0 and found.third[i] < 0}


def test_a_thousand_people_are_paired_as_well_as_is_possible():
    rng = np.random.default_rng(3)
    pairs = {(int(a), int(b)) for a, b in np.sort(rng.integers(1000, size=(20_000, 2)), axis=1) if a != b}
    found = introduce(symmetric(1000, {pair: float(v) for pair, v in zip(sorted(pairs), rng.random(10**5))}))  # noqa: B905
    assert len(found.left_out) == 0
    assert (found.gap, found.most) == (0, True)


def test_a_round_too_large_to_be_settled_says_how_far_off_it_may_be():
    rng = np.random.default_rng(3)
    drawn = {(int(a), int(b)) for a, b in np.sort(rng.integers(900, size=(9_000, 2)), axis=1) if a != b}
    scores = symmetric(900, {pair: float(v) for pair, v in zip(sorted(drawn), rng.random(10**5))})  # noqa: B905
    quick, best = introduce(scores, seed=1, exact=0), introduce(scores, seed=1)
    assert quick.total <= best.total <= quick.bound
    assert quick.gap <= 0.001 * quick.bound


@pytest.mark.parametrize(
    ("table", "complaint"), [([[0, 1], [0, 0]], "both ways"), ([[1, 0], [0, 0]], "themselves"), ([[0, 1]], "both ways")]
)
def test_what_is_no_community_is_refused(table, complaint):
    with pytest.raises(ValueError, match=complaint):
        introduce(csr_array(np.array(table, dtype=float)))


@pytest.mark.parametrize("people", [4, 7, 10, 31])
def test_nobody_meets_again_while_there_is_somebody_new_and_the_left_out_are_first(people):
    met, when, left = [], [], np.array([], dtype=int)
    news = np.full((people, people), False)
    for now in range(people + 3):
        scores = meetings(people, np.array(met), np.array(when), now=now)
        found = introduce(scores, first=left, seed=now, trio=False)
        for i in np.flatnonzero(found.partner >= 0):
            j = int(found.partner[i])
            others = np.flatnonzero(~news[i])
            mine, theirs = len(others) - 1, int((~news[j]).sum()) - 1
            assert not news[i, j] or min(mine, theirs) == 0
        again = set(left.tolist()) & set(found.left_out.tolist())
        allowed = scores.tocoo()
        for each in again:  # only who may meet nobody but others who waited as well
            partners = found.partner[allowed.col[allowed.row == each]]
            assert set(partners[partners >= 0].tolist()) <= set(left.tolist())
        for i in np.flatnonzero(found.partner > np.arange(people)):
            j = int(found.partner[i])
            met.append((int(i), j))
            when.append(now)
            news[i, j] = news[j, i] = True
        left = found.left_out


def test_a_large_community_meets_for_rounds_without_a_repeat():
    people, met, when, left = 700, np.empty((0, 2), dtype=int), np.empty(0, dtype=int), np.empty(0, dtype=int)
    for now in range(6):
        found = introduce(meetings(people, met, when, now=now, seed=2), first=left, seed=now)
        assert not set(left.tolist()) & set(found.left_out.tolist())
        one = np.flatnonzero(found.partner > np.arange(people))
        met = np.concatenate([met, np.stack([one, found.partner[one]], axis=1)])
        when, left = np.concatenate([when, np.full(len(one), now)]), found.left_out
    assert len({tuple(sorted(pair)) for pair in met.tolist()}) == len(met)


def most_helped(n, helps):
    """(people, score) by trying every way to be in circles of at most four."""
    rings = [
        (frozenset(ring), sum(helps[one, ring[(k + 1) % size]] for k, one in enumerate(ring)))
        for size in (2, 3, 4)
        for ring in permutations(range(n), size)
        if ring[0] == min(ring) and all((one, ring[(k + 1) % size]) in helps for k, one in enumerate(ring))
    ]
    best = {frozenset(): 0.0}
    for people, score in rings:
        for used, total in list(best.items()):
            if not used & people:
                best[used | people] = max(best.get(used | people, -1), total + score)
    return max((len(used), round(total, 6)) for used, total in best.items())


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.data())
def test_no_other_circles_help_more_people(n, data):
    score = st.one_of(st.none(), st.none(), st.integers(0, 10).map(lambda k: k / 10))
    drawn = {pair: data.draw(score) for pair in permutations(range(n), 2)}
    helps = {pair: v for pair, v in drawn.items() if v is not None}
    row, column = (np.array([pair[k] for pair in helps], dtype=int) for k in (0, 1))
    found = exchange(csr_array((np.array([*helps.values()], dtype=float), (row, column)), shape=(n, n)))
    people = [one for ring in found.cycles for one in ring]
    assert len(people) == len(set(people)) == found.helped
    assert all((one, ring[(k + 1) % len(ring)]) in helps for ring in found.cycles for k, one in enumerate(ring))
    assert (found.helped, round(found.total, 6)) == most_helped(n, helps)
    assert (found.gap, found.complete) == (0, True)


def test_circles_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="from 2 to 4"):
        exchange(csr_array((2, 2)), longest=5)
    with pytest.raises(ValueError, match="from 0 to 1"):
        exchange(csr_array(np.array([[0, 2.0], [1, 0]])))
