"""The way to the bus: the stream is followed while the process runs, and nothing is ever written to it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from kith_gateway.live.hub import SUBJECTS, Hub
from kith_gateway.settings import Settings
from kith_stream.connecting import connected
from kith_stream.following import Follower

log = logging.getLogger(__name__)
_AGAIN_SECONDS = 1.0


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[None]:
    """Give the application its hub (`app.state.hub`), fed from the stream."""
    settings: Settings = app.state.settings
    hub = app.state.hub = Hub(app.state)
    password = settings.nats_password.get_secret_value() if settings.nats_password else None
    established = asyncio.Event()

    async def ready(_: object) -> None:
        established.set()

    async def follow() -> None:
        await established.wait()
        while True:
            follower = Follower(client, hub, stream=settings.stream, subjects=SUBJECTS, behind=settings.replay_places)
            try:
                await follower.follow()
            except Exception:
                log.exception("following the stream went wrong; it begins anew")
            hub.lose()
            await asyncio.sleep(_AGAIN_SECONDS)

    opened = connected(settings.nats_url, name="gateway", user=settings.nats_user, password=password, ready=ready)
    async with opened as client:
        tasks = [asyncio.create_task(follow(), name="follow"), asyncio.create_task(hub.tick(), name="tick")]
        try:
            yield
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await hub.close()
