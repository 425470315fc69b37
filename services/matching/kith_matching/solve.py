"""One match run in a process of its own: `python -m kith_matching.solve` turns a problem into a solution, both JSON.

Apart from the service, so that its memory and its event loop are not the solver's, and so that a run that is killed
can simply be started again: the same problem has the same solution.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from scipy.sparse import csr_array

from kith_matching.assignment import Assignment, assign
from kith_matching.candidates import candidates
from kith_matching.scoring import Cohort, Person, Rules, Weights

FIRST_LOOK = 40  # candidates per mentee; who finds none of them free is looked at again with all mentors


def solve(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Suggestions with their reasons, who is left and why, and the certificate.

    problem   {"seed", "week" (a Monday, ISO), "weights", "rules", "mentees", "mentors", "pins", "prohibited"};
              people as `person` reads them, pins and prohibitions as [mentee id, mentor id]
    Raises ValueError when a pin cannot be honoured.
    """
    begun = time.perf_counter()
    mentees, mentors = [person(each) for each in problem["mentees"]], [person(each) for each in problem["mentors"]]
    cohort = Cohort(
        mentees,
        mentors,
        weights=Weights(**problem["weights"]),
        rules=Rules(**problem["rules"]),
        week=date.fromisoformat(problem["week"]),
    )
    row = {each.member_id: place for place, each in enumerate(mentees)}
    column = {each.member_id: place for place, each in enumerate(mentors)}
    pins = {row[UUID(one)]: column[UUID(other)] for one, other in problem.get("pins", []) if UUID(one) in row}
    prohibited = {
        (row[UUID(one)], column[UUID(other)])
        for one, other in problem.get("prohibited", [])
        if UUID(one) in row and UUID(other) in column
    }
    capacity = np.array([each.capacity for each in mentors], dtype=np.int64)
    seed = int(problem["seed"])
    scores = candidates(cohort, most=FIRST_LOOK, seed=seed)
    scored = time.perf_counter()
    result = assign(scores, capacity, pins=pins, prohibited=prohibited)
    left = np.flatnonzero(result.mentor < 0)
    if len(left) and result.matched < min(len(mentees), int(capacity.sum())) and len(mentors) > FIRST_LOOK:
        scores = _widened(scores, candidates(cohort, most=len(mentors), seed=seed, only=left), left)
        result = assign(scores, capacity, pins=pins, prohibited=prohibited)
    return {
        "suggestions": _suggestions(cohort, result),
        "unmatched": [
            {
                "member_id": str(mentees[place].member_id),
                "reason": "no_room" if scores.indptr[place + 1] > scores.indptr[place] else "nobody_meets_the_rules",
            }
            for place in np.flatnonzero(result.mentor < 0)
        ],
        "certificate": {
            "mentees": len(mentees),
            "mentors": len(mentors),
            "candidates": int(scores.nnz),
            "matched": result.matched,
            "total": result.total,
            "bound": result.bound,
            "gap": result.gap,
            "seed": seed,
            "scoring_seconds": round(scored - begun, 3),
            "solving_seconds": round(time.perf_counter() - scored, 3),
        },
    }


def person(row: Mapping[str, Any]) -> Person:
    """A participant as the database gives one: skills as a list of {"tag", "level"}."""
    skills: dict[str, int] = {}
    for each in row["skills"]:
        skills[each["tag"]] = max(int(each["level"]), skills.get(each["tag"], 0))
    return Person(
        member_id=UUID(row["member_id"]),
        skills=skills,
        interests=row["interests"],
        languages=row["languages"],
        experience_years=row["experience_years"],
        time_zone=row["time_zone"],
        availability=row["availability"],
        capacity=int(row.get("capacity", 1)),
    )


def _widened(scores: csr_array, more: csr_array, left: np.ndarray[Any, np.dtype[np.intp]]) -> csr_array:
    """`scores` with the rows `left` replaced by those of `more`, which has no others."""
    entries = scores.tocoo()
    stays = ~np.isin(entries.row, left)
    kept = csr_array((entries.data[stays], (entries.row[stays], entries.col[stays])), shape=scores.shape)
    return csr_array(kept + more)


def _suggestions(cohort: Cohort, result: Assignment) -> list[dict[str, Any]]:
    suggestions = []
    for mentee in np.flatnonzero(result.mentor >= 0).tolist():
        mentor, other = int(result.mentor[mentee]), int(result.next_best[mentee])
        why = cohort.explain(mentee, mentor)
        suggestions.append(
            {
                "mentee_id": str(cohort.mentees.people[mentee].member_id),
                "mentor_id": str(cohort.mentors.people[mentor].member_id),
                "score": round(sum(part["value"] * part["weight"] for part in why["parts"]), 4),
                "reasons": why,
                "next_best_id": str(cohort.mentors.people[other].member_id) if other >= 0 else None,
                "switch_cost": round(float(result.switch_cost[mentee]), 6) if other >= 0 else None,
            }
        )
    return suggestions


def default_settings() -> dict[str, dict[str, Any]]:
    """The weights and rules a program starts with."""
    return {"weights": asdict(Weights()), "rules": asdict(Rules())}


def main() -> None:
    try:
        json.dump(solve(json.load(sys.stdin)), sys.stdout)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
