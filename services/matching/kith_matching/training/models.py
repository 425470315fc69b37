from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_matching.models import Base


class TrainingModule(Base):
    """Something to read or do, in the order of `position`; `required_for` are the sides who may not go without."""

    __tablename__ = "training_modules"
    __table_args__ = (Index("training_modules_of_program", "program_id", "position", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    title: Mapped[str]
    body: Mapped[str]
    url: Mapped[str | None]
    position: Mapped[int]
    required_for: Mapped[list[str]]
    added_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class TrainingCompletion(Base):
    """A member has completed a module."""

    __tablename__ = "training_completions"

    module_id: Mapped[UUID] = mapped_column(ForeignKey("training_modules.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    completed_at: Mapped[datetime]


class TrainingExemption(Base):
    """A member needs no training in a program, as a coordinator says."""

    __tablename__ = "training_exemptions"

    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    exempted_by: Mapped[UUID]
    exempted_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
