"""What the routes of previews take and answer."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kith_matching.shapes import Mode, PairOut


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PreviewIn(_In):
    run_id: UUID | None = None
    weights: dict[str, float] | None = Field(default=None, max_length=20)
    rules: dict[str, Any] | None = Field(default=None, max_length=20)
    mode: Mode = "best_total"


class SettingsIn(_In):
    weights: dict[str, float] | None = Field(default=None, max_length=20)
    rules: dict[str, Any] | None = Field(default=None, max_length=20)


class SideOut(BaseModel):
    matched: int
    mean_fit: float
    lowest_fit: float


class ChangeOut(BaseModel):
    mentee_id: UUID
    mentor_before_id: UUID | None
    mentor_after_id: UUID | None
    fit_before: float | None
    fit_after: float | None
    change: Literal["gains", "loses", "same"]


class ResultOut(BaseModel):
    mentees: int
    mentors: int
    gain: int
    lose: int
    another_mentor: int
    before: SideOut
    after: SideOut
    changes: list[ChangeOut]


class DifferenceOut(ChangeOut):
    model_config = ConfigDict(from_attributes=True)

    weighs: int


class ComparisonOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    before_id: UUID
    after_id: UUID
    gain: int
    lose: int
    another_mentor: int
    settings_before: dict[str, Any] | None
    settings_after: dict[str, Any] | None
    pins_added: list[PairOut]
    pins_dropped: list[PairOut]
    prohibited_added: list[PairOut]
    prohibited_dropped: list[PairOut]


class ForecastOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    program_id: UUID
    ahead: int
    free: int
    paired_a_week: float
    weeks: float | None


class PreviewOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    program_id: UUID
    run_id: UUID | None
    status: Literal["queued", "solving", "solved", "failed"]
    settings: dict[str, Any]
    result: ResultOut | None
    failure: str | None
    requested_at: datetime
    solved_at: datetime | None
