from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_matching.models import Base


class Agreement(Base):
    """One version of what two have agreed on; in force from when both accepted it until a later one is."""

    __tablename__ = "agreements"
    __table_args__ = (
        Index("one_agreement_per_version", "pairing_id", "version", unique=True),
        CheckConstraint("every_days >= 1 AND every_days <= 90", name="every_days"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    version: Mapped[int]
    support: Mapped[str]
    boundaries: Mapped[str]
    channel: Mapped[str]
    every_days: Mapped[int]
    ends_on: Mapped[date | None]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    mentor_accepted_at: Mapped[datetime | None]
    mentee_accepted_at: Mapped[datetime | None]

    @property
    def in_force(self) -> bool:
        return self.mentor_accepted_at is not None and self.mentee_accepted_at is not None


class Contact(Base):
    """How an accepted pairing keeps in touch: whose move it is, and what is due when they make none (`silence.py`)."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("contacts_due", "due_at"),
        Index("contacts_ending", "ends_on"),
        Index("contacts_pulse", "pulse_at"),
    )

    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"), primary_key=True)
    community_id: Mapped[UUID]
    move_id: Mapped[UUID]
    since: Mapped[datetime]
    every_days: Mapped[int] = mapped_column(server_default="7")
    climbed: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime | None]
    resumed_at: Mapped[datetime | None]
    ends_on: Mapped[date | None]
    pulse_at: Mapped[datetime | None]


class Touchpoint(Base):
    """A contact that happened in a pairing: the two met, or one of them reached out."""

    __tablename__ = "touchpoints"
    __table_args__ = (Index("touchpoints_of_pairing", "pairing_id", "happened_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    kind: Mapped[str]
    channel: Mapped[str]
    happened_at: Mapped[datetime]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Nudge(Base):
    """A reminder or a warning to the one whose move it was."""

    __tablename__ = "nudges"
    __table_args__ = (Index("nudges_of_pairing", "pairing_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    member_id: Mapped[UUID]
    kind: Mapped[str]
    silent_days: Mapped[int]
    sent_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Pulse(Base):
    """How one of the two says it goes, asked now and then; only they and coordinators see the answer."""

    __tablename__ = "pulses"
    __table_args__ = (
        Index("one_open_pulse", "pairing_id", "member_id", unique=True, postgresql_where=text("answered_at IS NULL")),
        Index("pulses_of_member", "community_id", "member_id", "id"),
        CheckConstraint("rating >= 1 AND rating <= 5", name="rating"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    member_id: Mapped[UUID]
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    answered_at: Mapped[datetime | None]
    rating: Mapped[int | None]
    wants_help: Mapped[bool | None]
    note: Mapped[str | None]


class ClosingSurvey(Base):
    """What one of the two says of a pairing that has ended; only they and coordinators see it."""

    __tablename__ = "closing_surveys"
    __table_args__ = (
        Index("one_closing_survey", "pairing_id", "member_id", unique=True),
        CheckConstraint("rating >= 1 AND rating <= 5", name="rating"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    member_id: Mapped[UUID]
    rating: Mapped[int]
    goals_met: Mapped[bool]
    note: Mapped[str]
    answered_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    imported: Mapped[bool] = mapped_column(server_default="false")


class Testimonial(Base):
    """What one says of the other; public from when that other agrees, until either takes it back."""

    __tablename__ = "testimonials"
    __table_args__ = (
        Index("one_testimonial", "pairing_id", "author_id", unique=True, postgresql_where=text("withdrawn_at IS NULL")),
        Index("testimonials_of_member", "community_id", "subject_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    author_id: Mapped[UUID]
    subject_id: Mapped[UUID]
    body: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    published_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class Goal(Base):
    """What two who are paired want to reach; `reached_at` while `progress` is 100."""

    __tablename__ = "goals"
    __table_args__ = (
        Index("goals_of_pairing", "pairing_id", "id"),
        CheckConstraint("progress >= 0 AND progress <= 100", name="progress"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    title: Mapped[str]
    progress: Mapped[int] = mapped_column(default=0)
    set_by: Mapped[UUID]
    set_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    reached_at: Mapped[datetime | None]


class Task(Base):
    """Something to do in a pairing, by one of the two or, without an assignee, by both."""

    __tablename__ = "tasks"
    __table_args__ = (Index("tasks_of_pairing", "pairing_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey("pairings.id"))
    goal_id: Mapped[UUID | None] = mapped_column(ForeignKey("goals.id"))
    title: Mapped[str]
    assignee_id: Mapped[UUID | None]
    due_on: Mapped[date | None]
    added_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None]
