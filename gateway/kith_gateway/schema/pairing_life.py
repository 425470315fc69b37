"""What happens in a pairing from the day it is accepted to the day it ends."""

from datetime import date, datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, identifier, joined, lookup, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.matching import Pairing
from kith_gateway.types import enumeration, record


@enumeration
class Channel(Enum):
    """How two are in contact."""

    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    IN_PERSON = "in_person"


@record
class Agreement:
    """What two who are paired agree on. It holds when both have accepted it; a change needs both again."""

    id: strawberry.ID = identifier("Agreement")
    version: int = plain("1, 2, 3 … of this pairing.")
    support: str = plain("What kind of support it is about.")
    boundaries: str = plain("What it is not about, what stays between the two, when not to write.")
    channel: Channel = plain("How they are in contact.")
    every_days: int = plain("How often, in days: 7 is once a week.")
    ends_on: date | None = plain("The last day, if there is one.")
    proposed_at: datetime = plain("Since when it is proposed.")
    mentor_accepted_at: datetime | None = plain("When the mentor accepted it.")
    mentee_accepted_at: datetime | None = plain("When the mentee accepted it.")
    proposed_by: Member | None = joined(IDENTITY, "/read/members", key="proposed_by", description="Who proposed it.")


@strawberry.type
class Query:
    pairing: Pairing | None = lookup(
        MATCHING, "/read/pairings", of="Pairing", description="One pairing of the caller; for coordinators any."
    )
