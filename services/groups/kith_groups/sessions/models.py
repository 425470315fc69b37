from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_groups.base import Base


class Session(Base):
    """One meeting of a group. `attendance_recorded_at` is set once, when it is known who came."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("sessions_of_group", "community_id", "group_id", "starts_at"),
        CheckConstraint("minutes > 0", name="minutes"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    group_id: Mapped[UUID] = mapped_column(ForeignKey("groups.id"))
    title: Mapped[str]
    starts_at: Mapped[datetime]
    time_zone: Mapped[str]
    minutes: Mapped[int]
    mode: Mapped[str]
    capacity: Mapped[int | None]
    scheduled_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    attendance_recorded_at: Mapped[datetime | None]


class Rsvp(Base):
    """Who comes: yes, no, maybe, or waiting for a place. `place` orders the waiting."""

    __tablename__ = "rsvps"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    answer: Mapped[str]
    place: Mapped[UUID] = mapped_column(default=new_id)
    answered_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Attendance(Base):
    """Whether somebody was there; `no_show` had said yes and was not."""

    __tablename__ = "attendance"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    present: Mapped[bool]
    no_show: Mapped[bool]
