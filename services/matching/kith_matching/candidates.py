"""Which mentors come into question for each mentee: the best few of all, and those a better whole needs. Pure.

Every pair is looked at through its ceiling; only the few with the highest ceilings are scored. That first look may miss
pairs the best assignment needs, as everyone names the same popular mentors. `missing` finds those by the prices of an
assignment: whoever would rather have another mentor at these prices is shown them.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.assignment import UNITS, Assignment, in_units
from kith_matching.ceilings import MARGIN, Ceilings, Floats, Ints
from kith_matching.heights import above, highest, stirred
from kith_matching.scoring import Cohort

POOL = 2  # scored for each one kept, as ceilings are not yet scores
GROWTH = 4  # so much larger is the next pool for those whom the first left short
TAIL = 16  # mentors at random beside the best, so that not all name the same few
MORE = 12  # missing pairs added per mentee and round

Entries = tuple[Ints, Ints, NDArray[np.float64]]
NOTHING: Entries = (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp), np.empty(0))


def candidates(
    cohort: Cohort,
    *,
    most: int = 40,
    seed: int = 0,
    only: NDArray[np.intp] | None = None,
    ceilings: Ceilings | None = None,
) -> csr_array:
    """Scores of the `most` mentors who promise most to each mentee, and a few at random, (mentees, mentors).

    A stored entry is an allowed pair. Ties are broken by the seed, so that a thousand mentees who fit a thousand
    mentors equally well do not all name the same forty. `only` limits the work to some mentees; the others' rows are
    empty. With `most` as large as the mentors are many, every allowed pair is there.
    """
    n, m = len(cohort.mentees.people), len(cohort.mentors.people)
    ceilings = ceilings or Ceilings(cohort)

    def look(rows: Ints, block: Floats) -> list[Entries]:
        rng = np.random.default_rng([seed, int(rows[0])])
        at = np.repeat(np.arange(len(rows)), TAIL)
        tail = np.unique(at * m + rng.integers(m, size=len(at)))
        tail = tail[block.ravel()[tail] >= 0]
        chance = int(rng.integers(2**31))
        row, column, value = _pool(ceilings, rows, stirred(block, chance, MARGIN / 2), most)
        keep = _first(row, -value, most)
        best = row[keep], column[keep], value[keep]
        tail = tail[~np.isin(rows[tail // m] * m + tail % m, best[0] * m + best[1])]
        return [best, _scored(ceilings, rows[tail // m], tail % m)]

    found = ceilings.each(np.arange(n) if only is None else np.unique(only), look)
    return _matrix(_joined([NOTHING, *chain.from_iterable(found)]), (n, m))


def missing(ceilings: Ceilings, scores: csr_array, result: Assignment, only: Ints) -> tuple[csr_array, int]:
    """Pairs that are not in `scores` and could make `result` better, for the mentees `only`; and by how much at most
    all such pairs together could, in grains.

    Less than a unit, with what its prices are off, is the proof that `result` is the best over all pairs there are.
    """
    grains = UNITS * result.scale

    def gain(row: Ints, column: Ints, value: NDArray[np.float64]) -> NDArray[np.int64]:
        return in_units(value) * result.scale + result.person - result.prices[column] - result.worth[row]

    def look(rows: Ints, block: Floats) -> tuple[Entries, int]:
        # At these prices a pair is of interest when its score exceeds worth and price.
        over = above(block, result.worth[rows] / grains - MARGIN, (result.prices - result.person) / grains)
        known = scores[rows].tocoo()
        over[known.row, known.col] = -1
        row, column, value = _pool(ceilings, rows, over, MORE, lambda *pairs: gain(*pairs) > 0)
        better = gain(row, column, value)
        top = np.ceil(np.maximum(over.max(axis=1), 0) * grains).astype(np.int64)  # what was not looked at
        np.maximum.at(top, np.searchsorted(rows, row), better)
        use = _first(row, -better, MORE)
        return (row[use], column[use], value[use]), sum(top.tolist())

    found = ceilings.each(only, look)
    return _matrix(_joined([NOTHING, *(pairs for pairs, _ in found)]), scores.shape), sum(least for _, least in found)


def merged(scores: csr_array, more: csr_array) -> csr_array:
    """The pairs of both, which have none in common; scipy's sum would drop a pair whose score is 0."""
    one, other = scores.tocoo(), more.tocoo()
    data = np.concatenate([one.data, other.data])
    places = (np.concatenate([one.row, other.row]), np.concatenate([one.col, other.col]))
    return csr_array((data, places), shape=scores.shape)


def _pool(
    ceilings: Ceilings,
    rows: Ints,
    block: NDArray[np.floating[Any]],
    most: int,
    wanted: Callable[..., NDArray[np.bool_]] | None = None,
) -> Entries:
    """Allowed (and wanted) pairs among the highest of `block`, scored; more of them for whom those are under `most`.

    block   (rows, mentors), negative where a pair is out of the question, and afterwards also where it was scored
    """
    m = block.shape[1]
    count, enough = min(POOL * most, m), np.zeros(len(rows), dtype=np.int64)
    searching, found = np.arange(len(rows)), [NOTHING]
    while len(searching):
        place, column = highest(block, searching, count)
        row, kept, value = _scored(ceilings, rows[place], column)
        if wanted:
            use = wanted(row, kept, value)
            row, kept, value = row[use], kept[use], value[use]
        found.append((row, kept, value))
        enough += np.bincount(np.searchsorted(rows, row), minlength=len(rows))
        block[place, column] = -1
        left = np.bincount(place, minlength=len(rows)) > 0
        searching = searching[left[searching] & (enough[searching] < most)]
        count = min(GROWTH * count, m)
    return _joined(found)


def _scored(ceilings: Ceilings, rows: Ints, columns: Ints) -> Entries:
    """The allowed ones among the pairs, with their scores."""
    value, allowed = ceilings.cohort.scores(rows, columns)
    ceilings.learn(rows, columns, value, allowed)
    return rows[allowed], columns[allowed], value[allowed]


def _first(row: Ints, key: NDArray[np.float64] | NDArray[np.int64], most: int) -> Ints:
    """Positions of the `most` entries of each row with the lowest keys."""
    order = np.lexsort((key, row))
    ordered = row[order]
    found: Ints = order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < most]
    return found


def _joined(entries: Sequence[Entries]) -> Entries:
    row, column, value = (np.concatenate(each) for each in zip(*entries, strict=True))
    return row, column, value


def _matrix(entries: Entries, shape: tuple[int, int]) -> csr_array:
    row, column, value = entries
    return csr_array((value, (row, column)), shape=shape)
