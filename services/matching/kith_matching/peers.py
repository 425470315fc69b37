"""How well two of one side fit: the mean of both ways, as one is as much a mentor as the other. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kith_matching.scoring import Cohort, Floats, Ints, Person, Rules, Weights


class Peers:
    """People of one side, each with what they want and what they offer.

    wants, offers  the same people in the same order, with the skills wanted and with those offered
    both           whether each must have something for the other (`minimum_shared_skills` holds both ways), or one is
                   enough
    apart          pairs of ids that must not meet
    """

    def __init__(
        self,
        wants: Sequence[Person],
        offers: Sequence[Person],
        *,
        weights: Weights,
        rules: Rules,
        week: date,
        both: bool = False,
        apart: Iterable[tuple[UUID, UUID]] = (),
    ) -> None:
        pairs = list(apart)
        self.people = wants
        self._both = both
        self._least = rules.minimum_score
        self._cohort = Cohort(
            wants,
            offers,
            weights=weights,
            rules=replace(rules, minimum_score=0.0, no_repeats=False),  # of the mean, and by rounds
            week=week,
            forbidden=[*pairs, *((other, one) for one, other in pairs)],
        )

    def scores(self, one: Ints, other: Ints) -> tuple[Floats, NDArray[np.bool_]]:
        """(pairs,) from 0 to 1, the same whoever is named first, and which of them the rules allow."""
        there, allowed = self._cohort.scores(one, other)
        back, also = self._cohort.scores(other, one)
        score = (there + back) / 2
        allowed = (allowed & also) if self._both else (allowed | also)
        return score, allowed & (score >= self._least)

    def explain(self, some: Sequence[tuple[int, ...]]) -> list[dict[str, Any]]:
        """Why each meeting of two or three fits: the mean of the parts of its pairs, and what they have in common.

        Reason codes are those of `Cohort.explain_all`, of the best known of the pairs.
        """
        if not some:
            return []
        ways = [[(i, j) for i in each for j in each if i != j] for each in some]
        flat = [pair for each in ways for pair in each]
        rows, columns = (np.array([pair[k] for pair in flat], dtype=np.intp) for k in (0, 1))
        told = iter(self._cohort.explain_all(rows, columns))
        return [self._joined([next(told) for _ in each], members) for members, each in zip(some, ways, strict=True)]

    def _joined(self, ways: list[dict[str, Any]], members: tuple[int, ...]) -> dict[str, Any]:
        parts = []
        for same in zip(*(each["parts"] for each in ways), strict=True):
            reasons = sorted({each["reason"] for each in same}, key=_telling)
            value = sum(each["value"] for each in same) / len(same)
            parts.append({"part": same[0]["part"], "value": value, "weight": same[0]["weight"], "reason": reasons[0]})
        minutes = [each["overlap_minutes"] for each in ways if each["overlap_minutes"] is not None]
        people = [self.people[each] for each in members]
        return {
            "score": round(sum(part["value"] * part["weight"] for part in parts), 6),
            "parts": parts,
            "shared_skills": sorted({skill for each in ways for skill in each["shared_skills"]}),
            "shared_interests": _common([{self._cohort.tag(t): t for t in each.interests} for each in people]),
            "shared_languages": sorted(set.intersection(*({*each["shared_languages"]} for each in ways))),
            "overlap_minutes": min(minutes) if minutes else None,
        }


def _telling(reason: str) -> int:
    """A reason that something is shared says more than one that nothing is, and that more than nothing known."""
    return ("_shared", "_none", "_unknown").index(f"_{reason.rpartition('_')[2]}")


def _common(tags: Sequence[Mapping[str, str]]) -> list[str]:
    return sorted(tags[0][each] for each in set.intersection(*({*each} for each in tags)))
