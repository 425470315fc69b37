"""Webhook endpoints of apps and what was delivered to them."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import DELIVERY, Argument, by_id, fetched, identifier, joined, lookup, paged, plain
from kith_gateway.types import Connection, Node, enumeration, node, record


@enumeration
class DeliveryStatus(Enum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@enumeration
class AttemptError(Enum):
    """Why an attempt failed."""

    STATUS = "status"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    ADDRESS_REFUSED = "address_refused"


@enumeration
class DisabledReason(Enum):
    """Why a webhook endpoint is disabled."""

    BY_OWNER = "by_owner"
    GONE = "gone"
    FAILING = "failing"


@record
class DeliveryCounts:
    """How many deliveries of an endpoint are where."""

    pending: int = plain("Still to be delivered.")
    delivered: int = plain("Delivered.")
    failed: int = plain("Given up.")


@record
class Attempt:
    """One attempt that failed."""

    id: strawberry.ID = identifier("Attempt")
    attempted_at: datetime = plain("When.")
    status_code: int | None = plain("What the endpoint answered.")
    error: AttemptError = plain("Why it failed.")
    answer: str = plain("The first 500 bytes of the answer.")
    milliseconds: int = plain("How long it took.")


@record
class Delivery:
    """One event for one webhook endpoint."""

    id: strawberry.ID = identifier("Delivery")
    event_id: str = plain("The event's id, also the webhook-id of every attempt.")
    event_type: str = plain("The event's type.")
    status: DeliveryStatus = plain("Where it is.")
    attempts: int = plain("Attempts so far.")
    due_at: datetime = plain("When the next attempt is made, as long as it is pending.")
    attempted_at: datetime | None = plain("When the last attempt was made.")
    delivered_at: datetime | None = plain("When it was delivered.")
    status_code: int | None = plain("What the endpoint answered last.")
    error: AttemptError | None = plain("Why the last attempt failed.")
    answer: str | None = plain("The first 500 bytes of the last answer.")
    milliseconds: int | None = plain("How long the last attempt took.")
    endpoint: "WebhookEndpoint | None" = joined(
        DELIVERY, "/read/webhook-endpoints", key="endpoint_id", description="For whom."
    )


@record
class DeliveryDetail(Delivery):
    """A delivery with what was sent and every failed attempt."""

    payload: str = plain("The body that is sent.")
    failed_attempts: list[Attempt] = plain("Attempts that failed.", bound=100)


@enumeration
class EndedDelivery(Enum):
    """How a delivery ended."""

    FAILED = "failed"
    DELIVERED = "delivered"


@record
class Replay:
    """Deliveries made again."""

    replayed: int = plain("How many.")


@node(DELIVERY, "/read/webhook-endpoints")
class WebhookEndpoint(Node):
    """Where an app wants events of this community."""

    id: strawberry.ID = identifier("WebhookEndpoint")
    url: str = plain("Its address.")
    description: str = plain("What it is for.")
    event_types: list[str] = plain("Which events: *, <service>.* or a full type.", bound=50)
    created_at: datetime = plain("Since when it exists.")
    disabled_at: datetime | None = plain("Since when nothing is sent to it.")
    disabled_reason: DisabledReason | None = plain("Why.")
    secret: str | None = plain(
        "What deliveries are signed with; only in the answers to createWebhookEndpoint and rotateWebhookSecret."
    )
    delivery_counts: DeliveryCounts | None = joined(
        DELIVERY, "/read/delivery-counts-by-endpoint", key="id", description="How many deliveries are where."
    )
    deliveries: list[Delivery] | None = joined(
        DELIVERY,
        "/read/deliveries-by-endpoint",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="Its newest deliveries; `deliveries(endpointId:)` has pages of them.",
    )


@strawberry.type
class Query:
    webhook_endpoints: Connection[WebhookEndpoint] | None = paged(
        DELIVERY, "/webhook-endpoints", description="The webhook endpoints, the oldest first; for owners."
    )
    webhook_endpoint: WebhookEndpoint | None = lookup(
        DELIVERY, "/read/webhook-endpoints", of="WebhookEndpoint", description="One webhook endpoint; for owners."
    )
    deliveries: Connection[Delivery] | None = paged(
        DELIVERY,
        "/deliveries",
        arguments=(
            Argument("endpoint_id", strawberry.ID | None, "Only to this endpoint.", None, "WebhookEndpoint"),
            Argument("status", DeliveryStatus | None, "Only those.", default=None),
        ),
        description="Deliveries, the newest first; for owners.",
    )
    delivery: DeliveryDetail | None = fetched(
        DELIVERY, "/deliveries/{id}", arguments=(by_id("Delivery"),), description="One delivery; for owners."
    )
