from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_matching.models import Base


class CheckInTemplate(Base):
    """An agenda for two who meet: steps, each with a prompt and its minutes."""

    __tablename__ = "check_in_templates"
    __table_args__ = (Index("check_in_templates_of_program", "program_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    name: Mapped[str]
    agenda: Mapped[list[dict[str, Any]]]


class Resource(Base):
    """Something to read or use, for the mentors, the mentees or the pairs of a program."""

    __tablename__ = "resources"
    __table_args__ = (Index("resources_of_program", "program_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    audience: Mapped[str]
    title: Mapped[str]
    url: Mapped[str]
    note: Mapped[str]
