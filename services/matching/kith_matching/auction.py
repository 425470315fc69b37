"""Prices at which nobody would rather switch: one phase of an auction of places. Pure, compiled.

Forward, rows without a place bid for columns and prices rise; in reverse, columns with free places bid for rows and
prices fall (Bertsekas and Castañón 1992, asymmetric assignment; many places at one price as in Bertsekas and Castañón
1989). Everything in whole numbers. After a phase with step `eps` each row is within `eps` of the best it can have.
"""

import numpy as np
from numpy.typing import NDArray

from kith_matching import sides
from kith_matching.compiled import compiled
from kith_matching.sides import Column, Rows

Ints = NDArray[np.int64]
LOW = -(2**61)  # lower than any price or worth
ANY = 2**62
FIRST_STEP = 64  # of the highest value: the first step
SHRINK = 7  # how much smaller each step is than the last
WARM_STEP, WARM_SHRINK = 16_384, 10**8  # the same, from prices that were right before a few things changed;
WARM_BIDS = 2  # for each person: after so many in one step, it was too much smaller than the last
CERTAIN = 100  # steps above this part of a unit prove nothing of a whole,
COARSE = 50  # and above so many times the precision


def settle(
    pairs: Rows,
    room: Ints,
    least: Ints,
    floor: Ints,
    given: Ints,
    price: Ints,
    *,
    scale: int,
    precision: float = 0.0,
    warm: bool = False,
) -> None:
    """Change `given` to the best assignment there is, and `price` to prices that prove it.

    pairs      the allowed ones, row by row, with values in units
    room       (columns,) places, from 1 where there is a pair
    least      (rows,) what having no column is worth, in grains; LOW for a row that must have one, and can
    floor      (columns,) the price of a place that stays free; LOW for a column that must be full, and can
    given      (rows,) a column for each row to begin with, -1 for none: within the room
    price      (columns,) prices to begin with, in grains
    scale      grains in a unit; with one more than there are rows and places the result is certain to be the best
    precision  the gap to the bound that is good enough, as a part of the total
    warm       whether `given` and `price` are nearly right
    """
    indptr, column, value = pairs[0], pairs[1], pairs[2] * scale
    by_column = sides.transposed(indptr, column, value, len(room))
    step, shrink, most = FIRST_STEP, SHRINK, ANY
    if warm:
        step, shrink, most = WARM_STEP, WARM_SHRINK, WARM_BIDS * (len(given) + len(room))
    highest = int(value.max(initial=0))
    step = max(highest // step, 1)
    while True:
        done = forward(indptr, column, value, room, least, price, given, step, most)
        worth = worths(indptr, column, value, least, price)
        if not (done and reverse(*by_column, room, floor, price, given, worth, step, most)):
            step, shrink, most = step * shrink // SHRINK, SHRINK, ANY  # too far for one step
            continue
        if step <= max(scale // CERTAIN, int(COARSE * precision * highest), 1):
            total = int(sides.valued(indptr, column, value, given).sum())
            bound = int(worths(indptr, column, value, least, price).sum() + (price * room).sum())
            if step == 1 or bound - total < max(scale, precision * total):
                return
        step = max(step // shrink, 1)


@compiled
def sink(bid: Ints, who: Ints, start: int, size: int, at: int) -> None:
    """Put the entry at `at` of a heap (lowest first) where it belongs, downwards."""
    b, w = bid[start + at], who[start + at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and bid[start + child + 1] < bid[start + child]:
            child += 1
        if bid[start + child] >= b:
            break
        bid[start + at], who[start + at] = bid[start + child], who[start + child]
        at = child
    bid[start + at], who[start + at] = b, w


@compiled
def forward(
    indptr: Ints, column: Column, value: Ints, room: Ints, least: Ints, price: Ints, given: Ints, eps: int, most: int
) -> bool:
    """Rows without a column bid, until each has one or is content without; False after `most` bids without that.

    Changes `price` and `given`.
    least   (rows,) what having no column is worth to a row; LOW for one that must have one
    price   (columns,) what a place costs, at least as much for everyone who has one
    given   (rows,) the column of each row, -1 for none: kept where it is within `eps` of the best at these prices
    """
    n, m = len(indptr) - 1, len(room)
    first = np.zeros(m + 1, np.int64)
    for j in range(m):
        first[j + 1] = first[j] + room[j]
    bid, who, held = np.empty(first[m], np.int64), np.empty(first[m], np.int64), np.zeros(m, np.int64)
    queue, head, waiting = np.empty(n + 1, np.int64), 0, 0
    for i in range(n):
        j = given[i]
        if j >= 0:
            own, best = LOW, least[i]
            for k in range(indptr[i], indptr[i + 1]):
                net = value[k] - price[column[k]]
                if column[k] == j:
                    own = net
                best = max(best, net)
            if own >= best - eps:
                bid[first[j] + held[j]], who[first[j] + held[j]] = price[j], i
                held[j] += 1
                continue
        given[i] = -1
        queue[waiting] = i
        waiting += 1
    bids = 0
    while waiting and bids < most:
        i = queue[head]
        head = head + 1 if head < n else 0
        waiting -= 1
        best, second, j = LOW, LOW, -1
        for k in range(indptr[i], indptr[i + 1]):
            net = value[k] - price[column[k]]
            if net > best:
                best, second, j = net, best, column[k]
            elif net > second:
                second = net
        if j < 0 or best < least[i]:
            continue
        bids += 1
        # With no second choice any price is paid; one step is enough to be kept.
        offer = price[j] + eps if max(second, least[i]) == LOW else price[j] + best - max(second, least[i]) + eps
        given[i], start = j, first[j]
        if held[j] < room[j]:
            at = held[j]
            held[j] += 1
            while at > 0 and bid[start + (at - 1) // 2] > offer:
                up = (at - 1) // 2
                bid[start + at], who[start + at] = bid[start + up], who[start + up]
                at = up
            bid[start + at], who[start + at] = offer, i
            if held[j] == room[j]:
                price[j] = bid[start]
            continue
        out = who[start]
        given[out] = -1
        tail = head + waiting
        queue[tail if tail <= n else tail - n - 1] = out
        waiting += 1
        bid[start], who[start] = offer, i
        sink(bid, who, start, room[j], 0)
        price[j] = bid[start]
    return waiting == 0


@compiled
def worths(indptr: Ints, column: Column, value: Ints, least: Ints, price: Ints) -> Ints:
    """(rows,) the best each row can have at these prices."""
    found = least.copy()
    for i in range(len(least)):
        best = least[i]
        for k in range(indptr[i], indptr[i + 1]):
            best = max(best, value[k] - price[column[k]])
        found[i] = best
    return found


@compiled
def reverse(
    indptr: Ints,
    row: Column,
    value: Ints,
    room: Ints,
    floor: Ints,
    price: Ints,
    given: Ints,
    worth: Ints,
    eps: int,
    most: int,
) -> bool:
    """Columns with free places above their floor bid for rows, until all are taken or at it; False after `most` bids
    without that.

    indptr, row, value  the allowed pairs, column by column (CSC)
    floor   (columns,) the price of a place that stays free; LOW where none may
    worth   (rows,) of `worths`. Changes `price`, `given` and `worth`.
    """
    m = len(room)
    held = np.zeros(m, np.int64)
    for j in given:
        if j >= 0:
            held[j] += 1
    queue, inside, head, waiting = np.empty(m + 1, np.int64), np.zeros(m, np.bool_), 0, 0
    for j in range(m):
        if held[j] < room[j] and price[j] > floor[j]:
            queue[waiting], inside[j] = j, True
            waiting += 1
    bids = 0
    while waiting and bids < most:
        j = queue[head]
        head = head + 1 if head < m else 0
        waiting -= 1
        inside[j] = False
        while held[j] < room[j] and price[j] > floor[j] and bids < most:
            bids += 1
            best, second, at = LOW, LOW, -1
            for k in range(indptr[j], indptr[j + 1]):
                if given[row[k]] != j:
                    offer = value[k] - worth[row[k]]
                    if offer > best:
                        best, second, at = offer, best, k
                    elif offer > second:
                        second = offer
            if at < 0 or best < floor[j]:
                price[j] = floor[j]
            else:
                price[j] = min(price[j], max(floor[j], best - eps if second == LOW else second - eps))
                i = row[at]
                other = given[i]
                if other >= 0:
                    held[other] -= 1
                    if price[other] > floor[other] and not inside[other]:
                        tail = head + waiting
                        queue[tail if tail <= m else tail - m - 1], inside[other] = other, True
                        waiting += 1
                given[i] = j
                held[j] += 1
            for k in range(indptr[j], indptr[j + 1]):
                if given[row[k]] == j:
                    worth[row[k]] = max(worth[row[k]], value[k] - price[j])
        if held[j] < room[j] and price[j] > floor[j]:
            waiting += 1
    return waiting == 0
