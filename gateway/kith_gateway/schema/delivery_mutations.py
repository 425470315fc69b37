"""What can be done with webhook endpoints."""

from datetime import datetime

import strawberry

from kith_gateway.joins import DELIVERY
from kith_gateway.schema.delivery import Delivery, EndedDelivery, Replay, WebhookEndpoint
from kith_gateway.types import given, maybe, taking
from kith_gateway.writes import Input, mutation


@taking
class CreateWebhookEndpointInput(Input):
    """A new webhook endpoint."""

    url: str = given("Its address: https.")
    event_types: list[str] = given("Which events: *, <service>.* or a full type.")
    description: str | None = maybe("What it is for.")


@taking
class UpdateWebhookEndpointInput(Input):
    """What to change of a webhook endpoint; what is left out stays."""

    endpoint_id: strawberry.ID = given("The endpoint.", refers="WebhookEndpoint")
    url: str | None = maybe("Its address: https.")
    event_types: list[str] | None = maybe("Which events: *, <service>.* or a full type.")
    description: str | None = maybe("What it is for.")


@taking
class DeleteWebhookEndpointInput(Input):
    """A webhook endpoint to remove."""

    endpoint_id: strawberry.ID = given("The endpoint.", refers="WebhookEndpoint")


@taking
class EnableWebhookEndpointInput(Input):
    """A webhook endpoint to send to again."""

    endpoint_id: strawberry.ID = given("The endpoint.", refers="WebhookEndpoint")


@taking
class DisableWebhookEndpointInput(Input):
    """A webhook endpoint to send nothing to."""

    endpoint_id: strawberry.ID = given("The endpoint.", refers="WebhookEndpoint")


@taking
class RotateWebhookSecretInput(Input):
    """A webhook endpoint whose deliveries shall be signed with another secret."""

    endpoint_id: strawberry.ID = given("The endpoint.", refers="WebhookEndpoint")


@taking
class SendTestEventInput(Input):
    """A webhook endpoint to try out."""

    endpoint_id: strawberry.ID = given("The endpoint.", refers="WebhookEndpoint")


@taking
class ReplayDeliveryInput(Input):
    """A delivery to make again."""

    delivery_id: strawberry.ID = given("The delivery.", refers="Delivery")


@taking
class ReplayDeliveriesInput(Input):
    """Deliveries to an endpoint to make again, 10,000 at most."""

    endpoint_id: strawberry.ID = given("The endpoint.", refers="WebhookEndpoint")
    since: datetime = given("Of the events that came from then on.")
    until: datetime | None = maybe("Of those that came before; all until now where it is left out.")
    status: EndedDelivery | None = maybe("Those that ended so; FAILED where it is left out.")


_endpoint = ("webhook_endpoint", WebhookEndpoint, "The endpoint.")
_keyed = ("webhook_endpoint", WebhookEndpoint, "The endpoint, this once with its secret.")
_delivery = ("delivery", Delivery, "The delivery.")
mutations = [
    mutation(
        "create_webhook_endpoint", DELIVERY, "POST", "/webhook-endpoints", takes=CreateWebhookEndpointInput,
        gives=_keyed,
        description="Have events sent somewhere; for owners.",
    ),
    mutation(
        "update_webhook_endpoint", DELIVERY, "PATCH", "/webhook-endpoints/{endpoint_id}",
        takes=UpdateWebhookEndpointInput, gives=_endpoint, description="Change a webhook endpoint; for owners.",
    ),
    mutation(
        "delete_webhook_endpoint", DELIVERY, "DELETE", "/webhook-endpoints/{endpoint_id}",
        takes=DeleteWebhookEndpointInput, description="Remove a webhook endpoint; for owners.",
    ),
    mutation(
        "enable_webhook_endpoint", DELIVERY, "POST", "/webhook-endpoints/{endpoint_id}/enable",
        takes=EnableWebhookEndpointInput, gives=_endpoint, description="Send to it again; for owners.",
    ),
    mutation(
        "disable_webhook_endpoint", DELIVERY, "POST", "/webhook-endpoints/{endpoint_id}/disable",
        takes=DisableWebhookEndpointInput, gives=_endpoint, description="Send nothing to it; for owners.",
    ),
    mutation(
        "rotate_webhook_secret", DELIVERY, "POST", "/webhook-endpoints/{endpoint_id}/rotate-secret",
        takes=RotateWebhookSecretInput, gives=_keyed,
        description="Sign with another secret; for a day deliveries are signed with the one before too. For owners.",
    ),
    mutation(
        "send_test_event", DELIVERY, "POST", "/webhook-endpoints/{endpoint_id}/test", takes=SendTestEventInput,
        gives=_delivery, description="Send it a test event; for owners.",
    ),
    mutation(
        "replay_delivery", DELIVERY, "POST", "/deliveries/{delivery_id}/replay", takes=ReplayDeliveryInput,
        gives=_delivery, description="Make a delivery again; for owners.",
    ),
    mutation(
        "replay_deliveries", DELIVERY, "POST", "/webhook-endpoints/{endpoint_id}/replay", takes=ReplayDeliveriesInput,
        gives=("replay", Replay, "How many."), description="Make all deliveries of a time again; for owners.",
    ),
]  # fmt: skip
