"""What matching tells the others."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from kith_chassis.events import Event

Side = Literal["mentor", "mentee", "peer"]
Kind = Literal["mentoring", "buddy", "introduction", "peer", "review"]


class ProgramOpened(Event, type="matching.program_opened.v1", aggregate="program_id"):
    """Members may enroll from now on."""

    program_id: UUID
    kind: Kind


class MemberEnrolled(Event, type="matching.member_enrolled.v1", aggregate="enrollment_id"):
    """A member takes part in a program on one side."""

    enrollment_id: UUID
    program_id: UUID
    member_id: UUID
    side: Side


class MatchRunSolved(Event, type="matching.match_run_solved.v1", aggregate="run_id"):
    """A draft is ready for review; nobody but coordinators sees it."""

    run_id: UUID
    program_id: UUID
    suggestions: int = Field(ge=0, examples=[412])
    total: float = Field(examples=[301.25])
    bound: float = Field(examples=[301.25])


class MatchRunFailed(Event, type="matching.match_run_failed.v1", aggregate="run_id"):
    """A run was given up; nobody but coordinators sees why."""

    run_id: UUID
    program_id: UUID


class MatchRunPublished(Event, type="matching.match_run_published.v1", aggregate="run_id"):
    """The suggestions of a run have become pairings."""

    run_id: UUID
    program_id: UUID
    pairings: int = Field(ge=0, examples=[412])


class _Pair(Event, type="matching.pair.v1", aggregate="pairing_id"):
    pairing_id: UUID
    program_id: UUID
    mentor_id: UUID
    mentee_id: UUID


class PairingProposed(_Pair, type="matching.pairing_proposed.v1", aggregate="pairing_id"):
    """Two members are asked whether they want to be paired."""


class PairingAccepted(_Pair, type="matching.pairing_accepted.v1", aggregate="pairing_id"):
    """Both sides said yes."""


class PairingDeclined(_Pair, type="matching.pairing_declined.v1", aggregate="pairing_id"):
    """One side said no."""


class _Request(Event, type="matching.request.v1", aggregate="request_id"):
    request_id: UUID
    program_id: UUID
    mentor_id: UUID
    mentee_id: UUID


class RequestMade(_Request, type="matching.request_made.v1", aggregate="request_id"):
    """A mentee asked a mentor; it is the mentor's move."""


class RequestAccepted(_Request, type="matching.request_accepted.v1", aggregate="request_id"):
    """The mentor said yes."""


class RequestDeclined(_Request, type="matching.request_declined.v1", aggregate="request_id"):
    """The mentor said no."""


class RequestWithdrawn(_Request, type="matching.request_withdrawn.v1", aggregate="request_id"):
    """The mentee took it back."""


class RequestExpired(_Request, type="matching.request_expired.v1", aggregate="request_id"):
    """Nobody answered in time."""
