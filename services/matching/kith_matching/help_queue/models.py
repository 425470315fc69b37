from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_matching.models import Base


class HelpRequest(Base):
    """open → resolved or withdrawn. A claim is a lease: it is somebody's until `claimed_until` and no longer."""

    __tablename__ = "help_requests"
    __table_args__ = (
        Index("help_requests_waiting", "community_id", "program_id", "id", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    asked_by: Mapped[UUID]
    topic: Mapped[str]
    body: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
