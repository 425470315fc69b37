from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kith_barriers.barriers import BarrierColumns
from kith_chassis.ids import new_id
from kith_chassis.tables import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Member(Base):
    """Who there is; `listed` is whether they want to be ranked."""

    __tablename__ = "members"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    listed: Mapped[bool] = mapped_column(server_default="true")


class Departure(Base):
    """Who has left the community; what they earned stays in the ledger."""

    __tablename__ = "departures"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    left_at: Mapped[datetime]


class Barrier(BarrierColumns, Base):
    """Thanks between these two are held."""


class AwardRule(Base):
    """A community's own points for a kind of fact; without one the default holds."""

    __tablename__ = "award_rules"
    __table_args__ = (
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("daily_cap >= 0", name="daily_cap"),
    )

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int]
    daily_cap: Mapped[int]


class LedgerEntry(Base):
    """Points earned, for ever: rows are only added. One per member, rule and event, however often it is delivered.

    `other_id` is with whom they were earned: who thanked or was thanked, asked, or was paired with them.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index("earned_once", "community_id", "member_id", "rule", "event_id", unique=True),
        Index("ledger_by_time", "community_id", "earned_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    member_id: Mapped[UUID]
    rule: Mapped[str]
    points: Mapped[int]
    event_id: Mapped[UUID]
    other_id: Mapped[UUID | None]
    earned_at: Mapped[datetime]


class Recognized(Base):
    """A thing (a thread, a session, two who were paired) for which a member is not recognized by this kind again."""

    __tablename__ = "recognized"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    thing_id: Mapped[UUID] = mapped_column(primary_key=True)


class Tally(Base):
    """How often a member did or received something, for badges."""

    __tablename__ = "tallies"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class Kudos(Base):
    """Thanks. What is `held`, because a barrier stood between the two, nobody but its giver ever sees."""

    __tablename__ = "kudos"
    __table_args__ = (
        Index("kudos_listing", "community_id", "id"),
        Index("kudos_of_receiver", "community_id", "receiver_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    giver_id: Mapped[UUID]
    receiver_id: Mapped[UUID]
    message: Mapped[str]
    value: Mapped[str]
    held: Mapped[bool] = mapped_column(server_default="false")
    given_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class GivingAllowance(Base):
    """How many kudos somebody has given in the week that starts on a Monday."""

    __tablename__ = "giving_allowances"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    week: Mapped[date] = mapped_column(primary_key=True)
    given: Mapped[int]


class Badge(Base):
    """A badge a community made itself, given by hand."""

    __tablename__ = "badges"

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str]
    repeatable: Mapped[bool]


class BadgeAward(Base):
    """A badge given, with its evidence: the event that earned it, or who gave it and why."""

    __tablename__ = "badge_awards"
    __table_args__ = (
        Index(
            "awarded_once", "community_id", "member_id", "badge_key", unique=True,
            postgresql_where=text("NOT repeatable"),
        ),
        Index("awards_of_member", "community_id", "member_id", "id"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    member_id: Mapped[UUID]
    badge_key: Mapped[str]
    repeatable: Mapped[bool]
    evidence_id: Mapped[UUID | None]
    awarded_by: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(server_default="")
    awarded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
