"""One round of introductions in a process of its own: `python -m kith_matching.solve_round`, JSON in, JSON out."""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kith_matching.bridging import bridging
from kith_matching.circles import circles
from kith_matching.cliques import PENALTY, Circles, share
from kith_matching.introductions import EVERYONE, REPEAT, Round, both_ways, introduce, may_meet
from kith_matching.peers import Peers
from kith_matching.scoring import Rules, Weights, person

MOST = 40  # people whom each may meet, drawn at random, where they are many
ENOUGH = 4  # allowed ones; who has fewer is shown everybody
LOOKED_AT = 4_000_000  # pairs at most for those

Ints = NDArray[np.int64]


def solve(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Who meets whom, why, who is left out, and how good it is.

    problem  {"form" ("meet", "exchange": see `circles`, "bridge": see `bridging`), "seed", "week" (a Monday, ISO),
             "weights", "rules", "both" (see `Peers`), "people" (as `person` reads them, with "skills_wanted" and
             "skills_offered" for "skills"), "met" ([id, id, round]), "now" (number of this round), "first" (ids of
             who was left out), "apart" ([id, id]), "trios", "hosted" ({id: how often it was their turn})}
    The answer's "total" is the sum of the scores of pairs, of a trio the one pair that somebody joined, less what
    closed circles cost; "bound" holds over the pairs that were looked at, which are all but in a large community.
    "circle_share" is the share of the meetings inside circles that met already, "circle_share_by_chance" the same of
    all pairs that might have met.
    """
    if problem["form"] == "exchange":
        return circles(problem)
    begun = time.perf_counter()
    rows: Sequence[Mapping[str, Any]] = problem["people"]
    place = {UUID(each["member_id"]): k for k, each in enumerate(rows)}
    peers = Peers(
        [person({**each, "skills": each["skills_wanted"]}) for each in rows],
        [person({**each, "skills": each["skills_offered"]}) for each in rows],
        weights=Weights(**problem["weights"]),
        rules=Rules(**problem["rules"]),
        week=date.fromisoformat(problem["week"]),
        both=problem["both"],
        apart=[(UUID(one), UUID(other)) for one, other in problem["apart"]],
    )
    if problem["form"] == "bridge":
        return bridging(problem, peers)
    met = [(UUID(one), UUID(other), int(number)) for one, other, number in problem["met"]]
    met = [each for each in met if each[0] in place and each[1] in place]
    pairs = np.array([(place[one], place[other]) for one, other, _ in met], dtype=np.int64).reshape(-1, 2)
    when = np.array([number for _, _, number in met], dtype=np.int64)
    seed, now = int(problem["seed"]), int(problem["now"])
    one, other, ago, score = _choices(peers, pairs, when, now, seed)
    # Somebody new comes before any score, and of those known who was met longest ago.
    new = (1 + PENALTY) * len(rows) / 2 + 1 if (ago > 0).any() else 0.0
    met_lately = Circles(len(rows), pairs, when, now=now)
    cost = PENALTY * met_lately.closed(one, other)
    # Raised by as much as a circle can cost, the same for each pair: no value is below 0.
    value = np.where(ago > 0, REPEAT * ago / max(now, 1), new + score + (PENALTY - cost))
    read = time.perf_counter()
    waited = [place[each] for each in map(UUID, problem["first"]) if each in place]
    table = both_ways(len(rows), one, other, value)
    found = introduce(table, first=np.array(waited, dtype=np.int64), seed=seed, trio=problem["trios"])
    groups = _groups(found)
    known = {(i, j) for i, j, rounds in zip(one.tolist(), other.tolist(), ago.tolist(), strict=True) if rounds > 0}
    again = [any(pair in known for pair in combinations(each, 2)) for each in groups]
    chosen = found.partner[one] == other
    total = float((score - cost)[chosen].sum())
    hosts = _hosts(groups, problem["hosted"], [each["member_id"] for each in rows], seed)
    return {
        "introductions": [
            {"members": [rows[k]["member_id"] for k in hosts[g]], "again": again[g], **why}
            for g, why in enumerate(peers.explain(groups))
        ],
        "left_out": [
            {"member_id": rows[k]["member_id"], "reason": "odd_one_out" if table.indptr[k + 1] > table.indptr[k] else
             "nobody_meets_the_rules"} for k in found.left_out.tolist()
        ],
        "certificate": {
            "people": len(rows),
            "pairs_looked_at": len(one),
            "introductions": len(groups),
            "trios": sum(len(each) > 2 for each in groups),  # noqa: PLR2004 - a pair
            "left_out": len(found.left_out),
            "again": sum(again),
            "circle_share": share(met_lately.inside(groups)),
            "circle_share_by_chance": share(met_lately.near(one, other)),
            "total": round(total, 6),
            "bound": round(total + found.gap, 6),
            "gap": round(found.gap, 6),
            "most": found.most,
            "seed": seed,
            "scoring_seconds": round(read - begun, 3),
            "solving_seconds": round(time.perf_counter() - read, 3),
        },
    }  # fmt: skip


def _choices(peers: Peers, met: Ints, when: Ints, now: int, seed: int) -> tuple[Ints, Ints, Ints, NDArray[np.float64]]:
    """Pairs that the rules allow, each once, rounds since they met (0: never), and their scores."""
    n = len(peers.people)
    one, other, ago = may_meet(n, met, when, now=now, most=MOST, seed=seed)
    score, allowed = peers.scores(one, other)
    one, other, ago, score = one[allowed], other[allowed], ago[allowed], score[allowed]
    if n <= EVERYONE:
        return one, other, ago, score
    few = np.flatnonzero(np.bincount(np.concatenate([one, other]), minlength=n) < ENOUGH)
    few = few[: LOOKED_AT // n]
    everyone = np.arange(n)
    keys = np.minimum(few[:, None], everyone) * n + np.maximum(few[:, None], everyone)
    keys = np.setdiff1d(
        keys, np.concatenate([one * n + other, np.sort(met, axis=1) @ np.array([n, 1]), everyone * (n + 1)])
    )
    more, also = peers.scores(keys // n, keys % n)
    keys = keys[also]
    return (
        np.concatenate([one, keys // n]), np.concatenate([other, keys % n]),
        np.concatenate([ago, np.zeros(len(keys), dtype=np.int64)]), np.concatenate([score, more[also]]),
    )  # fmt: skip


def _groups(found: Round) -> list[tuple[int, ...]]:
    """The meetings, each once, people in order."""
    return sorted(
        tuple(sorted({i, int(found.partner[i]), *([int(found.third[i])] if found.third[i] >= 0 else [])}))
        for i in np.flatnonzero(found.partner > np.arange(len(found.partner))).tolist()
    )


def _hosts(
    groups: Sequence[tuple[int, ...]], hosted: Mapping[str, int], ids: Sequence[str], seed: int
) -> list[list[int]]:
    """The people of each meeting, whose turn it is to arrange it first: who did so least often, then by chance."""
    often, chance = Counter(hosted), np.random.default_rng([seed, 7]).random(len(ids))
    return [sorted(each, key=lambda k: (often[ids[k]], chance[k])) for each in groups]


def main() -> None:
    try:
        sys.stdout.write(json.dumps(solve(json.load(sys.stdin))))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
