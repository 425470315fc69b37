"""What a coordinator may want of a match run, and what each of it would give. Pure.

`best_total`: the most people matched, then the highest total score (`assignment.py`). `fair`: the most people matched,
then the worst-off first (`fair.py`). `stable`: no two who would rather have each other (`stable.py`), though it may
match fewer. `within_hours`: as the first, and nobody gives more hours than they offer (`hours.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.assignment import assign
from kith_matching.fair import fair
from kith_matching.hours import WithinHours, within_hours
from kith_matching.stable import blocking, stable

Mode = Literal["best_total", "fair", "stable", "within_hours"]
MODES: tuple[Mode, ...] = ("best_total", "fair", "stable")
"""Those that every run says the outcome of."""

Ints = NDArray[np.int64]
ONE_HOUR = 1.0  # what a mentee takes who does not say


@dataclass(frozen=True)
class Hours:
    """Hours a week: how many a pairing of each mentee takes, and how many each mentor has left (inf: uncounted).

    wanted   (mentees,)
    offered  (mentors,)
    """

    wanted: NDArray[np.float64]
    offered: NDArray[np.float64]

    @classmethod
    def of(cls, mentees: Sequence[Mapping[str, Any]], mentors: Sequence[Mapping[str, Any]]) -> "Hours":
        """As a cohort has them: `hours` of each person, where they say."""
        said = [[each.get("hours") for each in side] for side in (mentees, mentors)]
        wanted, offered = (
            np.array([usual if hours is None else float(hours) for hours in side], dtype=np.float64)
            for side, usual in zip(said, (ONE_HOUR, np.inf), strict=True)
        )
        return cls(wanted, offered)

    def within(
        self,
        scores: csr_array,
        capacity: NDArray[np.integer],
        *,
        pins: Mapping[int, int] | None = None,
        priority: Ints | None = None,
        seed: int = 0,
    ) -> WithinHours:
        """`within_hours` for these."""
        taken = np.repeat(self.wanted, np.diff(scores.indptr))
        hours = csr_array((taken, scores.indices, scores.indptr), shape=scores.shape)
        return within_hours(scores, capacity, hours, self.offered, pins=pins, priority=priority, seed=seed)


@dataclass(frozen=True)
class Outcome:
    """What an assignment is worth, over the pairs that were compared.

    matched         mentees who have a mentor
    total           sum of the scores of the pairs
    worst, mean     the lowest of these scores and their average; 0 when there is none
    blocking_pairs  allowed pairs of a mentee and a mentor who would both rather have each other, by their scores
    """

    mode: Mode
    matched: int
    total: float
    worst: float
    mean: float
    blocking_pairs: int


def assigned(
    mode: Mode,
    scores: csr_array,
    capacity: NDArray[np.integer],
    *,
    pins: Mapping[int, int] | None = None,
    seed: int = 0,
    hours: Hours | None = None,
) -> Ints:
    """(mentees,) the mentor of each in this mode, -1 for none; `within_hours` needs the hours.

    scores    (mentees, mentors), a stored entry is an allowed pair; from 0, higher is better
    capacity  (mentors,), how many each takes
    pins      row -> column that must be, within the capacity
    """
    pins = dict(pins or {})
    if mode == "best_total":
        return assign(scores, capacity, pins=pins, seed=seed).mentor
    if mode == "within_hours":
        assert hours is not None  # noqa: S101 -- see above
        return hours.within(scores, capacity, pins=pins, seed=seed).mentor
    room = np.asarray(capacity) - np.bincount(np.array([*pins.values()], dtype=np.int64), minlength=len(capacity))
    coo = scores.tocoo()
    free = ~np.isin(coo.row, np.array([*pins], dtype=np.int64)) & (room[coo.col] > 0)
    rest = csr_array((coo.data[free], (coo.row[free], coo.col[free])), shape=scores.shape)
    mentor = fair(rest, room) if mode == "fair" else stable(rest, room, seed=seed)
    mentor[[*pins]] = [*pins.values()]
    return mentor


def outcome(mode: Mode, scores: csr_array, capacity: NDArray[np.integer], mentor: Ints) -> Outcome:
    """What an assignment is worth; a pair that has no score counts as 0."""
    coo = scores.tocoo()
    hit = mentor[coo.row] == coo.col
    found = np.zeros(len(mentor))
    found[coo.row[hit]] = coo.data[hit]
    found = found[mentor >= 0]
    return Outcome(
        mode=mode,
        matched=len(found),
        total=round(float(found.sum()), 6),
        worst=round(float(found.min()), 6) if len(found) else 0.0,
        mean=round(float(found.mean()), 6) if len(found) else 0.0,
        blocking_pairs=len(blocking(scores, capacity, mentor)),
    )
