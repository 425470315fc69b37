"""Who comes first where places are too few: those who were left out before, or lost their mentor. Pure."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.assignment import ROOM, UNITS, Assignment, assign

Ints = NDArray[np.int64]


def served(
    best: Assignment,
    scores: csr_array,
    capacity: NDArray[np.integer],
    priority: Ints,
    *,
    pins: Mapping[int, int] | None = None,
    seed: int = 0,
) -> Assignment:
    """As many people as `best` matches; among such assignments the most priority served, then the highest total.

    best      an assignment of the most people, whose bound holds for any other
    scores    (mentees, mentors) the pairs that are looked at; a stored entry is an allowed pair
    priority  (mentees,) from 0; someone with 2 counts as much as two with 1
    Returns `best` itself where everybody with priority has a mentor, or has none in it for want of any pair. Else its
    `gap` is what serving them costs at most, beside the best total, and there are no alternatives to show.
    """
    waiting = (best.mentor < 0) & (priority > 0) & (np.diff(scores.indptr) > 0)
    most = min(len(priority), int(np.sum(capacity)))
    if not waiting.any() or most == 0:
        return best
    # One more person served outweighs any total of scores, and no bonus makes up for a person who goes without.
    exact = ROOM / (32 * UNITS * most * int(priority.max()))  # in a cohort of 100,000 and more it outweighs most totals
    outweighs = min(most * max(1.0, scores.data.max()) + 1, exact)
    bonus = np.repeat(priority * outweighs, np.diff(scores.indptr))
    raised = csr_array((scores.data + bonus, scores.indices, scores.indptr), shape=scores.shape)
    found = assign(raised, capacity, pins=pins, seed=seed)
    matched = found.mentor >= 0
    if int(matched.sum()) < int((best.mentor >= 0).sum()):  # the pairs looked at do not suffice for as many people
        return best
    total = _total(scores, found.mentor)
    nobody = np.full(len(priority), -1, dtype=np.int64)
    return replace(best, mentor=found.mentor, total=total, gap=round(max(best.bound - total, 0.0), 6), next_best=nobody)


def only_rows(scores: csr_array, keep: NDArray[np.bool_]) -> csr_array:
    """The pairs of these rows alone."""
    coo = scores.tocoo()
    inside = keep[coo.row]
    return csr_array((coo.data[inside], (coo.row[inside], coo.col[inside])), shape=scores.shape)


def _total(scores: csr_array, mentor: Ints) -> float:
    coo = scores.tocoo()
    return int(np.rint(coo.data[mentor[coo.row] == coo.col] * UNITS).sum()) / UNITS
