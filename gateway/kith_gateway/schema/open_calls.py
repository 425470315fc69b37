"""Calls for mentors, where more wait than there is room."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, by_id, fetched, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.matching import Program
from kith_gateway.types import Connection, enumeration, given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@enumeration
class CallStatus(Enum):
    """Where a call for mentors is."""

    OPEN = "open"
    FILLED = "filled"
    ENDED = "ended"
    CLOSED = "closed"


@enumeration
class CallInvitationStatus(Enum):
    """What became of asking somebody; lapsed: the call was over before they answered."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"


@record
class OpenCall:
    """Members who would be good mentors are asked to become one, a few at a time, until there is room for all."""

    id: strawberry.ID = identifier("OpenCall")
    status: CallStatus = plain("Where it is: open, filled, ended at its date, or closed by hand.")
    places: int = plain("Places that are wanted.")
    filled: int = plain("Places that were offered by those who accepted.")
    asked: int = plain("Members who were asked so far.")
    declined: int = plain("Members who said no.")
    opened_at: datetime = plain("Since when it is open.")
    ends_at: datetime = plain("When it ends at the latest.")
    closed_at: datetime | None = plain("When it was over.")
    opened_by: Member | None = joined(
        IDENTITY, "/read/members", key="opened_by", description="Who opened it; null where the program did by itself."
    )
    program: Program | None = joined(
        MATCHING, "/read/programs", key="program_id", description="Mentors of which program."
    )


@record
class CallInvitation:
    """A member who is asked to become a mentor, and why they."""

    id: strawberry.ID = identifier("CallInvitation")
    status: CallInvitationStatus = plain("Where it is.")
    skills: list[str] = plain("What they offer of what those who wait want.", bound=100)
    people: int = plain("How many different people they helped in the last year, as far as matching knows.")
    max_pairings: int | None = plain("How much room they said they have.")
    asked_at: datetime = plain("When they were asked.")
    settled_at: datetime | None = plain("When they answered, or the call was over.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")
    program: Program | None = joined(
        MATCHING, "/read/programs", key="program_id", description="Mentor of which program."
    )


@strawberry.type
class Query:
    open_calls: Connection[OpenCall] | None = paged(
        MATCHING,
        "/programs/{program_id}/calls",
        arguments=(Argument("program_id", strawberry.ID, "The program.", refers="Program"),),
        description="The calls for mentors of a program, the newest first; for coordinators.",
    )
    open_call: OpenCall | None = fetched(
        MATCHING, "/calls/{id}", arguments=(by_id("OpenCall"),), description="One call for mentors; for coordinators."
    )
    call_invitations: Connection[CallInvitation] | None = paged(
        MATCHING,
        "/calls/{call_id}/invitations",
        arguments=(Argument("call_id", strawberry.ID, "The call.", refers="OpenCall"),),
        description="Whom a call asked, and what they said; for coordinators.",
    )
    my_calls: Connection[CallInvitation] | None = paged(
        MATCHING, "/call-invitations", description="What mentor the caller was asked to become, the newest first."
    )


@taking
class OpenCallInput(Input):
    """A call for mentors."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    places: int | None = maybe("Places that are wanted, 1 to 1000; left out, as many as are missing for all who wait.")
    ends_at: datetime | None = maybe("When it ends at the latest, within 90 days; in 14 days when left out.")


@taking
class CloseCallInput(Input):
    """A call to end."""

    call_id: strawberry.ID = given("The call.", refers="OpenCall")


@taking
class AnswerCallInput(Input):
    """What one says to a call."""

    invitation_id: strawberry.ID = given("The invitation.", refers="CallInvitation")
    accept: bool = given("True to become a mentor, false to say no.")
    max_pairings: int | None = maybe("How many one would be a mentor for, 1 to 50; 1 when left out.")


mutations = [
    mutation(
        "open_call", MATCHING, "POST", "/programs/{program_id}/calls", takes=OpenCallInput,
        gives=("open_call", OpenCall, "The call."),
        description="Ask members who would be good mentors to become one, until there is room; for coordinators.",
    ),
    mutation(
        "close_call", MATCHING, "POST", "/calls/{call_id}/close", takes=CloseCallInput,
        gives=("open_call", OpenCall, "The call."),
        description="End a call; who became a mentor by it stays one. For coordinators.",
    ),
    mutation(
        "answer_call", MATCHING, "POST", "/call-invitations/{invitation_id}/answer", takes=AnswerCallInput,
        gives=("call_invitation", CallInvitation, "The invitation."),
        description="Become a mentor with so much room, or say no.",
    ),
]  # fmt: skip
