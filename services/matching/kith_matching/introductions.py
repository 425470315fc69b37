"""Rounds in which people of one side meet in pairs, with a trio where they are an odd number. Pure.

A cover of everyone by cycles is an assignment of people to people (`assignment.py`); half its total bounds every set of
pairs from above. Cycles of an even length are cut into pairs at no loss; what odd ones lose is mostly won back by
exchanging partners between pairs. What is missing then, `blossoms.py` finds, or the bound says how much it may be.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.assignment import UNITS, Assignment, assign, in_units
from kith_matching.blossoms import Open, settled
from kith_matching.compiled import compiled

PASSES = 50  # over everyone, of exchanges; a few are usual
EVERYONE = 500  # up to so many people every pair is looked at
EXACT = 3000  # up to so many people the best is found, however long it takes; it is seconds
PIECE = 2000  # pairs in a piece that is settled exactly in a larger round
REPEAT = 1e-4

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Round:
    """The result of `introduce`.

    partner   (people,) whom each meets, -1 for nobody
    third     (people,) whom each meets as well, in a trio; -1 for most
    left_out  (people,) who meets nobody: first next time
    total     sum of the scores of the pairs, without those of the trio
    bound     no set of pairs of as many people, with as many of `first` among them, has a higher total
    gap       bound - total; 0 is proven the best
    most      whether it is proven that no set of pairs has more people
    """

    partner: Ints
    third: Ints
    left_out: Ints
    total: float
    bound: float
    gap: float
    most: bool


def introduce(
    scores: csr_array,
    *,
    first: NDArray[np.integer] | None = None,
    seed: int = 0,
    trio: bool = True,
    exact: int = EXACT,
) -> Round:
    """Pair as many people as can be found partners for, of those as many of `first` as can be, for the highest total.

    scores  (people, people), symmetric; a stored entry is a pair that may meet, who met before is left out of it;
            from 0, higher is better
    first   who was left out last time: somebody else is left out instead, wherever the pairs allow it
    seed    decides between equals
    trio    whether somebody left over joins a pair both of whom they may meet
    exact   up to so many people the result is the best there is; beyond, `gap` and `most` say what is proven
    """
    n = scores.shape[0]
    scores, turned = scores.sorted_indices(), scores.T.tocsr().sorted_indices()
    parts = [(scores.indptr, turned.indptr), (scores.indices, turned.indices), (scores.data, turned.data)]
    if scores.shape != (n, n) or not all(np.array_equal(one, other) for one, other in parts):
        raise ValueError("scores must be the same both ways")
    if (scores.indices == np.repeat(np.arange(n), np.diff(scores.indptr))).any():
        raise ValueError("nobody meets themselves")
    cover = assign(scores, np.ones(n, dtype=np.int64), seed=seed)
    indptr, column = scores.indptr.astype(np.int64), scores.indices.astype(np.int64)
    value = in_units(scores.data)
    waited = np.zeros(n, dtype=np.int64)
    waited[np.asarray(first, dtype=np.int64) if first is not None else []] = 1
    partner = np.full(n, -1, dtype=np.int64)
    _cut(indptr, column, value, cover.mentor, partner)
    _match_up(indptr, column, partner)
    _exchange(indptr, column, value, partner, PASSES)
    _let_in(indptr, column, partner, waited)
    partner, best, most = _best(indptr, column, value, cover, partner, waited, n <= exact)
    third = np.full(n, -1, dtype=np.int64)
    total = _total(indptr, column, value, partner)
    if trio:
        _add_thirds(indptr, column, value, partner, third)
    matched = int((partner >= 0).sum())
    # A pair's score and `person` are at most half of what both are worth, as a row and as a column of the cover, so the
    # pairs of as many people reach at most half of what those are worth who are worth most.
    worth = np.sort(cover.worth + cover.prices)[n - matched :]
    bound = total if best else (sum(worth.tolist()) - matched * cover.person) // (2 * cover.scale)
    return Round(
        partner=partner,
        third=third,
        left_out=np.flatnonzero((partner < 0) & (third < 0)),
        total=total / UNITS,
        bound=max(bound, total) / UNITS,
        gap=max(bound - total, 0) / UNITS,
        most=most,
    )


def _best(
    indptr: Ints, column: Ints, value: Ints, cover: Assignment, partner: Ints, waited: Ints, always: bool
) -> tuple[Ints, bool, bool]:
    """The best round, whether it is proven to be, and whether no other has more people."""
    row = np.repeat(np.arange(len(partner)), np.diff(indptr))
    once = row < column
    reachable = (waited > 0) & (np.diff(indptr) > 0)
    pairs = Open(row[once], column[once], value[once], cover.worth + cover.prices, cover.scale, cover.person, reachable)
    # Pairs are a cover by cycles of two, so no round has more people than a cover, nor an odd number of them.
    full = int((partner >= 0).sum()) == cover.matched_bound // 2 * 2
    if not full and not always:
        return partner, False, False
    partner, best = settled(pairs, partner, full=full, most_pairs=len(row) if always else PIECE)
    return partner, best, full or best


@compiled
def _weight(indptr: Ints, column: Ints, value: Ints, one: int, other: int) -> int:
    """The score of a pair in units, -1 where it may not be; rows list their columns in order."""
    low, high = indptr[one], indptr[one + 1]
    while low < high:
        middle = (low + high) // 2
        if column[middle] < other:
            low = middle + 1
        else:
            high = middle
    return value[low] if low < indptr[one + 1] and column[low] == other else -1


@compiled
def _total(indptr: Ints, column: Ints, value: Ints, partner: Ints) -> int:
    found = 0
    for i in range(len(partner)):
        if partner[i] > i:
            found += _weight(indptr, column, value, i, partner[i])
    return found


@compiled
def _cut(indptr: Ints, column: Ints, value: Ints, to: Ints, partner: Ints) -> None:
    """Pairs along the paths and cycles of a cover: the better half of an even one, the best of an odd one."""
    n = len(to)
    comes, seen, walk = np.full(n, -1, np.int64), np.zeros(n, np.bool_), np.empty(n, np.int64)
    for i in range(n):
        if to[i] >= 0:
            comes[to[i]] = i
    for turn in range(2):  # paths begin where nobody comes from; what remains are cycles
        for begin in range(n):
            if seen[begin] or (turn == 0 and comes[begin] >= 0):
                continue
            size, i = 0, begin
            while i >= 0 and not seen[i]:
                seen[i], walk[size] = True, i
                size, i = size + 1, to[i]
            best, start = -1, 0
            if turn == 0:
                best = 0
            else:
                for skip in range(2 if size % 2 == 0 else size):
                    reached = 0
                    for k in range(skip, skip + size - 1, 2):
                        reached += _weight(indptr, column, value, walk[k % size], walk[(k + 1) % size])
                    if reached > best:
                        best, start = reached, skip
            for k in range(start, start + size - 1, 2):
                one, other = walk[k % size], walk[(k + 1) % size]
                partner[one], partner[other] = other, one


@compiled
def _match_up(indptr: Ints, column: Ints, partner: Ints) -> None:
    """Partners for who has none, by asking pairs to part: alternating paths, breadth first, around odd cycles."""
    n = len(partner)
    seen, came, queue = np.full(n, -1, np.int64), np.full(n, -1, np.int64), np.empty(n, np.int64)
    for start in range(n):
        if partner[start] >= 0:
            continue
        seen[start], queue[0], head, tail, end = start, start, 0, 1, -1
        while head < tail and end < 0:
            i = queue[head]
            head += 1
            for k in range(indptr[i], indptr[i + 1]):
                a = column[k]
                if seen[a] == start:
                    continue
                seen[a], came[a] = start, i
                if partner[a] < 0:
                    end = a
                    break
                b = partner[a]
                if seen[b] != start:
                    seen[b], queue[tail] = start, b
                    tail += 1
        while end >= 0:
            i = came[end]
            before = partner[i]
            partner[i], partner[end] = end, i
            end = before if i != start else -1


@compiled
def _exchange(indptr: Ints, column: Ints, value: Ints, partner: Ints, passes: int) -> None:
    """Two pairs become two better ones, or one of a pair changes to somebody who has nobody, while that helps."""
    n = len(partner)
    for _ in range(passes):
        changed = False
        for i in range(n):
            j = partner[i]
            if j < 0:
                continue
            own = _weight(indptr, column, value, i, j)
            best, with_whom = 0, -1
            for k in range(indptr[i], indptr[i + 1]):
                a = column[k]
                if a == j:
                    continue
                b = partner[a]
                if b < 0:
                    gain = value[k] - own
                else:
                    back = _weight(indptr, column, value, j, b)
                    if back < 0:
                        continue
                    gain = value[k] + back - own - _weight(indptr, column, value, a, b)
                if gain > best:
                    best, with_whom = gain, a
            if with_whom >= 0:
                a, b = with_whom, partner[with_whom]
                partner[i], partner[a] = a, i
                partner[j] = b
                if b >= 0:
                    partner[b] = j
                changed = True
        if not changed:
            break


@compiled
def _let_in(indptr: Ints, column: Ints, partner: Ints, waited: Ints) -> None:
    """Who was left out before and is again takes the place of somebody who was not."""
    for i in range(len(partner)):
        if partner[i] >= 0 or not waited[i]:
            continue
        for k in range(indptr[i], indptr[i + 1]):
            a = column[k]
            b = partner[a]
            if b >= 0 and not waited[b]:
                partner[i], partner[a], partner[b] = a, i, -1
                break


@compiled
def _add_thirds(indptr: Ints, column: Ints, value: Ints, partner: Ints, third: Ints) -> None:
    for i in range(len(partner)):
        if partner[i] >= 0:
            continue
        best, join = -1, -1
        for k in range(indptr[i], indptr[i + 1]):
            a = column[k]
            b = partner[a]
            if b < 0 or third[a] >= 0:
                continue
            other = _weight(indptr, column, value, i, b)
            if other >= 0 and value[k] + other > best:
                best, join = value[k] + other, a
        if join >= 0:
            third[i], third[join], third[partner[join]] = join, i, i


def may_meet(
    people: int, met: NDArray[np.integer], when: NDArray[np.integer], *, now: int, most: int = 24, seed: int = 0
) -> tuple[Ints, Ints, Ints]:
    """Who may meet in the next round: those who never met, and anybody for who met everyone.

    people  how many there are
    met     (meetings, 2) who met before, in whatever order
    when    (meetings,) in which round; `now` is the next
    most    new pairs for each, at random, where there are many people; more for who is drawn by more
    Returns (pairs,) one, (pairs,) other, each pair once, and (pairs,) how many rounds ago they met, 0 for never.
    """
    met, when = np.asarray(met, dtype=np.int64).reshape(-1, 2), np.asarray(when, dtype=np.int64)
    keys = met.min(axis=1) * people + met.max(axis=1)
    order = np.lexsort((when, keys))
    keys, when = keys[order], when[order]
    last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
    keys, when = keys[last], when[last]
    known = np.bincount(np.concatenate([keys // people, keys % people]), minlength=people)
    if people <= EVERYONE:
        one, other = np.triu_indices(people, 1)
        mine = one * people + other
    else:
        mine = _drawn(people, keys, known, most, np.random.default_rng([seed, now]))
    at = np.minimum(np.searchsorted(keys, mine), max(len(keys) - 1, 0))
    before = keys[at] == mine if len(keys) else np.zeros(len(mine), dtype=np.bool_)
    ago = np.where(before, now - when[at], 0) if len(keys) else np.zeros(len(mine), dtype=np.int64)
    one, other = mine // people, mine % people
    done = known >= people - 1
    use = ~before | done[one] | done[other]
    return one[use], other[use], ago[use]


def _drawn(people: int, keys: Ints, known: Ints, most: int, rng: np.random.Generator) -> Ints:
    """Some pairs as one * people + other; of who knows most of the others already, all those still unknown to them."""
    drawn = rng.integers(people, size=(people * most // 2 + 1, 2))
    drawn = drawn[drawn[:, 0] != drawn[:, 1]]
    new = np.setdiff1d(drawn.min(axis=1) * people + drawn.max(axis=1), keys)
    found = np.bincount(np.concatenate([new // people, new % people]), minlength=people)
    more = [new]
    for one in np.flatnonzero(found < np.clip(people - 1 - known, 1, most // 3)):
        others = np.delete(np.arange(people), one)
        mine = np.minimum(one, others) * people + np.maximum(one, others)
        left = np.setdiff1d(mine, keys)
        more.append(rng.permutation(left if len(left) else mine)[:most])  # who met everyone may meet anybody
    return np.unique(np.concatenate(more))


def meetings(
    people: int, met: NDArray[np.integer], when: NDArray[np.integer], *, now: int, most: int = 24, seed: int = 0
) -> csr_array:
    """Those of `may_meet` as `introduce` takes them: new ones alike, and of old ones those of the longest ago first."""
    one, other, ago = may_meet(people, met, when, now=now, most=most, seed=seed)
    # One meeting that is new counts more than any number of repeated ones.
    return both_ways(people, one, other, np.where(ago > 0, REPEAT * ago / max(now, 1), 1.0))


def both_ways(people: int, one: Ints, other: Ints, value: NDArray[np.float64]) -> csr_array:
    """(people, people) from pairs that are there once."""
    entries = (np.concatenate([value, value]), (np.concatenate([one, other]), np.concatenate([other, one])))
    return csr_array(entries, shape=(people, people))
