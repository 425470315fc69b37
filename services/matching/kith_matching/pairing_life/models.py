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
