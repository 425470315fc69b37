"""A community for a long while in a moment: real services in this process, and a calendar of our own for matching."""

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from kith_chassis.tokens import TokenVerifier
from kith_gateway.ids import split_id
from kith_gateway.main import app as gateway
from kith_gateway.settings import Settings
from kith_local.client import Client, connect
from kith_matching import clock
from kith_testkit.databases import clone
from kith_testkit.probe import MEMBER, OWNER, Actor, Probe, key_transport, running
from kith_testkit.servers import nats_server, postgres_server
from kith_testkit.serving import served

SERVICES = ("identity", "matching")
LASTING = 24 * 3600.0
FOUND = """mutation ($input: FoundCommunityInput!) { foundCommunity(input: $input) {
  founding { communityId ownerId } errors { code message }
} }"""


class Town:
    """A community of its own behind a gateway, and the calendar of matching, which `turn` turns."""

    def __init__(self, anonymous: Client, matching: Probe) -> None:
        self.anonymous, self._matching = anonymous, matching
        self.acts = 0
        self._ahead = timedelta()
        self._clients: dict[str, Client] = {}

    async def found(self) -> None:
        """Found the community."""
        slug = f"town-{secrets.token_hex(4)}"
        owner = {"email": f"{slug}@example.org", "password": secrets.token_urlsafe(), "displayName": "Ada"}
        given = {"name": "Town", "slug": slug, "mission": "", "owner": owner}
        founding = (await self.anonymous.mutate(FOUND, given))["founding"]
        self._community = split_id(founding["communityId"])[1]
        self._clients[""] = self._client(founding["ownerId"], OWNER)

    def _client(self, member_id: str, permissions: frozenset[str]) -> Client:
        actor = Actor(UUID(self._community), UUID(split_id(member_id)[1]), permissions)
        return self.anonymous.with_token(actor.token(expires_in=LASTING))

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What the coordinator is answered."""
        return await self._clients[""].query(query, **variables)

    async def all(self, query: str, **variables: Any) -> list[dict[str, Any]]:
        """All nodes of the one connection a query asks for with `$first` and `$after`."""
        return [each async for each in self._clients[""].pages(query, **variables)]

    async def do(self, mutation: str, want: str = "", by: str = "", **given: Any) -> dict[str, Any]:
        """Carry out a mutation as a member ("": the coordinator); GraphQLError when it is refused."""
        if by not in self._clients:
            self._clients[by] = self._client(by, MEMBER)
        self.acts += 1
        kind = mutation[0].upper() + mutation[1:]
        document = (
            f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ {want} errors {{ code message }} }} }}"
        )
        return await self._clients[by].mutate(document, given)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def turn(self, days: int) -> None:
        """Let days go by; what is due by then is done once, as the service's worker does it every minute."""
        self._ahead += timedelta(days=days)
        for job in self._matching.app.state.jobs:
            await job.act(self._matching.database)


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    """Identity, matching and the gateway on a database and a stream of their own, until the block ends."""
    now = clock.now
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kith-town-")))
        admin_url = stack.enter_context(postgres_server()).admin_url
        nats_url = stack.enter_context(nats_server(directory)).url
        probes = {}
        for name in SERVICES:
            database = await clone(admin_url, name, suffix=secrets.token_hex(4), directory=directory)
            service = running(f"kith_{name}", database=database, nats_url=nats_url)
            probes[name] = await stack.enter_async_context(service)
        urls = {f"{name}_url": await stack.enter_async_context(served(probes[name].app)) for name in SERVICES}
        gateway.state.settings = Settings(
            environment="test", jwks_url="http://keys/", nats_url=nats_url, budgets=False, **urls
        )
        await stack.enter_async_context(gateway.router.lifespan_context(gateway))
        keys = key_transport(probes["identity"].app)
        gateway.state.tokens = TokenVerifier(jwks_url="http://keys/", issuer="kith", transport=keys)
        url = await stack.enter_async_context(served(gateway))
        there = Town(await stack.enter_async_context(connect(f"{url}/graphql")), probes["matching"])
        await there.found()
        stack.callback(setattr, clock, "now", now)
        clock.now = there.now
        yield there
