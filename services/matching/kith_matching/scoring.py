"""How well a mentor and a mentee fit: parts between 0 and 1, weighted; hard rules apart. Pure.

All parts are computed for a block of mentees against all mentors at once, and the explanation of one pair calls the
same code on a block of one: what is shown is what was solved.
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kith_matching.availability import SLOT_MINUTES, weekly_mask

Floats = NDArray[np.float32]
UNKNOWN = 0.5  # the part of a pair about which nothing is known: neither for nor against
GOOD_GAP_YEARS, GAP_SPREAD_YEARS = 5.0, 8.0
ENOUGH_MINUTES = 240.0


@dataclass(frozen=True)
class Weights:
    """How much each part counts; they sum to 1."""

    skills: float = 0.5
    interests: float = 0.1
    language: float = 0.1
    experience: float = 0.15
    availability: float = 0.15

    def __post_init__(self) -> None:
        values = [getattr(self, each.name) for each in fields(self)]
        if any(not math.isfinite(value) or value < 0 for value in values) or abs(sum(values) - 1) > 1e-6:  # noqa: PLR2004
            raise ValueError("weights are numbers from 0 that sum to 1")


@dataclass(frozen=True)
class Rules:
    """What no pair may break; what is unknown of somebody does not count against them."""

    shared_skill: bool = True
    common_language: bool = True
    minimum_overlap_minutes: int = 0
    minimum_score: float = 0.0


@dataclass(frozen=True)
class Person:
    """One side of a pair, as the profile says. Skills map a tag to its level, 1 to 5."""

    member_id: UUID
    skills: Mapping[str, int]
    interests: Sequence[str] = ()
    languages: Sequence[str] = ()
    experience_years: float | None = None
    time_zone: str | None = None
    availability: Sequence[Mapping[str, int]] = ()
    capacity: int = 1


def tag(text: str) -> str:
    """The form in which tags are compared: compatibility forms, case and spaces folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass
class Side:
    """People as arrays: (people, tags) levels, (people, ...) indicators, (people,) numbers with nan for unknown."""

    people: Sequence[Person]
    skills: Floats
    interests: Floats
    languages: Floats
    experience: Floats
    slots: Floats
    knows_slots: NDArray[np.bool_]


class Cohort:
    """Mentees and mentors of one program, ready to be scored.

    week      the Monday whose daylight-saving rules availability is counted in
    """

    def __init__(
        self, mentees: Sequence[Person], mentors: Sequence[Person], *, weights: Weights, rules: Rules, week: date
    ) -> None:
        self.weights, self.rules = weights, rules
        everyone = [*mentees, *mentors]
        skills = _index(t for person in everyone for t in person.skills)
        interests = _index(i for person in everyone for i in person.interests)
        languages = _index(_base(each) for person in everyone for each in person.languages)
        self.mentees = _side(mentees, skills, interests, languages, week)
        self.mentors = _side(mentors, skills, interests, languages, week)

    def parts(self, rows: slice, columns: slice = slice(None)) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
        """Each part (mentees of `rows`, mentors of `columns`) and which pairs the rules allow."""
        mentees, mentors = _rows(self.mentees, rows), _rows(self.mentors, columns)
        wanted = mentees.skills.sum(axis=1, keepdims=True)
        served = mentees.skills @ (mentors.skills / 5).T
        minutes = (mentees.slots @ mentors.slots.T) * SLOT_MINUTES
        known_minutes = mentees.knows_slots[:, None] & mentors.knows_slots[None, :]
        shared: NDArray[np.bool_] = np.greater(mentees.languages @ mentors.languages.T, 0)
        known_language = (mentees.languages.sum(axis=1) > 0)[:, None] & (mentors.languages.sum(axis=1) > 0)[None, :]
        cared = mentees.interests.sum(axis=1, keepdims=True)
        gap: Floats = mentors.experience[None, :] - mentees.experience[:, None]
        near = np.where(gap > 0, np.exp(-(((gap - GOOD_GAP_YEARS) / GAP_SPREAD_YEARS) ** 2)), 0)
        found = {
            "skills": np.where(wanted > 0, served / np.maximum(wanted, 1), UNKNOWN),
            "interests": np.where(cared > 0, (mentees.interests @ mentors.interests.T) / np.maximum(cared, 1), UNKNOWN),
            "language": np.where(known_language, shared, UNKNOWN),
            "experience": np.where(np.isnan(gap), UNKNOWN, near),
            "availability": np.where(known_minutes, np.minimum(minutes / ENOUGH_MINUTES, 1), UNKNOWN),
        }
        allowed = np.ones(minutes.shape, dtype=np.bool_)
        if self.rules.shared_skill:
            allowed &= (served > 0) | (wanted == 0)
        if self.rules.common_language:
            allowed &= shared | ~known_language
        if self.rules.minimum_overlap_minutes:
            allowed &= (minutes >= self.rules.minimum_overlap_minutes) | ~known_minutes
        own = {person.member_id: column for column, person in enumerate(mentors.people)}
        for row, person in enumerate(mentees.people):
            if person.member_id in own:  # nobody is their own mentor
                allowed[row, own[person.member_id]] = False
        return {name: part.astype(np.float32) for name, part in found.items()}, allowed

    def scores(self, rows: slice) -> tuple[Floats, NDArray[np.bool_]]:
        """Weighted sum of the parts, (rows, mentors), and which pairs are allowed."""
        parts, allowed = self.parts(rows)
        total = np.zeros(allowed.shape, dtype=np.float32)
        for name, part in parts.items():
            total += np.float32(getattr(self.weights, name)) * part
        return total, allowed & (total >= self.rules.minimum_score)

    def explain(self, mentee: int, mentor: int) -> dict[str, Any]:
        """Why a pair fits: each part with its value and weight, and the facts behind it. JSON-ready."""
        parts, _ = self.parts(slice(mentee, mentee + 1), slice(mentor, mentor + 1))
        one, other = self.mentees.people[mentee], self.mentors.people[mentor]
        offered = {tag(each): level for each, level in other.skills.items()}
        minutes = float((self.mentees.slots[mentee] @ self.mentors.slots[mentor]) * SLOT_MINUTES)
        known = bool(self.mentees.knows_slots[mentee] and self.mentors.knows_slots[mentor])
        return {
            "parts": [
                {"part": name, "value": round(float(part[0, 0]), 4), "weight": getattr(self.weights, name)}
                for name, part in parts.items()
            ],
            "shared_skills": sorted(each for each in one.skills if tag(each) in offered),
            "shared_languages": sorted(_bases(one) & _bases(other)),
            "overlap_minutes": round(minutes) if known else None,
        }


def _base(language: str) -> str:
    """The primary subtag (BCP 47): speakers of pt-BR and pt-PT understand each other."""
    return language.split("-", maxsplit=1)[0].lower()


def _bases(person: Person) -> set[str]:
    return {_base(each) for each in person.languages}


def _index(words: Iterable[str]) -> dict[str, int]:
    return {word: place for place, word in enumerate(sorted({tag(word) for word in words}))}


def _side(
    people: Sequence[Person], skills: dict[str, int], interests: dict[str, int], languages: dict[str, int], week: date
) -> Side:
    n = len(people)
    masks = [weekly_mask(person.time_zone, person.availability, week) for person in people]
    side = Side(
        people=people,
        skills=np.zeros((n, len(skills)), dtype=np.float32),
        interests=np.zeros((n, len(interests)), dtype=np.float32),
        languages=np.zeros((n, len(languages)), dtype=np.float32),
        experience=np.array(
            [math.nan if p.experience_years is None else p.experience_years for p in people], np.float32
        ),
        slots=np.zeros((n, 0 if not masks else 7 * 24 * 60 // SLOT_MINUTES), dtype=np.float32),
        knows_slots=np.array([mask is not None for mask in masks], dtype=np.bool_),
    )
    for row, person in enumerate(people):
        for each, level in person.skills.items():
            column = skills[tag(each)]
            side.skills[row, column] = max(side.skills[row, column], level)
        for each in person.interests:
            side.interests[row, interests[tag(each)]] = 1
        for each in person.languages:
            side.languages[row, languages[tag(_base(each))]] = 1
        mask = masks[row]
        if mask is not None:
            side.slots[row] = mask
    return side


def _rows(side: Side, rows: slice) -> Side:
    arrays = {each.name: getattr(side, each.name)[rows] for each in fields(side)}
    return Side(**arrays)
