"""The best assignment within the hours mentors offer, where pairings take more or fewer of them. Pure.

This is the generalized assignment problem, which is NP-hard: prices of places prove nothing here. Without the hours it
is an assignment (`assignment.py`), whose bound holds with them as well. Often that one keeps to the hours by itself.
Else pairs that lose more than its bound is above what is reached already are dropped (reduced costs), and the rest goes
to a branch-and-bound solver (HiGHS; Huangfu and Hall 2018).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import coo_array, csr_array, vstack

from kith_matching.assignment import UNITS, Assignment, assign
from kith_matching.scoring import ROUNDING

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Constraints = Sequence[tuple[csr_array, Floats]]

MOST_PAIRS = 60_000
"""With more that come into question nothing is branched on: what is reached is shown with the gap to the bound."""
NODES = 100_000  # of the search, and not seconds: the same problem has the same solution on any machine


@dataclass(frozen=True)
class WithinHours:
    """The result of `within_hours`.

    mentor         (mentees,) column given to each row, -1 for none
    matched_bound  no assignment within the hours matches more
    total          sum of the scores of the pairs
    bound          no assignment that matches as many, and serves as much priority, has a higher total
    """

    mentor: Ints
    matched: int
    matched_bound: int
    total: float
    bound: float

    @property
    def gap(self) -> float:
        return round(max(self.bound - self.total, 0.0), 6)


def within_hours(
    scores: csr_array,
    capacity: NDArray[np.integer],
    hours: csr_array,
    offered: Floats,
    *,
    pins: Mapping[int, int] | None = None,
    priority: Ints | None = None,
    seed: int = 0,
) -> WithinHours:
    """The most mentees matched, of those assignments the most priority served, of those the highest total.

    scores    (mentees, mentors), a stored entry is an allowed pair; from 0, higher is better, no unit
    capacity  (mentors,), pairings each mentor still has room for
    hours     (mentees, mentors), for each stored entry of `scores` the hours a week that pairing takes
    offered   (mentors,), hours a week each mentor still has; inf where they do not count
    pins      row -> column that must be, of stored entries; they take hours also where there are none left
    priority  (mentees,) from 0; someone with 2 counts as much as two with 1
    """
    table = _Table(scores, hours, np.asarray(capacity, dtype=np.int64), offered, dict(pins or {}), priority)
    relaxed = assign(table.scores(), table.capacity, seed=seed)
    mentor = table.repaired(relaxed.mentor)
    if not table.priority.any():
        if np.array_equal(mentor, relaxed.mentor):
            return table.told(mentor, relaxed.matched, relaxed.bound)
        table.drop(relaxed, mentor)
    if not 0 < len(table.row) <= MOST_PAIRS:
        return table.told(mentor, relaxed.matched_bound, None)
    return table.branched(mentor, relaxed.matched_bound)


class _Table:
    """The pairs that come into question, one entry each, without what is pinned."""

    def __init__(
        self,
        scores: csr_array,
        hours: csr_array,
        capacity: Ints,
        offered: Floats,
        pins: dict[int, int],
        priority: Ints | None,
    ) -> None:
        table = scores.tocoo()
        self.shape, self.pins = scores.shape, pins
        self.row, self.column = table.row.astype(np.int64), table.col.astype(np.int64)
        self.units = np.rint(table.data * UNITS).astype(np.int64)
        self.hours = hours.tocoo().data.astype(np.float64)
        self.priority = np.zeros(self.shape[0], dtype=np.int64) if priority is None else priority
        pinned = np.isin(self.row, [*pins])
        kept = pinned & (np.array([pins.get(row, -1) for row in self.row.tolist()], dtype=np.int64) == self.column)
        self.pinned_units = int(self.units[kept].sum())
        self.capacity = capacity - np.bincount(self.column[kept], minlength=self.shape[1])
        self.offered = offered - np.bincount(self.column[kept], weights=self.hours[kept], minlength=self.shape[1])
        fits = (self.hours <= self.offered[self.column] + ROUNDING) & (self.capacity[self.column] > 0)
        self._keep(~pinned & fits)

    def _keep(self, which: NDArray[np.bool_]) -> None:
        self.row, self.column = self.row[which], self.column[which]
        self.units, self.hours = self.units[which], self.hours[which]

    def scores(self) -> csr_array:
        return csr_array((self.units / UNITS, (self.row, self.column)), shape=self.shape)

    def repaired(self, mentor: Ints) -> Ints:
        """The same assignment where it keeps to the hours; what is over them goes elsewhere, or nowhere."""
        mentor, room, left = mentor.copy(), self.capacity.copy(), self.offered.copy()
        place = np.flatnonzero(mentor[self.row] == self.column)
        # Of a mentor's pairs those stay that give most for an hour.
        order = place[np.lexsort((self.row[place], -self.units[place] / np.maximum(self.hours[place], ROUNDING)))]
        for k in order.tolist():
            if self.hours[k] <= left[self.column[k]] + ROUNDING:
                left[self.column[k]] -= self.hours[k]
                room[self.column[k]] -= 1
            else:
                mentor[self.row[k]] = -1
        waiting = np.flatnonzero(mentor[self.row] < 0)
        for k in waiting[np.lexsort((self.row[waiting], -self.units[waiting]))].tolist():
            i, j = self.row[k], self.column[k]
            if mentor[i] < 0 and room[j] > 0 and self.hours[k] <= left[j] + ROUNDING:
                mentor[i] = j
                left[j] -= self.hours[k]
                room[j] -= 1
        return mentor

    def drop(self, relaxed: Assignment, reached: Ints) -> None:
        """Leave out pairs with which no assignment is better than what is reached: the prices say what each loses."""
        value = self._grains(relaxed, relaxed.mentor) + relaxed.slack - self._grains(relaxed, reached)
        loss = relaxed.worth[self.row] + relaxed.prices[self.column] - relaxed.person - self.units * relaxed.scale
        self._keep((loss <= value) | (reached[self.row] == self.column))

    def _grains(self, relaxed: Assignment, mentor: Ints) -> int:
        units = int(self.units[mentor[self.row] == self.column].sum())
        return int((mentor >= 0).sum()) * relaxed.person + units * relaxed.scale

    def told(self, mentor: Ints, matched_bound: int, bound: float | None) -> WithinHours:
        """With what is pinned; without a bound the best pair of each who is matched is one."""
        free = np.bincount(self.row[mentor[self.row] == self.column], minlength=self.shape[0]) > 0
        if bound is None:
            highest = np.zeros(self.shape[0])
            np.maximum.at(highest, self.row, self.units / UNITS)
            bound = float(np.sort(highest)[::-1][: int(free.sum())].sum())
        total = (int(self.units[mentor[self.row] == self.column].sum()) + self.pinned_units) / UNITS
        mentor = mentor.copy()
        mentor[[*self.pins]] = [*self.pins.values()]
        pinned = len(self.pins)
        return WithinHours(
            mentor, int((mentor >= 0).sum()), matched_bound + pinned, total, bound + self.pinned_units / UNITS
        )

    def branched(self, reached: Ints, matched_bound: int) -> WithinHours:
        """One objective after the other, each among the best of those before."""
        goals = [np.ones(len(self.row)), self.priority[self.row].astype(np.float64), self.units.astype(np.float64)]
        constraints = [*self._limits()]
        bound = 0.0
        for place, goal in enumerate(goals):
            if not goal.any():
                continue
            found = _most(goal, constraints)
            if found.x is not None:
                reached = np.full(self.shape[0], -1, dtype=np.int64)
                chosen = np.flatnonzero(found.x > 0.5)  # noqa: PLR2004 - 0 or 1, but for rounding
                reached[self.row[chosen]] = self.column[chosen]
            value = float(goal[reached[self.row] == self.column].sum())
            most = np.floor(-found.mip_dual_bound + ROUNDING * max(1.0, value) / UNITS) if found.x is not None else None
            if place == 0 and most is not None:
                matched_bound = min(matched_bound, int(most))
            if place == len(goals) - 1:
                bound = max(most if most is not None else np.inf, value)
            constraints.append((csr_array(-goal.reshape(1, -1)), np.array([0.5 - value])))  # whole numbers all
        known = np.isfinite(bound)
        return self.told(reached, matched_bound, bound / UNITS if known else None)

    def _limits(self) -> Constraints:
        """One mentor each; of each mentor so many pairings, and so many hours where they count."""
        k = np.arange(len(self.row))
        one, ones = np.ones(self.shape[0]), np.ones(len(self.row))
        counts = np.isfinite(self.offered)
        place = np.cumsum(counts) - 1
        some = counts[self.column]
        return [
            (coo_array((ones, (self.row, k)), shape=(self.shape[0], len(k))).tocsr(), one),
            (coo_array((ones, (self.column, k)), shape=(self.shape[1], len(k))).tocsr(), self.capacity.astype(float)),
            (
                coo_array(
                    (self.hours[some], (place[self.column[some]], k[some])), shape=(int(counts.sum()), len(k))
                ).tocsr(),
                np.maximum(self.offered[counts], 0) + ROUNDING,
            ),
        ]


def _most(goal: Floats, constraints: Constraints) -> OptimizeResult:
    together = vstack([rows for rows, _ in constraints], format="csr")
    most = np.concatenate([limit for _, limit in constraints])
    return milp(
        -goal,
        integrality=np.ones(len(goal), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(together, ub=most),
        options={"node_limit": NODES, "mip_rel_gap": 0},
    )
