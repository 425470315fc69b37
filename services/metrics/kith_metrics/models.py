from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_chassis.tables import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Member(Base):
    """What metrics knows of a member: when the first of each thing happened. No name, no text."""

    __tablename__ = "members"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    joined_at: Mapped[datetime | None]
    contributed_at: Mapped[datetime | None]
    posted_at: Mapped[datetime | None]
    replied_to_at: Mapped[datetime | None]
    in_group_at: Mapped[datetime | None]
    pairing_proposed_at: Mapped[datetime | None]
    pairing_accepted_at: Mapped[datetime | None]
    last_active_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]


class Bond(Base):
    """What binds a member now: a pairing, proposed or accepted, or a group they are in; `over` when it ended.

    `sequence` is the number of the last event of the pairing or group that told of it.
    """

    __tablename__ = "bonds"
    __table_args__ = (CheckConstraint("state IN ('proposed', 'accepted', 'in_group', 'over')", name="state"),)

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    bond_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    sequence: Mapped[int]


class Interaction(Base):
    """Something that happened between two members; `kind` is collaborative, social or educational."""

    __tablename__ = "interactions"
    __table_args__ = (
        Index("interactions_by_time", "community_id", "occurred_at"),
        Index("interactions_to", "community_id", "to_id"),
    )

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_id: Mapped[UUID] = mapped_column(primary_key=True)
    to_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    source: Mapped[str]
    occurred_at: Mapped[datetime]


class Report(Base):
    """A health report with what it was computed from: definitions, window, inputs."""

    __tablename__ = "reports"
    __table_args__ = (Index("reports_listing", "community_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    window_days: Mapped[int]
    figures: Mapped[dict[str, Any]]
    provenance: Mapped[dict[str, Any]]
    requested_by: Mapped[UUID]
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Isolated(Base):
    """One member a report names, with the reasons; `place` is the order, the most isolated first."""

    __tablename__ = "isolated"

    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    member_id: Mapped[UUID]
    score: Mapped[float]
    reasons: Mapped[list[str]]
    step: Mapped[str | None]
