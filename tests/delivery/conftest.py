import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web
from sqlalchemy import text

from kith_delivery import signing
from kith_testkit.probe import eventually


@dataclass
class Receiver:
    """An app on loopback that keeps what it gets, and answers as told: the next of `answers`, then 204."""

    url: str = ""
    requests: list[tuple[dict, bytes]] = field(default_factory=list)
    answers: list[web.StreamResponse | float] = field(default_factory=list)

    async def hear(self, request):
        self.requests.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        answer = self.answers.pop(0) if self.answers else web.Response(status=204)
        if isinstance(answer, float):
            await asyncio.sleep(answer)  # a receiver that takes its time, not a test that waits
            return web.Response(status=204)
        return answer

    async def heard(self, count):
        """The requests, once there are so many."""

        async def enough():
            return len(self.requests) >= count

        await eventually(enough, what=f"the arrival of {count} webhooks")
        return self.requests

    def ids(self):
        return [headers[signing.ID] for headers, _ in self.requests]

    def verified(self, secret):
        """The ids of all requests, each signature checked."""
        return [signing.verify(secret, headers, body, now=time.time()) for headers, body in self.requests]


@contextlib.asynccontextmanager
async def receiving():
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    yield receiver
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def receiver():
    async with receiving() as one:
        yield one


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def delivery(start_service):
    return await start_service("delivery")


@pytest_asyncio.fixture(loop_scope="session")
async def listening(delivery, owner, receiver):
    """An endpoint of the owner's community that hears everything, with its secret."""
    async with delivery.client(owner) as client:
        made = await client.post("/webhook-endpoints", json={"url": receiver.url, "event_types": ["*"]})
        assert made.status_code == 201, made.text
        return made.json()


@dataclass
class Log:
    """The deliveries of the owner's community, to look at and to turn the clock of."""

    delivery: object
    owner: object

    async def settled(self, *, status, count=1):
        """The deliveries, once so many have this status."""

        async def there():
            async with self.delivery.client(self.owner) as client:
                page = (await client.get("/deliveries", params={"status": status})).json()
            return page["items"] if len(page["items"]) >= count else None

        return await eventually(there, what=f"{count} deliveries {status}")

    async def change(self, sql, **values):
        async with self.delivery.database.transaction() as session:
            await session.execute(text(sql), values)

    async def soon(self):
        """Bring every retry forward to now."""
        community = {"id": self.owner.community_id}
        await self.change("UPDATE deliveries SET due_at = now() WHERE community_id = :id", **community)
        await self.change("UPDATE webhook_endpoints SET throttled_until = NULL WHERE community_id = :id", **community)


@pytest.fixture
def log(delivery, owner):
    return Log(delivery, owner)
