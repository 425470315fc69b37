"""Endpoints, the events that leave once per event, and one delivery per event and endpoint."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_chassis.tables import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class WebhookEndpoint(Base):
    """Where an app hears of events. The secret signs, so it must be readable; it is shown once.

    `event_types` holds "*", "<service>.*" and full types. `throttled_until`: the receiver asked us to hold back.
    `previous_secret` signs too until `previous_until`. `failing_since`: the first failed attempt after which nothing
    reached it any more.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (UniqueConstraint("community_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    event_types: Mapped[list[str]]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    throttled_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]


class OutgoingEvent(Base):
    """An event somebody here listens to: its CloudEvents envelope as it is sent and signed, byte for byte."""

    __tablename__ = "outgoing_events"
    __table_args__ = (Index("outgoing_events_stored", "stored_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[UUID]
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    payload: Mapped[str]
    stored_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Delivery(Base):
    """One event on its way to one endpoint, and what came of the last attempt.

    `attempts` counts since it was last put in the queue; `claimed_until` is the lease of the sender that has it.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id"),
        ForeignKeyConstraint(
            ["community_id", "endpoint_id"],
            ["webhook_endpoints.community_id", "webhook_endpoints.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        Index("deliveries_due", "endpoint_id", "due_at", "id", postgresql_where=text("status = 'pending'")),
        Index("deliveries_over", "attempted_at", postgresql_where=text("status <> 'pending'")),
        Index("deliveries_log", "community_id", "id"),
        Index("deliveries_by_endpoint", "community_id", "endpoint_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    event_id: Mapped[UUID] = mapped_column(ForeignKey("outgoing_events.id"))
    event_type: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="pending")
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    attempted_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    answer: Mapped[str | None]
    milliseconds: Mapped[int | None]


class FailedAttempt(Base):
    """An attempt that did not succeed; the one that did stands in its delivery."""

    __tablename__ = "failed_attempts"
    __table_args__ = (Index("failed_attempts_by_delivery", "delivery_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"))
    attempted_at: Mapped[datetime]
    status_code: Mapped[int | None]
    error: Mapped[str]
    answer: Mapped[str]
    milliseconds: Mapped[int]
