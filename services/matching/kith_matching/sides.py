"""The allowed pairs of two sides as compact rows and columns, in an order that chance decides. Pure, compiled."""

import numpy as np
from numpy.typing import NDArray

from kith_matching.compiled import compiled

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Column = NDArray[np.int32]  # half as much to read
Rows = tuple[Ints, Column, Ints]  # where each row starts (rows + 1,); column and value of each pair
LEAST = -(2**61)


@compiled
def shuffled(indptr: Ints, column: Column, value: Ints, row_at: Ints, column_to: Ints, seed: int) -> Rows:
    """The same pairs: new row i is `row_at[i]`, column j becomes `column_to[j]`, in a row in any order (xorshift)."""
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
    n = len(row_at)
    start = np.zeros(n + 1, np.int64)
    to, worth = np.empty(len(column), np.int32), np.empty(len(column), np.int64)
    for i in range(n):
        old, at = row_at[i], start[i]
        size = indptr[old + 1] - indptr[old]
        for k in range(size):
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            take = np.int64((state >> np.uint64(32)) * np.uint64(k + 1) >> np.uint64(32))
            to[at + k], worth[at + k] = to[at + take], worth[at + take]
            to[at + take], worth[at + take] = column_to[column[indptr[old] + k]], value[indptr[old] + k]
        start[i + 1] = at + size
    return start, to, worth


@compiled
def transposed(indptr: Ints, column: Column, value: Ints, columns: int) -> Rows:
    """The pairs column by column."""
    start = np.zeros(columns + 1, np.int64)
    for j in column:
        start[j + 1] += 1
    for j in range(columns):
        start[j + 1] += start[j]
    at = start.copy()
    row, worth = np.empty(len(column), np.int32), np.empty(len(column), np.int64)
    for i in range(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            place = at[column[k]]
            at[column[k]] = place + 1
            row[place], worth[place] = i, value[k]
    return start, row, worth


@compiled
def only(indptr: Ints, column: Column, value: Ints, keep: Flags) -> Rows:
    """The pairs to keep."""
    start, size = np.zeros(len(indptr), np.int64), np.count_nonzero(keep)
    to, worth, at = np.empty(size, np.int32), np.empty(size, np.int64), 0
    for i in range(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            if keep[k]:
                to[at], worth[at] = column[k], value[k]
                at += 1
        start[i + 1] = at
    return start, to, worth


@compiled
def among(indptr: Ints, column: Column, value: Ints, rows: Flags, columns: Flags) -> Rows:
    """The pairs of some rows and columns, without those with a value below 0."""
    keep = np.zeros(len(column), np.bool_)
    for i in range(len(rows)):
        if rows[i]:
            for k in range(indptr[i], indptr[i + 1]):
                keep[k] = value[k] >= 0 and columns[column[k]]
    return only(indptr, column, value, keep)


@compiled
def competing(indptr: Ints, column: Column, given: Ints, columns: int) -> tuple[Flags, Flags]:
    """Rows and columns where places are too few: what rows without a column reach by asking others to move on.

    given   (rows,) the columns of as many rows as can have one, -1 for none
    In whatever way as many are matched, all places of these columns are taken, and by these rows (Dulmage and
    Mendelsohn 1958).
    """
    n = len(given)
    start = np.zeros(columns + 1, np.int64)
    for j in given:
        if j >= 0:
            start[j + 1] += 1
    for j in range(columns):
        start[j + 1] += start[j]
    at, holder = start.copy(), np.empty(start[columns], np.int64)
    rows, seen, queue, tail = np.zeros(n, np.bool_), np.zeros(columns, np.bool_), np.empty(n, np.int64), 0
    for i in range(n):
        if given[i] >= 0:
            holder[at[given[i]]] = i
            at[given[i]] += 1
        else:
            rows[i], queue[tail] = True, i
            tail += 1
    head = 0
    while head < tail:
        i = queue[head]
        head += 1
        for k in range(indptr[i], indptr[i + 1]):
            j = column[k]
            if not seen[j]:
                seen[j] = True
                for p in range(start[j], start[j + 1]):
                    if not rows[holder[p]]:
                        rows[holder[p]], queue[tail] = True, holder[p]
                        tail += 1
    return rows, seen


@compiled
def valued(indptr: Ints, column: Column, value: Ints, given: Ints) -> Ints:
    """(rows,) the value of the column each row is given; 0 where it has none or the pair is not there."""
    found = np.zeros(len(given), np.int64)
    for i in range(len(given)):
        for k in range(indptr[i], indptr[i + 1]):
            if column[k] == given[i]:
                found[i] = value[k]
                break
    return found


@compiled
def others(indptr: Ints, column: Column, value: Ints, price: Ints, given: Ints) -> tuple[Ints, Ints]:
    """(rows,) the column beside its own that is worth most to each row at these prices, -1 for none; and that worth."""
    best, worth = np.full(len(given), -1), np.full(len(given), LEAST)
    for i in range(len(given)):
        own, most, at = given[i], LEAST, -1
        for k in range(indptr[i], indptr[i + 1]):
            net = value[k] - price[column[k]]
            if column[k] != own and (at < 0 or net > most):
                most, at = net, column[k]
        best[i], worth[i] = at, most
    return best, worth
