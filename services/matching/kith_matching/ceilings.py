"""What each pair's score cannot exceed, for all pairs of a cohort in blocks of mentees. Pure.

Skills, interests and time in quarter hours, in single precision and one pass (`heights.py`). What has been
scored since is remembered, so ceilings come down to scores where it matters.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.availability import SLOT_MINUTES, SLOTS
from kith_matching.heights import heights
from kith_matching.scoring import ENOUGH_MINUTES, GAP_SPREAD_YEARS, GOOD_GAP_YEARS, UNKNOWN, Cohort, Side

BLOCK = 2**21  # pairs at a time: bounds memory, and large enough that what each block costs by itself is little
WORKERS = 4
REMEMBERED = 100_000_000  # pairs kept in memory, four bytes each; a larger cohort is computed anew at every look
QUARTER = 15  # minutes
PER_QUARTER = QUARTER // SLOT_MINUTES
WORD = 64  # bits
MARGIN = 1e-5  # ceilings are single precision: this much above them is certain

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]
Result = TypeVar("Result")


class Ceilings:
    """(mentees, mentors) numbers that no score exceeds by more than MARGIN, -1 for a pair that a rule forbids."""

    def __init__(self, cohort: Cohort) -> None:
        mentors = cohort.mentors
        n, m = len(cohort.mentees.people), len(mentors.people)
        self.cohort = cohort
        mentees, weights = cohort.mentees, cohort.weights
        self._wanted = _table(_scaled(mentees.skills, weights.skills / np.maximum(cohort.wants, 1)))
        self._offered = _table(csr_array(cohort.offered.T))
        self._liked = _table(_scaled(mentees.interests, weights.interests / np.maximum(cohort.cares, 1)))
        self._told = _table(csr_array(mentors.interests.T))
        language = np.where(np.isnan(cohort.common), UNKNOWN, cohort.common > 0) * weights.language
        if cohort.rules.common_language:
            language[cohort.common < 1] = -np.inf
        self._sets = language.astype(np.float32), mentees.languages.astype(np.int64), mentors.languages.astype(np.int64)
        self._fresh = (mentors.fresh * weights.load).astype(np.float32)
        self._times = _quarters(cohort.mentees), _quarters(mentors)
        self._kept = np.empty((n, m), dtype=np.float32) if n * m <= REMEMBERED else None
        self._known = np.zeros(n, dtype=np.bool_)

    def each(self, chosen: Ints, work: Callable[[Ints, Floats], Result]) -> list[Result]:
        """`work` done for the chosen mentees, some at a time, given their ceilings (block, mentors), a copy.

        Blocks share no rows, and numpy lets go of the interpreter: they are worked on side by side.
        """
        m = len(self.cohort.mentors.people)
        size = max(1, BLOCK // max(m, 1))
        blocks = [chosen[start : start + size] for start in range(0, len(chosen) if m else 0, size)]
        with ThreadPoolExecutor(max_workers=min(WORKERS, os.cpu_count() or 1)) as pool:
            return list(pool.map(lambda rows: work(rows, self._block(rows)), blocks))

    def _block(self, rows: Ints) -> Floats:
        if self._kept is None:
            return self._computed(rows)
        new = rows[~self._known[rows]]
        if len(new):
            self._kept[new] = self._computed(new)
            self._known[new] = True
        return self._kept[rows]

    def learn(self, rows: Ints, columns: Ints, scores: NDArray[np.float64], allowed: NDArray[np.bool_]) -> None:
        """Remember what pairs do score."""
        if self._kept is not None:
            self._kept[rows, columns] = np.where(allowed, scores, -1)

    def _computed(self, rows: Ints) -> Floats:
        cohort, weights = self.cohort, self.cohort.weights
        mentees, mentors = cohort.mentees, cohort.mentors
        parts = np.array([weights.skills, weights.interests, weights.experience, weights.availability])
        known = mentees.knows_slots, mentors.knows_slots
        found: Floats = heights(
            rows.astype(np.int64), self._wanted, self._offered, self._liked, self._told,
            mentors.knows_skills, cohort.tells > 0,
            UNKNOWN * parts, cohort.rules.minimum_shared_skills > 0, self._sets,
            (mentees.experience, mentors.experience), (GOOD_GAP_YEARS, GAP_SPREAD_YEARS, weights.experience),
            self._fresh, self._times, known, weights.availability * QUARTER / ENOUGH_MINUTES,
            cohort.rules.minimum_overlap_minutes / QUARTER, weights.availability,
        )  # fmt: skip
        return found


def _quarters(side: Side) -> NDArray[np.uint64]:
    """(people, words) the quarter hours of the week with any time in them, as bits.

    Minutes counted in these are no fewer than there are, and exact where time is given in quarters.
    """
    slots = np.unpackbits(side.slots, axis=1)
    quarters = slots.reshape(len(slots), SLOTS // PER_QUARTER, PER_QUARTER).max(axis=2)
    bits = np.zeros((len(slots), -(-quarters.shape[1] // WORD) * WORD), dtype=np.uint8)
    bits[:, : quarters.shape[1]] = quarters
    return np.packbits(bits, axis=1).view(np.uint64)


def _scaled(table: csr_array, by: NDArray[np.float64]) -> csr_array:
    found = table.copy()
    found.data = table.data * np.repeat(by, np.diff(table.indptr))
    return found


def _table(matrix: csr_array) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    rows = matrix.tocsr()
    return rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data.astype(np.float32)
