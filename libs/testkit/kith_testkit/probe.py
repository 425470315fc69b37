"""A real service in this process, on real PostgreSQL and NATS, with everything a test wants to know of it."""

import asyncio
import importlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import text

from kith_chassis.bus import Bus
from kith_chassis.database import Database
from kith_chassis.events import SUBJECT_PREFIX
from kith_chassis.ids import new_id
from kith_chassis.tokens import ALGORITHM, TokenVerifier
from kith_testkit.databases import ServiceDatabase

MEMBER = frozenset({"matching:take_part", "groups:take_part", "recognition:take_part"})
COORDINATOR = MEMBER | {
    "members:invite", "members:import", "members:read_private",
    "matching:coordinate", "groups:coordinate", "recognition:coordinate", "metrics:read", "metrics:report",
}  # fmt: skip
MODERATOR = MEMBER | {"members:moderate"}
OWNER = COORDINATOR | MODERATOR | {"community:manage", "apps:manage"}

# A service is started once for all tests of a process, whoever asks first: what its own tests need is always set.
_OWN: dict[str, dict[str, Any]] = {
    "kith_identity": {"secret_key": secrets.token_urlsafe(32)},
    "kith_delivery": {
        "allow_loopback_webhooks": True,
        "webhook_poll_seconds": 0.05,
        "webhook_timeout_seconds": 1.0,
    },
}
_KEY = OKPKey.generate_key("Ed25519", private=True)
_KEY.ensure_kid()
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class Actor:
    """Someone who calls: a member of a community with permissions, or an app."""

    community_id: UUID
    member_id: UUID = field(default_factory=new_id)
    permissions: frozenset[str] = MEMBER
    app: bool = False

    def token(self, *, expires_in: float = 600, key: OKPKey = _KEY, issuer: str = "kith") -> str:
        claims = {
            "iss": issuer,
            "sub": str(self.member_id),
            "tenant": str(self.community_id),
            "permissions": sorted(self.permissions),
            **({"app": True} if self.app else {}),
            "exp": int(time.time() + expires_in),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


async def eventually(
    check: Callable[[], Coroutine[Any, Any, Any]], *, what: str = "it", seconds: float = DEADLINE_SECONDS
) -> Any:
    """Poll `check` until it returns something true, and return that; AssertionError when time is up."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := await check():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Probe:
    """A running service and ways to ask it, to tell it events and to see what it emitted."""

    def __init__(self, app: FastAPI, database: ServiceDatabase) -> None:
        self.app = app
        self.urls = database
        self.name: str = app.state.name
        self.anonymous = self.client(None)

    @property
    def database(self) -> Database:
        """The worker's database: sees every community."""
        found: Database = self.app.state.worker_database
        return found

    @property
    def bus(self) -> Bus:
        found: Bus = self.app.state.bus
        return found

    def client(self, actor: Actor | None, **headers: str) -> httpx.AsyncClient:
        """A client that calls as this actor (None: without a token)."""
        if actor is not None:
            headers["Authorization"] = f"Bearer {actor.token()}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=f"http://{self.name}", headers=headers)

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a query, seen by the worker role."""
        async with self.database.transaction() as session:
            return [dict(row) for row in (await session.execute(text(sql), values)).mappings()]

    async def emitted(self, community_id: UUID, type_: str | None = None) -> list[dict[str, Any]]:
        """The data of the events emitted for a community, in order; of one type where it is given."""
        rows = await self.rows(
            "SELECT type, data FROM outbox WHERE tenant_id = :community ORDER BY position", community=community_id
        )
        return [json.loads(row["data"]) for row in rows if type_ in (None, row["type"])]

    async def deliver(
        self,
        community_id: UUID,
        type_: str,
        data: dict[str, Any],
        *,
        aggregate_id: UUID | None = None,
        sequence: int = 1,
        event_id: UUID | None = None,
        wait: bool = True,
    ) -> UUID:
        """Put somebody's event on the stream as its relay would; by default wait until this service has applied it."""
        event_id = event_id or new_id()
        await self.deliver_all([(event_id, community_id, type_, data, aggregate_id or new_id(), sequence)], wait=wait)
        return event_id

    async def deliver_all(
        self, events: Iterable[tuple[UUID, UUID, str, dict[str, Any], UUID, int]], *, wait: bool = True
    ) -> None:
        """Deliver (event id, community, type, data, aggregate id, sequence) in this order."""
        messages, ids = [], []
        for event_id, community_id, type_, data, aggregate_id, sequence in events:
            envelope = {
                "specversion": "1.0",
                "id": str(event_id),
                "source": f"kith/{type_.partition('.')[0]}",
                "type": type_,
                "subject": str(aggregate_id),
                "time": datetime.now(UTC).isoformat(),
                "tenant": str(community_id),
                "sequence": sequence,
                "data": data,
            }
            messages.append((f"{SUBJECT_PREFIX}{type_}", str(event_id), json.dumps(envelope, default=str).encode()))
            ids.append(event_id)
        await self.bus.publish(messages)
        if wait:
            await eventually(lambda: self._applied(set(ids)), what=f"applying {len(ids)} events in {self.name}")

    async def _applied(self, ids: set[UUID]) -> bool:
        rows = await self.rows("SELECT count(*) AS n FROM inbox WHERE event_id = ANY(:ids)", ids=list(ids))
        return bool(rows[0]["n"] == len(ids))


def key_transport(app: FastAPI) -> httpx.MockTransport:
    """Publishes the test key beside the service's own, where it has one."""

    def answer(_: httpx.Request) -> httpx.Response:
        own = app.state.signer.key_set()["keys"] if hasattr(app.state, "signer") else []
        return httpx.Response(200, json={"keys": [_KEY.as_dict(private=False), *own]})

    return httpx.MockTransport(answer)


@asynccontextmanager
async def running(package: str, *, database: ServiceDatabase, nats_url: str, **settings: Any) -> AsyncIterator[Probe]:
    """Run a service (`kith_identity`, …) in this process until the block ends."""
    app: FastAPI = importlib.import_module(f"{package}.main").app
    values: dict[str, Any] = {
        "environment": "test",
        "database_url": database.api_url,
        "worker_database_url": database.worker_url,
        "database_pool": 5,
        "nats_url": nats_url,
        "jwks_url": "http://keys/",
        "stop_grace_seconds": 0,
    }
    app.state.settings = app.state.settings_type(**(values | _OWN.get(package, {}) | settings))
    async with app.router.lifespan_context(app):
        app.state.tokens = TokenVerifier(jwks_url="http://keys/", issuer="kith", transport=key_transport(app))
        await asyncio.wait_for(app.state.bus.established.wait(), 20)
        probe = Probe(app, database)
        try:
            yield probe
        finally:
            await probe.anonymous.aclose()
    app.state.settings = None
