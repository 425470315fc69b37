"""What each pair's score cannot exceed, for all pairs of a cohort in blocks of mentees. Pure.

Matrix products of skills, interests and time in quarter hours, and a few passes in single precision. What has been
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
from kith_matching.scoring import ENOUGH_MINUTES, UNKNOWN, Cohort, Side, nearness

BLOCK = 2**19  # pairs at a time: bounds memory, and a few such arrays stay in the processor's cache
WORKERS = 4
REMEMBERED = 100_000_000  # pairs kept in memory, four bytes each; a larger cohort is computed anew at every look
QUARTER = 15  # minutes
PER_QUARTER = QUARTER // SLOT_MINUTES
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
        self._skills = csr_array(cohort.offered.T.astype(np.float32))
        self._interests = csr_array(mentors.interests.T.astype(np.float32))
        language = np.where(np.isnan(cohort.common), UNKNOWN, cohort.common > 0) * cohort.weights.language
        if cohort.rules.common_language:
            language[cohort.common < 1] = -np.inf
        self._language = language.astype(np.float32)
        self._years = mentors.experience.astype(np.float32)
        self._times, self._minutes = _times(cohort.mentees, mentors)
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
        found = self._language[mentees.languages[rows]][:, mentors.languages]
        wants, cares = cohort.wants[rows, None], cohort.cares[rows, None]
        knows = (wants > 0) & mentors.knows_skills
        served = _product(mentees.skills[rows], self._skills)
        if cohort.rules.minimum_shared_skills:
            np.copyto(found, -np.inf, where=knows & (served <= 0))
        served *= (weights.skills / np.maximum(wants, 1)).astype(np.float32)
        found += np.where(knows, served, np.float32(weights.skills * UNKNOWN))
        alike = _product(mentees.interests[rows], self._interests)
        alike *= (weights.interests / np.maximum(cares, 1)).astype(np.float32)
        found += np.where((cares > 0) & (cohort.tells > 0), alike, np.float32(weights.interests * UNKNOWN))
        near = nearness(self._years - mentees.experience[rows, None].astype(np.float32))
        near *= np.float32(weights.experience)
        found += near
        found += self._shared_time(rows)
        return np.maximum(found, -1, out=found)

    def _shared_time(self, rows: Ints) -> Floats:
        cohort, weight = self.cohort, self.cohort.weights.availability
        known = cohort.mentees.knows_slots[rows, None] & cohort.mentors.knows_slots
        if not known.any():
            return np.full((1, 1), weight * UNKNOWN, dtype=np.float32)
        minutes: Floats = self._times[rows] @ self._minutes.T
        part = np.multiply(minutes, np.float32(weight / ENOUGH_MINUTES))
        np.minimum(part, np.float32(weight), out=part)
        np.copyto(part, -np.inf, where=minutes < cohort.rules.minimum_overlap_minutes)
        np.copyto(part, np.float32(weight * UNKNOWN), where=~known)
        return part


def _times(mentees: Side, mentors: Side) -> tuple[Floats, Floats]:
    """Two matrices (people, times of the week) whose product is the minutes two people share, at most.

    Counted in quarter hours with any time in them, which is exact where time is given in quarters. Quarters that are
    the same for everyone are one column: most people are free from one full hour to another.
    """
    slots = np.unpackbits(np.concatenate([mentees.slots, mentors.slots]), axis=1)
    quarters = slots.reshape(len(slots), SLOTS // PER_QUARTER, PER_QUARTER).max(axis=2)
    _, first, count = np.unique(np.packbits(quarters, axis=0).T, axis=0, return_index=True, return_counts=True)
    people = quarters[:, first].astype(np.float32)
    n = len(mentees.people)
    return people[:n], people[n:] * (count * QUARTER).astype(np.float32)


def _product(one: csr_array, other: csr_array) -> Floats:
    dense: Floats = csr_array(one.astype(np.float32) @ other).toarray()
    return dense
