"""Deliveries: sending a test, sending again, forgetting old ones."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.events import AnyEvent, Received
from kith_chassis.ids import new_id
from kith_delivery import webhook_endpoints
from kith_delivery.consumers import payload
from kith_delivery.errors import EndpointIsDisabled, NoSuchDelivery
from kith_delivery.events import EndpointTested
from kith_delivery.models import Delivery, OutgoingEvent

_PRUNED_AT_ONCE = 5_000
_PRUNE = text("""
DELETE FROM deliveries WHERE id IN (
  SELECT id FROM deliveries WHERE status <> 'pending' AND attempted_at < now() - make_interval(days => :days)
  LIMIT :limit FOR UPDATE SKIP LOCKED
)
""")
_PRUNE_WAITING = text("""
DELETE FROM deliveries WHERE id IN (
  SELECT delivery.id
  FROM webhook_endpoints AS endpoint JOIN deliveries AS delivery ON delivery.endpoint_id = endpoint.id
  WHERE endpoint.disabled_at < now() - make_interval(days => :days)
    AND delivery.status = 'pending' AND delivery.due_at < now() - make_interval(days => :days)
  LIMIT :limit FOR UPDATE OF delivery SKIP LOCKED
)
""")
_PRUNE_EVENTS = text("""
DELETE FROM outgoing_events WHERE id IN (
  SELECT id FROM outgoing_events AS event
  WHERE stored_at < now() - make_interval(days => :days)
    AND NOT EXISTS (SELECT FROM deliveries WHERE deliveries.event_id = event.id)
  LIMIT :limit FOR UPDATE SKIP LOCKED
)
""")


async def found(session: AsyncSession, delivery_id: UUID) -> Delivery:
    """The delivery; NoSuchDelivery when this community has none of this id."""
    delivery = await session.scalar(
        select(Delivery).where(Delivery.community_id == tenant_of(session), Delivery.id == delivery_id)
    )
    if delivery is None:
        raise NoSuchDelivery
    return delivery


async def send_test(session: AsyncSession, *, endpoint_id: UUID) -> Delivery:
    """Put a test event in the endpoint's queue, whatever types it listens to."""
    endpoint = await webhook_endpoints.found(session, endpoint_id)
    if endpoint.disabled_at is not None:
        raise EndpointIsDisabled
    data = EndpointTested(endpoint_id=endpoint.id)
    event = Received(
        id=new_id(),
        type=EndpointTested.type,
        tenant=endpoint.community_id,
        aggregate_id=endpoint.id,
        sequence=0,  # stands in no sequence: receivers that look for gaps pass it over
        time=datetime.now(UTC),
        traceparent=None,
        data=AnyEvent.model_validate(data.model_dump(mode="json")),
    )
    stored = OutgoingEvent(
        id=event.id,
        community_id=event.tenant,
        type=event.type,
        occurred_at=event.time,
        payload=payload(event),
    )
    session.add(stored)
    await session.flush()
    delivery = Delivery(
        community_id=event.tenant,
        endpoint_id=endpoint.id,
        event_id=event.id,
        event_type=event.type,
        due_at=event.time,
    )
    session.add(delivery)
    await session.flush()
    await session.refresh(delivery)
    return delivery


async def replay(session: AsyncSession, *, delivery_id: UUID) -> Delivery:
    """Send it now, once more and with all its retries; the webhook id stays, so receivers recognise it."""
    delivery = await found(session, delivery_id)
    endpoint = await webhook_endpoints.found(session, delivery.endpoint_id)
    if endpoint.disabled_at is not None:
        raise EndpointIsDisabled
    delivery.status, delivery.attempts, delivery.delivered_at = "pending", 0, None
    delivery.due_at = func.now()
    await session.flush()
    await session.refresh(delivery)
    return delivery


async def prune(database: Database, *, days: int) -> None:
    """Forget, in small transactions, what was delivered or given up `days` ago, what has waited as long for an endpoint
    that is disabled, and events that nobody waits for any more.
    """
    for statement in (_PRUNE, _PRUNE_WAITING, _PRUNE_EVENTS):
        pruned = _PRUNED_AT_ONCE
        while pruned == _PRUNED_AT_ONCE:
            async with database.transaction() as session:
                result = await session.execute(statement, {"days": days, "limit": _PRUNED_AT_ONCE})
                pruned = result.rowcount  # type: ignore[attr-defined]  # the result of a DELETE is a CursorResult
