"""Which mentors come into question for each mentee: the best few of all, found block by block. Pure."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.scoring import Cohort

BLOCK = 256  # mentees at a time: bounds memory to a few (256, mentors) arrays
TIE = 1e-6  # below what a score is rounded to


def candidates(cohort: Cohort, *, most: int, seed: int, only: NDArray[np.intp] | None = None) -> csr_array:
    """Scores of the `most` best allowed mentors per mentee, (mentees, mentors), > 0 where a pair is allowed.

    Every mentor is looked at: what is left out scores no better than what is kept. Ties are broken by the seed, so
    that a thousand mentees who fit a thousand mentors equally well do not all name the same forty. `only` limits the
    work to some mentees; the others' rows are empty.
    """
    n, m = len(cohort.mentees.people), len(cohort.mentors.people)
    rng = np.random.default_rng(seed)
    wanted = np.ones(n, dtype=np.bool_) if only is None else np.isin(np.arange(n), only)
    rows: list[NDArray[np.intp]] = []
    columns: list[NDArray[np.intp]] = []
    values: list[NDArray[np.float64]] = []
    keep = min(most, m)
    for start in range(0, n if m else 0, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        if not wanted[block].any():
            continue
        scores, allowed = cohort.scores(block)
        ranked = np.where(allowed, scores + rng.random(scores.shape, dtype=np.float32) * TIE, -1)
        best = np.argpartition(-ranked, keep - 1, axis=1)[:, :keep]
        row, place = np.nonzero(np.take_along_axis(ranked, best, axis=1) >= 0)
        column = best[row, place]
        use = wanted[row + start]
        rows.append(row[use] + start)
        columns.append(column[use])
        values.append(scores[row[use], column[use]].astype(np.float64) + TIE)  # an allowed pair is never a stored zero
    if not rows:
        return csr_array((n, m), dtype=np.float64)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return csr_array(entries, shape=(n, m))
