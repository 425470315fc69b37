"""Rounds of introductions, when they recur, and who is kept apart."""

from datetime import date, datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, by_id, fetched, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.matching import Program, ScorePart
from kith_gateway.types import Connection, enumeration, record


@enumeration
class RoundStatus(Enum):
    """Where a round of introductions is."""

    QUEUED = "queued"
    SOLVING = "solving"
    SOLVED = "solved"
    PUBLISHED = "published"
    FAILED = "failed"
    DISCARDED = "discarded"


@enumeration
class RoundForm(Enum):
    """What a round brings people together for."""

    MEET = "meet"
    EXCHANGE = "exchange"
    BRIDGE = "bridge"


@enumeration
class IntroductionStatus(Enum):
    """Where an introduction is."""

    DRAFTED = "drafted"
    MADE = "made"
    DROPPED = "dropped"


@enumeration
class LeftOutReason(Enum):
    """Why somebody meets nobody in a round."""

    ODD_ONE_OUT = "odd_one_out"
    NOBODY_MEETS_THE_RULES = "nobody_meets_the_rules"
    PARTNER_DROPPED_OUT = "partner_dropped_out"


@enumeration
class Every(Enum):
    """How often rounds recur."""

    WEEK = "week"
    TWO_WEEKS = "two_weeks"
    MONTH = "month"


@record
class RoundCertificate:
    """What a round found, and the proof of how good it is over the pairs that were looked at.

    In a round of help, `gap` is how many people more might be helped; in one of bridges, by how much another choice
    could lower the silo index further.
    """

    people: int = plain("Who took part.")
    pairs_looked_at: int = plain("Pairs that may meet: all of them, or in a large community some for each.")
    introductions: int = plain("Meetings or circles found.")
    trios: int = plain("Those of three.")
    left_out: int = plain("Who meets nobody.")
    again: int = plain("Meetings of some who met before, because one of them has met everyone.")
    total: float = plain(
        "Sum of the scores of the pairs, of a trio, of the pair that somebody joined; less what closed circles cost."
    )
    bound: float = plain("The most that sum could be, with as many people and with who was left out last time.")
    gap: float = plain("How far the round may be from the best; 0 is proven optimal.")
    most: bool = plain("Whether it is proven that no more people could meet in pairs, or be helped.")
    circle_share: float | None = plain(
        "For meetings: the share of them inside circles that met already, where any two met or met a common third."
    )
    circle_share_by_chance: float | None = plain("The same of all pairs that might have met.")
    silos: int | None = plain("For bridges: parts of two or more who have to do with each other rather than others.")
    silo_index_before: float | None = plain(
        "For bridges: the share of ties between silos that are missing; 0 is mixed as by chance, 1 no tie between any."
    )
    silo_index_after: float | None = plain("The same, when all who are introduced have met.")
    seed: int = plain("What ties were broken with; the same seed gives the same round.")
    scoring_seconds: float = plain("Time for scoring.")
    solving_seconds: float = plain("Time for solving.")


@record
class IntroductionRound:
    """Everyone of a program who takes part meets one or two others; a draft until it is published."""

    id: strawberry.ID = identifier("IntroductionRound")
    number: int = plain("Which of the program's, from 0.")
    form: RoundForm = plain("Meetings of everyone, circles of help, or a few bridges between silos.")
    status: RoundStatus = plain("Where it is.")
    seed: int = plain("What ties are broken with.")
    trios: bool = plain("Whether somebody left over joins two others.")
    automatic: bool = plain("Whether it is published as soon as it is solved.")
    due_at: datetime | None = plain("When it was due, if by the schedule.")
    certificate: RoundCertificate | None = plain("What was found and how good it is, once solved.")
    failure: str | None = plain("Why it failed and what to do.")
    requested_at: datetime = plain("Since when it exists.")
    solved_at: datetime | None = plain("When it was solved.")
    published_at: datetime | None = plain("When it was published.")
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="Of which program.")


@record
class Help:
    """One of a circle helps the next."""

    skills: list[str] = plain("What with: what one offers and the other wants.", bound=100)
    giver: Member | None = joined(IDENTITY, "/read/members", key="giver_id", description="Who helps.")
    taker: Member | None = joined(IDENTITY, "/read/members", key="taker_id", description="Who is helped.")


@record
class Introduction:
    """Two or three members who are to meet, or up to four who help each other in a circle, and why they."""

    id: strawberry.ID = identifier("Introduction")
    status: IntroductionStatus = plain("Where it is.")
    score: float = plain("How well they fit.")
    again: bool = plain("Whether some of them met in a round before.")
    parts: list[ScorePart] = plain("What the score is made of.", bound=20)
    shared_skills: list[str] = plain("What one wants and another offers.", bound=200)
    shared_interests: list[str] = plain("What all of them are interested in.", bound=100)
    shared_languages: list[str] = plain("Languages all of them speak.", bound=20)
    overlap_minutes: int | None = plain("Minutes a week any two of them have time, at least.")
    helps: list[Help] = plain("Who helps whom in a circle; empty for meetings.", bound=4)
    made_at: datetime | None = plain("Since when its members know.")
    members: list[Member] | None = joined(
        IDENTITY,
        "/read/members",
        key="member_ids",
        shape="each",
        bound=4,
        description="Who; in a circle each helps the next.",
    )
    host: Member | None = joined(
        IDENTITY, "/read/members", key="host_id", description="Whose turn it is to arrange the meeting."
    )
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="In which program.")


@record
class LeftOut:
    """A member who meets nobody in a round, and comes first in the next."""

    reason: LeftOutReason = plain("Why.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class IntroductionSchedule:
    """When the rounds of a program recur."""

    every: Every = plain("How often.")
    starts_on: date = plain("Day of the first.")
    at: str = plain("Time of the day, as the clock on the wall shows it, like 09:00:00.")
    time_zone: str = plain("Where that wall is, an IANA zone.")
    trios: bool = plain("Whether somebody left over joins two others.")
    automatic: bool = plain("Whether rounds are published as soon as they are solved.")
    next_at: datetime = plain("When the next is due.")
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="Of which program.")


@record
class KeptApart:
    """Two members who are not brought together."""

    kept_at: datetime = plain("Since when.")
    members: list[Member] | None = joined(
        IDENTITY, "/read/members", key="member_ids", shape="each", bound=2, description="Who."
    )
    kept_by: Member | None = joined(IDENTITY, "/read/members", key="kept_by", description="Who decided it.")


_OF_PROGRAM = (Argument("program_id", strawberry.ID, "The program.", refers="Program"),)
_OF_ROUND = (Argument("round_id", strawberry.ID, "The round.", refers="IntroductionRound"),)


@strawberry.type
class Query:
    introduction_rounds: Connection[IntroductionRound] | None = paged(
        MATCHING,
        "/programs/{program_id}/introduction-rounds",
        arguments=_OF_PROGRAM,
        description="The rounds of introductions of a program, the newest first; for coordinators.",
    )
    introduction_round: IntroductionRound | None = fetched(
        MATCHING,
        "/introduction-rounds/{id}",
        arguments=(by_id("IntroductionRound"),),
        description="One round of introductions; for coordinators.",
    )
    introductions: Connection[Introduction] | None = paged(
        MATCHING,
        "/introduction-rounds/{round_id}/introductions",
        arguments=_OF_ROUND,
        description="Who meets whom in a round, and why: the preview of a draft; for coordinators.",
    )
    introductions_left_out: Connection[LeftOut] | None = paged(
        MATCHING,
        "/introduction-rounds/{round_id}/left-out",
        arguments=_OF_ROUND,
        cursor=("member_id",),
        description="Who meets nobody in a round, and why; for coordinators.",
    )
    my_introductions: Connection[Introduction] | None = paged(
        MATCHING, "/introductions", description="Whom the caller was introduced to, the newest first."
    )
    introduction_schedule: IntroductionSchedule | None = fetched(
        MATCHING,
        "/programs/{program_id}/introduction-schedule",
        arguments=_OF_PROGRAM,
        description="When the rounds of a program recur.",
    )
    kept_apart: Connection[KeptApart] | None = paged(
        MATCHING,
        "/kept-apart",
        cursor=("one_id", "other_id"),
        description="Who is not brought together; for coordinators.",
    )
