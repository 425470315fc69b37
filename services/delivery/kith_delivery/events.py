"""What delivery tells the others."""

from typing import Literal
from uuid import UUID

from kith_chassis.events import Event

Reason = Literal["by_owner", "gone", "failing"]


class EndpointDisabled(Event, type="delivery.endpoint_disabled.v1", aggregate="endpoint_id"):
    """Nothing is sent to a webhook endpoint any more: by its owner, as it answered 410 Gone, or failed for days."""

    endpoint_id: UUID
    reason: Reason


class EndpointTested(Event, type="delivery.endpoint_tested.v1", aggregate="endpoint_id"):
    """Someone asked for a test; this goes to the tested endpoint alone and never to the bus."""

    endpoint_id: UUID
