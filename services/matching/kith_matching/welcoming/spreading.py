"""Which veteran each newcomer gets. Pure."""

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.05  # fits that are no further apart are the same to the two: there the load decides

Ints = NDArray[np.int64]


def shared_out(fit: NDArray[np.float64], room: Ints, taken: Ints) -> Ints:
    """A veteran for each newcomer, -1 for none: the one who fits best, and of those who fit as well the freest.

    fit    (newcomers, veterans), 0 to 1, below 0 where the rules forbid the pair; who waits longest comes first
    room   (veterans,), newcomers each still has room for
    taken  (veterans,), newcomers each has; of two with the same share of their room taken, the one before is asked
    Returns (newcomers,). Nobody gets more than they have room for, and nobody goes without while somebody they may have
    has room left over. One after the other: who came first is not given another veteran for the sake of who came later.
    """
    room, taken = room.copy(), taken.copy()
    chosen = np.full(len(fit), -1, dtype=np.int64)
    for newcomer, fits in enumerate(fit):
        free = (fits >= 0) & (room > 0)
        if not free.any():
            continue
        [alike] = np.nonzero(free & (fits >= fits[free].max() - ALIKE))
        load = taken[alike] / (taken[alike] + room[alike])
        veteran = alike[np.argmin(load)]
        chosen[newcomer] = veteran
        room[veteran] -= 1
        taken[veteran] += 1
    return chosen
