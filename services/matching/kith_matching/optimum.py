"""The best assignment of a whole cohort, proven over every pair there is, though few are ever looked at closely. Pure.

Column generation (Gilmore and Gomory 1961): assign among a few candidates, ask at its prices which other pairs could
make it better, add those, and again until there are none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.assignment import UNITS, Assignment, assign
from kith_matching.candidates import candidates, merged, missing
from kith_matching.ceilings import Ceilings
from kith_matching.scoring import Cohort

ROUNDS = 40  # three to eight are usual


@dataclass(frozen=True)
class Optimum:
    """The result of `optimum`.

    assignment  its `bound`, `gap` and `matched_bound` hold over all pairs that the rules of the cohort allow
    scores      (mentees, mentors) the pairs that were scored for it; `next_best` looks among these
    rounds      how many assignments it took
    """

    assignment: Assignment
    scores: csr_array
    rounds: int


def optimum(
    cohort: Cohort,
    capacity: NDArray[np.integer],
    *,
    pins: Mapping[int, int] | None = None,
    most: int = 16,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> Optimum:
    """The most mentees matched, then the highest total, over all allowed pairs of the cohort.

    capacity  (mentors,), pairings each mentor still has room for
    pins      mentee row -> mentor column that must be, whatever the rules say of it
    most      candidates per mentee of the first look: fewer, and there are more rounds
    rounds    after so many the proven gap is returned as it then is
    Raises ValueError, saying what to change, for pins that cannot be.
    """
    n = len(cohort.mentees.people)
    pins = dict(pins or {})
    ceilings = Ceilings(cohort)
    free = np.setdiff1d(np.arange(n), np.fromiter(pins, dtype=np.intp, count=len(pins)))
    scores = candidates(cohort, most=most, seed=seed, only=free, ceilings=ceilings)
    result = assign(scores, capacity, pins=pins, seed=seed)  # complains of pins that cannot be
    if pins:
        pinned = np.array([*pins.items()], dtype=np.intp)
        value, _ = cohort.scores(pinned[:, 0], pinned[:, 1])
        scores = merged(scores, csr_array((value, (pinned[:, 0], pinned[:, 1])), shape=scores.shape))
        result = assign(scores, capacity, pins=pins, seed=seed)
    for done in range(1, rounds + 1):
        more, least = missing(ceilings, scores, result, free)
        if result.slack + least < result.scale:
            return Optimum(result, scores, done)
        if done < rounds:
            scores = merged(scores, more)
            result = assign(scores, capacity, pins=pins, seed=seed, start=result)
    over = (result.slack + least) // result.scale
    reached = round(result.total * UNITS) * result.scale + result.slack + least
    proven = replace(
        result,
        bound=result.total + over / UNITS,
        gap=over / UNITS,
        matched_bound=min(n, result.matched + reached // result.person),
    )
    return Optimum(proven, scores, rounds)
