"""Registering apps, and the access tokens they get for their secret (RFC 6749, section 4.4: client credentials)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import bind_tenant, tenant_of
from kith_chassis.events import emit
from kith_chassis.pages import paginate
from kith_identity import communities, owners
from kith_identity.errors import AppRefused, NoSuchApp, TooManyApps
from kith_identity.events import AppRegistered, AppRevoked
from kith_identity.models import App
from kith_identity.permissions import Scope, permissions_of_app
from kith_identity.sessions import Signer, community_in, digest, new_secret

MOST = 200


@dataclass(frozen=True)
class Keyed:
    """An app with the secret nobody will be shown again."""

    app: App
    secret: str


@dataclass(frozen=True)
class AppToken:
    """As RFC 6749 names it, section 5.1; `scope` is what the token permits, words apart."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


async def register(session: AsyncSession, *, actor_id: UUID, name: str, scopes: Sequence[Scope]) -> Keyed:
    """A new app with a secret of its own, which outlasts whoever asks: Forbidden for who is no owner any more.

    Raises TooManyApps.
    """
    community_id = await communities.locked(session)  # one at a time, so that they can be counted
    await owners.check(session, actor_id)
    used = select(func.count()).where(App.community_id == community_id, App.revoked_at.is_(None))
    if (await session.scalar(used) or 0) >= MOST:
        raise TooManyApps
    secret, secret_digest = new_secret(community_id)
    app = App(
        community_id=community_id,
        name=name,
        scopes=sorted(set(scopes)),
        secret_digest=secret_digest,
        registered_by=actor_id,
        registered_at=datetime.now(UTC),
    )
    session.add(app)
    await session.flush()
    emit(session, AppRegistered(app_id=app.id, scopes=app.scopes))
    return Keyed(app, secret)


async def replace_secret(session: AsyncSession, *, actor_id: UUID, app_id: UUID) -> Keyed:
    """A new secret; the old one is worth nothing from now on. Raises NoSuchApp, also for one that is revoked."""
    app = await _locked(session, app_id, by=actor_id)
    if app.revoked_at is not None:
        raise NoSuchApp
    secret, app.secret_digest = new_secret(app.community_id)
    return Keyed(app, secret)


async def revoke(session: AsyncSession, *, actor_id: UUID, app_id: UUID) -> App:
    """No more tokens for this app; doing so again changes nothing. Raises NoSuchApp."""
    app = await _locked(session, app_id, by=actor_id)
    if app.revoked_at is None:
        app.revoked_at = datetime.now(UTC)
        emit(session, AppRevoked(app_id=app.id))
    return app


async def listed(session: AsyncSession, *, first: int, after: str | None) -> tuple[list[App], str | None]:
    """All apps, the newest first, also those that were revoked."""
    statement = select(App).where(App.community_id == tenant_of(session))
    return await paginate(session, statement, by=[App.id], first=first, after=after, descending=True)


async def token(session: AsyncSession, signer: Signer, *, app_id: str, secret: str) -> AppToken:
    """An access token for as long as a member's. Raises AppRefused, and never says what of it was wrong."""
    community_id = community_in(secret)
    try:
        key = UUID(app_id)
    except ValueError:
        raise AppRefused from None
    if community_id is None:
        raise AppRefused
    await bind_tenant(session, community_id)
    statement = select(App).where(App.id == key, App.community_id == community_id, App.revoked_at.is_(None))
    app = (await session.scalars(statement)).first()
    if app is None or not secrets.compare_digest(app.secret_digest, digest(secret)):
        raise AppRefused
    permissions = permissions_of_app(app.scopes)
    made = signer.access_token(
        subject=app.id, community_id=community_id, permissions=permissions, session_id=app.id, app=True
    )
    return AppToken(made, "Bearer", signer.settings.access_token_seconds, " ".join(permissions))


async def _locked(session: AsyncSession, app_id: UUID, *, by: UUID) -> App:
    community_id = await communities.locked(session)
    statement = select(App).where(App.id == app_id, App.community_id == community_id).with_for_update()
    app = (await session.scalars(statement)).first()
    if app is None:
        raise NoSuchApp
    await owners.check(session, by)
    return app
