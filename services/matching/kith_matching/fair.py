"""The worst-off first: who is matched least well is matched as well as can be, then who is next. Pure.

Among all assignments that match the most people: the fewest pairs of the lowest score, then the fewest of the next, and
so on (lexicographic bottleneck assignment, Burkard and Rendl 1991; leximin, Rawls 1971), and of what is equal then, the
best total. One assignment for each step of the score: its prices tell which pairs the best ones have in common.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching import sides
from kith_matching.assignment import contested, in_units
from kith_matching.auction import LOW, settle, worths
from kith_matching.cardinality import most_matched
from kith_matching.compiled import compiled

STEP = 0.01  # scores are compared in hundredths: people do not feel less
DEEPER = (2, 2**8, 2**20)

Ints = NDArray[np.int64]


def fair(scores: csr_array, capacity: NDArray[np.integer], *, step: float = STEP) -> Ints:
    """(mentees,) the mentor of each, -1 for none.

    scores    (mentees, mentors), a stored entry is an allowed pair; from 0, higher is better
    capacity  (mentors,), how many each takes
    step      scores that round to the same multiple of it are equally good
    """
    n, m = scores.shape
    if not np.isfinite(scores.data).all() or (scores.data < 0).any():
        raise ValueError("scores must be finite and not below 0; leave out pairs that are not allowed")
    indptr, column = scores.indptr.astype(np.int64), scores.indices.astype(np.int32)
    room = np.minimum(capacity, np.bincount(column, minlength=m) + 1).astype(np.int64)
    # Positions stand for values, so that level and score stay with a pair while others are left out.
    pairs = sides.only(indptr, column, np.arange(len(column)), room[column] > 0)
    level, units = np.rint(scores.data / step).astype(np.int64), in_units(scores.data)
    least, floor, pairs = contested(pairs, room)
    given, price = most_matched(pairs[0], pairs[1], room), np.zeros(m, dtype=np.int64)
    scale = n + int(room.sum()) + 1
    for low in np.unique(level[pairs[2]])[:-1]:
        better = (level[pairs[2]] != low).astype(np.int64)
        if better.all():
            continue
        used = sides.valued(pairs[0], pairs[1], better, given)
        if (given >= 0).sum() > used.sum():
            problem = pairs[0], pairs[1], better
            price[:] = np.maximum(0, floor)
            settle(problem, room, least, floor, given, price, scale=scale, warm=True)
            least, floor, keep = _face(problem, room, least, floor, given, price, scale)
            pairs = sides.only(*pairs, keep)
        else:
            pairs = sides.only(*pairs, better > 0)
    if len(pairs[1]):
        price[:] = np.maximum(0, floor)
        settle((pairs[0], pairs[1], units[pairs[2]]), room, least, floor, given, price, scale=scale)
    return given


def _face(
    pairs: sides.Rows, room: Ints, least: Ints, floor: Ints, given: Ints, price: Ints, scale: int
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """What all best assignments have in common: who must be matched, which columns be full, and which pairs may be.

    By complementary slackness, which needs prices that are exact, and so in whole units.
    """
    indptr, column, value = pairs
    free = np.bincount(given[given >= 0], minlength=len(room)) < room
    for depth in DEEPER:
        exact = np.where(free, 0, np.maximum(price // scale - depth, np.where(floor == LOW, LOW, 0)))
        if not _raise(indptr, column, value, given, np.where(least == LOW, LOW, 0), exact):
            continue
        if (exact[free] == 0).all():
            worth = worths(indptr, column, value, least, exact)
            row = np.repeat(np.arange(len(given)), np.diff(indptr))
            tight = value - exact[column] == worth[row]
            return np.where(worth > least, LOW, least), np.where(exact > floor, LOW, floor), tight
    raise RuntimeError("the prices of a step do not prove it")  # `settle` ended with a gap: not a property of the input


@compiled
def _raise(indptr: Ints, column: sides.Column, value: Ints, given: Ints, least: Ints, price: Ints) -> bool:
    """Raise prices until nobody prefers anything to what they have; False when that never ends."""
    n = len(given)
    for _ in range(n + 2):
        changed = False
        for i in range(n):
            own = least[i]
            for k in range(indptr[i], indptr[i + 1]):
                if column[k] == given[i]:
                    own = value[k] - price[given[i]]
            for k in range(indptr[i], indptr[i + 1]):
                if value[k] - price[column[k]] > own:
                    price[column[k]] = value[k] - own
                    changed = True
        if not changed:
            return True
    return False
