"""Who gets whom: first the most people matched, then the best total score, exactly, with a proof. Pure.

The matching is found by a sparse shortest-augmenting-path method (scipy's LAPJVsp; Jonker and Volgenant 1987) on
capacities spread into places. The proof is computed apart from it: prices for mentors, raised until no mentee would
rather switch (the dual of the assignment problem; Kuhn 1955). In whole numbers, so a gap of 0 means 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

UNITS = 1_000_000  # scores are compared in millionths

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Assignment:
    """The result of `assign`.

    mentor       (mentees,) column given to each row, -1 for none
    matched      how many rows have one
    total        sum of their scores
    bound        no assignment that matches as many people has a higher total
    gap          bound - total; 0.0 is the proof that this one is the best
    next_best    (mentees,) the column a row would take next at the final prices, -1 for none
    switch_cost  (mentees,) what the whole would lose at least if the row were given that one instead
    """

    mentor: Ints
    matched: int
    total: float
    bound: float
    gap: float
    next_best: Ints
    switch_cost: NDArray[np.float64]


def assign(
    scores: csr_array,
    capacity: Ints,
    *,
    pins: dict[int, int] | None = None,
    prohibited: set[tuple[int, int]] | None = None,
) -> Assignment:
    """Pair each row (mentee) with at most one column (mentor), at most `capacity` rows a column.

    scores      (mentees, mentors), > 0 where a pair is allowed; higher is better, no unit
    capacity    (mentors,), pairings each mentor still has room for
    pins        row -> column that must be; the pair needs no score and uses capacity
    prohibited  (row, column) pairs that must not be
    Raises ValueError for scores that are not finite and positive, a wrong length, or pins that break a capacity.
    """
    n, m = scores.shape
    capacity = np.asarray(capacity, dtype=np.int64).copy()
    if capacity.shape != (m,) or (capacity < 0).any():
        raise ValueError(f"capacity needs one number from 0 for each of the {m} mentors")
    entries = scores.tocoo()
    if not np.isfinite(entries.data).all() or (entries.data <= 0).any():
        raise ValueError("scores must be finite and above 0; leave out pairs that are not allowed")
    row, column = entries.row.astype(np.int64), entries.col.astype(np.int64)
    value = np.maximum(np.rint(entries.data * UNITS).astype(np.int64), 1)
    pinned = np.full(n, -1, dtype=np.int64)
    for mentee, chosen in (pins or {}).items():
        if capacity[chosen] == 0:
            raise ValueError(
                f"mentor {chosen} has no room for everyone pinned to them; unpin one or raise the capacity"
            )
        pinned[mentee] = chosen
        capacity[chosen] -= 1
    keep = (pinned[row] < 0) & (capacity[column] > 0)
    if prohibited:
        keep &= ~np.isin(row * m + column, [one * m + other for one, other in prohibited])
    pin_value = _values_of(row, column, value, pinned)
    row, column, value = row[keep], column[keep], value[keep]

    # One more person matched outweighs any gain in total: this makes two goals one whole number.
    person = int(min(n, int(capacity.sum()))) * int(value.max(initial=0)) + 1
    free = _solve(row, column, value + person, capacity, n)
    prices = _prices(row, column, value + person, free, m)
    best, next_best, cost = _net(row, column, value + person, prices, free, n)
    bound = int(best.sum() + (prices * capacity).sum())
    matched_free = int((free >= 0).sum())
    reached = int(_values_of(row, column, value, free).sum())
    proven = bound - matched_free * person
    mentor = np.where(pinned >= 0, pinned, free)
    pins_total = int(pin_value.sum())
    return Assignment(
        mentor=mentor,
        matched=int((mentor >= 0).sum()),
        total=(reached + pins_total) / UNITS,
        bound=(proven + pins_total) / UNITS,
        gap=(proven - reached) / UNITS,
        next_best=next_best,
        switch_cost=cost / UNITS,
    )


def _values_of(row: Ints, column: Ints, value: Ints, chosen: Ints) -> Ints:
    """The value of each row's chosen column; 0 where it has none or the pair has no score."""
    found = np.zeros(len(chosen), dtype=np.int64)
    hit = chosen[row] == column
    found[row[hit]] = value[hit]
    return found


def _solve(row: Ints, column: Ints, value: Ints, capacity: Ints, n: int) -> Ints:
    """The best column per row, -1 for none: a full matching of rows to places, one empty place for each row beside."""
    chosen = np.full(n, -1, dtype=np.int64)
    if len(row) == 0:
        return chosen
    first = np.concatenate(([0], np.cumsum(capacity)))
    repeat = capacity[column]
    place = np.repeat(first[column], repeat) + _counting(repeat)
    rows = np.concatenate([np.repeat(row, repeat), np.arange(n)])
    places = np.concatenate([place, first[-1] + np.arange(n)])
    # Costs must be positive for LAPJVsp to keep them; an empty place costs one more than any person gains.
    ceiling = int(value.max()) + 1
    costs = np.concatenate([np.repeat(ceiling - value, repeat), np.full(n, ceiling)]).astype(np.float64)
    graph = csr_array((costs, (rows, places)), shape=(n, int(first[-1]) + n))
    matched_rows, matched_places = min_weight_full_bipartite_matching(graph)
    real = matched_places < first[-1]
    chosen[matched_rows[real]] = np.searchsorted(first, matched_places[real], side="right") - 1
    return chosen


def _counting(repeat: Ints) -> Ints:
    """0..r-1 for each r of `repeat`, one after the other."""
    ends = np.cumsum(repeat)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - repeat, repeat)


def _prices(row: Ints, column: Ints, value: Ints, chosen: Ints, m: int) -> Ints:
    """The lowest prices at which no row prefers another column to what it has (having nothing is worth 0).

    Raised from zero along the pairs that are preferred (Bellman 1958); ends because an optimal matching leaves no
    cycle of gains, and is cut off after as many rounds as there are columns: then the gap shows it.
    """
    prices = np.zeros(m, dtype=np.int64)
    has = _values_of(row, column, value, chosen)[row]
    at = chosen[row]
    other = at != column
    row_value, to, have, source = value[other], column[other], has[other], at[other]
    for _ in range(m + 1):
        floor = row_value - have + np.where(source >= 0, prices[source], 0)
        raised = prices.copy()
        np.maximum.at(raised, to, floor)
        if (raised == prices).all():
            break
        prices = raised
    return prices


def _net(
    row: Ints, column: Ints, value: Ints, prices: Ints, chosen: Ints, n: int
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Per row: its best net value at these prices, the next best column and the net loss of taking that."""
    net = value - prices[column]
    best = np.zeros(n, dtype=np.int64)
    np.maximum.at(best, row, net)
    other = chosen[row] != column
    second = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(second, row[other], net[other])
    next_best = np.full(n, -1, dtype=np.int64)
    hit = other & (net == second[row])
    next_best[row[hit]] = column[hit]
    cost = np.where(next_best >= 0, best - second, 0).astype(np.float64)
    return best, next_best, cost
