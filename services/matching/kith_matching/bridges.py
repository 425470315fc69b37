"""Silos in who knows whom, and the few introductions that mend them most. Pure.

Silos are parts of a community with more ties inside than chance would give (modularity, Newman and Girvan 2004; found
by moving people and then whole parts, Blondel and others 2008). Parts are found in any community; what they mean is
said by `apartness`, and best by how that changes.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MENDED = 1000.0  # what one missing tie counts beside scores up to 1
CONSIDERED = 3000  # pairs at most, the best of each two silos


def silos(ties: csr_array, *, seed: int = 0) -> Ints:
    """(people,) the number of each one's silo, from 0; somebody without ties is one alone.

    ties  (people, people), symmetric, nothing on the diagonal; how strong, above 0
    """
    label = np.arange(ties.shape[0])
    parts = ties
    while True:
        moved = _moved(parts, np.random.default_rng([seed, parts.shape[0]]))
        names, moved = np.unique(moved, return_inverse=True)
        label = moved[label]
        if len(names) == parts.shape[0]:
            return label
        coo = parts.tocoo()
        shape = (len(names), len(names))
        parts = csr_array((coo.data, (moved[coo.row], moved[coo.col])), shape=shape)
        parts.sum_duplicates()


def _moved(parts: csr_array, rng: np.random.Generator) -> Ints:
    """(parts,) where each goes when, one after the other, each goes where modularity rises most, until none does."""
    n = parts.shape[0]
    degree = np.asarray(parts.sum(axis=1), dtype=np.float64)
    whole = float(degree.sum()) or 1.0
    label, size = list(range(n)), degree.tolist()
    indptr, column, weight = parts.indptr.tolist(), parts.indices.tolist(), parts.data.tolist()
    order, changed = rng.permutation(n).tolist(), True
    while changed:
        changed = False
        for i in order:
            here, mine = label[i], float(degree[i])
            near: Counter[int] = Counter({here: 0.0})
            for k in range(indptr[i], indptr[i + 1]):
                if column[k] != i:
                    near[label[column[k]]] += weight[k]
            size[here] -= mine
            gain = {each: tied - mine * size[each] / whole for each, tied in near.items()}
            best = max(gain, key=lambda each: (gain[each], each == here, -each))
            if gain[best] <= gain[here] + 1e-12:
                best = here
            size[best] += mine
            label[i], changed = best, changed or best != here
    return np.array(label)


@dataclass(frozen=True)
class Apartness:
    """How far silos are apart.

    expected  (silos, silos) ties between each two that chance would give, people having as many as they have; upper
              half
    missing   (silos, silos) of these, what is not there
    """

    expected: Floats
    missing: Floats

    @property
    def index(self) -> float:
        """The share of the ties between silos that are missing: 0 mixed as by chance or better, 1 no tie at all."""
        whole = float(self.expected.sum())
        return float(self.missing.sum()) / whole if whole > 0 else 0.0


def apartness(ties: csr_array, label: Ints, *, more: Iterable[tuple[int, int]] = ()) -> Apartness:
    """Of people in silos; `more` are ties that are added, against the expectation of before."""
    count = int(label.max(initial=-1)) + 1
    coo = ties.tocoo()
    there = np.zeros((count, count))
    np.add.at(there, (label[coo.row], label[coo.col]), coo.data / 2)
    there += there.T
    degree = there.sum(axis=1)
    for one, other in more:
        for i, j in ((label[one], label[other]), (label[other], label[one])):
            there[i, j] += 1
    expected = np.triu(np.outer(degree, degree) / max(float(degree.sum()), 1.0), 1)
    return Apartness(expected, np.maximum(expected - np.triu(there, 1), 0))


@dataclass(frozen=True)
class Bridges:
    """The result of `bridges`: pairs, the index before and when all of them hold, and what could be missing.

    gap  no other choice among the pairs considered lowers the index by more than this beyond `after`; 0 is proven
    """

    pairs: list[tuple[int, int]]
    before: float
    after: float
    gap: float


def bridges(
    ties: csr_array, label: Ints, one: Ints, other: Ints, score: Floats, *, most: int, nodes: int = 2_000
) -> Bridges:
    """The few introductions between silos that lower the index most, and of equal ones those that fit best.

    one, other, score  (pairs,) who may be introduced, each pair once, and how well they fit, from 0 to 1
    most               introductions; each is in one at most
    nodes              of the search at most; after that `gap` is what is left open
    """
    apart = apartness(ties, label)
    low, high = np.minimum(label[one], label[other]), np.maximum(label[one], label[other])
    useful = np.flatnonzero(apart.missing[low, high] > 0)
    useful = useful[np.lexsort((-score[useful], high[useful], low[useful]))]
    between, first = np.unique(low[useful] * len(apart.missing) + high[useful], return_index=True)
    if not len(useful) or most < 1:
        return Bridges([], apart.index, apart.index, 0.0)
    rank = np.arange(len(useful)) - np.repeat(first, np.diff(np.append(first, len(useful))))
    keep = np.sort(useful[np.argsort(rank, kind="stable")[:CONSIDERED]])
    way = np.searchsorted(between, low[keep] * len(apart.missing) + high[keep])
    missing = apart.missing[between // len(apart.missing), between % len(apart.missing)]
    k, w = len(keep), len(between)
    people = csr_array(
        (np.ones(2 * k), (np.concatenate([one[keep], other[keep]]), np.tile(np.arange(k), 2))),
        shape=(len(label), k + w),
    )
    # What is mended between two silos is at most what is missing there, and at most one tie for each introduction.
    mended = csr_array(
        (np.concatenate([np.ones(k), -np.ones(w)]), (np.concatenate([way, np.arange(w)]), np.arange(k + w))),
        shape=(w, k + w),
    )
    between_two = csr_array((np.ones(k), (way, np.arange(k))), shape=(w, k + w))
    chosen = np.concatenate([np.ones(k), np.zeros(w)])
    answer = milp(
        -np.concatenate([score[keep], np.full(w, MENDED)]),
        integrality=chosen,
        bounds=Bounds(0, np.concatenate([np.ones(k), missing])),
        constraints=[
            LinearConstraint(people, ub=1),
            LinearConstraint(mended, lb=0),
            LinearConstraint(between_two, ub=np.ceil(missing)),
            LinearConstraint(csr_array(chosen[None, :]), ub=most),
        ],
        options={"mip_rel_gap": 0, "node_limit": nodes},
    )
    if answer.x is None:
        raise RuntimeError(f"the search for bridges gave up: {answer.message}")
    at = keep[np.flatnonzero(answer.x[:k] > 0.5)]  # noqa: PLR2004 - whole numbers, but for rounding
    pairs = list(zip(one[at].tolist(), other[at].tolist(), strict=True))
    whole = float(apart.expected.sum())
    over = max(-float(answer.mip_dual_bound) + float(answer.fun), 0.0) / MENDED / whole
    return Bridges(pairs, apart.index, apartness(ties, label, more=pairs).index, round(over, 9))
