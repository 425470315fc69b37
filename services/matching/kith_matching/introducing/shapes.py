"""What the routes of introductions take and answer."""

from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kith_matching.introducing.models import Introduction, KeptApart
from kith_matching.introducing.recurrences import Every


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


Form = Literal["meet", "exchange", "bridge"]
_zones = cache(available_timezones)


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("is no IANA time zone")
    return value


def _wall(value: time) -> time:
    if value.tzinfo is not None or value.second or value.microsecond:
        raise ValueError("is no time of the wall clock like 09:00")
    return value


class RoundIn(_In):
    form: Form = "meet"
    seed: int = Field(default=0, ge=0, le=2**53)
    trios: bool = True
    most: int = Field(default=10, ge=1, le=500)
    least_score: float = Field(default=0.5, ge=0, le=1, examples=[0.5])


class ScheduleIn(_In):
    every: Every
    starts_on: date = Field(examples=["2026-03-02"])
    at: Annotated[time, Field(examples=["09:00"]), AfterValidator(_wall)]
    time_zone: Annotated[str, Field(max_length=64, examples=["Europe/Vienna"]), AfterValidator(_zone)]
    trios: bool = True
    automatic: bool = False


class ScheduleOut(_Out):
    program_id: UUID
    every: Every
    starts_on: date
    at: time
    time_zone: str
    trios: bool
    automatic: bool
    next_at: datetime


class RoundCertificateOut(BaseModel):
    people: int
    pairs_looked_at: int
    introductions: int
    trios: int
    left_out: int
    again: int
    total: float
    bound: float
    gap: float
    most: bool
    circle_share: float | None = None
    circle_share_by_chance: float | None = None
    silos: int | None = None
    silo_index_before: float | None = None
    silo_index_after: float | None = None
    seed: int
    scoring_seconds: float
    solving_seconds: float


class RoundOut(_Out):
    id: UUID
    program_id: UUID
    number: int
    form: Form
    status: Literal["queued", "solving", "solved", "published", "failed", "discarded"]
    seed: int
    trios: bool
    automatic: bool
    due_at: datetime | None
    certificate: RoundCertificateOut | None
    failure: str | None
    requested_at: datetime
    solved_at: datetime | None
    published_at: datetime | None


class SharePartOut(BaseModel):
    part: str
    value: float
    weight: float
    reason: str


class HelpOut(BaseModel):
    giver_id: UUID
    taker_id: UUID
    skills: list[str]


class IntroductionOut(BaseModel):
    id: UUID
    program_id: UUID
    round_id: UUID
    status: Literal["drafted", "made", "dropped"]
    member_ids: list[UUID]
    host_id: UUID
    again: bool
    score: float
    parts: list[SharePartOut]
    shared_skills: list[str]
    shared_interests: list[str]
    shared_languages: list[str]
    overlap_minutes: int | None
    helps: list[HelpOut] = []
    made_at: datetime | None

    @classmethod
    def of(cls, one: Introduction) -> "IntroductionOut":
        return cls(
            id=one.id,
            program_id=one.program_id,
            round_id=one.round_id,
            status=one.status,
            member_ids=one.members,
            host_id=one.members[0],
            score=one.score,
            made_at=one.made_at,
            **one.reasons,
        )


class LeftOutOut(_Out):
    round_id: UUID
    member_id: UUID
    reason: Literal["odd_one_out", "nobody_meets_the_rules", "partner_dropped_out"]


class TwoIn(_In):
    member_ids: list[UUID] = Field(min_length=2, max_length=2)


class KeptApartOut(BaseModel):
    one_id: UUID
    other_id: UUID
    member_ids: list[UUID]
    kept_by: UUID
    kept_at: datetime

    @classmethod
    def of(cls, one: KeptApart) -> "KeptApartOut":
        pair = [one.one_id, one.other_id]
        return cls(one_id=pair[0], other_id=pair[1], member_ids=pair, kept_by=one.kept_by, kept_at=one.kept_at)


class EndedOut(BaseModel):
    program_id: UUID
