"""What the routes of a pairing's life take and answer."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from kith_matching.events import LeavingReason
from kith_matching.pairing_life.silence import TouchKind
from kith_matching.pairing_life.standing import Stuck
from kith_matching.shapes import Day, In, Instant, Message, Name, Out, Text

Channel = Literal["video", "audio", "text", "in_person"]


class TermsIn(In):
    support: Text
    boundaries: Text = ""
    channel: Channel
    every_days: int = Field(ge=1, le=90)
    ends_on: Day | None = None


class AgreementOut(Out):
    id: UUID
    pairing_id: UUID
    version: int
    support: str
    boundaries: str
    channel: Channel
    every_days: int
    ends_on: date | None
    proposed_by: UUID
    proposed_at: datetime
    mentor_accepted_at: datetime | None
    mentee_accepted_at: datetime | None


class TouchpointIn(In):
    kind: TouchKind
    channel: Channel
    happened_at: Instant


class TouchpointOut(Out):
    id: UUID
    pairing_id: UUID
    kind: TouchKind
    channel: Channel
    happened_at: datetime
    recorded_by: UUID


class NudgeOut(Out):
    id: UUID
    pairing_id: UUID
    member_id: UUID
    kind: Literal["reminder", "warning"]
    silent_days: int
    sent_at: datetime


class ContactOut(Out):
    move_id: UUID
    since: datetime
    every_days: int
    silent_days: int
    closes_at: datetime | None
    stuck: list[Stuck]


Rating = Annotated[int, Field(ge=1, le=5)]


class PulseIn(In):
    rating: Rating
    wants_help: bool = False
    note: Text = ""


class PulseOut(Out):
    id: UUID
    pairing_id: UUID
    member_id: UUID
    asked_at: datetime
    answered_at: datetime | None
    rating: int | None
    wants_help: bool | None
    note: str | None


class LeaveIn(In):
    reason: LeavingReason


class ClosingIn(In):
    rating: Rating
    goals_met: bool
    note: Text = ""


class ClosingOut(Out):
    id: UUID
    pairing_id: UUID
    member_id: UUID
    rating: int
    goals_met: bool
    note: str
    answered_at: datetime


class TestimonialIn(In):
    body: Message


class TestimonialOut(Out):
    id: UUID
    pairing_id: UUID
    author_id: UUID
    subject_id: UUID
    body: str
    written_at: datetime
    published_at: datetime | None


class GoalIn(In):
    title: Name


class GoalChange(In):
    title: Name | None = None
    progress: Annotated[int, Field(ge=0, le=100)] | None = None


class GoalOut(Out):
    id: UUID
    pairing_id: UUID
    title: str
    progress: int
    set_by: UUID
    set_at: datetime
    reached_at: datetime | None


class TaskIn(In):
    title: Name
    goal_id: UUID | None = None
    assignee_id: UUID | None = None
    due_on: Day | None = None


class TaskCheck(In):
    done: bool


class TaskOut(Out):
    id: UUID
    pairing_id: UUID
    goal_id: UUID | None
    title: str
    assignee_id: UUID | None
    due_on: date | None
    added_at: datetime
    done_at: datetime | None
    done_by: UUID | None
