"""How much mentors carry."""

from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, fetched, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, enumeration, record


@enumeration
class LoadState(Enum):
    """How much a mentor carries; who is overloaded or on break gets nobody new."""

    FRESH = "fresh"
    BUSY = "busy"
    OVERLOADED = "overloaded"
    ON_BREAK = "on_break"


@record
class MentorLoad:
    """How much a mentor carries in a program, and what it is told by."""

    state: LoadState = plain("What follows from the numbers.")
    paused: bool = plain("Whether they said that they want nobody now.")
    room: int = plain("Pairings they want at most.")
    pairings: int = plain("Pairings they have.")
    requests: int = plain("People who asked them and wait for an answer.")
    late: int = plain("Those of them who wait for three days or longer.")
    overdue: int = plain("Pairings in which they are awaited and were reminded.")
    silent: int = plain("Pairings that ended in the last 90 days because they went quiet.")
    cancelled: int = plain("Pairings that ended in the last 90 days without fault.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class MentorWithRoom:
    """A mentor who could take somebody on."""

    pairings: int = plain("Pairings they have.")
    free: int = plain("How many more they have room for.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


_OF_PROGRAM = (Argument("program_id", strawberry.ID, "The program.", refers="Program"),)


@strawberry.type
class Query:
    mentor_loads: Connection[MentorLoad] | None = paged(
        MATCHING,
        "/programs/{program_id}/loads",
        arguments=_OF_PROGRAM,
        cursor=("member_id",),
        description="How much each mentor of a program carries; for coordinators.",
    )
    my_load: MentorLoad | None = fetched(
        MATCHING,
        "/programs/{program_id}/load",
        arguments=_OF_PROGRAM,
        description="How much the caller carries as a mentor of a program.",
    )
    mentors_with_room: Connection[MentorWithRoom] | None = paged(
        MATCHING,
        "/programs/{program_id}/mentors-with-room",
        arguments=_OF_PROGRAM,
        cursor=("pairings", "member_id"),
        description="Whom one could ask: mentors of a program who have room, those with fewest pairings first.",
    )
