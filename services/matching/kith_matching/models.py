from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_chassis.tables import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Participant(Base):
    """What matching knows of a member, learned from identity's events.

    `greeted`: whether programs that enroll newcomers were asked about them since they joined.
    `parted_at`: what was open with them when they left is settled.
    """

    __tablename__ = "participants"
    __table_args__ = (
        Index(
            "participants_to_greet", "community_id", "member_id",
            postgresql_where=text("joined_at IS NOT NULL AND NOT greeted"),
        ),
        Index(
            "participants_leaving", "left_at", "member_id",
            postgresql_where=text("left_at IS NOT NULL AND parted_at IS NULL"),
        ),
    )  # fmt: skip

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    skills_offered: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    skills_wanted: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    interests: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    languages: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    experience_years: Mapped[float | None]
    time_zone: Mapped[str | None]
    availability: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    sequence: Mapped[int] = mapped_column(server_default="0")
    joined_at: Mapped[datetime | None]
    greeted: Mapped[bool] = mapped_column(server_default="false")
    left_at: Mapped[datetime | None]
    parted_at: Mapped[datetime | None]


class Program(Base):
    """A mentoring, buddy or other program: draft → open → running → completed.

    `automatic_pairing`: mentees are paired by themselves as soon as somebody has room. `newcomers_since`: since when
    who joins the community is enrolled as a mentee. `automatic_calls`: calls for mentors open by themselves.
    `longest_wait_weeks`: who would wait longer cannot enroll as a mentee by themselves.
    """

    __tablename__ = "programs"
    __table_args__ = (Index("programs_listing", "community_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    name: Mapped[str]
    kind: Mapped[str]
    objectives: Mapped[str]
    status: Mapped[str] = mapped_column(default="draft")
    acceptance: Mapped[str]
    request_expiry_days: Mapped[int]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    enroll_from: Mapped[datetime | None]
    enroll_until: Mapped[datetime | None]
    weights: Mapped[dict[str, Any]]
    rules: Mapped[dict[str, Any]]
    automatic_pairing: Mapped[bool] = mapped_column(server_default="false")
    newcomers_since: Mapped[datetime | None]
    automatic_calls: Mapped[bool] = mapped_column(server_default="false")
    longest_wait_weeks: Mapped[int | None]
    coordinator_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Enrollment(Base):
    """A member on one side of a program, with the capacity they offer. A pause may have a last day, `paused_until`."""

    __tablename__ = "enrollments"
    __table_args__ = (
        Index("one_enrollment_per_side", "community_id", "program_id", "member_id", "side", unique=True),
        Index("enrollments_coming_back", "paused_until", postgresql_where=text("paused_until IS NOT NULL")),
        CheckConstraint("max_pairings >= 0 AND max_pairings <= 50", name="max_pairings"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    member_id: Mapped[UUID]
    side: Mapped[str]
    max_pairings: Mapped[int]
    weekly_hours: Mapped[float | None]
    goals: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    paused: Mapped[bool] = mapped_column(server_default="false")
    paused_until: Mapped[date | None]
    priority: Mapped[int] = mapped_column(server_default="0")
    enrolled_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    import_digest: Mapped[bytes | None]


class MatchRun(Base):
    """queued → solving → solved → published, or failed, or discarded.

    `lease_until` tells a worker's run from an abandoned one. `settings`: the weights and rules it was solved with.
    """

    __tablename__ = "match_runs"
    __table_args__ = (Index("match_runs_listing", "community_id", "program_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    status: Mapped[str] = mapped_column(default="queued")
    seed: Mapped[int]
    mode: Mapped[str] = mapped_column(server_default="best_total")
    pins: Mapped[list[dict[str, Any]]]
    prohibited: Mapped[list[dict[str, Any]]]
    settings: Mapped[dict[str, Any] | None]
    certificate: Mapped[dict[str, Any] | None]
    failure: Mapped[str | None]
    conflicts: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    attempts: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    solved_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]


class MatchSuggestion(Base):
    """One pair of a run, with its reasons; a mentee without a mentor has a row with the reason for that."""

    __tablename__ = "match_suggestions"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("match_runs.id"), primary_key=True)
    mentee_id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    mentor_id: Mapped[UUID | None]
    score: Mapped[float | None]
    reasons: Mapped[dict[str, Any]]
    next_best_id: Mapped[UUID | None]
    switch_cost: Mapped[float | None]


class Pairing(Base):
    """Two members brought together: proposed → accepted, or declined, later ended.

    `settled_at` is when it was accepted or declined. `quiet_id`: who went quiet, where silence ended it.
    `private`: brought from outside; it takes nobody's room. `import_digest`: what a list, where it came from, said.
    """

    __tablename__ = "pairings"
    __table_args__ = (
        Index(
            "one_open_pairing", "community_id", "program_id", "mentor_id", "mentee_id",
            unique=True, postgresql_where=text("status IN ('proposed', 'accepted')"),
        ),
        Index("pairings_listing", "community_id", "program_id", "id"),
        Index("pairings_of_mentor", "community_id", "mentor_id"),
        Index("pairings_of_mentee", "community_id", "mentee_id"),
        CheckConstraint("mentor_id <> mentee_id", name="two_people"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("match_runs.id"))
    mentor_id: Mapped[UUID]
    mentee_id: Mapped[UUID]
    status: Mapped[str]
    mentor_accepted_at: Mapped[datetime | None]
    mentee_accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    settled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    quiet_id: Mapped[UUID | None]
    private: Mapped[bool] = mapped_column(server_default="false")
    import_digest: Mapped[bytes | None]


class Request(Base):
    """One asks the other: pending → accepted, declined, withdrawn or expired; before that maybe waitlisted.

    `choices`: the mentors to ask next, in this order, when this one does not say yes. `held`: the two are kept apart,
    so that it reaches nobody; whoever asked sees one that is not answered.
    """

    __tablename__ = "requests"
    __table_args__ = (
        Index(
            "one_waiting_request_of_asker", "community_id", "program_id", "asked_by",
            unique=True, postgresql_where=text("status IN ('pending', 'waitlisted')"),
        ),
        Index("requests_of_mentor", "community_id", "mentor_id"),
        CheckConstraint("mentor_id <> mentee_id", name="two_people"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    mentee_id: Mapped[UUID]
    mentor_id: Mapped[UUID]
    asked_by: Mapped[UUID | None]
    choices: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    message: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending")
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    held: Mapped[bool] = mapped_column(server_default="false", default=False)
