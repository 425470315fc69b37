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


@enumeration
class TouchpointKind(Enum):
    """What happened: the two met, in whatever channel, or one wrote or called the other."""

    MET = "met"
    REACHED_OUT = "reached_out"


@enumeration
class NudgeKind(Enum):
    """How much it matters: a warning is the last word before a pairing ends."""

    REMINDER = "reminder"
    WARNING = "warning"


@enumeration
class Stuck(Enum):
    """Why a pairing is stuck."""

    NO_AGREEMENT = "no_agreement"
    NOT_MET = "not_met"
    SILENT = "silent"


@record
class Touchpoint:
    """A contact that happened in a pairing."""

    id: strawberry.ID = identifier("Touchpoint")
    kind: TouchpointKind = plain("What happened.")
    channel: Channel = plain("In which way.")
    happened_at: datetime = plain("When.")
    recorded_by: Member | None = joined(
        IDENTITY, "/read/members", key="recorded_by", description="Who said so; of reaching out, who did."
    )


@record
class Nudge:
    """A reminder or a warning to the one whose move it was."""

    id: strawberry.ID = identifier("Nudge")
    kind: NudgeKind = plain("How much it matters.")
    silent_days: int = plain("Days without a move.")
    sent_at: datetime = plain("When.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Whose move it was.")


@record
class Contact:
    """How two who are paired keep in touch."""

    move: Member | None = joined(IDENTITY, "/read/members", key="move_id", description="Whose move it is.")
    since: datetime = plain("Since when it is theirs.")
    every_days: int = plain("How often contact is expected, in days.")
    silent_days: int = plain("Days without a move.")
    closes_at: datetime | None = plain("After a warning: when the pairing ends if nobody moves.")
    stuck: list[Stuck] = plain("Why it is stuck; empty for a pairing that is well.", bound=10)


@enumeration
class LeavingReason(Enum):
    """Why one of the two ends a pairing: they did what they wanted, or do not fit, which is nobody's fault."""

    COMPLETED = "completed"
    NO_FAULT = "no_fault"


@record
class Pulse:
    """How one of the two says it goes. Only they and coordinators see it, never the other."""

    id: strawberry.ID = identifier("Pulse")
    asked_at: datetime = plain("When they were asked.")
    answered_at: datetime | None = plain("When they answered.")
    rating: int | None = plain("From 1, it does not go at all, to 5.")
    wants_help: bool | None = plain("Whether a coordinator should get in touch.")
    note: str | None = plain("What else they say.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who is asked.")
    pairing: Pairing | None = joined(MATCHING, "/read/pairings", key="pairing_id", description="Of which pairing.")


@record
class ClosingSurvey:
    """How one of the two says it was. Only they and coordinators see it, never the other."""

    id: strawberry.ID = identifier("ClosingSurvey")
    rating: int = plain("From 1, it was of no use, to 5.")
    goals_met: bool = plain("Whether they got what they came for.")
    note: str = plain("What else they say.")
    answered_at: datetime = plain("When.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who says so.")


@record
class Testimonial:
    """What one says of the other; public from when both want it until either does not."""

    id: strawberry.ID = identifier("Testimonial")
    body: str = plain("What they say.")
    written_at: datetime = plain("When it was written.")
    published_at: datetime | None = plain("Since when everybody may read it.")
    author: Member | None = joined(IDENTITY, "/read/members", key="author_id", description="Who says it.")
    subject: Member | None = joined(IDENTITY, "/read/members", key="subject_id", description="Of whom.")


@strawberry.type
class Query:
    pairing: Pairing | None = lookup(
        MATCHING, "/read/pairings", of="Pairing", description="One pairing of the caller; for coordinators any."
    )
