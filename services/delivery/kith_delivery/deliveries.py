"""Deliveries: sending a test, sending again, forgetting old ones."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.events import AnyEvent, Received
from kith_chassis.ids import new_id
from kith_delivery import webhook_endpoints
from kith_delivery.consumers import payload
from kith_delivery.errors import EndpointIsDisabled, NoSuchDelivery, TooManyToReplay
from kith_delivery.events import EndpointTested
from kith_delivery.models import Delivery, OutgoingEvent

MOST_REPLAYED = 10_000
# By when they were written down, which their ids say: so the index of the log finds them.
_REPLAY = text("""
UPDATE deliveries SET status = 'pending', attempts = 0, delivered_at = NULL, due_at = now()
WHERE id IN (
  SELECT id FROM deliveries
  WHERE community_id = :community AND endpoint_id = :endpoint AND status = :status AND id >= :since AND id < :until
  ORDER BY id LIMIT :limit FOR UPDATE
)
""")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


async def replay_some(
    session: AsyncSession, *, endpoint_id: UUID, status: str, since: datetime, until: datetime | None
) -> int:
    """Send again what an endpoint was sent, or not, of the events that came from `since` to before `until`; how many
    these are. All of them or, with TooManyToReplay, none.
    """
    endpoint = await webhook_endpoints.found(session, endpoint_id)
    if endpoint.disabled_at is not None:
        raise EndpointIsDisabled
    asked = {
        "community": endpoint.community_id,
        "endpoint": endpoint.id,
        "status": status,
        "since": _first_id_of(since),
        "until": _first_id_of(until or datetime.max.replace(tzinfo=UTC)),
        "limit": MOST_REPLAYED + 1,
    }
    replayed: int = (await session.execute(_REPLAY, asked)).rowcount  # type: ignore[attr-defined]  # as below
    if replayed > MOST_REPLAYED:
        raise TooManyToReplay
    return replayed


def _first_id_of(moment: datetime) -> UUID:
    """No UUIDv7 of this millisecond or later is smaller."""
    return UUID(int=max(0, (moment - _EPOCH) // timedelta(milliseconds=1)) << 80)


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
