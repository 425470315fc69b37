from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_groups.base import Base


class Group(Base):
    """A small group of some kind; `reasons` say why its first members were put together."""

    __tablename__ = "groups"
    __table_args__ = (Index("groups_listing", "community_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    kind: Mapped[str]
    name: Mapped[str]
    purpose: Mapped[str] = mapped_column(server_default="")
    smallest: Mapped[int]
    largest: Mapped[int]
    formation_id: Mapped[UUID | None]
    reasons: Mapped[dict[str, Any]]
    formed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Membership(Base):
    """Somebody belongs to a group from `since` until `until` (None: still). One open group of a kind at a time."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index(
            "one_group_of_a_kind", "community_id", "member_id", "kind", unique=True,
            postgresql_where=text("until IS NULL"),
        ),
        Index("memberships_of_group", "community_id", "group_id"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    group_id: Mapped[UUID] = mapped_column(ForeignKey("groups.id"))
    member_id: Mapped[UUID]
    kind: Mapped[str]
    role: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    until: Mapped[datetime | None]
