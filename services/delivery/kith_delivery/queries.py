"""Reads of delivery."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_delivery.models import Delivery, FailedAttempt, OutgoingEvent, WebhookEndpoint


async def endpoints(
    session: AsyncSession, *, first: int, after: str | None
) -> tuple[list[WebhookEndpoint], str | None]:
    statement = select(WebhookEndpoint).where(WebhookEndpoint.community_id == tenant_of(session))
    return await paginate(session, statement, by=[WebhookEndpoint.id], first=first, after=after)


async def endpoints_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[WebhookEndpoint | None]:
    """One entry per id, in their order; None where there is no such endpoint here."""
    statement = select(WebhookEndpoint).where(
        WebhookEndpoint.community_id == tenant_of(session), WebhookEndpoint.id.in_(ids)
    )
    found = {endpoint.id: endpoint for endpoint in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def deliveries(
    session: AsyncSession, *, endpoint_id: UUID | None, status: str | None, first: int, after: str | None
) -> tuple[list[Delivery], str | None]:
    """The newest first."""
    statement = select(Delivery).where(Delivery.community_id == tenant_of(session))
    if endpoint_id is not None:
        statement = statement.where(Delivery.endpoint_id == endpoint_id)
    if status is not None:
        statement = statement.where(Delivery.status == status)
    return await paginate(session, statement, by=[Delivery.id], first=first, after=after, descending=True)


async def deliveries_by_endpoint(session: AsyncSession, ids: Sequence[UUID], *, first: int) -> list[list[Delivery]]:
    """The newest deliveries of each endpoint, `first` at most, in the order of the ids."""
    community_id = tenant_of(session)
    newest = (
        select(Delivery)
        .where(Delivery.community_id == community_id, Delivery.endpoint_id == WebhookEndpoint.id)
        .order_by(Delivery.id.desc())
        .limit(first)
        .lateral()
    )
    newest_delivery = aliased(Delivery, newest)
    statement = (
        select(newest_delivery)
        .select_from(WebhookEndpoint)
        .join(newest, newest_delivery.endpoint_id == WebhookEndpoint.id)
        .where(WebhookEndpoint.community_id == community_id, WebhookEndpoint.id.in_(ids))
        .order_by(newest_delivery.id.desc())
    )
    found: dict[UUID, list[Delivery]] = {}
    for delivery in await session.scalars(statement):
        found.setdefault(delivery.endpoint_id, []).append(delivery)
    return [found.get(each, []) for each in ids]


async def counts_by_endpoint(session: AsyncSession, ids: Sequence[UUID]) -> list[dict[str, int]]:
    """How many deliveries of each endpoint are pending, delivered and failed, in the order of the ids."""
    statement = (
        select(Delivery.endpoint_id, Delivery.status, func.count().label("n"))
        .where(Delivery.community_id == tenant_of(session), Delivery.endpoint_id.in_(ids))
        .group_by(Delivery.endpoint_id, Delivery.status)
    )
    counts: dict[UUID, dict[str, int]] = {}
    for row in await session.execute(statement):
        counts.setdefault(row.endpoint_id, {})[row.status] = row.n
    empty = {"pending": 0, "delivered": 0, "failed": 0}
    return [empty | counts.get(each, {}) for each in ids]


async def payload_of(session: AsyncSession, event_id: UUID) -> str:
    """The envelope as it is sent."""
    statement = select(OutgoingEvent.payload).where(
        OutgoingEvent.community_id == tenant_of(session), OutgoingEvent.id == event_id
    )
    return (await session.scalars(statement)).one()


async def failed_attempts(session: AsyncSession, delivery_id: UUID) -> list[FailedAttempt]:
    """The latest attempts that failed, the newest first, 50 at most."""
    statement = select(FailedAttempt).where(
        FailedAttempt.community_id == tenant_of(session), FailedAttempt.delivery_id == delivery_id
    )
    return list(await session.scalars(statement.order_by(FailedAttempt.id.desc()).limit(50)))
