from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_matching.models import Base


class IntroductionSchedule(Base):
    """When the next round of a program is due; it is advanced in the transaction that makes the round."""

    __tablename__ = "introduction_schedules"
    __table_args__ = (Index("introduction_schedules_due", "next_at"),)

    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"), primary_key=True)
    community_id: Mapped[UUID]
    every: Mapped[str]
    starts_on: Mapped[date]
    at: Mapped[time]
    time_zone: Mapped[str]
    trios: Mapped[bool]
    automatic: Mapped[bool]
    next_number: Mapped[int]
    next_at: Mapped[datetime]


class IntroductionRound(Base):
    """queued → solving → solved → published; or failed, or discarded. A program has one that is open at most."""

    __tablename__ = "introduction_rounds"
    __table_args__ = (
        Index("one_number_per_round", "community_id", "program_id", "number", unique=True),
        Index(
            "one_open_round", "community_id", "program_id",
            unique=True, postgresql_where=text("status IN ('queued', 'solving', 'solved')"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    number: Mapped[int]
    status: Mapped[str] = mapped_column(default="queued")
    form: Mapped[str] = mapped_column(default="meet")
    seed: Mapped[int]
    trios: Mapped[bool]
    automatic: Mapped[bool]
    due_at: Mapped[datetime | None]
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    certificate: Mapped[dict[str, Any] | None]
    failure: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    requested_by: Mapped[UUID | None]
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    solved_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]


class Introduction(Base):
    """Some members of a round: drafted → made, or dropped when the round was published without it.

    Two or three who meet, the first of whom arranges it; or a circle of up to four in which each helps the next, and
    the last the first.
    """

    __tablename__ = "introductions"
    __table_args__ = (
        Index("introductions_of_round", "community_id", "round_id", "id"),
        Index("introductions_of_program", "community_id", "program_id", postgresql_where=text("status = 'made'")),
        Index("introductions_of_member", "members", postgresql_using="gin"),
        CheckConstraint("cardinality(members) >= 2 AND cardinality(members) <= 4", name="members"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    round_id: Mapped[UUID] = mapped_column(ForeignKey("introduction_rounds.id"))
    status: Mapped[str] = mapped_column(default="drafted")
    members: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    score: Mapped[float]
    reasons: Mapped[dict[str, Any]]
    made_at: Mapped[datetime | None]


class LeftOut(Base):
    """Who meets nobody in a round, and why; whoever it is comes first in the next."""

    __tablename__ = "introductions_left_out"

    round_id: Mapped[UUID] = mapped_column(ForeignKey("introduction_rounds.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    reason: Mapped[str]


class KeptApart(Base):
    """Two members who are never brought together here, whichever is named first."""

    __tablename__ = "kept_apart"
    __table_args__ = (CheckConstraint("one_id < other_id", name="order"),)

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    one_id: Mapped[UUID] = mapped_column(primary_key=True)
    other_id: Mapped[UUID] = mapped_column(primary_key=True)
    kept_by: Mapped[UUID]
    kept_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Barrier(Base):
    """Two members one of whom has blocked (`source` block) or reported (report) the other, as identity told.

    sequence  the number of the last event of who raised it that told of it
    lifted    it was taken back, and stands no more
    parted    what they shared when it was raised has been ended
    """

    __tablename__ = "barriers"
    __table_args__ = (
        Index("barriers_to_part", "raised_at", postgresql_where=text("NOT parted")),
        CheckConstraint("one_id < other_id", name="order"),
        CheckConstraint("source IN ('block', 'report')", name="source"),
    )

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    one_id: Mapped[UUID] = mapped_column(primary_key=True)
    other_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    raised_by: Mapped[UUID] = mapped_column(primary_key=True)
    raised_at: Mapped[datetime]
    sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lifted: Mapped[bool] = mapped_column(server_default="false")
    parted: Mapped[bool] = mapped_column(server_default="false")


class Tie(Base):
    """Two members who have had to do with each other, as other services told; the lower id first."""

    __tablename__ = "ties"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    one_id: Mapped[UUID] = mapped_column(primary_key=True)
    other_id: Mapped[UUID] = mapped_column(primary_key=True)
    last_at: Mapped[datetime]
