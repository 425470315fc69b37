"""How well a mentor and a mentee fit: parts between 0 and 1, weighted; hard rules apart. Pure.

There is one way to compute the parts, over a list of pairs. The solver's scores and the explanation of one pair both
come from it: what is shown is what was solved.
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.availability import Bits, overlap_minutes, packed, weekly_mask

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Pair = tuple[UUID, UUID]

UNKNOWN = 0.5  # the part of a pair about which nothing is known: neither for nor against
SAME = 0.005  # scores closer than half a hundredth are the same to anybody
ROUNDING = 1e-6  # by so much sums of hours or of weights may be off
TOP_LEVEL = 5
MOST_SKILLS = 100  # more than a profile holds
WEEK_MINUTES = 7 * 24 * 60
GOOD_GAP_YEARS, GAP_SPREAD_YEARS = 5.0, 8.0  # a mentor a few steps ahead remembers the way (near-peer mentoring)
ENOUGH_MINUTES = 240.0  # more shared time than this makes no pair better
CHUNK = 65_536  # pairs at a time: bounds memory to tens of megabytes


@dataclass(frozen=True)
class Weights:
    """How much each part counts; they sum to 1."""

    skills: float = 0.5
    interests: float = 0.1
    language: float = 0.1
    experience: float = 0.15
    availability: float = 0.15
    load: float = 0.0

    def __post_init__(self) -> None:
        values = [getattr(self, each.name) for each in fields(self)]
        for each, value in zip(fields(self), values, strict=True):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"the weight {each.name} is not a number from 0 to 1; weights sum to 1")
        if abs(sum(values) - 1) > ROUNDING:
            raise ValueError("weights are numbers from 0 that sum to 1")


@dataclass(frozen=True)
class Rules:
    """What no pair may break; what is unknown of somebody does not count against them."""

    minimum_shared_skills: int = 1
    common_language: bool = True
    minimum_overlap_minutes: int = 0
    minimum_score: float = 0.0
    no_repeats: bool = True

    def __post_init__(self) -> None:
        for name, most in (("minimum_shared_skills", MOST_SKILLS), ("minimum_overlap_minutes", WEEK_MINUTES)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                raise ValueError(f"the rule {name} is not a whole number from 0 to {most}")
        for name in ("common_language", "no_repeats"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"the rule {name} is neither true nor false")  # noqa: TRY004 - settings come as JSON
        score = self.minimum_score
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            raise ValueError("the rule minimum_score is not a number from 0 to 1")


@dataclass(frozen=True)
class Person:
    """One side of a pair, as the profile says: a mentor with the skills offered, or a mentee with those wanted.

    skills        tag -> level 1 to 5; None when unknown
    availability  windows as `weekly_mask` reads them; unknown when empty or without a time zone
    fresh         False for a mentor who carries much already, see `load_state`
    """

    member_id: UUID
    skills: Mapping[str, int] | None
    interests: Sequence[str] = ()
    languages: Sequence[str] = ()
    experience_years: float | None = None
    time_zone: str | None = None
    availability: Sequence[Mapping[str, int]] = ()
    capacity: int = 1
    fresh: bool = True

    def __post_init__(self) -> None:
        if any(not 1 <= level <= TOP_LEVEL for level in (self.skills or {}).values()):
            raise ValueError(f"the skills of member {self.member_id} have a level outside 1 to {TOP_LEVEL}")
        if self.experience_years is not None and not (math.isfinite(self.experience_years)):
            raise ValueError(f"the experience of member {self.member_id} is not a number of years; leave it out")


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
        fresh=row.get("fresh", True),
    )


@lru_cache(maxsize=100_000)  # people share tags
def tag(text: str) -> str:
    """The form in which tags are compared: compatibility forms, case and spaces folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True)
class Side:
    """People as arrays, one row each."""

    people: Sequence[Person]
    skills: csr_array  # (people, tags) level
    knows_skills: NDArray[np.bool_]
    interests: csr_array  # (people, tags) 1
    languages: Ints  # which of the cohort's sets of languages
    experience: Floats  # years, nan for unknown
    slots: Bits  # (people, 252) packed
    knows_slots: NDArray[np.bool_]
    fresh: Floats  # 1 or 0


@dataclass(frozen=True)
class Evidence:
    """What the rules look at, for a list of pairs; nan where it is unknown."""

    shared_skills: Floats
    common_languages: Floats
    minutes: Floats


@dataclass
class Cohort:
    """Mentees and mentors of one program, ready to be scored.

    week       the Monday whose daylight-saving rules availability is counted in
    forbidden  (mentee, mentor) ids that must never be a pair
    former     (mentee, mentor) ids that were one, see `Rules.no_repeats`
    synonyms   tag -> the tag it means
    """

    given_mentees: Sequence[Person]
    given_mentors: Sequence[Person]
    weights: Weights = field(kw_only=True)
    rules: Rules = field(kw_only=True)
    week: date = field(kw_only=True)
    forbidden: Iterable[Pair] = field(default=(), kw_only=True)
    former: Iterable[Pair] = field(default=(), kw_only=True)
    synonyms: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        self._means = {tag(one): tag(other) for one, other in self.synonyms.items()}
        everyone = [*self.given_mentees, *self.given_mentors]
        skills = _index(self.tag(each) for person in everyone for each in person.skills or ())
        interests = _index(self.tag(each) for person in everyone for each in person.interests)
        sets = sorted({_spoken(person) for person in everyone}, key=sorted)
        places = {each: place for place, each in enumerate(sets)}
        self.mentees = self._side(self.given_mentees, skills, interests, places)
        self.mentors = self._side(self.given_mentors, skills, interests, places)
        # (sets, sets) languages in common: people are many, the sets of languages they speak are few.
        common = [len(one & other) if one and other else math.nan for one in sets for other in sets]
        self.common = np.array(common).reshape(len(sets), len(sets))
        self.offered = csr_array(self.mentors.skills / TOP_LEVEL)
        self.wants = np.asarray(self.mentees.skills.sum(axis=1), dtype=np.float64)
        self.cares = np.asarray(self.mentees.interests.sum(axis=1), dtype=np.float64)
        self.tells = np.asarray(self.mentors.interests.sum(axis=1), dtype=np.float64)
        self.barred = self._barred()

    def tag(self, text: str) -> str:
        """The tag that `text` stands for in this cohort."""
        folded = tag(text)
        return self._means.get(folded, folded)

    def parts(self, rows: Ints, columns: Ints) -> tuple[dict[str, Floats], Evidence]:
        """Each part (pairs,) between 0 and 1 for the pairs (rows[k], columns[k]), and what the rules look at."""
        mentees, mentors, nan = self.mentees, self.mentors, math.nan
        wants, cares = self.wants[rows], self.cares[rows]
        served = _dots(mentees.skills, rows, self.offered, columns)
        knows = (wants > 0) & mentors.knows_skills[columns]
        if self.rules.minimum_shared_skills > 1:
            shared = _dots(mentees.skills.sign(), rows, mentors.skills.sign(), columns)
        else:
            shared = (served > 0).astype(np.float64)
        known_interests = (cares > 0) & (self.tells[columns] > 0)
        alike = _dots(mentees.interests, rows, mentors.interests, columns)
        common = self.common[mentees.languages[rows], mentors.languages[columns]]
        known_slots = mentees.knows_slots[rows] & mentors.knows_slots[columns]
        minutes = np.where(known_slots, overlap_minutes(mentees.slots[rows], mentors.slots[columns]), nan)
        parts = {
            "skills": np.where(knows, served / np.maximum(wants, 1), UNKNOWN),
            "interests": np.where(known_interests, alike / np.maximum(cares, 1), UNKNOWN),
            "language": np.where(np.isnan(common), UNKNOWN, common > 0),
            "experience": nearness(mentors.experience[columns] - mentees.experience[rows]),
            "availability": np.where(known_slots, np.minimum(minutes / ENOUGH_MINUTES, 1), UNKNOWN),
        }
        if self.weights.load:  # else it would be told in every reason, and mean nothing
            parts["load"] = mentors.fresh[columns]
        return parts, Evidence(np.where(knows, shared, nan), common, minutes)

    def scores(self, rows: Ints, columns: Ints) -> tuple[Floats, NDArray[np.bool_]]:
        """Weighted sum of the parts of each pair (pairs,), and which of them the rules allow."""
        totals, allowed = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.bool_)
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            parts, evidence = self.parts(rows[part], columns[part])
            totals[part] = sum(getattr(self.weights, name) * value for name, value in parts.items())
            allowed[part] = self._allows(evidence)
        allowed &= totals >= self.rules.minimum_score
        allowed &= ~np.isin(rows.astype(np.int64) * len(self.mentors.people) + columns, self.barred)
        return totals, allowed

    def explain(self, mentee: int, mentor: int) -> dict[str, Any]:
        """Why one pair fits; see `explain_all`."""
        return self.explain_all(np.array([mentee]), np.array([mentor]))[0]

    def explain_all(self, rows: Ints, columns: Ints) -> list[dict[str, Any]]:
        """Why each pair fits: its parts with value, weight, reason code and facts. JSON-ready.

        The sum of value times weight is the score of `scores`. Codes are the part's name and `_shared`, `_none` or
        `_unknown`. The same work for many pairs at once is some hundred times as fast as one by one.
        """
        parts, evidence = self.parts(rows, columns)
        gaps = self.mentors.experience[columns] - self.mentees.experience[rows]
        found = []
        for k, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            one, other = self.mentees.people[row], self.mentors.people[column]
            offered = {self.tag(each): level for each, level in (other.skills or {}).items()}
            skills = sorted(each for each in one.skills or () if self.tag(each) in offered)
            liked = {self.tag(each) for each in other.interests}
            languages = sorted(_spoken(one) & _spoken(other))
            minutes = None if math.isnan(evidence.minutes[k]) else int(evidence.minutes[k])
            facts: dict[str, tuple[bool, dict[str, Any]]] = {
                "skills": (
                    not math.isnan(evidence.shared_skills[k]),
                    {
                        "shared": [
                            {"tag": each, "wanted": (one.skills or {})[each], "offered": offered[self.tag(each)]}
                            for each in skills
                        ]
                    },
                ),
                "interests": (
                    bool(one.interests and other.interests),
                    {"shared": sorted(each for each in one.interests if self.tag(each) in liked)},
                ),
                "language": (not math.isnan(evidence.common_languages[k]), {"shared": languages}),
                "experience": (not math.isnan(gaps[k]), {} if math.isnan(gaps[k]) else {"years_ahead": float(gaps[k])}),
                "availability": (minutes is not None, {} if minutes is None else {"minutes": minutes}),
                "load": (True, {}),
            }
            found.append(
                {
                    "parts": [
                        {
                            "part": name,
                            "value": float(value[k]),
                            "weight": getattr(self.weights, name),
                            "reason": f"{name}_{_code(known=facts[name][0], value=float(value[k]))}",
                            "data": facts[name][1],
                        }
                        for name, value in parts.items()
                    ],
                    "shared_skills": skills,
                    "shared_languages": languages,
                    "overlap_minutes": minutes,
                }
            )
        return found

    def _allows(self, evidence: Evidence) -> NDArray[np.bool_]:
        # Comparisons with nan are false: what is unknown breaks no rule.
        broken: NDArray[np.bool_] = evidence.shared_skills < self.rules.minimum_shared_skills
        broken |= evidence.minutes < self.rules.minimum_overlap_minutes
        if self.rules.common_language:
            broken |= evidence.common_languages < 1
        return ~broken

    def _barred(self) -> NDArray[np.int64]:
        """Pairs that no score makes good, as row * mentors + column."""
        row = {person.member_id: place for place, person in enumerate(self.mentees.people)}
        column = {person.member_id: place for place, person in enumerate(self.mentors.people)}
        pairs = {(each, each) for each in row}  # nobody is their own mentor
        pairs |= set(self.forbidden) | (set(self.former) if self.rules.no_repeats else set())
        m = len(column)
        places = [row[one] * m + column[other] for one, other in pairs if one in row and other in column]
        return np.sort(np.array(places, dtype=np.int64))

    def _side(
        self,
        people: Sequence[Person],
        skills: dict[str, int],
        interests: dict[str, int],
        sets: dict[frozenset[str], int],
    ) -> Side:
        masks = [_mask(person, self.week) for person in people]
        years = [math.nan if person.experience_years is None else person.experience_years for person in people]
        levels = [{} if person.skills is None else person.skills for person in people]
        return Side(
            people=people,
            skills=_table(
                [[(skills[self.tag(t)], level) for t, level in each.items()] for each in levels], len(skills)
            ),
            knows_skills=np.array([person.skills is not None for person in people], dtype=np.bool_),
            interests=_table(
                [[(interests[self.tag(t)], 1) for t in person.interests] for person in people], len(interests)
            ),
            languages=np.array([sets[_spoken(person)] for person in people], dtype=np.intp),
            experience=np.array(years, dtype=np.float64),
            slots=packed(masks),
            knows_slots=np.array([mask is not None for mask in masks], dtype=np.bool_),
            fresh=np.array([person.fresh for person in people], dtype=np.float64),
        )


def explain(mentor: Person, mentee: Person, *, weights: Weights, rules: Rules, week: date) -> dict[str, Any]:
    """Why one mentor fits one mentee, as `Cohort.explain_all` tells it."""
    return Cohort([mentee], [mentor], weights=weights, rules=rules, week=week).explain(0, 0)


def nearness(gap: NDArray[np.floating[Any]]) -> NDArray[Any]:
    """The part for years a mentor is ahead: best a few years on, nothing for somebody with less, neutral for nan."""
    near: NDArray[Any] = (gap - GOOD_GAP_YEARS) / GAP_SPREAD_YEARS
    near *= near
    near = np.exp(np.negative(near, out=near), out=near)
    np.copyto(near, 0, where=gap < 0)
    np.copyto(near, UNKNOWN, where=np.isnan(gap))
    return near


def _code(*, known: bool, value: float) -> str:
    return ("shared" if value > 0 else "none") if known else "unknown"


def _spoken(person: Person) -> frozenset[str]:
    """Primary subtags (BCP 47): speakers of pt-BR and pt-PT understand each other."""
    return frozenset(each.replace("_", "-").split("-", maxsplit=1)[0].strip().lower() for each in person.languages)


def _mask(person: Person, week: date) -> NDArray[np.bool_] | None:
    if not person.time_zone or not person.availability:
        return None
    return weekly_mask(person.time_zone, person.availability, week)


def _index(words: Iterable[str]) -> dict[str, int]:
    return {word: place for place, word in enumerate(sorted(set(words)))}


def _table(rows: list[list[tuple[int, int]]], width: int) -> csr_array:
    """(rows, width) from (column, value) lists; the largest value counts where a column comes twice."""
    single = [dict(sorted(row)) for row in rows]
    lengths = np.array([0, *(len(row) for row in single)])
    columns = np.array([column for row in single for column in row], dtype=np.int32)
    values = np.array([value for row in single for value in row.values()], dtype=np.float64)
    return csr_array((values, columns, np.cumsum(lengths)), shape=(len(rows), width))


def _dots(one: csr_array, rows: Ints, other: csr_array, columns: Ints) -> Floats:
    """(pairs,) inner products of row rows[k] of one with row columns[k] of the other."""
    return np.asarray(one[rows].multiply(other[columns]).sum(axis=1), dtype=np.float64)
