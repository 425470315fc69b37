from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_matching.models import Base


class Preview(Base):
    """queued → solving → solved, or failed. `run_id` is the run whose people are matched anew; none: who waits now."""

    __tablename__ = "previews"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("match_runs.id"))
    status: Mapped[str] = mapped_column(default="queued")
    settings: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
    failure: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    solved_at: Mapped[datetime | None]
