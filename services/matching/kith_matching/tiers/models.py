from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from kith_matching.models import Base
from kith_matching.tiers.bars import NAMES, OPENS, Role, Tier


class MentorStanding(Base):
    """Where a mentor stands, see `bars.py`. `below_since` is nobody's to see: it tells of what mentees said."""

    __tablename__ = "mentor_standings"
    __table_args__ = (Index("mentor_standings_by_tier", "community_id", "rank", "member_id"),)

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime | None]
    below_since: Mapped[datetime | None]

    @property
    def tier(self) -> Tier:
        """The tier of who has one."""
        return NAMES[self.rank - 1]

    @property
    def opens(self) -> Sequence[Role]:
        return OPENS[self.tier]
