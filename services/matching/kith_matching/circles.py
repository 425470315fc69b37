"""Circles of help among people who say what they want and what they offer; see `exchanges.py`. Pure."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from scipy.sparse import csr_array

from kith_matching.exchanges import exchange
from kith_matching.scoring import Cohort, Rules, Weights, person

MOST = 3000  # people: beyond, there are more circles than can be looked at


def circles(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Who helps whom, in circles of two to four in which everybody gives and gets, as `solve_round.solve` answers.

    Somebody can help who offers at least one of the skills the other wants, and as many as the rules ask for. `gap` is
    how many people more might be helped; `most` says that all circles were looked at and none help more.
    Raises ValueError for too many people.
    """
    begun = time.perf_counter()
    rows: Sequence[Mapping[str, Any]] = problem["people"]
    if len(rows) > MOST:
        raise ValueError(f"circles of help are found among {MOST} people at most; open several programs")
    rules = Rules(**problem["rules"])
    apart = [(UUID(one), UUID(other)) for one, other in problem["apart"]]
    takers = [person({**each, "skills": each["skills_wanted"]}) for each in rows]
    givers = [person({**each, "skills": each["skills_offered"]}) for each in rows]
    cohort = Cohort(
        takers,
        givers,
        weights=Weights(**problem["weights"]),
        rules=replace(rules, minimum_shared_skills=max(rules.minimum_shared_skills, 1), no_repeats=False),
        week=date.fromisoformat(problem["week"]),
        forbidden=[*apart, *((other, one) for one, other in apart)],
    )
    n = len(rows)
    useful = (cohort.mentees.skills.sign() @ cohort.mentors.skills.sign().T).tocoo()
    taker, giver = useful.row.astype(np.intp), useful.col.astype(np.intp)
    score, allowed = cohort.scores(taker, giver)
    taker, giver, score = taker[allowed], giver[allowed], score[allowed]
    read = time.perf_counter()
    found = exchange(csr_array((np.clip(score, 0, 1), (giver, taker)), shape=(n, n)))
    helped = {k for ring in found.cycles for k in ring}
    known = set(giver.tolist()) & set(taker.tolist())
    return {
        "introductions": [_circle(cohort, ring) for ring in found.cycles],
        "left_out": [
            {
                "member_id": rows[k]["member_id"],
                "reason": "odd_one_out" if k in known else "nobody_meets_the_rules",
            }
            for k in range(n)
            if k not in helped
        ],
        "certificate": {
            "people": n,
            "pairs_looked_at": len(score),
            "introductions": len(found.cycles),
            "trios": sum(len(ring) == 3 for ring in found.cycles),  # noqa: PLR2004 - three
            "left_out": n - len(helped),
            "again": 0,
            "total": round(found.total, 6),
            "bound": round(found.total + found.gap, 6),
            "gap": found.gap,
            "most": found.complete and found.gap == 0,
            "seed": int(problem["seed"]),
            "scoring_seconds": round(read - begun, 3),
            "solving_seconds": round(time.perf_counter() - read, 3),
        },
    }


def _circle(cohort: Cohort, ring: tuple[int, ...]) -> dict[str, Any]:
    """A circle with what each gives to the next; the mean of the parts of these helps."""
    giver = np.array(ring, dtype=np.intp)
    told = cohort.explain_all(np.roll(giver, -1), giver)
    parts = []
    for same in zip(*(each["parts"] for each in told), strict=True):
        value = sum(each["value"] for each in same) / len(same)
        parts.append({name: same[0][name] for name in ("part", "weight", "reason")} | {"value": value})
    ids = [str(cohort.mentors.people[k].member_id) for k in ring]
    return {
        "members": ids,
        "again": False,
        "score": round(sum(part["value"] * part["weight"] for part in parts), 6),
        "parts": parts,
        "shared_skills": sorted({skill for each in told for skill in each["shared_skills"]}),
        "shared_interests": [],
        "shared_languages": sorted(set.intersection(*({*each["shared_languages"]} for each in told))),
        "overlap_minutes": None,
        "helps": [
            {"giver_id": one, "taker_id": other, "skills": each["shared_skills"]}
            for one, other, each in zip(ids, [*ids[1:], ids[0]], told, strict=True)
        ],
    }
