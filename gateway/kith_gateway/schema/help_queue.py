"""Help with one thing, by whoever takes it first."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.matching import Program
from kith_gateway.types import Connection, enumeration, given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@enumeration
class HelpStatus(Enum):
    """Where a request for help is."""

    OPEN = "open"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


@record
class HelpRequest:
    """Something somebody needs help with."""

    id: strawberry.ID = identifier("HelpRequest")
    topic: str = plain("What it is about.")
    body: str = plain("What else there is to know.")
    status: HelpStatus = plain("Where it is.")
    asked_at: datetime = plain("Since when.")
    claimed_until: datetime | None = plain("Until when it is claimed; in the past, it is free again.")
    settled_at: datetime | None = plain("When it was resolved or withdrawn.")
    asked_by: Member | None = joined(IDENTITY, "/read/members", key="asked_by", description="Who needs it.")
    claimed_by: Member | None = joined(IDENTITY, "/read/members", key="claimed_by", description="Who took it on last.")
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="In which program.")


@strawberry.type
class Query:
    help_queue: Connection[HelpRequest] | None = paged(
        MATCHING,
        "/programs/{program_id}/help",
        arguments=(Argument("program_id", strawberry.ID, "The program.", refers="Program"),),
        description="What is open, the oldest first: all of it for who can help, for others what they asked.",
    )


@taking
class AskForHelpInput(Input):
    """Something one needs help with."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    topic: str = given("What it is about.")
    body: str | None = maybe("What else there is to know.")


@taking
class ClaimNextHelpInput(Input):
    """A program one helps in."""

    program_id: strawberry.ID = given("The program.", refers="Program")


@taking
class ClaimHelpInput(Input):
    """Something to take on, or to go on with."""

    help_id: strawberry.ID = given("What.", refers="HelpRequest")


@taking
class ReleaseHelpInput(Input):
    """Something one has claimed and gives back."""

    help_id: strawberry.ID = given("What.", refers="HelpRequest")


@taking
class ResolveHelpInput(Input):
    """Something that is done."""

    help_id: strawberry.ID = given("What.", refers="HelpRequest")


@taking
class WithdrawHelpInput(Input):
    """Something one asked for and needs no more."""

    help_id: strawberry.ID = given("What.", refers="HelpRequest")


_help = ("help_request", HelpRequest, "The request.")
mutations = [
    mutation(
        "ask_for_help", MATCHING, "POST", "/programs/{program_id}/help", takes=AskForHelpInput,
        gives=_help, description="Ask for help with one thing; whoever can takes it on.",
    ),
    mutation(
        "claim_next_help", MATCHING, "POST", "/programs/{program_id}/help/claim-next", takes=ClaimNextHelpInput,
        gives=_help, description="Take on what has waited longest, for half an hour; claim it again to go on.",
    ),
    mutation(
        "claim_help", MATCHING, "POST", "/help/{help_id}/claim", takes=ClaimHelpInput,
        gives=_help, description="Take this on for half an hour, or go on with it for as long again.",
    ),
    mutation(
        "release_help", MATCHING, "POST", "/help/{help_id}/release", takes=ReleaseHelpInput,
        gives=_help, description="Give back what one has claimed.",
    ),
    mutation(
        "resolve_help", MATCHING, "POST", "/help/{help_id}/resolve", takes=ResolveHelpInput,
        gives=_help, description="Say that it is done: who claimed it, or who asked.",
    ),
    mutation(
        "withdraw_help", MATCHING, "POST", "/help/{help_id}/withdraw", takes=WithdrawHelpInput,
        gives=_help, description="Take back what one asked for.",
    ),
]  # fmt: skip
