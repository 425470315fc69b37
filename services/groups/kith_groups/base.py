from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kith_barriers.barriers import BarrierColumns
from kith_chassis.tables import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Participant(Base):
    """What groups knows of a member, learned from identity's events; of who left, that they did."""

    __tablename__ = "participants"
    __table_args__ = (
        Index(
            "participants_leaving", "left_at", "member_id",
            postgresql_where=text("left_at IS NOT NULL AND parted_at IS NULL"),
        ),
    )  # fmt: skip

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    joined_at: Mapped[datetime | None]
    languages: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    interests: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    experience_years: Mapped[float | None]
    time_zone: Mapped[str | None]
    sequence: Mapped[int] = mapped_column(server_default="0")
    left_at: Mapped[datetime | None]
    parted_at: Mapped[datetime | None]


class Barrier(BarrierColumns, Base):
    """These two come into no group together. Who shares one already stays, as putting one out would tell."""
