"""What the routes of matching take and answer."""

import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from kith_chassis.tokens import Principal, permitted
from kith_matching.events import EndReason, Kind, Side
from kith_matching.models import Request
from kith_matching.queries import whose_move

Participant = Annotated[Principal, Depends(permitted("matching:take_part", reading="matching:read"))]
Coordinator = Annotated[Principal, Depends(permitted("matching:coordinate"))]


def _plain(value: str) -> str:
    """Text people see: no control characters but line breaks and tabs."""
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in value):
        raise ValueError("holds control characters")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_plain)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000), AfterValidator(_plain)]
Message = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), AfterValidator(_plain)
]


FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _near(value: datetime) -> datetime:
    """An instant that is a date in every zone: at the ends of the calendar there are offsets that lead out of it."""
    if not FIRST <= value < LAST:
        raise ValueError("is not from the year 2000 to 2099")
    return value


Instant = Annotated[AwareDatetime, AfterValidator(_near), Field(examples=["2027-03-01T18:00:00Z"])]
Day = Annotated[date, Field(examples=["2099-12-31"])]
Mode = Literal["best_total", "fair", "stable", "within_hours"]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ProgramIn(In):
    name: Name
    kind: Kind = "mentoring"
    objectives: Text = ""
    acceptance: Literal["both", "automatic"] = "both"
    request_expiry_days: int = Field(default=7, ge=1, le=90)
    starts_on: date | None = None
    ends_on: date | None = None
    enroll_from: Instant | None = None
    enroll_until: Instant | None = None
    weights: dict[str, float] = Field(default={}, max_length=20)
    rules: dict[str, Any] = Field(default={}, max_length=20)
    open: bool = True
    automatic_pairing: bool = False
    enroll_newcomers: bool = False
    automatic_calls: bool = False
    longest_wait_weeks: int | None = Field(default=None, ge=0, le=520)


class ProgramChange(In):
    name: Name | None = None
    objectives: Text | None = None
    request_expiry_days: int | None = Field(default=None, ge=1, le=90)
    starts_on: Day | None = None
    ends_on: Day | None = None
    enroll_from: Instant | None = None
    enroll_until: Instant | None = None
    automatic_pairing: bool | None = None
    enroll_newcomers: bool | None = None
    automatic_calls: bool | None = None
    longest_wait_weeks: int | None = Field(default=None, ge=0, le=520)


class StepIn(In):
    to: Literal["open", "running", "completed"]


class ProgramOut(Out):
    id: UUID
    name: str
    kind: Kind
    objectives: str
    status: Literal["draft", "open", "running", "completed"]
    acceptance: Literal["both", "automatic"]
    request_expiry_days: int
    starts_on: date | None
    ends_on: date | None
    enroll_from: datetime | None
    enroll_until: datetime | None
    weights: dict[str, float]
    rules: dict[str, Any]
    automatic_pairing: bool
    newcomers_since: datetime | None
    automatic_calls: bool
    longest_wait_weeks: int | None
    coordinator_id: UUID
    created_at: datetime


class CountsOut(BaseModel):
    mentor: int
    mentee: int
    peer: int


class Capacity(In):
    max_pairings: int = Field(default=1, ge=0, le=50)
    weekly_hours: float | None = Field(default=None, ge=0, le=168)


class EnrollmentIn(Capacity):
    side: Side


class EnrollmentChange(In):
    side: Side
    max_pairings: int | None = Field(default=None, ge=0, le=50)
    weekly_hours: float | None = Field(default=None, ge=0, le=168)
    goals: list[Name] | None = Field(default=None, max_length=20)
    paused: bool | None = None
    paused_until: Annotated[Day, Field(le=date(2099, 12, 31))] | None = None


class BulkEnrollment(EnrollmentIn):
    member_id: UUID


class BulkIn(In):
    enrollments: list[BulkEnrollment] = Field(min_length=1, max_length=1000)


class EnrollmentErrorOut(Out):
    index: int
    code: str
    reason: str


class BulkOut(BaseModel):
    enrolled: int
    errors: list[EnrollmentErrorOut]


class EnrollmentOut(Out):
    id: UUID
    program_id: UUID
    member_id: UUID
    side: Side
    max_pairings: int
    weekly_hours: float | None
    goals: list[str]
    paused: bool
    paused_until: date | None
    priority: int
    enrolled_at: datetime


class PairIn(In):
    mentee_id: UUID
    mentor_id: UUID


class RunIn(In):
    seed: int = Field(default=0, ge=0, le=2**53)
    mode: Mode = "best_total"
    pins: list[PairIn] = Field(default=[], max_length=1000)
    prohibited: list[PairIn] = Field(default=[], max_length=10000)


class OutcomeOut(BaseModel):
    mode: Mode
    matched: int
    total: float
    worst: float
    mean: float
    blocking_pairs: int


class CertificateOut(BaseModel):
    mentees: int
    mentors: int
    candidates: int
    matched: int
    total: float
    bound: float
    gap: float
    seed: int
    scoring_seconds: float
    solving_seconds: float
    compared_pairs: int = 0  # certificates of before know nothing of modes
    outcomes: list[OutcomeOut] = []


class PairOut(BaseModel):
    mentee_id: UUID
    mentor_id: UUID


class ConflictOut(BaseModel):
    reason: Literal["prohibited", "mentor_full", "mentee_full", "oneself", "not_taking_part"]
    pins: list[PairOut]
    prohibited: list[PairOut]


class RunOut(Out):
    id: UUID
    program_id: UUID
    status: Literal["queued", "solving", "solved", "published", "failed", "discarded"]
    seed: int
    mode: Mode
    certificate: CertificateOut | None
    failure: str | None
    conflicts: list[ConflictOut]
    requested_at: datetime
    solved_at: datetime | None
    published_at: datetime | None


class PartOut(BaseModel):
    part: str
    value: float
    weight: float
    reason: str


class SuggestionOut(Out):
    run_id: UUID
    mentee_id: UUID
    mentor_id: UUID
    score: float
    parts: list[PartOut]
    shared_skills: list[str]
    shared_languages: list[str]
    overlap_minutes: int | None
    next_best_id: UUID | None
    switch_cost: float | None


class UnmatchedOut(BaseModel):
    run_id: UUID
    mentee_id: UUID
    reason: Literal["no_room", "nobody_meets_the_rules", "no_mentor_free"]


class PairingOut(Out):
    id: UUID
    program_id: UUID
    run_id: UUID | None
    mentor_id: UUID
    mentee_id: UUID
    status: Literal["proposed", "accepted", "declined", "ended"]
    mentor_accepted_at: datetime | None
    mentee_accepted_at: datetime | None
    accepted_by: UUID | None
    proposed_at: datetime
    settled_at: datetime | None
    ended_at: datetime | None
    end_reason: EndReason | None
    quiet_id: UUID | None
    private: bool


class BringIn(In):
    side: Literal["mentor", "mentee"]
    other_id: UUID


class AnswerIn(In):
    accept: bool


class PairingIds(In):
    pairing_ids: list[UUID] = Field(min_length=1, max_length=1000)


class AcceptedOut(BaseModel):
    accepted: int


class AskIn(In):
    mentor_id: UUID
    message: Message
    then: list[UUID] = Field(default=[], max_length=10)


class AskMenteeIn(In):
    mentee_id: UUID
    message: Message


class SettleIn(In):
    to: Literal["accepted", "declined", "withdrawn"]


class MoveOut(BaseModel):
    member_id: UUID | None
    since: datetime | None


class RequestOut(Out):
    id: UUID
    program_id: UUID
    mentee_id: UUID
    mentor_id: UUID
    asked_by: UUID | None
    choices: list[UUID]
    message: str
    status: Literal["pending", "accepted", "declined", "expired", "withdrawn", "waitlisted"]
    asked_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    move: MoveOut

    @classmethod
    def of(cls, request: Request) -> "RequestOut":
        fields = {name: getattr(request, name) for name in cls.model_fields if name != "move"}
        return cls.model_validate(fields | {"move": whose_move(request)})


class Keys(In):
    keys: list[UUID] = Field(max_length=1000)
    first: int = Field(default=20, ge=1, le=100)
