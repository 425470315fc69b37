"""Every event of every service, written down for the endpoints that want it."""

import json
from collections.abc import Sequence
from datetime import UTC

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.events import AnyEvent, Received
from kith_events.projections import Projection, Projections

consumers = Consumers()
# Who avoids or reported whom, and who went quiet, is for the services and the few it concerns, and for no app.
WITHHELD = frozenset(
    {
        "identity.member_blocked.v1",
        "identity.member_unblocked.v1",
        "identity.member_reported.v1",
        "matching.held_request_made.v1",
        "matching.held_request_declined.v1",
        "matching.held_request_withdrawn.v1",
        "matching.held_request_expired.v1",
        "matching.pairing_nudged.v1",
    }
)
# All that leaves of these is what they are about: who hides a part of their profile hides it from apps too. An app asks
# for the rest through GraphQL, which knows what it may see.
CUT = {"identity.profile_changed.v1": frozenset({"member_id"})}
# What an endpoint that is there now has been owed since it was made, as far back as delivered rows are kept.
_OWED = """
EXISTS (SELECT FROM {schema}.webhook_endpoints w JOIN {schema}.outgoing_events o ON o.id = deliveries.event_id
  WHERE w.id = deliveries.endpoint_id AND w.disabled_at IS NULL AND o.type <> 'delivery.endpoint_tested.v1'
    AND o.occurred_at > greatest(w.created_at, now() - interval '30 days'))
"""
_OWED_TO_SOMEBODY = (
    """
EXISTS (SELECT FROM {schema}.deliveries WHERE deliveries.event_id = outgoing_events.id AND """
    + _OWED
    + ")"
)
_ATTEMPTS = (
    "id", "status", "due_at", "claimed_until", "attempts", "attempted_at", "delivered_at", "status_code", "error",
    "answer", "milliseconds",
)  # fmt: skip
projections = Projections(
    [
        Projection("outgoing_events", ignored=("stored_at",), rows=_OWED_TO_SOMEBODY, swap="never"),
        Projection("deliveries", key=("event_id", "endpoint_id"), ignored=_ATTEMPTS, rows=_OWED, swap="never"),
    ],
    given=("webhook_endpoints",),
)

# Communities without endpoints are most: theirs are not even put together.
_LISTENING = text(
    "SELECT DISTINCT community_id FROM webhook_endpoints "
    "WHERE community_id = ANY(CAST(:communities AS uuid[])) AND disabled_at IS NULL"
)
# The order of the stream becomes the order of the ids: uuidv7() never goes back within one connection.
_FAN_OUT = text("""
WITH event AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:communities AS uuid[]), CAST(:types AS text[]),
                       CAST(:times AS timestamptz[]), CAST(:payloads AS text[])) WITH ORDINALITY
    AS e(id, community_id, type, occurred_at, payload, place)
), wanted AS (
  SELECT event.*, endpoint.id AS endpoint_id
  FROM event JOIN webhook_endpoints AS endpoint
    ON endpoint.community_id = event.community_id AND endpoint.disabled_at IS NULL
   AND endpoint.event_types && ARRAY[event.type, split_part(event.type, '.', 1) || '.*', '*']
), stored AS (
  INSERT INTO outgoing_events (id, community_id, type, occurred_at, payload)
  SELECT DISTINCT ON (place) id, community_id, type, occurred_at, payload FROM wanted ORDER BY place
  ON CONFLICT DO NOTHING
)
INSERT INTO deliveries (id, community_id, endpoint_id, event_id, event_type, due_at)
SELECT uuidv7(), community_id, endpoint_id, id, type, least(occurred_at, now()) FROM wanted ORDER BY place
ON CONFLICT (event_id, endpoint_id) DO NOTHING
""")


@consumers.on(AnyEvent)
async def fan_out(session: AsyncSession, events: Sequence[Received[AnyEvent]]) -> None:
    """One delivery for each event and each endpoint of its community that listens to its type."""
    events = [event for event in events if event.type not in WITHHELD]
    asked = {"communities": list({event.tenant for event in events})}
    listening = set(await session.scalars(_LISTENING, asked))
    heard = [event for event in events if event.tenant in listening]
    if not heard:
        return
    values = {
        "ids": [event.id for event in heard],
        "communities": [event.tenant for event in heard],
        "types": [event.type for event in heard],
        "times": [event.time for event in heard],
        "payloads": [payload(event) for event in heard],
    }
    await session.execute(_FAN_OUT, values)


def payload(event: Received[AnyEvent]) -> str:
    """The CloudEvents envelope (JSON) that an endpoint gets. Our trace context and what `CUT` omits stay at home."""
    data = event.data.model_extra or {}
    if event.type in CUT:
        data = {name: value for name, value in data.items() if name in CUT[event.type]}
    attributes = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": f"kith/{event.type.partition('.')[0]}",
        "type": event.type,
        "subject": str(event.aggregate_id),
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "tenant": str(event.tenant),
        "sequence": event.sequence,
        "data": data,
    }
    return json.dumps(attributes, separators=(",", ":"))
