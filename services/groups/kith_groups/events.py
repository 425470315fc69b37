"""What groups tells the others."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from kith_chassis.events import Event

Kind = Literal["circle", "pod", "newcomer_cohort", "community_of_practice", "project_team"]
Answer = Literal["yes", "no", "maybe", "waiting"]


class GroupFormed(Event, type="groups.group_formed.v1", aggregate="group_id"):
    """A group exists, with its first members."""

    group_id: UUID
    kind: Kind
    facilitator_id: UUID | None
    member_ids: list[UUID]


class MembershipStarted(Event, type="groups.membership_started.v1", aggregate="group_id"):
    """A member joined a group that was there already."""

    group_id: UUID
    member_id: UUID


class MembershipEnded(Event, type="groups.membership_ended.v1", aggregate="group_id"):
    """A member left a group."""

    group_id: UUID
    member_id: UUID


class SessionScheduled(Event, type="groups.session_scheduled.v1", aggregate="session_id"):
    """A group will meet."""

    session_id: UUID
    group_id: UUID
    starts_at: datetime


class RsvpGiven(Event, type="groups.rsvp_given.v1", aggregate="session_id"):
    """A member said whether they come; `waiting` has no place yet."""

    session_id: UUID
    group_id: UUID
    member_id: UUID
    answer: Answer


class AttendanceRecorded(Event, type="groups.attendance_recorded.v1", aggregate="session_id"):
    """It is known who came to a session, which began at `starts_at`; who recorded it may be a coordinator or an app."""

    session_id: UUID
    group_id: UUID
    present_ids: list[UUID]
    absent_ids: list[UUID]
    starts_at: datetime | None = None
    recorded_by: UUID | None = None


class ThreadOpened(Event, type="groups.thread_opened.v1", aggregate="thread_id"):
    """Somebody began a thread."""

    thread_id: UUID
    space_id: UUID
    author_id: UUID
    kind: Literal["discussion", "question"]


class PostWritten(Event, type="groups.post_written.v1", aggregate="thread_id"):
    """Somebody wrote in a thread; `reply_to_id` is the member answered, None for the opening post."""

    post_id: UUID
    thread_id: UUID
    space_id: UUID
    author_id: UUID
    reply_to_id: UUID | None
    length: int = Field(ge=0, description="characters", examples=[120])


class AnswerAccepted(Event, type="groups.answer_accepted.v1", aggregate="thread_id"):
    """A post is the answer to the question of `asker_id`; who accepts it may be a coordinator or an app."""

    thread_id: UUID
    post_id: UUID
    answerer_id: UUID
    accepted_by: UUID
    asker_id: UUID | None = None
