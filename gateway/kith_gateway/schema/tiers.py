"""What mentors have earned."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, fetched, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.trust import Role
from kith_gateway.types import Connection, enumeration, record


@enumeration
class MentorTier(Enum):
    """How far a mentor has come, by how their pairings went."""

    PROVEN = "proven"
    SENIOR = "senior"
    LEAD = "lead"


@record
class EarnedTier:
    """The tier somebody has earned as a mentor."""

    tier: MentorTier = plain("Which.")
    since: datetime = plain("Since when.")


@record
class NextTier:
    """A tier, and the least of what earns it."""

    tier: MentorTier = plain("Which.")
    completed: int = plain("Mentees seen through.")
    tenure_days: int = plain("Days since the first pairing.")
    rating: float | None = plain("What mentees say on average, 1 to 5; null where it does not count.")


@record
class MentorStanding:
    """Where the caller stands as a mentor, and what the next tier takes."""

    tier: MentorTier | None = plain("The tier they have.")
    since: datetime | None = plain("Since when.")
    completed: int = plain("Different mentees with whom a pairing came to its end as agreed, or completed.")
    tenure_days: int = plain("Days since their first pairing as a mentor.")
    enough_answers: bool = plain("Whether so many mentees said how it was that it can count; never what they said.")
    next: NextTier | None = plain("What the next tier takes; null at the top.")


@record
class TieredMentor:
    """A mentor with a tier, and what it opens to them."""

    tier: MentorTier = plain("Which.")
    since: datetime = plain("Since when.")
    opens: list[Role] = plain("Roles they are a candidate for; an owner grants them.", bound=5)
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@strawberry.type
class Query:
    my_mentor_standing: MentorStanding | None = fetched(
        MATCHING, "/mentor-standing", description="Where the caller stands as a mentor."
    )
    mentor_tiers: Connection[TieredMentor] | None = paged(
        MATCHING,
        "/mentor-tiers",
        arguments=(Argument("tier", MentorTier | None, "This tier alone.", default=None),),
        cursor=("rank", "member_id"),
        description="Who has earned a tier as a mentor, the highest first; for coordinators.",
    )
