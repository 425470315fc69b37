"""A connection to NATS that is never given up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.errors import Error as NatsError

from kith_stream.wire import fast

log = logging.getLogger(__name__)


@asynccontextmanager
async def connected(
    url: str, *, name: str, user: str, password: str | None, ready: Callable[[Client], Awaitable[None]]
) -> AsyncIterator[Client]:
    """A client that connects in the background and reconnects for ever, so that a process starts while NATS is away.

    `ready` is awaited after the first connection and after each other one: the server may have come back without its
    store.
    """
    client = Client()
    fast(client)

    async def on_error(error: Exception) -> None:
        log.warning("bus error", extra={"reason": type(error).__name__})

    async def again() -> None:
        await ready(client)

    async def establish() -> None:
        await client.connect(
            url,
            name=name,
            user=user or None,
            password=password,
            connect_timeout=5,
            max_reconnect_attempts=-1,  # the default gives up for good after two minutes
            reconnect_time_wait=1,
            error_cb=on_error,
            reconnected_cb=again,
            pending_size=16 * 1024 * 1024,
        )
        await again()

    connecting = asyncio.create_task(establish(), name="bus")
    try:
        yield client
    finally:
        while connecting.cancel():  # again each second: `asyncio.wait_for` of Python 3.11 may swallow a cancellation
            await asyncio.wait([connecting], timeout=1)
        await asyncio.gather(connecting, return_exceptions=True)
        if client.is_connected:
            with suppress(NatsError, TimeoutError):
                await asyncio.wait_for(client.flush(), 2)
        with suppress(NatsError):
            await client.close()
