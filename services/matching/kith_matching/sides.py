"""The allowed pairs of two sides as compact rows and columns, in an order that chance decides. Pure, compiled."""

import numpy as np
from numpy.typing import NDArray

from kith_matching.compiled import compiled

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Rows = tuple[Ints, Ints, Ints]  # where each row starts (rows + 1,); column and value of each pair
LEAST = -(2**61)


@compiled
def shuffled(indptr: Ints, column: Ints, value: Ints, row_at: Ints, column_to: Ints, seed: int) -> Rows:
    """The same pairs: new row i is row `row_at[i]`, column j becomes `column_to[j]`, in any order in a row."""
    np.random.seed(seed)  # noqa: NPY002 - compiled code has a generator of its own
    n = len(row_at)
    start = np.zeros(n + 1, np.int64)
    to, worth = np.empty(len(column), np.int64), np.empty(len(column), np.int64)
    for i in range(n):
        old, at = row_at[i], start[i]
        size = indptr[old + 1] - indptr[old]
        for k in range(size):
            take = np.random.randint(0, k + 1)  # noqa: NPY002
            to[at + k], worth[at + k] = to[at + take], worth[at + take]
            to[at + take], worth[at + take] = column_to[column[indptr[old] + k]], value[indptr[old] + k]
        start[i + 1] = at + size
    return start, to, worth


@compiled
def transposed(indptr: Ints, column: Ints, value: Ints, columns: int) -> Rows:
    """The pairs column by column."""
    start = np.zeros(columns + 1, np.int64)
    for j in column:
        start[j + 1] += 1
    for j in range(columns):
        start[j + 1] += start[j]
    at = start.copy()
    row, worth = np.empty(len(column), np.int64), np.empty(len(column), np.int64)
    for i in range(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            row[at[column[k]]], worth[at[column[k]]] = i, value[k]
            at[column[k]] += 1
    return start, row, worth


@compiled
def only(indptr: Ints, column: Ints, value: Ints, keep: Flags) -> Rows:
    """The pairs to keep."""
    start, size = np.zeros(len(indptr), np.int64), np.count_nonzero(keep)
    to, worth, at = np.empty(size, np.int64), np.empty(size, np.int64), 0
    for i in range(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            if keep[k]:
                to[at], worth[at] = column[k], value[k]
                at += 1
        start[i + 1] = at
    return start, to, worth


@compiled
def competing(indptr: Ints, column: Ints, given: Ints, columns: int) -> tuple[Flags, Flags]:
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
def valued(indptr: Ints, column: Ints, value: Ints, given: Ints) -> Ints:
    """(rows,) the value of the column each row is given; 0 where it has none or the pair is not there."""
    found = np.zeros(len(given), np.int64)
    for i in range(len(given)):
        for k in range(indptr[i], indptr[i + 1]):
            if column[k] == given[i]:
                found[i] = value[k]
    return found


@compiled
def others(indptr: Ints, column: Ints, value: Ints, price: Ints, given: Ints) -> tuple[Ints, Ints]:
    """(rows,) the column beside its own that is worth most to each row at these prices, -1 for none; and that worth."""
    best, worth = np.full(len(given), -1), np.full(len(given), LEAST)
    for i in range(len(given)):
        for k in range(indptr[i], indptr[i + 1]):
            net = value[k] - price[column[k]]
            if column[k] != given[i] and (best[i] < 0 or net > worth[i]):
                best[i], worth[i] = column[k], net
    return best, worth
