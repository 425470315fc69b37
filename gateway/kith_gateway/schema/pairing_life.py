"""What happens in a pairing from the day it is accepted to the day it ends."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, identifier, joined, lookup, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.matching import Program
from kith_gateway.types import Connection, Node, enumeration, node, record


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
    pairing: Annotated["Pairing", strawberry.lazy("kith_gateway.schema.pairing_life")] | None = joined(
        MATCHING, "/read/pairings", key="pairing_id", description="Of which pairing."
    )


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


@record
class Goal:
    """What two who are paired want to reach."""

    id: strawberry.ID = identifier("Goal")
    title: str = plain("What.")
    progress: int = plain("How far it is, 0 to 100.")
    set_at: datetime = plain("Since when they want it.")
    reached_at: datetime | None = plain("When they reached it.")
    set_by: Member | None = joined(IDENTITY, "/read/members", key="set_by", description="Who wrote it down.")


@record
class Task:
    """Something to do in a pairing."""

    id: strawberry.ID = identifier("Task")
    goal_id: strawberry.ID | None = identifier("Goal", key="goal_id", description="For which goal.")
    title: str = plain("What.")
    due_on: date | None = plain("Until when.")
    added_at: datetime = plain("Since when it is to be done.")
    done_at: datetime | None = plain("When it was done.")
    assignee: Member | None = joined(
        IDENTITY, "/read/members", key="assignee_id", description="Who does it; nobody named: both."
    )
    done_by: Member | None = joined(IDENTITY, "/read/members", key="done_by", description="Who said that it is done.")


@enumeration
class PairingStatus(Enum):
    """Where a pairing is."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ENDED = "ended"


@enumeration
class EndReason(Enum):
    """How a pairing ended."""

    AGREED_END = "agreed_end"
    SILENCE = "silence"
    COMPLETED = "completed"
    NO_FAULT = "no_fault"
    MEMBER_LEFT = "member_left"


@node(MATCHING, "/read/pairings")
class Pairing(Node):
    """A mentor and a mentee, proposed or together."""

    id: strawberry.ID = identifier("Pairing")
    status: PairingStatus = plain("Where it is.")
    private: bool = plain("Whether it was brought from outside; it takes nobody's room.")
    mentor_accepted_at: datetime | None = plain("When the mentor said yes.")
    mentee_accepted_at: datetime | None = plain("When the mentee said yes.")
    proposed_at: datetime = plain("Since when it is proposed.")
    settled_at: datetime | None = plain("When it was accepted or declined.")
    ended_at: datetime | None = plain("When it ended.")
    end_reason: EndReason | None = plain("How it ended.")
    went_quiet: Member | None = joined(
        IDENTITY, "/read/members", key="quiet_id", description="Whose move it was, where silence ended it."
    )
    mentor: Member | None = joined(IDENTITY, "/read/members", key="mentor_id", description="The mentor.")
    mentee: Member | None = joined(IDENTITY, "/read/members", key="mentee_id", description="The mentee.")
    accepted_by: Member | None = joined(
        IDENTITY, "/read/members", key="accepted_by", description="The coordinator who accepted for both."
    )
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="In which program.")
    agreement: Agreement | None = joined(
        MATCHING, "/read/agreements-in-force", key="id", description="What holds between the two; for these two alone."
    )
    proposed_agreement: Agreement | None = joined(
        MATCHING, "/read/agreements-proposed", key="id", description="Terms that wait for one of the two to accept."
    )
    contact: Contact | None = joined(
        MATCHING, "/read/contact-by-pairing", key="id", description="How the two keep in touch, while it lasts."
    )
    touchpoints: list[Touchpoint] | None = joined(
        MATCHING,
        "/read/touchpoints-by-pairing",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="What happened between the two, the latest first.",
    )
    nudges: list[Nudge] | None = joined(
        MATCHING,
        "/read/nudges-by-pairing",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="Reminders and warnings, the newest first.",
    )
    pulses: list[Pulse] | None = joined(
        MATCHING,
        "/read/pulses-by-pairing",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="How the caller said it goes; for coordinators both. The newest first.",
    )
    goals: list[Goal] | None = joined(
        MATCHING,
        "/read/goals-by-pairing",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="What the two want to reach, the newest first; for these two alone.",
    )
    tasks: list[Task] | None = joined(
        MATCHING,
        "/read/tasks-by-pairing",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="What is to be done, the newest first; for these two alone.",
    )
    closing_surveys: list[ClosingSurvey] | None = joined(
        MATCHING,
        "/read/closings-by-pairing",
        key="id",
        shape="list",
        bound=2,
        description="How the caller said it was; for coordinators both.",
    )


@strawberry.type
class Query:
    pairing: Pairing | None = lookup(
        MATCHING, "/read/pairings", of="Pairing", description="One pairing of the caller; for coordinators any."
    )
    pairings: Connection[Pairing] | None = paged(
        MATCHING,
        "/programs/{program_id}/pairings",
        arguments=(Argument("program_id", strawberry.ID, "The program.", refers="Program"),),
        description="The pairings of a program, the oldest first; for coordinators.",
    )
