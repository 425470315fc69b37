"""Whether two who would meet stay inside a circle that has met already. Pure."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.scoring import CHUNK

LATELY = 12  # rounds, at most: what is longer ago makes no circle
# A few people all meet each other soon. Led out of circles all the time they would split into two halves and have
# everyone in the other one met, with odd ones out in each: there a quarter as many rounds as people count.
QUARTER = 4
PENALTY = 0.1  # what a wholly closed circle takes off a score: as much as a tenth of everything else together

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Circles:
    """Who met whom lately."""

    def __init__(self, people: int, met: Ints, when: Ints, *, now: int) -> None:
        """people: how many; met: (meetings, 2) who met; when: (meetings,) in which round; now: the next."""
        met = met[when >= now - min(LATELY, people // QUARTER)]
        rows, columns = np.concatenate([met, met[:, ::-1]]).T
        table = csr_array((np.ones(len(rows)), (rows, columns)), shape=(people, people))
        table.sum_duplicates()
        table.data[:] = 1
        self._met = table
        self._known = np.diff(table.indptr)
        self._pairs = np.unique(rows * people + columns)

    def closed(self, one: Ints, other: Ints) -> Floats:
        """(pairs,) from 0 to 1: of the people the one of the two who met fewer has met, how many the other has as well.

        Without a common acquaintance it is 0; among people who all met each other, near 1 for any two.
        """
        found = np.empty(len(one))
        for start in range(0, len(one), CHUNK):
            part = slice(start, start + CHUNK)
            common = self._met[one[part]].multiply(self._met[other[part]]).sum(axis=1)
            fewer = np.minimum(self._known[one[part]], self._known[other[part]])
            found[part] = np.asarray(common, dtype=np.float64) / np.maximum(fewer, 1)
        return found

    def near(self, one: Ints, other: Ints) -> Bools:
        """(pairs,) whether the two met lately, or have a common acquaintance."""
        met = np.isin(one * len(self._known) + other, self._pairs)
        near: Bools = met | (self.closed(one, other) > 0)
        return near

    def inside(self, groups: Sequence[tuple[int, ...]]) -> Bools:
        """(groups,) whether each two of a group are near."""
        pairs = [(k, *two) for k, group in enumerate(groups) for two in combinations(group, 2)]
        which, one, other = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
        far = np.bincount(which, weights=~self.near(one, other), minlength=len(groups))
        inside: Bools = far == 0
        return inside


def share(inside: Bools) -> float:
    """How many of them, 0 to 1; 0 of none."""
    return round(float(inside.mean()), 6) if len(inside) else 0.0
