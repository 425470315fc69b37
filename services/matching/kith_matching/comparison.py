"""What a change of weights, rules or mode would do to a cohort: who would gain and who would lose. Pure.

`python -m kith_matching.comparison` compares in a process of its own, JSON in, JSON out.
"""

import json
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kith_matching.candidates import candidates
from kith_matching.modes import Hours, assigned
from kith_matching.optimum import optimum
from kith_matching.scoring import SAME, Cohort, Person, Rules, Weights, person
from kith_matching.solve import EVERY_PAIR

SHOWN = 500  # people whose change is told one by one, those it matters most to

Ints = NDArray[np.int64]


def compare(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Both assignments, and each mentee's, measured by the changed weights: what a person has is the same either way.

    problem  {"seed", "week", "mentees", "mentors", "prohibited", "former", "now" and "then": {"weights", "rules",
             "mode"}} as `solve` reads them
    """
    mentees, mentors = ([person(each) for each in problem[side]] for side in ("mentees", "mentors"))
    cohorts = {name: _cohort(problem, problem[name], mentees, mentors) for name in ("now", "then")}
    given = {name: _assigned(problem, problem[name]["mode"], each) for name, each in cohorts.items()}
    by_then = cohorts["then"]
    fit = {name: _fit(by_then, mentor) for name, mentor in given.items()}
    found: list[tuple[float, dict[str, Any]]] = []
    for k, one in enumerate(mentees):
        before, after = int(given["now"][k]), int(given["then"][k])
        if before == after:
            continue
        fits = [None if place < 0 else float(value[k]) for place, value in ((before, fit["now"]), (after, fit["then"]))]
        weighs = (fits[1] or 0) - (fits[0] or 0) + (after >= 0) - (before >= 0)
        told = {
            "mentee_id": str(one.member_id),
            "mentor_before_id": _id(mentors, before),
            "mentor_after_id": _id(mentors, after),
            "fit_before": None if fits[0] is None else round(fits[0], 6),
            "fit_after": None if fits[1] is None else round(fits[1], 6),
            "change": "gains" if weighs > SAME else "loses" if weighs < -SAME else "same",
        }
        found.append((weighs, told))
    changes = [told for _, told in sorted(found, key=lambda each: (-abs(each[0]), each[1]["mentee_id"]))]
    counts = {name: sum(each["change"] == name for each in changes) for name in ("gains", "loses")}
    return {
        "mentees": len(mentees),
        "mentors": len(mentors),
        "gain": counts["gains"],
        "lose": counts["loses"],
        "another_mentor": len(changes),
        "before": _told(given["now"], fit["now"]),
        "after": _told(given["then"], fit["then"]),
        "changes": changes[:SHOWN],
    }


def _cohort(
    problem: Mapping[str, Any], settings: Mapping[str, Any], mentees: list[Person], mentors: list[Person]
) -> Cohort:
    return Cohort(
        mentees,
        mentors,
        weights=Weights(**settings["weights"]),
        rules=Rules(**settings["rules"]),
        week=date.fromisoformat(problem["week"]),
        forbidden=_pairs([*problem["prohibited"], *problem.get("together", [])]),
        former=_pairs(problem["former"]),
    )


def _pairs(given: list[list[str]]) -> list[tuple[UUID, UUID]]:
    return [(UUID(one), UUID(other)) for one, other in given]


def _assigned(problem: Mapping[str, Any], mode: Any, cohort: Cohort) -> Ints:
    """(mentees,) as a match run would give it, without pins."""
    capacity = np.array([each.capacity for each in cohort.mentors.people], dtype=np.int64)
    seed = int(problem["seed"])
    n, m = len(cohort.mentees.people), len(cohort.mentors.people)
    if n == 0 or m == 0:
        return np.full(n, -1)
    best = optimum(cohort, capacity, seed=seed)
    if mode == "best_total":
        return best.assignment.mentor
    scores = candidates(cohort, most=m) if n * m <= EVERY_PAIR else best.scores
    hours = Hours.of(problem["mentees"], problem["mentors"])
    return assigned(mode, scores, capacity, seed=seed, hours=hours)


def _fit(cohort: Cohort, mentor: Ints) -> NDArray[np.float64]:
    """(mentees,) score of what each is given, 0 for nobody, whether or not the rules of this cohort allow it."""
    found = np.zeros(len(mentor))
    rows = np.flatnonzero(mentor >= 0)
    if len(rows):
        found[rows], _ = cohort.scores(rows, mentor[rows].astype(np.intp))
    return found


def _id(mentors: list[Person], place: int) -> str | None:
    return str(mentors[place].member_id) if place >= 0 else None


def _told(mentor: Ints, fit: NDArray[np.float64]) -> dict[str, Any]:
    got = fit[mentor >= 0]
    return {
        "matched": len(got),
        "mean_fit": round(float(got.mean()), 6) if len(got) else 0.0,
        "lowest_fit": round(float(got.min()), 6) if len(got) else 0.0,
    }


def main() -> None:
    try:
        sys.stdout.write(json.dumps(compare(json.load(sys.stdin))))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
