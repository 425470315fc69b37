"""A round of the few introductions that mend silos most; see `bridges.py`. Pure."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from kith_matching.bridges import bridges, silos
from kith_matching.introductions import both_ways
from kith_matching.peers import Peers

EVERY_PAIR = 2_000_000  # up to so many pairs all are looked at
DRAWN = 400  # beyond, so many for each, at random


def bridging(problem: Mapping[str, Any], peers: Peers) -> dict[str, Any]:
    """Who would be introduced across silos, as `solve_round.solve` answers.

    problem  besides what every round has: "ties" ([id, id]), and "options" {"most", "least_score"}
    Two who met in a round have a tie, and two who have one are not introduced. The certificate tells the index of
    before and after, as if all of them had met, and `gap` by how much some other choice could lower it further.
    """
    begun = time.perf_counter()
    rows: Sequence[Mapping[str, Any]] = problem["people"]
    n, seed = len(rows), int(problem["seed"])
    place = {UUID(each["member_id"]): k for k, each in enumerate(rows)}
    ends = [
        (place[UUID(pair[0])], place[UUID(pair[1])])
        for pair in [*problem["ties"], *(each[:2] for each in problem["met"])]
        if UUID(pair[0]) in place and UUID(pair[1]) in place
    ]
    tied = np.array(ends, dtype=np.int64).reshape(-1, 2)
    known = np.unique(tied.min(axis=1) * n + tied.max(axis=1)) if len(tied) else np.empty(0, dtype=np.int64)
    ties = both_ways(n, known // max(n, 1), known % max(n, 1), np.ones(len(known)))
    label = silos(ties, seed=seed)
    if n * (n - 1) // 2 <= EVERY_PAIR:
        one, other = np.triu_indices(n, 1)
    else:
        drawn = np.sort(np.random.default_rng([seed, 11]).integers(n, size=(n * DRAWN // 2, 2)), axis=1)
        keys = np.unique(drawn[drawn[:, 0] != drawn[:, 1]] @ np.array([n, 1]))
        one, other = keys // n, keys % n
    new = (label[one] != label[other]) & ~np.isin(one * n + other, known)
    one, other = one[new], other[new]
    score, allowed = peers.scores(one, other)
    allowed &= score >= problem["options"]["least_score"]
    one, other, score = one[allowed], other[allowed], score[allowed]
    read = time.perf_counter()
    found = bridges(ties, label, one, other, score, most=int(problem["options"]["most"]))
    told = peers.explain(found.pairs)
    total = sum(each["score"] for each in told)
    return {
        "introductions": [
            {"members": [rows[k]["member_id"] for k in pair], "again": False, **why}
            for pair, why in zip(found.pairs, told, strict=True)
        ],
        "left_out": [],
        "certificate": {
            "people": n,
            "pairs_looked_at": len(one),
            "introductions": len(found.pairs),
            "trios": 0,
            "left_out": 0,
            "again": 0,
            "total": round(total, 6),
            "bound": round(total, 6),
            "gap": found.gap,
            "most": found.gap == 0,
            "silos": int((np.bincount(label) > 1).sum()) if n else 0,
            "silo_index_before": round(found.before, 6),
            "silo_index_after": round(found.after, 6),
            "seed": seed,
            "scoring_seconds": round(read - begun, 3),
            "solving_seconds": round(time.perf_counter() - read, 3),
        },
    }
