"""One solver on one problem, in a process of its own: `python -m bench.solvers NAME PEOPLE SEED` prints what it did.

Processor time is counted, not the clock: it is the same whether or not the machine does other things as well. Each
solver has solved a small problem before, so that what is loaded or compiled once is not part of it.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import networkx as nx
import numpy as np
import rustworkx
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from kith_matching.assignment import UNITS, Assignment, assign
from kith_matching.candidates import candidates
from kith_matching.introductions import introduce, meetings
from kith_matching.optimum import optimum
from kith_matching.scoring import Cohort, Person, Rules, Weights

Found = dict[str, Any]
EDITS = 10
CHECKED = 200  # mentees whose every pair is scored to see which candidates were missed


def mentees(n: int, seed: int) -> tuple[csr_array, np.ndarray]:
    """As many mentees with thirty candidates each among a fifth as many mentors, with room for a few more."""
    rng, m = np.random.default_rng(seed), n // 5
    wanted = 1 / np.arange(1, m + 1) ** 0.5
    pairs = np.unique(np.repeat(np.arange(n), 30) * m + rng.choice(m, size=n * 30, p=wanted / wanted.sum()))
    column = pairs % m
    value = rng.normal(0.5, 0.15, len(pairs)) + rng.normal(0, 0.1, m)[column]
    value = np.rint(np.clip(value, 0, 1) * UNITS) / UNITS
    room = rng.multinomial(int(n * 1.05), np.ones(m) / m)
    return csr_array((value, (pairs // m, column)), shape=(n, m)), room


def kith(n: int, seed: int, precision: float = 0.0) -> Found:
    scores, room = mentees(n, seed)
    began = time.process_time()
    found = assign(scores, room, precision=precision)
    return said(found, time.process_time() - began)


def early(n: int, seed: int) -> Found:
    return kith(n, seed, 1e-4)


def again(n: int, seed: int) -> Found:
    """A few pins, prohibitions and weights changed: from the prices of before, beside from nothing."""
    scores, room = mentees(n, seed)
    before = assign(scores, room)
    rows = np.random.default_rng(seed).choice(n, EDITS, replace=False).tolist()
    never = [(i, int(before.mentor[i])) for i in rows[:3]]
    pins = {i: int(before.next_best[i]) for i in rows[3:6]}
    for i in rows[6:]:
        scores.data[scores.indptr[i] : scores.indptr[i + 1]] *= 0.9
    seconds = []
    for start in (None, before):
        began = time.process_time()
        found = assign(scores, room, pins=pins, prohibited=never, start=start)
        seconds.append(time.process_time() - began)
    return said(found, seconds[1]) | {"fresh": seconds[0]}


def said(found: Assignment, seconds: float) -> Found:
    return {"seconds": seconds, "matched": found.matched, "total": found.total, "gap": found.gap / found.total}


def ortools(n: int, seed: int) -> Found:
    scores, room = mentees(n, seed)
    began = time.process_time()
    m, table = len(room), scores.tocoo()
    units = np.rint(table.data * UNITS).astype(np.int64)
    flow = SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate([table.row, np.arange(n), n + np.arange(m)]).astype(np.int32),
        np.concatenate([n + table.col, np.full(n + m, n + m)]).astype(np.int32),
        np.concatenate([np.ones(len(units) + n, dtype=np.int64), room]),
        np.concatenate([-units - n * UNITS, np.zeros(n + m, dtype=np.int64)]),
    )
    flow.set_nodes_supplies(np.arange(n + m + 1, dtype=np.int32), np.repeat(np.array([1, 0, -n]), [n, m, 1]))
    assert flow.solve() == SimpleMinCostFlow.OPTIMAL
    used = flow.flows(np.arange(len(units), dtype=np.int32)) > 0
    return {
        "seconds": time.process_time() - began,
        "matched": int(used.sum()),
        "total": float(units[used].sum() / UNITS),
    }


def scipy(n: int, seed: int) -> Found:
    """One column for each place, and one of nothing for everyone."""
    scores, room = mentees(n, seed)
    began = time.process_time()
    table, first = scores.tocoo(), np.concatenate([[0], np.cumsum(room)])
    copies = room[table.col]
    place = (
        np.repeat(first[table.col], copies) + np.arange(copies.sum()) - np.repeat(np.cumsum(copies) - copies, copies)
    )
    row, value = np.repeat(table.row, copies), np.repeat(table.data, copies) + n
    whole = csr_array(
        (
            np.concatenate([value, np.full(n, 1e-9)]),
            (np.concatenate([row, np.arange(n)]), np.concatenate([place, first[-1] + np.arange(n)])),
        ),
        shape=(n, int(first[-1]) + n),
    )
    one, other = min_weight_full_bipartite_matching(whole, maximize=True)
    seconds = time.process_time() - began
    got = other < first[-1]
    mentor = np.searchsorted(first, other[got], side="right") - 1
    return {
        "seconds": seconds,
        "matched": int(got.sum()),
        "total": float(np.asarray(scores[one[got], mentor]).sum()),
    }


def greedy(n: int, seed: int) -> Found:
    """The best pair that is still free, and the next: what most mentoring software that pairs at all does."""
    scores, room = mentees(n, seed)
    began = time.process_time()
    table, places, free, total, matched = scores.tocoo(), room.tolist(), [True] * n, 0.0, 0
    best = np.argsort(-table.data, kind="stable")
    for i, j, value in zip(table.row[best].tolist(), table.col[best].tolist(), table.data[best].tolist(), strict=True):
        if free[i] and places[j]:
            free[i], places[j], total, matched = False, places[j] - 1, total + value, matched + 1
    return {"seconds": time.process_time() - began, "matched": matched, "total": total}


def people(n: int, seed: int) -> csr_array:
    """As many people with some forty whom they may meet, and scores."""
    scores = meetings(n, np.empty((0, 2), dtype=int), np.empty(0, dtype=int), now=0, most=40, seed=seed)
    table = scores.tocoo()
    low, high = np.minimum(table.row, table.col).astype(np.int64), np.maximum(table.row, table.col)
    _, which = np.unique(low * n + high, return_inverse=True)
    value = np.rint(np.random.default_rng(seed).random(which.max() + 1) * UNITS) / UNITS
    return csr_array((value[which], (table.row, table.col)), shape=(n, n))


def rounds(n: int, seed: int) -> Found:
    scores = people(n, seed)
    began = time.process_time()
    found = introduce(scores, seed=seed)
    seconds = time.process_time() - began
    matched = int((found.partner >= 0).sum())
    return {"seconds": seconds, "matched": matched, "total": found.total, "gap": found.gap / found.bound}


def rustwork(n: int, seed: int) -> Found:
    edges = _edges(people(n, seed))
    began = time.process_time()
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges)
    found = rustworkx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    seconds = time.process_time() - began
    total = sum(graph.get_edge_data(i, j) for i, j in found) / UNITS
    return {"seconds": seconds, "matched": 2 * len(found), "total": total}


def blossoms(n: int, seed: int) -> Found:
    """As networkx has them."""
    edges = _edges(people(n, seed))
    began = time.process_time()
    graph = nx.Graph()
    graph.add_weighted_edges_from(edges)
    found = nx.max_weight_matching(graph, maxcardinality=True)
    seconds = time.process_time() - began
    total = sum(graph[i][j]["weight"] for i, j in found) / UNITS
    return {"seconds": seconds, "matched": 2 * len(found), "total": total}


def _edges(scores: csr_array) -> list[tuple[int, int, int]]:
    table = scores.tocoo()
    triples = zip(table.row.tolist(), table.col.tolist(), table.data.tolist(), strict=True)
    return [(i, j, round(value * UNITS)) for i, j, value in triples if i < j]


def year(n: int, seed: int) -> Found:
    """Fifty-two rounds of everyone with somebody new."""
    met, when, left, again, waited = np.empty((0, 2), dtype=int), np.empty(0, dtype=int), np.empty(0, dtype=int), 0, 0
    began = time.process_time()
    for now in range(52):
        found = introduce(meetings(n, met, when, now=now, seed=seed), first=left, seed=now, trio=False)
        waited += len(set(left.tolist()) & set(found.left_out.tolist()))
        one = np.flatnonzero(found.partner > np.arange(n))
        met = np.concatenate([met, np.stack([one, found.partner[one]], axis=1)])
        when, left = np.concatenate([when, np.full(len(one), now)]), found.left_out
    again = len(met) - len(np.unique(met.min(axis=1) * n + met.max(axis=1)))
    return {"seconds": time.process_time() - began, "repeats": again, "waited_twice": waited, "meetings": len(met)}


def _cohort(n: int, m: int, seed: int) -> Cohort:
    """Mentees and mentors with four skills each, some of them common, in four zones."""
    rng, tags = np.random.default_rng(seed), [f"skill {k}" for k in range(200)]
    often = 1 / np.arange(1, 201) ** 0.8
    zones = ["Europe/Vienna", "America/New_York", "Asia/Kolkata", None]

    def some(count: int) -> list[Person]:
        drawn = rng.choice(200, size=(count, 4), p=often / often.sum())
        levels, years, zone = rng.integers(1, 6, size=(count, 4)), rng.gamma(2, 4, count), rng.integers(4, size=count)
        return [
            Person(
                UUID(int=int(rng.integers(2**62))),
                {tags[tag]: int(level) for tag, level in zip(drawn[k], levels[k], strict=True)},
                languages=("en",),
                experience_years=float(years[k]),
                time_zone=zones[zone[k]],
                availability=({"weekday": int(k % 5), "start": 1020, "end": 1200},),
            )
            for k in range(count)
        ]

    return Cohort(some(n), some(m), weights=Weights(), rules=Rules(), week=date(2026, 3, 2))


def first_look(n: int, seed: int) -> Found:
    """The thirty best of each of many mentees among a fifth as many mentors; and of some, how many these miss.

    A missed one counts only if it is better than the worst of those found.
    """
    cohort = _cohort(n, n // 5, seed)
    began, began_clock = time.process_time(), time.monotonic()
    found = candidates(cohort, most=30, seed=seed)
    seconds, clock = time.process_time() - began, time.monotonic() - began_clock
    seen = hit = 0
    columns = np.arange(n // 5)
    for row in np.random.default_rng(seed).choice(n, min(CHECKED, n), replace=False).tolist():
        score, allowed = cohort.scores(np.full(len(columns), row), columns)
        score[~allowed] = -1
        mine = found.indices[found.indptr[row] : found.indptr[row + 1]]
        best = np.argsort(-score, kind="stable")[:30]
        best = best[score[best] >= 0]
        worst = np.sort(score[mine])[-len(best)] if len(best) else 0
        seen, hit = seen + len(best), hit + int((np.isin(best, mine) | (score[best] <= worst + 1e-5)).sum())
    return {"seconds": seconds, "clock": clock, "recall": hit / max(seen, 1)}


def on_all(n: int, seed: int) -> Found:
    """As many mentors as mentees with room for one: all pairs scored and assigned, and how much less others reach.

    few     mentees matched among the thirty best of each alone
    proven  the total as a match run has it: few at first, then those that are missing
    """
    cohort, room = _cohort(n, n, seed), np.ones(n, dtype=int)
    best = assign(candidates(cohort, most=n, seed=seed), room)
    few = assign(candidates(cohort, most=30, seed=seed), room)
    began = time.process_time()
    proven = optimum(cohort, room, seed=seed).assignment
    seconds = time.process_time() - began

    assert proven.matched == best.matched
    return {"seconds": seconds, "few": 1 - few.matched / best.matched, "proven": 1 - proven.total / best.total}


SOLVERS: dict[str, Callable[[int, int], Found]] = {
    each.__name__: each
    for each in (kith, early, again, ortools, scipy, greedy, rounds, rustwork, blossoms, year, first_look, on_all)
}


def main() -> None:
    name, n, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    SOLVERS[name](100, seed)
    found = SOLVERS[name](n, seed)
    print(json.dumps(found | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
