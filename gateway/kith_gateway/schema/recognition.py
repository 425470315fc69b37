"""Kudos, points, badges, leaderboard."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, RECOGNITION, Argument, fetched, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, enumeration, record


@enumeration
class Period(Enum):
    """What a leaderboard counts: since Monday, since the first of the month, or all."""

    WEEK = "week"
    MONTH = "month"
    ALL = "all"


@record
class Kudos:
    """Thanks from one member to another."""

    id: strawberry.ID = identifier("Kudos")
    message: str = plain("For what.")
    value: str = plain("The value of the community it stands for.")
    given_at: datetime = plain("When.")
    giver: Member | None = joined(IDENTITY, "/read/members", key="giver_id", description="Who thanks.")
    receiver: Member | None = joined(IDENTITY, "/read/members", key="receiver_id", description="Who is thanked.")


@record
class Ranked:
    """A member's place on the leaderboard."""

    rank: int = plain("The place; equal points share one.")
    points: int = plain("Points of the period.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class Badge:
    """A badge that can be awarded."""

    key: str = plain("Its key.")
    name: str = plain("Its name.")
    description: str = plain("What it is given for.")
    repeatable: bool = plain("Whether someone can have it more than once.")


@record
class BadgeAward:
    """A badge someone was awarded."""

    id: strawberry.ID = identifier("BadgeAward")
    badge_key: str = plain("Which badge.")
    reason: str = plain("Why.")
    awarded_at: datetime = plain("When.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who got it.")
    awarded_by: Member | None = joined(
        IDENTITY, "/read/members", key="awarded_by", description="Who awarded it; nobody where a rule did."
    )


@record
class RecognitionTotals:
    """How much was recognised in the community."""

    kudos: int = plain("Kudos given.")
    entries: int = plain("Entries of the ledger of points.")
    points: int = plain("Points earned.")
    badges: int = plain("Badges awarded.")


@strawberry.type
class Query:
    kudos: Connection[Kudos] | None = paged(RECOGNITION, "/kudos", description="Kudos given, the newest first.")
    leaderboard: list[Ranked] | None = fetched(
        RECOGNITION,
        "/leaderboard",
        arguments=(
            Argument("period", Period, "What to count.", Period.MONTH),
            Argument("first", int, "How many at most; 100 at the most.", 10),
        ),
        bound=100,
        description="Who has the most points; who wants no ranking is left out.",
    )
    badges: list[Badge] | None = fetched(RECOGNITION, "/badges", bound=500, description="The badges of the community.")
    recognition_totals: RecognitionTotals | None = fetched(
        RECOGNITION, "/totals", description="How much was recognised in the community."
    )
