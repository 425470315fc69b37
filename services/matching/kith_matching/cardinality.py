"""How many people can be matched at all, and who competes with whom for places that are too few. Pure, compiled.

Hopcroft and Karp (1973), with room for more than one at a column; the parts are those of Dulmage and Mendelsohn (1958).
"""

import numpy as np
from numpy.typing import NDArray

from kith_matching.compiled import compiled
from kith_matching.sides import Column

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@compiled
def most_matched(indptr: Ints, column: Column, room: Ints) -> Ints:
    """A column for as many rows as can have one at the same time, -1 for the others.

    indptr, column  the allowed pairs, row by row (CSR)
    room            (columns,) how many rows a column can take
    """
    n, m = len(indptr) - 1, len(room)
    first = np.zeros(m + 1, np.int64)  # the places of column j are first[j] to first[j + 1]
    for j in range(m):
        first[j + 1] = first[j] + room[j]
    holder = np.full(first[m], -1, np.int64)
    held = np.zeros(m, np.int64)
    given = np.full(n, -1, np.int64)
    for i in range(n):
        for k in range(indptr[i], indptr[i + 1]):
            j = column[k]
            if held[j] < room[j]:
                holder[first[j] + held[j]] = i
                held[j] += 1
                given[i] = j
                break
    level, reached = np.empty(n, np.int64), np.empty(m, np.int64)
    queue, edge, place = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(m, np.int64)
    path, through = np.empty(n, np.int64), np.empty(n, np.int64)
    while True:
        # Breadth first from everyone without a place, as far as the first free places are away.
        level[:], reached[:], tail, head, free_at = -1, -1, 0, 0, n
        for i in range(n):
            if given[i] < 0:
                queue[tail], level[i] = i, 0
                tail += 1
        while head < tail:
            i = queue[head]
            head += 1
            if level[i] > free_at:
                break
            for k in range(indptr[i], indptr[i + 1]):
                j = column[k]
                if reached[j] >= 0:
                    continue
                reached[j] = level[i]
                if held[j] < room[j]:
                    free_at = level[i]
                for p in range(first[j], first[j] + held[j]):
                    other = holder[p]
                    if level[other] < 0:
                        level[other], queue[tail] = level[i] + 1, other
                        tail += 1
        if free_at == n:
            return given
        # Depth first along those levels; no edge and no place is tried twice.
        edge[:], place[:] = indptr[:n], first[:m]
        for start in range(n):
            if given[start] >= 0:
                continue
            depth, path[0] = 0, start
            while depth >= 0:
                i = path[depth]
                if edge[i] == indptr[i + 1]:
                    depth -= 1
                    if depth >= 0 and place[through[depth]] >= first[through[depth]] + held[through[depth]]:
                        edge[path[depth]] += 1
                    continue
                j = column[edge[i]]
                if reached[j] != level[i]:
                    edge[i] += 1
                    continue
                if held[j] < room[j]:
                    holder[first[j] + held[j]] = i
                    held[j] += 1
                    given[i] = j
                    for back in range(depth - 1, -1, -1):
                        take = through[back]
                        holder[place[take] - 1] = path[back]
                        given[path[back]] = take
                    break
                if place[j] == first[j] + held[j]:
                    edge[i] += 1
                    continue
                other = holder[place[j]]
                place[j] += 1
                if level[other] == level[i] + 1:
                    through[depth] = j
                    depth += 1
                    path[depth] = other
