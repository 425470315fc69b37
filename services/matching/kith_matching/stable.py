"""Pairs that no two people would leave together for each other: deferred acceptance. Pure.

Gale and Shapley (1962), mentees proposing, with room for several at a mentor (hospitals and residents). Of all stable
assignments it is the one each mentee likes best, and the same people are matched in all of them (Roth 1986).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.auction import sink
from kith_matching.compiled import compiled

Ints = NDArray[np.int64]


def stable(liking: csr_array, capacity: NDArray[np.integer], *, regard: csr_array | None = None, seed: int = 0) -> Ints:
    """(mentees,) the mentor of each, -1 for none, such that no allowed pair would rather have each other.

    liking    (mentees, mentors), a stored entry is an allowed pair; the higher, the more the mentee likes the mentor
    capacity  (mentors,), how many each takes
    regard    the same pairs: the higher, the more the mentor likes the mentee; as `liking` when left out
    seed      decides between equals
    """
    order, rank, pairs = _ranked(liking, regard, seed)
    room = np.minimum(capacity, np.bincount(pairs.indices, minlength=len(capacity))).astype(np.int64)
    indptr, column = pairs.indptr.astype(np.int64), pairs.indices.astype(np.int64)
    found: Ints = _defer(indptr, column, order, rank, room)
    return found


def blocking(
    liking: csr_array, capacity: NDArray[np.integer], mentor: Ints, *, regard: csr_array | None = None
) -> Ints:
    """(pairs, 2) the allowed pairs who both would rather have each other than what they have, in what they like."""
    pairs = liking.tocoo()
    back = pairs.data if regard is None else _aligned(liking, regard)
    row, column = pairs.row, pairs.col
    own, worst = np.full(liking.shape[0], -np.inf), np.full(liking.shape[1], np.inf)
    hit = mentor[row] == column
    own[row[hit]] = pairs.data[hit]
    np.minimum.at(worst, column[hit], back[hit])
    worst[np.bincount(mentor[mentor >= 0], minlength=len(worst)) < capacity] = -np.inf
    both = ~hit & (np.asarray(capacity)[column] > 0) & (pairs.data > own[row]) & (back > worst[column])
    return np.stack([row[both], column[both]], axis=1).astype(np.int64)


def _aligned(liking: csr_array, regard: csr_array) -> NDArray[np.float64]:
    one, other = liking.tocsr(), regard.tocsr()
    if one.shape != other.shape or (one.indptr != other.indptr).any() or (one.indices != other.indices).any():
        raise ValueError("both sides must say how they like the same pairs")
    found: NDArray[np.float64] = other.data
    return found


def _ranked(liking: csr_array, regard: csr_array | None, seed: int) -> tuple[Ints, Ints, csr_array]:
    """Positions of the pairs in the order in which each row asks; how much columns like them, all different."""
    back = liking.data if regard is None else _aligned(liking, regard)
    if not (np.isfinite(liking.data).all() and np.isfinite(back).all()):
        raise ValueError("how people like each other must be finite; leave out pairs that are not allowed")
    chance = np.random.default_rng(seed).random(len(liking.data))
    row = np.repeat(np.arange(liking.shape[0]), np.diff(liking.indptr))
    order = np.lexsort((chance, -liking.data, row)).astype(np.int64)
    rank = np.empty(len(row), dtype=np.int64)
    rank[np.lexsort((chance, back))] = np.arange(len(row))
    return order, rank, liking


@compiled
def _defer(indptr: Ints, column: Ints, order: Ints, rank: Ints, room: Ints) -> Ints:
    n, m = len(indptr) - 1, len(room)
    first = np.zeros(m + 1, np.int64)
    for j in range(m):
        first[j + 1] = first[j] + room[j]
    held, liked, who = np.zeros(m, np.int64), np.empty(first[m], np.int64), np.empty(first[m], np.int64)
    given, at = np.full(n, -1, np.int64), indptr[:n].copy()
    for begin in range(n):
        i = begin
        while i >= 0 and at[i] < indptr[i + 1]:
            k = order[at[i]]
            at[i] += 1
            j, start = column[k], first[column[k]]
            if held[j] < room[j]:
                liked[start + held[j]], who[start + held[j]] = rank[k], i
                held[j] += 1
                given[i] = j
                if held[j] == room[j]:  # from now on only the one liked least matters
                    for place in range(room[j] // 2, -1, -1):
                        sink(liked, who, start, room[j], place)
                break
            if room[j] and rank[k] > liked[start]:
                out = who[start]
                liked[start], who[start] = rank[k], i
                sink(liked, who, start, room[j], 0)
                given[i], given[out] = j, -1
                i = out
    return given
