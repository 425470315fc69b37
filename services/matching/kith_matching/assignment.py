"""Who gets whom: first the most people matched, then the best total score, exactly, with a proof. Pure.

Three steps. How many can be matched at all, and where places are too few (`cardinality.py`). Among those who can, an
auction with ever smaller steps (Bertsekas 1979; `auction.py`) until the steps of all together are less than one unit.
And the proof, apart from both: the prices it ends with, checked over every pair, bound every assignment from above
(duality; Kuhn 1955). All in whole numbers, so a gap of 0 means 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching import sides
from kith_matching.auction import LOW, settle, worths
from kith_matching.cardinality import most_matched
from kith_matching.sides import Flags, Rows

UNITS = 1_000_000  # scores are compared in millionths
ROOM = 2**60  # what a price may be in 64 bits, with room for sums of a few
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
    prices         (mentors,) what a place is worth, in grains (ROOM where there is none), and
    worth          (mentees,) what the row gains at these prices: worth[i] + prices[j] >= person + scores[i, j]
    person         what matching one more person counts, in grains: more than any total or price
    scale          grains in a unit, the millionth in which scores are compared
    slack          how far the prices are off, in grains; less than `scale` proves that `gap` is 0, as totals are units
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
    scale: int
    slack: int


def assign(
    scores: csr_array,
    capacity: NDArray[np.integer],
    *,
    pins: Mapping[int, int] | None = None,
    prohibited: Iterable[tuple[int, int]] = (),
    seed: int = 0,
    precision: float = 0.0,
    start: Assignment | None = None,
) -> Assignment:
    """Pair each row (mentee) with at most one column (mentor): the most pairs, then the highest total of their scores.

    scores      (mentees, mentors), a stored entry is an allowed pair; from 0, higher is better, no unit
    capacity    (mentors,), pairings each mentor still has room for
    pins        row -> column that must be; the pair needs no score, uses capacity and has no alternative
    prohibited  (row, column) pairs that must not be
    seed        decides between assignments that are equally good, which the order of people must not
    precision   stop as soon as the gap is proven to be at most this part of the total; 0 for the best there is
    start       an assignment of the same people before a few scores, pins or prohibitions changed: its prices save
                most of the work, and decide nothing but which of equally good assignments is found
    Raises ValueError, saying what to change, for numbers out of range or pins that cannot be.
    """
    n, m = scores.shape
    never = set(prohibited)
    room, pinned, pairs = _checked(scores, capacity, pins or {}, never)
    pins_total = int(sides.valued(*pairs, pinned).sum()) if pins else 0
    closed = np.bincount(pinned[pinned >= 0], minlength=m) >= np.asarray(capacity)
    if pins or never or closed.any():
        pairs = sides.among(*_without(pairs, never), pinned < 0, ~closed)

    # One more person matched outweighs any total: this makes two goals one whole number.
    most = min(n, int(room.sum()))
    highest = most * int(pairs[2].max(initial=0)) + 1
    scale = min(n + int(room.sum()) + 1, ROOM // (4 * highest))
    if scale == 0:
        raise ValueError("scores are too large to be added up exactly for so many people; divide them all by a number")
    free, prices, short = _solve(pairs, room, seed, precision, scale, start)
    indptr, column, value = pairs
    person = max(highest * scale, 4 * int(np.abs(prices).max(initial=0) + value.max(initial=0) * scale))
    prices = np.where(short, prices + person, prices)
    gain = value * scale + person
    worth = worths(indptr, column, gain, np.zeros(n, dtype=np.int64), prices)
    # No pair is worth more than its row's worth and its column's price together, so nothing adds up to more than this.
    ceiling = _sum(worth) + _sum(prices, room)
    matched, reached = int((free >= 0).sum()), int(sides.valued(indptr, column, value, free).sum())
    over = ceiling - matched * person - reached * scale
    next_best, net = sides.others(indptr, column, gain, prices, free)
    # Forcing a pair costs its reduced cost at least, but for what the prices are off altogether; in whole units.
    cost = np.where(next_best >= 0, worth - net - over % person, 0)
    people = np.where(cost > 0, cost // person, 0)
    mentor = np.where(pinned >= 0, pinned, free)
    found = int((mentor >= 0).sum())
    gap = over // scale  # totals are whole units: less than one is nothing
    return Assignment(
        mentor=mentor,
        matched=found,
        matched_bound=found - matched + ceiling // person,
        total=(reached + pins_total) / UNITS,
        bound=(reached + pins_total + gap) / UNITS,
        gap=gap / UNITS,
        next_best=next_best,
        switch_people=people,
        switch_cost=np.maximum(-(-(cost - people * person) // scale), 0) / UNITS,
        prices=np.where(closed, ROOM, prices),
        worth=worth,
        person=person,
        scale=scale,
        slack=over,
    )


def in_units(scores: NDArray[np.float64]) -> Ints:
    """Scores as the whole numbers that are compared."""
    return np.rint(scores * UNITS).astype(np.int64)


def _checked(
    scores: csr_array, capacity: NDArray[np.integer], pins: Mapping[int, int], never: set[tuple[int, int]]
) -> tuple[Ints, Ints, Rows]:
    """Room left by the pins (mentors,), pinned column or -1 (mentees,), and the allowed pairs in units."""
    n, m = scores.shape
    capacity = np.asarray(capacity)
    if capacity.shape != (m,) or capacity.dtype.kind not in "iu" or (capacity < 0).any():
        raise ValueError(f"capacity needs one whole number from 0 for each of the {m} mentors")
    if not scores.has_canonical_format:
        scores = scores.copy()
        scores.sum_duplicates()
    data = scores.data.astype(np.float64)
    if not np.isfinite(data).all() or (data < 0).any():
        raise ValueError("scores must be finite and not below 0; leave out pairs that are not allowed")
    if data.max(initial=0) * UNITS >= ROOM:
        raise ValueError("scores are too large to be compared in millionths; divide them all by a number")
    indptr, column = scores.indptr.astype(np.int64), scores.indices.astype(np.int32)
    room = capacity.astype(np.int64)
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
    # More room than one beyond the candidates is no more room; that one stays free, so its price is 0, also for others.
    room = np.minimum(room, np.bincount(column, minlength=m) + 1)
    return room, pinned, (indptr, column, in_units(data))


def _without(pairs: Rows, never: set[tuple[int, int]]) -> Rows:
    """The same with -1 for the value of a pair that must not be."""
    indptr, column, value = pairs
    for row, other in never:
        if 0 <= row < len(indptr) - 1:
            part = slice(indptr[row], indptr[row + 1])
            value[part][column[part] == other] = -1
    return pairs


def _solve(
    pairs: Rows, room: Ints, seed: int, precision: float, scale: int, start: Assignment | None
) -> tuple[Ints, Ints, Flags]:
    """A column per row, -1 for none; what a place of each column is worth, in grains; and where places are too few."""
    n, m = len(pairs[0]) - 1, len(room)
    chosen, prices, short = np.full(n, -1, dtype=np.int64), np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.bool_)
    if len(pairs[1]) == 0:
        return chosen, prices, short
    if start is not None and (start.mentor.shape, start.prices.shape) == ((n,), (m,)):
        row_at, column_at = np.arange(n), np.arange(m)
        given, price, warm = start.mentor, _within(start, scale), True
    else:
        rng = np.random.default_rng(seed)
        row_at, column_at = rng.permutation(n), rng.permutation(m)
        pairs = sides.shuffled(*pairs, row_at, np.argsort(column_at), seed % 2**32)
        given, price, warm = chosen, prices, False
    room = room[column_at]
    least, floor, pairs = contested(pairs, room)
    given, price = _fitting(given, room) if warm else given.copy(), np.maximum(price, floor)
    settle(pairs, room, least, floor, given, price, scale=scale, precision=precision, warm=warm)
    chosen[row_at] = np.append(column_at, -1)[given]
    prices[column_at], short[column_at] = price, floor == LOW
    return chosen, prices, short


def contested(pairs: Rows, room: Ints) -> tuple[Ints, Ints, Rows]:
    """What each row gains at least, what a place of each column costs at least, and the pairs that may be made.

    Where places are too few, each is taken whatever it costs, and rows may go without; elsewhere each row has a place,
    and places may stay free. Whoever can have another place has none of those that are too few.
    """
    indptr, column, value = pairs
    short_rows, short = sides.competing(indptr, column, most_matched(indptr, column, room), len(room))
    if short.any():
        keep = np.repeat(short_rows, np.diff(indptr)) | ~short[column]
        indptr, column, value = sides.only(indptr, column, value, keep)
    return np.where(short_rows, 0, LOW), np.where(short, LOW, 0), (indptr, column, value)


def _within(start: Assignment, scale: int) -> Ints:
    """Prices of another assignment beside what a person counts, in grains of this one."""
    open_ = start.prices != ROOM
    within = np.where(open_, start.prices, 0) - np.where(open_ & (start.prices > start.person // 2), start.person, 0)
    found: Ints = within // start.scale * scale
    return found


def _fitting(given: Ints, room: Ints) -> Ints:
    """Columns of before, as far as the room still allows."""
    given = given.copy()
    order = np.argsort(given, kind="stable")
    ordered = given[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    given[order[(ordered >= 0) & (place >= room[ordered])]] = -1
    return given


def _sum(values: Ints, times: Ints | int = 1) -> int:
    """Exact where 64 bits would not hold the sum."""
    return (int(((values >> 31) * times).sum()) << 31) + int(((values & (2**31 - 1)) * times).sum())
