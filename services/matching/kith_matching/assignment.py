"""Who gets whom: first the most people matched, then the best total score, exactly, with a proof. Pure.

The matching is found as a flow of least cost (OR-tools; cost scaling, Goldberg and Tarjan 1990). The proof is computed
apart from it: prices for mentors, raised until no mentee would rather switch (the dual of the assignment problem;
Kuhn 1955), and checked over every pair. All in whole numbers, so a gap of 0 means 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow
from scipy.sparse import csr_array

UNITS = 1_000_000  # scores are compared in millionths
ROOM = 2**62  # what the flow and the proof may add up to in 64 bits
NEVER = np.iinfo(np.int64).max

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Assignment:
    """The result of `assign`.

    mentor         (mentees,) column given to each row, -1 for none
    matched        how many rows have one
    matched_bound  no assignment matches more; equal to `matched` when this one is the best
    total          sum of the scores of the pairs
    bound          no assignment that matches as many has a higher total
    gap            bound - total; 0.0 is the proof that this one is the best
    next_best      (mentees,) the column that would cost the whole least, were the row given it instead; -1 for none
    switch_people  (mentees,) how many fewer would be matched then, at least
    switch_cost    (mentees,) how much lower the total would be then, at least, when no more people than that are lost
    prices         (mentors,) what a place is worth, in units (2**62 where there is none), and
    worth          (mentees,) what the row gains at these prices: worth[i] + prices[j] >= person + units[i, j]
    person         what matching one more person counts, in units: more than any total
    """

    mentor: Ints
    matched: int
    matched_bound: int
    total: float
    bound: float
    gap: float
    next_best: Ints
    switch_people: Ints
    switch_cost: NDArray[np.float64]
    prices: Ints
    worth: Ints
    person: int


def assign(
    scores: csr_array,
    capacity: NDArray[np.integer],
    *,
    pins: Mapping[int, int] | None = None,
    prohibited: Iterable[tuple[int, int]] = (),
    seed: int = 0,
) -> Assignment:
    """Pair each row (mentee) with at most one column (mentor): the most pairs, then the highest total of their scores.

    scores      (mentees, mentors), a stored entry is an allowed pair; from 0, higher is better, no unit
    capacity    (mentors,), pairings each mentor still has room for
    pins        row -> column that must be; the pair needs no score, uses capacity and has no alternative
    prohibited  (row, column) pairs that must not be
    seed        decides between assignments that are equally good, which the order of people must not
    Raises ValueError, saying what to change, for numbers out of range or pins that cannot be.
    """
    n, m = scores.shape
    room, pinned, row, column, value = _checked(scores, capacity, pins or {}, prohibited)
    pins_total = int(_values_of(row, column, value, pinned).sum())
    closed = np.bincount(pinned[pinned >= 0], minlength=m) >= np.asarray(capacity)
    keep = (pinned[row] < 0) & ~closed[column]
    row, column, value = row[keep], column[keep], value[keep]

    # One more person matched outweighs any total: this makes two goals one whole number.
    most = min(n, int(room.sum()))
    person = most * int(value.max(initial=0)) + 1
    if person * (n + m + 2) >= ROOM:
        raise ValueError("scores are too large to be added up exactly for so many people; divide them all by a number")
    gain = value + person
    free = _solve(row, column, gain, room, n, seed)
    prices = _prices(row, column, gain, free, m)
    net = gain - prices[column]
    worth = np.zeros(n, dtype=np.int64)
    np.maximum.at(worth, row, net)
    # No pair is worth more than its row's worth and its column's price together, so nothing adds up to more than this.
    ceiling = int(worth.sum() + (prices * room).sum())
    matched, reached = int((free >= 0).sum()), int(_values_of(row, column, value, free).sum())
    next_best, cost = _alternatives(row, column, net, worth, free)
    mentor = np.where(pinned >= 0, pinned, free)
    pairs = int((mentor >= 0).sum())
    return Assignment(
        mentor=mentor,
        matched=pairs,
        matched_bound=pairs - matched + ceiling // person,
        total=(reached + pins_total) / UNITS,
        bound=(ceiling - matched * person + pins_total) / UNITS,
        gap=(ceiling - matched * person - reached) / UNITS,
        next_best=next_best,
        switch_people=cost // person,
        switch_cost=cost % person / UNITS,
        prices=np.where(closed, ROOM, prices),
        worth=worth,
        person=person,
    )


def in_units(scores: NDArray[np.float64]) -> Ints:
    """Scores as the whole numbers that are compared."""
    return np.rint(scores * UNITS).astype(np.int64)


def _checked(
    scores: csr_array, capacity: NDArray[np.integer], pins: Mapping[int, int], prohibited: Iterable[tuple[int, int]]
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Room left by the pins (mentors,), pinned column or -1 (mentees,), and the allowed pairs: row, column, units."""
    n, m = scores.shape
    capacity = np.asarray(capacity)
    if capacity.shape != (m,) or capacity.dtype.kind not in "iu" or (capacity < 0).any():
        raise ValueError(f"capacity needs one whole number from 0 for each of the {m} mentors")
    entries = scores.tocoo()
    entries.sum_duplicates()
    if not np.isfinite(entries.data).all() or (entries.data < 0).any():
        raise ValueError("scores must be finite and not below 0; leave out pairs that are not allowed")
    if entries.data.max(initial=0) * UNITS >= ROOM:
        raise ValueError("scores are too large to be compared in millionths; divide them all by a number")
    row, column = entries.row.astype(np.int64), entries.col.astype(np.int64)
    room = capacity.astype(np.int64)
    never = set(prohibited)
    pinned = np.full(n, -1, dtype=np.int64)
    for mentee, chosen in pins.items():
        if not (0 <= mentee < n and 0 <= chosen < m):
            raise ValueError(f"the pin of mentee {mentee} to mentor {chosen} names somebody who does not take part")
        if (mentee, chosen) in never:
            raise ValueError(f"mentee {mentee} and mentor {chosen} are both pinned and prohibited; drop one of the two")
        if room[chosen] == 0:
            raise ValueError(
                f"mentor {chosen} has no room for everyone pinned to them; unpin one or raise the capacity"
            )
        pinned[mentee] = chosen
        room[chosen] -= 1
    room = np.minimum(room, np.bincount(column, minlength=m))  # more room than candidates is no more room
    keep = np.ones(len(row), dtype=np.bool_)
    if never:
        places = [one * m + other for one, other in never if 0 <= one < n and 0 <= other < m]
        keep = ~np.isin(row * m + column, np.array(places, dtype=np.int64))
    return room, pinned, row[keep], column[keep], in_units(entries.data.astype(np.float64)[keep])


def _values_of(row: Ints, column: Ints, value: Ints, chosen: Ints) -> Ints:
    """The value of each row's chosen column; 0 where it has none or the pair has no score."""
    found = np.zeros(len(chosen), dtype=np.int64)
    hit = chosen[row] == column
    found[row[hit]] = value[hit]
    return found


def _solve(row: Ints, column: Ints, gain: Ints, room: Ints, n: int, seed: int) -> Ints:
    """The best column per row, -1 for none: one unit flows from each row to the sink, through a mentor or past them."""
    m = len(room)
    chosen = np.full(n, -1, dtype=np.int64)
    if len(row) == 0:
        return chosen
    rng = np.random.default_rng(seed)
    mentee, mentor, sink = rng.permutation(n), n + rng.permutation(m), n + m
    flow = SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate([mentee[row], mentee, mentor]).astype(np.int32),
        np.concatenate([mentor[column], np.full(n + m, sink)]).astype(np.int32),
        np.concatenate([np.ones(len(row) + n, dtype=np.int64), room]),
        np.concatenate([-gain, np.zeros(n + m, dtype=np.int64)]),
    )
    supply = np.repeat(np.array([1, 0, -n], dtype=np.int64), [n, m, 1])
    flow.set_nodes_supplies(np.arange(n + m + 1, dtype=np.int32), supply)
    status = flow.solve()
    if status != SimpleMinCostFlow.OPTIMAL:  # every row can go unmatched, so this is no property of the input
        raise RuntimeError(f"the flow solver gave up: {status}")
    used = flow.flows(np.arange(len(row), dtype=np.int32)) > 0
    chosen[row[used]] = column[used]
    return chosen


def _prices(row: Ints, column: Ints, gain: Ints, chosen: Ints, m: int) -> Ints:
    """The lowest prices at which no row prefers another column to what it has (having nothing is worth 0).

    Raised from zero along the pairs that are preferred (Bellman 1958). It ends because an optimal assignment leaves no
    cycle of gains; were it not optimal, the rounds run out and the gap shows it.
    """
    prices = np.zeros(m, dtype=np.int64)
    has = _values_of(row, column, gain, chosen)[row]
    other = chosen[row] != column
    lead, to, source = gain[other] - has[other], column[other], chosen[row][other]
    unmatched = source < 0
    np.maximum.at(prices, to[unmatched], lead[unmatched])
    lead, to, source = lead[~unmatched], to[~unmatched], source[~unmatched]
    active = np.ones(m, dtype=np.bool_)
    for _ in range(m + 1):
        use = np.flatnonzero(active[source])  # only what leaves a price that has just risen can raise another
        raised = prices.copy()
        np.maximum.at(raised, to[use], lead[use] + prices[source[use]])
        active = raised != prices
        if not active.any():
            break
        prices = raised
    return prices


def _alternatives(row: Ints, column: Ints, net: Ints, worth: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """Per row: the column with the least reduced cost beside its own, -1 for none, and that cost."""
    other = chosen[row] != column
    row, column, cost = row[other], column[other], worth[row[other]] - net[other]
    least = np.full(len(chosen), NEVER)
    np.minimum.at(least, row, cost)
    next_best = np.full(len(chosen), NEVER)
    hit = cost == least[row]
    np.minimum.at(next_best, row[hit], column[hit])
    none = least == NEVER
    return np.where(none, -1, next_best), np.where(none, 0, least)
