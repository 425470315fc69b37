"""Who is likely to make a good mentor for those who wait. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from kith_matching.scoring import Cohort

HALF = 3  # who helped so many people counts half as much as somebody can


@dataclass(frozen=True)
class Helped:
    """What a member did for others lately.

    people  different people who thanked them, whose question they answered, or whose pairing with them ended well
    quiet   pairings in which they went quiet
    """

    people: int
    quiet: int


@dataclass(frozen=True)
class Likely:
    """member_id, what of their skills is wanted, and how likely they are to help those who wait (0 to 1)."""

    member_id: UUID
    skills: list[str]
    likelihood: float


def helpfulness(helped: Helped) -> float:
    """From 0 to 1, in people and not in deeds: who thanks ten times is one person, and the tenth person adds little.

    Each pairing in which somebody went quiet takes away as much as one person gave.
    """
    people = max(0, helped.people - helped.quiet)
    return people / (people + HALF)


def likely(cohort: Cohort, helped: Sequence[Helped]) -> list[Likely]:
    """Who of the cohort's mentors could help, who most first: what they offer times how helpful they were.

    cohort  those who wait as its mentees, those who could be asked as its mentors
    helped  (mentors,)
    What they offer is the part `skills` of their pairs with those who wait, 0 where the rules forbid the pair or they
    offer nothing that is wanted, on average over all who wait. Who offers nothing, or has helped nobody, is left out.
    """
    waiting, asked = len(cohort.mentees.people), len(cohort.mentors.people)
    if not waiting or not asked:
        return []
    rows, columns = np.divmod(np.arange(waiting * asked), asked)
    parts, evidence = cohort.parts(rows, columns)
    _, allowed = cohort.scores(rows, columns)
    serves = np.where(allowed & (evidence.shared_skills > 0), parts["skills"], 0).reshape(waiting, asked)
    value = serves.mean(axis=0) * [helpfulness(each) for each in helped]
    wanted = {cohort.tag(each) for person in cohort.mentees.people for each in person.skills or ()}
    people = cohort.mentors.people
    order = sorted(np.flatnonzero(value > 0).tolist(), key=lambda k: (-round(float(value[k]), 6), people[k].member_id))
    return [
        Likely(
            people[k].member_id,
            sorted(each for each in people[k].skills or () if cohort.tag(each) in wanted),
            round(float(value[k]), 6),
        )
        for k in order
    ]
