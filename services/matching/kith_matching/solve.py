"""One match run in a process of its own: `python -m kith_matching.solve` turns a problem into a solution, both JSON.

Apart from the service, so that its memory and its event loop are not the solver's, and so that a run that is killed
can simply be started again: the same problem has the same solution.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from scipy.sparse import csr_array

from kith_matching.assignment import Assignment
from kith_matching.candidates import candidates, merged
from kith_matching.contradictions import Contradiction, contradictions
from kith_matching.modes import MODES, Hours, assigned, outcome
from kith_matching.optimum import optimum
from kith_matching.priority import only_rows, served
from kith_matching.scoring import Cohort, Rules, Weights, person

EVERY_PAIR = 250_000
CONFLICTS = 100  # that a run tells of
# Nobody left the cohort since the request but who paused, or was paired and has no room any more.
_WHY = {
    "prohibited": "a pinned pair is prohibited as well; drop one of the two",
    "mentor_full": "a mentor has no room for all who are pinned to them; unpin one or raise the capacity",
    "mentee_full": "a mentee is pinned to two mentors; keep one of them",
    "oneself": "somebody is pinned to themselves; nobody is their own mentor, drop it",
    "not_taking_part": "somebody in a pinned pair is paused, overloaded or has no room; drop the pin",
}


class ConflictError(ValueError):
    """Wishes that cannot all be met; `found` is JSON-ready, each smallest set of them with its reason and its pairs."""

    def __init__(self, wrong: Sequence[Contradiction[UUID]]) -> None:
        super().__init__(f"pins and prohibitions contradict each other: {_WHY[wrong[0].reason]}")
        self.found = [
            {"reason": each.reason, "pins": _of_two(each.pins), "prohibited": _of_two(each.never)}
            for each in wrong[:CONFLICTS]
        ]


def _of_two(pairs: Iterable[tuple[UUID, UUID]]) -> list[dict[str, str]]:
    return [{"mentee_id": str(one), "mentor_id": str(other)} for one, other in pairs]


def solve(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Suggestions with their reasons, who is left and why, and the certificate.

    problem   {"seed", "mode" (see `modes.py`), "week" (a Monday, ISO), "weights", "rules", "mentees", "mentors",
              "pins", "prohibited", "former"}; people as `person` reads them; pins, prohibitions and former pairs as
              [mentee id, mentor id]; `hours` of people as `Hours.of` reads them
    Raises ConflictError when pins and prohibitions cannot all be honored.
    """
    begun = time.perf_counter()
    mentees, mentors = [person(each) for each in problem["mentees"]], [person(each) for each in problem["mentors"]]
    wanted, never = _pairs(problem.get("pins", [])), _pairs(problem.get("prohibited", []))
    cohort = Cohort(
        mentees,
        mentors,
        weights=Weights(**problem["weights"]),
        rules=Rules(**problem["rules"]),
        week=date.fromisoformat(problem["week"]),
        forbidden=[*never, *_pairs(problem.get("together", []))],
        former=_pairs(problem.get("former", [])),
    )
    row = {each.member_id: place for place, each in enumerate(mentees)}
    column = {each.member_id: place for place, each in enumerate(mentors)}
    room = {each.member_id: each.capacity for each in mentors}
    if wrong := contradictions(wanted, never, dict.fromkeys(row, 1), room):
        raise ConflictError(wrong)
    pins = {row[one]: column[other] for one, other in wanted}
    capacity = np.array([each.capacity for each in mentors], dtype=np.int64)
    priority = np.array([int(each.get("priority", 0)) for each in problem["mentees"]], dtype=np.int64)
    read = time.perf_counter()
    seed = int(problem["seed"])
    best = optimum(cohort, capacity, pins=pins, seed=seed)
    looked_at = np.diff(best.scores.indptr)
    # Small cohorts are compared over every pair, large ones over those that were scored for the proof.
    scores = best.scores
    if len(mentees) * len(mentors) <= EVERY_PAIR:
        scores = _with_pins(candidates(cohort, most=len(mentors)), cohort, pins)
    mode = problem.get("mode", "best_total")
    result = served(best.assignment, scores, capacity, priority, pins=pins, seed=seed)
    for_modes = scores if result is best.assignment else only_rows(scores, result.mentor >= 0)
    found = {
        each: result.mentor if each == "best_total" else assigned(each, for_modes, capacity, pins=pins, seed=seed)
        for each in MODES
    }
    limited = None
    if mode == "within_hours":
        limited = Hours.of(problem["mentees"], problem["mentors"]).within(
            scores, capacity, pins=pins, priority=priority, seed=seed
        )
        found[mode] = limited.mentor
        bound = limited.bound
        if len(mentees) * len(mentors) > EVERY_PAIR:  # not all pairs were looked at: what holds without hours, or any
            bound = result.bound if limited.matched == result.matched else float(limited.matched)
        result = replace(result, bound=bound)
    outcomes = [outcome(each, scores, capacity, mentor) for each, mentor in found.items()]
    if mode != "best_total":  # prices of the best total say nothing of what a switch costs here
        nobody = np.full(len(mentees), -1)
        total = limited.total if limited else next(each.total for each in outcomes if each.mode == mode)
        gap = max(result.bound - total, 0.0)
        result = replace(result, mentor=found[mode], next_best=nobody, total=total, gap=round(gap, 6))
    return {
        "suggestions": _suggestions(cohort, result),
        "unmatched": [
            {
                "member_id": str(mentees[place].member_id),
                "reason": "no_room" if looked_at[place] else "nobody_meets_the_rules" if mentors else "no_mentor_free",
            }
            for place in np.flatnonzero(result.mentor < 0)
        ],
        "certificate": {
            "mentees": len(mentees),
            "mentors": len(mentors),
            "candidates": int(best.scores.nnz),
            "matched": int((result.mentor >= 0).sum()),
            "total": result.total,
            "bound": result.bound,
            "gap": result.gap,
            "seed": seed,
            "scoring_seconds": round(read - begun, 3),
            "solving_seconds": round(time.perf_counter() - read, 3),
            "compared_pairs": int(scores.nnz),
            "outcomes": [asdict(each) for each in outcomes],
        },
    }


def _with_pins(scores: csr_array, cohort: Cohort, pins: Mapping[int, int]) -> csr_array:
    """All pairs, and the pinned ones that the rules would not allow, with their score."""
    table = scores.tocoo()
    row, column = np.array([*pins], dtype=np.intp), np.array([*pins.values()], dtype=np.intp)
    m = scores.shape[1]
    new = ~np.isin(row * m + column, table.row.astype(np.intp) * m + table.col)
    value, _ = cohort.scores(row[new], column[new])
    return merged(scores, csr_array((value, (row[new], column[new])), shape=scores.shape))


def _pairs(given: Sequence[Sequence[str]]) -> list[tuple[UUID, UUID]]:
    return [(UUID(one), UUID(other)) for one, other in given]


def _suggestions(cohort: Cohort, result: Assignment) -> list[dict[str, Any]]:
    rows = np.flatnonzero(result.mentor >= 0)
    columns = result.mentor[rows]
    suggestions = []
    for mentee, mentor, why in zip(rows.tolist(), columns.tolist(), cohort.explain_all(rows, columns), strict=True):
        other = int(result.next_best[mentee])
        suggestions.append(
            {
                "mentee_id": str(cohort.mentees.people[mentee].member_id),
                "mentor_id": str(cohort.mentors.people[mentor].member_id),
                "score": round(sum(part["value"] * part["weight"] for part in why["parts"]), 6),
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
        sys.stdout.write(json.dumps(solve(json.load(sys.stdin))))  # at once: `json.dump` writes each token apart
    except ConflictError as conflict:
        sys.stdout.write(json.dumps(conflict.found))
        sys.exit(str(conflict))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
