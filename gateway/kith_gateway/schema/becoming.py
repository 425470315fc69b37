"""Who could be a mentor next, and how many mentees have become one."""

from datetime import date, datetime

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, fetched, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, record


@record
class FutureMentor:
    """A member who is no mentor of the program yet, and what speaks for them: people they helped in the last year."""

    helpfulness: float = plain("From 0 to 1; by people and not by deeds, less the pairings in which they went quiet.")
    people: int = plain("Different people they helped.")
    thanked: int = plain("Those of them who thanked them, or accepted an answer of theirs.")
    mentored: int = plain("Those of them whom they mentored to a good end.")
    served: int = plain("Those of them whom they helped in the help queue.")
    quiet: int = plain("Pairings as a mentor in which they went quiet.")
    skills: list[str] = plain("What they offer of what mentees want who have no mentor yet.", bound=100)
    was_mentee: bool = plain("Whether they were a mentee to a good end.")
    called_at: datetime | None = plain("When a call for mentors last asked them.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class ConversionQuarter:
    """The mentees who finished in one quarter."""

    starts_on: date = plain("The first day of the quarter.")
    finished: int = plain("Mentees who finished in it.")
    mentored: int = plain("Those of them who have mentored since.")


@record
class MentorConversion:
    """How many mentees become mentors. Who had mentored before they were a mentee is left out."""

    share: float | None = plain("Those of the finished who have mentored so far; null when nobody finished.")
    share_in_a_year: float | None = plain(
        "How many mentor within a year, estimated as if all had had that year; null when nobody finished so long ago."
    )
    finished: int = plain("Mentees with a pairing that was completed, or came to its agreed end.")
    enrolled: int = plain("Those of them who are enrolled as mentors, or were mentors.")
    mentored: int = plain("Those of them who have had a mentee.")
    median_days: int | None = plain("Half of those who became mentors did so within so many days of finishing.")
    quarters: list[ConversionQuarter] = plain("By when they finished, the newest quarter first.", bound=400)


@strawberry.type
class Query:
    future_mentors: Connection[FutureMentor] | None = paged(
        MATCHING,
        "/programs/{program_id}/future-mentors",
        arguments=(Argument("program_id", strawberry.ID, "The program.", refers="Program"),),
        cursor=("weighs", "member_id"),
        description="Who helps others and is no mentor of the program, who helped most people first; for coordinators.",
    )
    mentor_conversion: MentorConversion | None = fetched(
        MATCHING,
        "/mentor-conversion",
        arguments=(
            Argument(
                "program_id",
                strawberry.ID | None,
                "Mentees of this program, wherever they mentor; of all when left out.",
                default=None,
                refers="Program",
            ),
            Argument(
                "since",
                datetime | None,
                "Finished from then on; in the last two years when left out.",
                default=None,
            ),
        ),
        description="How many mentees become mentors: the headline number of a program that lasts; for coordinators.",
    )
