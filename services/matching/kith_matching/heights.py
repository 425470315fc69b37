"""The loops over every pair of a cohort, which is where its time goes. Pure, compiled, in single precision."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kith_matching.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Bits = NDArray[np.uint64]
Table = tuple[Ints, Ints, Floats]  # of a sparse matrix, row by row: where each starts, columns, values


@compiled
def _common(one: Bits, other: Bits) -> int:
    """Bits that both have set; compilers know this count of bits and use the processor's own."""
    found = np.uint64(0)
    for k in range(len(one)):
        x = one[k] & other[k]
        x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
        x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        found += (x * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return int(found)


@compiled
def heights(
    rows: Ints,
    wanted: Table,
    offered: Table,
    liked: Table,
    told: Table,
    knows: Flags,
    tells: Flags,
    unknown: Doubles,
    fewest: bool,
    sets: tuple[Floats, Ints, Ints],
    years: tuple[Doubles, Doubles],
    near: tuple[float, float, float],
    fresh: Floats,
    times: tuple[Bits, Bits],
    known: tuple[Flags, Flags],
    enough: float,
    least: float,
    most: float,
) -> Floats:
    """(rows, mentors) the sum of the parts of each pair, -1 where a rule forbids it.

    wanted, liked    of the mentees by tag, values weighted and divided by the sum of the row
    offered, told    of the tags by mentor
    knows, tells     (mentors,) whose skills and interests are known; a mentee without any counts as unknown
    unknown          what skills, interests, experience and time count where they are not known
    fewest           whether a pair needs a skill in common: then only who has one is looked at
    sets             what two sets of languages count, -inf where that forbids a pair; the set of each row, each mentor
    years, near      of mentees and mentors, nan for unknown; best distance, spread and weight, see `scoring.nearness`
    fresh            (mentors,) what it counts that a mentor carries little
    times            (mentees, words), (mentors, words) when they have time, a bit for each piece of the week
    known            whose time is known, of mentees and mentors
    enough, least    what a piece counts, and how many a pair needs; `most` is what all time together counts
    """
    size = len(knows)
    found = np.full((len(rows), size), -1, np.float32)
    served, alike = np.empty(size, np.float32), np.empty(size, np.float32)
    everyone, strangers, some = np.arange(size), np.flatnonzero(~knows), np.empty(size, np.int64)
    for r in range(len(rows)):
        i = rows[r]
        served[:], alike[:], count = -1, 0, 0
        for k in range(wanted[0][i], wanted[0][i + 1]):
            tag, value = wanted[1][k], wanted[2][k]
            for p in range(offered[0][tag], offered[0][tag + 1]):
                j = offered[1][p]
                if served[j] < 0:
                    served[j], some[count] = 0, j
                    count += 1
                served[j] += value * offered[2][p]
        for k in range(liked[0][i], liked[0][i + 1]):
            tag, value = liked[1][k], liked[2][k]
            for p in range(told[0][tag], told[0][tag + 1]):
                alike[told[1][p]] += value * told[2][p]
        wants, cares = wanted[0][i] < wanted[0][i + 1], liked[0][i] < liked[0][i + 1]
        chosen = everyone
        if fewest and wants:
            some[count : count + len(strangers)] = strangers
            chosen = some[: count + len(strangers)]
        for j in chosen:
            height = sets[0][sets[1][i], sets[2][j]] + fresh[j]
            height += max(served[j], np.float32(0)) if wants and knows[j] else unknown[0]
            height += alike[j] if cares and tells[j] else unknown[1]
            ahead = years[1][j] - years[0][i]
            if np.isnan(ahead):
                height += unknown[2]
            elif ahead >= 0:
                height += near[2] * math.exp(-(((ahead - near[0]) / near[1]) ** 2))
            if not (known[0][i] and known[1][j]):
                height += unknown[3]
            elif height > -1:
                pieces = _common(times[0][i], times[1][j])
                height += min(pieces * enough, most) if pieces >= least else -np.inf
            found[r, j] = max(height, -1)
    return found


@compiled
def stirred(block: Floats, seed: int, most: float) -> Floats:
    """The same with up to `most` added by chance to what is not negative, so that equals are in no order (xorshift)."""
    found = np.empty_like(block)
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
    for r in range(block.shape[0]):
        for j in range(block.shape[1]):
            if block[r, j] < 0:
                found[r, j] = -1
                continue
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            found[r, j] = block[r, j] + most * (np.float32(state >> np.uint64(40)) / np.float32(2**24))
    return found


@compiled
def above(block: Floats, worth: Doubles, price: Doubles) -> Floats:
    """By how much each height exceeds its row's worth and its column's price; negative for a negative height."""
    found = np.empty_like(block)
    for r in range(block.shape[0]):
        for j in range(block.shape[1]):
            height = block[r, j]
            found[r, j] = height if height < 0 else height - worth[r] - price[j]
    return found


@compiled
def highest(block: NDArray[np.floating[Any]], rows: Ints, count: int) -> tuple[Ints, Ints]:
    """Row and column of what is among the `count` highest of its row, and not negative, for some rows of the block.

    All that are as high as the last of them.
    """
    least, heap, total = np.zeros(len(rows), block.dtype), np.empty(count, block.dtype), 0
    for at_row in range(len(rows)):
        line, size = block[rows[at_row]], 0
        for value in line:
            if value < 0 or (size == count and value <= heap[0]):
                continue
            if size < count:
                at = size
                size += 1
                while at > 0 and heap[(at - 1) // 2] > value:
                    heap[at] = heap[(at - 1) // 2]
                    at = (at - 1) // 2
                heap[at] = value
                continue
            at = 0
            while 2 * at + 1 < count:
                child = 2 * at + 1
                if child + 1 < count and heap[child + 1] < heap[child]:
                    child += 1
                if heap[child] >= value:
                    break
                heap[at] = heap[child]
                at = child
            heap[at] = value
        if size == count:
            least[at_row] = heap[0]
        for value in line:
            total += value >= least[at_row]
    row, column, at = np.empty(total, np.int64), np.empty(total, np.int64), 0
    for at_row in range(len(rows)):
        line = block[rows[at_row]]
        for j in range(len(line)):
            if line[j] >= least[at_row]:
                row[at], column[at] = rows[at_row], j
                at += 1
    return row, column
