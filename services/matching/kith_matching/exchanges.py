"""Circles of help: A helps B, B helps C, C helps A. Pure.

Barter exchange with short cycles (Abraham, Blum and Sandholm 2007): of all cycles of at most so many people, those that
have nobody in common and help the most people, then score the most. Finding them is hard in general (NP-hard from three
on), so a solver of integer programs does it (HiGHS, in scipy) and says how far it may be from the best.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

LONGEST = 4
MOST_CYCLES = 200_000
HELPED = 1000.0  # what helping one more person counts beside scores up to 1


@dataclass(frozen=True)
class Exchanges:
    """The result of `exchange`.

    cycles    tuples of people: each helps the next, and the last the first
    helped    people in them
    total     sum of the scores of the helps
    gap       how many people more could be helped at most, with what score counts as a part; 0 is proven the best
    complete  whether all cycles were looked at, or only as many as there was room for
    """

    cycles: list[tuple[int, ...]]
    helped: int
    total: float
    gap: float
    complete: bool


def exchange(helps: csr_array, *, longest: int = LONGEST, nodes: int = 10_000) -> Exchanges:
    """The circles in which the most people are helped, and of those the ones with the best scores.

    helps    (people, people), a stored entry says that the row can give what the column asks for; from 0 to 1
    longest  people in a circle at most, from 2 to 4: the longer, the likelier somebody lets the others down
    nodes    of the search at most; after that the gap is what is left open
    """
    if longest not in range(2, LONGEST + 1):
        raise ValueError(f"a circle has from 2 to {LONGEST} people")
    if not np.isfinite(helps.data).all() or (helps.data < 0).any() or (helps.data > 1).any():
        raise ValueError("scores must be numbers from 0 to 1")
    found, complete = _cycles(helps, longest)
    if not found:
        return Exchanges([], 0, 0.0, 0.0, complete)
    scores = np.array([score for _, score in found])
    sizes = np.array([len(each) for each, _ in found])
    column = np.repeat(np.arange(len(found)), sizes)
    row = np.fromiter((one for each, _ in found for one in each), dtype=np.intp, count=int(sizes.sum()))
    once = csr_array((np.ones(len(row)), (row, column)), shape=(helps.shape[0], len(found)))
    gain = sizes * HELPED + scores
    answer = milp(
        -gain,
        integrality=np.ones(len(found), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(once, ub=1),
        options={"mip_rel_gap": 0, "node_limit": nodes},
    )
    if answer.x is None:
        raise RuntimeError(f"the search for circles gave up: {answer.message}")
    chosen: NDArray[np.intp] = np.flatnonzero(answer.x > 0.5)  # noqa: PLR2004 - whole numbers, but for rounding
    reached = float(gain[chosen].sum())
    return Exchanges(
        cycles=[found[k][0] for k in chosen],
        helped=int(sizes[chosen].sum()),
        total=float(scores[chosen].sum()),
        gap=max(round((-float(answer.mip_dual_bound) - reached) / HELPED, 6), 0.0),
        complete=complete,
    )


def _cycles(helps: csr_array, longest: int) -> tuple[list[tuple[tuple[int, ...], float]], bool]:
    """Each cycle once, from its lowest person on, with its score; False when there were too many."""
    coo = helps.tocoo()
    to: dict[int, list[tuple[int, float]]] = {}
    for one, other, score in zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist(), strict=True):
        to.setdefault(one, []).append((other, score))
    found: list[tuple[tuple[int, ...], float]] = []
    for start in sorted(to):
        open_: list[tuple[tuple[int, ...], float]] = [((start,), 0.0)]
        while open_:
            path, score = open_.pop()
            for other, more in to.get(path[-1], ()):
                if other == start and len(path) > 1:
                    found.append((path, score + more))
                elif other > start and other not in path and len(path) < longest:
                    open_.append(((*path, other), score + more))
            if len(found) >= MOST_CYCLES:
                return found, False
    return found, True
