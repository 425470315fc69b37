"""What a coordinator may want of a match run, and what each of it would give. Pure.

`best_total`: the most people matched, then the highest total score (`assignment.py`). `fair`: the most people matched,
then the worst-off first (`fair.py`). `stable`: no two who would rather have each other (`stable.py`), though it may
match fewer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.assignment import assign
from kith_matching.fair import fair
from kith_matching.stable import blocking, stable

Mode = Literal["best_total", "fair", "stable"]
MODES: tuple[Mode, ...] = get_args(Mode)

Ints = NDArray[np.int64]


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
) -> Ints:
    """(mentees,) the mentor of each in this mode, -1 for none.

    scores    (mentees, mentors), a stored entry is an allowed pair; from 0, higher is better
    capacity  (mentors,), how many each takes
    pins      row -> column that must be, within the capacity
    """
    pins = dict(pins or {})
    if mode == "best_total":
        return assign(scores, capacity, pins=pins, seed=seed).mentor
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
