"""Webhook endpoints: where a community's apps hear of events."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_delivery.connections import check_url
from kith_delivery.errors import NoSuchEndpoint, TooManyEndpoints
from kith_delivery.events import EndpointDisabled
from kith_delivery.models import WebhookEndpoint
from kith_delivery.signing import new_secret

MOST_ENDPOINTS = 50
PREVIOUS_SIGNS = timedelta(days=1)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:community, 0))")


async def found(session: AsyncSession, endpoint_id: UUID, *, locked: bool = False) -> WebhookEndpoint:
    """The endpoint; NoSuchEndpoint when this community has none of this id."""
    statement = select(WebhookEndpoint).where(
        WebhookEndpoint.community_id == tenant_of(session), WebhookEndpoint.id == endpoint_id
    )
    endpoint = await session.scalar(statement.with_for_update(key_share=True) if locked else statement)
    if endpoint is None:
        raise NoSuchEndpoint
    return endpoint


async def add(
    session: AsyncSession, *, url: str, event_types: Sequence[str], description: str, allow_loopback: bool
) -> WebhookEndpoint:
    """A new endpoint with its signing secret. Every event costs a row per endpoint, so there is a most of them."""
    await check_url(url, allow_loopback=allow_loopback)
    community_id = tenant_of(session)
    # No constraint counts rows: whoever adds to one community waits for the other.
    await session.execute(_ONE_AT_A_TIME, {"community": str(community_id)})
    count = select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.community_id == community_id)
    if (await session.scalar(count) or 0) >= MOST_ENDPOINTS:
        raise TooManyEndpoints
    endpoint = WebhookEndpoint(
        community_id=community_id,
        url=url,
        event_types=sorted(set(event_types)),
        description=description,
        secret=new_secret(),
    )
    session.add(endpoint)
    await session.flush()
    await session.refresh(endpoint)
    return endpoint


async def change(
    session: AsyncSession, *, endpoint_id: UUID, changes: dict[str, Any], allow_loopback: bool
) -> WebhookEndpoint:
    """Change url, event types or description; deliveries under way follow to the new URL."""
    if "url" in changes:
        await check_url(changes["url"], allow_loopback=allow_loopback)
    endpoint = await found(session, endpoint_id, locked=True)
    for name, value in changes.items():
        setattr(endpoint, name, value)
    return endpoint


async def enable(session: AsyncSession, *, endpoint_id: UUID) -> WebhookEndpoint:
    """Send to it again, first what was left waiting. Events of the time in between were not kept for it."""
    endpoint = await found(session, endpoint_id, locked=True)
    endpoint.disabled_at = endpoint.disabled_reason = endpoint.throttled_until = endpoint.failing_since = None
    return endpoint


async def disable(session: AsyncSession, *, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = await found(session, endpoint_id, locked=True)
    if endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = datetime.now(UTC), "by_owner"
        emit(session, EndpointDisabled(endpoint_id=endpoint.id, reason="by_owner"))
    return endpoint


async def rotate_secret(session: AsyncSession, *, endpoint_id: UUID) -> WebhookEndpoint:
    """Another signing secret; the one before signs too for a day, so that no receiver is without one that fits. Done
    twice, the first is worth nothing at once.
    """
    endpoint = await found(session, endpoint_id, locked=True)
    endpoint.previous_secret, endpoint.previous_until = endpoint.secret, datetime.now(UTC) + PREVIOUS_SIGNS
    endpoint.secret = new_secret()
    return endpoint


async def remove(session: AsyncSession, *, endpoint_id: UUID) -> None:
    """Delete it with its deliveries."""
    statement = delete(WebhookEndpoint).where(
        WebhookEndpoint.community_id == tenant_of(session), WebhookEndpoint.id == endpoint_id
    )
    if (await session.execute(statement.returning(WebhookEndpoint.id))).first() is None:
        raise NoSuchEndpoint
