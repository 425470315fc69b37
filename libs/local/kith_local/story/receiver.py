"""A webhook receiver on loopback that believes nothing: every signature is verified, every event counted once."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass
class Receiver:
    """What came in: distinct events by type, repeats, and requests whose signature did not fit."""

    url: str = ""
    secret: str | None = None
    types: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    repeated: int = 0
    forged: int = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.secret is None:
            return web.Response(status=503)
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.forged += 1
            return web.Response(status=400)
        event_id = request.headers["webhook-id"]
        if event_id in self.seen:
            self.repeated += 1
        else:
            self.seen.add(event_id)
            self.types[json.loads(body)["type"]] += 1
        return web.Response(status=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine, until the block ends."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/"
        yield receiver
    finally:
        await runner.cleanup()
