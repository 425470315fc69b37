from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, ScalarSelect, func, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column

from kith_chassis.ids import new_id
from kith_matching.models import Base


class CallInvitation(Base):
    """A member who is asked to become a mentor: asked → accepted, declined, or lapsed when the call was over.

    skills  what they offer of what is wanted
    people  how many different people they helped lately
    """

    __tablename__ = "call_invitations"
    __table_args__ = (
        Index("one_invitation_per_call", "call_id", "member_id", unique=True),
        Index("call_invitations_of_member", "community_id", "member_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    call_id: Mapped[UUID] = mapped_column(ForeignKey("open_calls.id"))
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    member_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(default="asked")
    skills: Mapped[list[str]]
    people: Mapped[int]
    max_pairings: Mapped[int | None]
    asked_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


def _of(call_id: Mapped[UUID], status: Any) -> ScalarSelect[int]:
    """How many of a call's invitations have this status."""
    mine = (CallInvitation.call_id == call_id) & (CallInvitation.status == status)
    return select(func.count()).where(mine).correlate_except(CallInvitation).scalar_subquery()


class OpenCall(Base):
    """open → filled, ended at its date, or closed by hand. `places` are wanted, `filled` of them were offered."""

    __tablename__ = "open_calls"
    __table_args__ = (
        Index("one_open_call", "community_id", "program_id", unique=True, postgresql_where=text("status = 'open'")),
        Index("open_calls_listing", "community_id", "program_id", "id"),
        CheckConstraint("places >= 1 AND places <= 1000", name="places"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
    status: Mapped[str] = mapped_column(default="open")
    places: Mapped[int]
    filled: Mapped[int] = mapped_column(default=0, server_default="0")
    opened_by: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    # As the call was read: nothing counts them anew within a transaction. `id` is the column above.
    asked: Mapped[int] = column_property(_of(id, CallInvitation.status), expire_on_flush=False)  # noqa: A003
    declined: Mapped[int] = column_property(_of(id, "declined"), expire_on_flush=False)  # noqa: A003


class LastCall(Base):
    """When a member was last asked by any call: the row decides that nobody is asked twice within a month."""

    __tablename__ = "last_calls"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]


class Thanks(Base):
    """A member said that another helped them: with kudos, or by accepting an answer."""

    __tablename__ = "thanks"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    helper_id: Mapped[UUID] = mapped_column(primary_key=True)
    helped_id: Mapped[UUID] = mapped_column(primary_key=True)
    last_at: Mapped[datetime]
