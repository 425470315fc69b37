"""An application as uvicorn serves it, in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from kith_testkit.probe import eventually


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application that runs already on a free loopback port, until the block ends; its address."""
    options: dict[str, Any] = getattr(app.state, "serving", dict)()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, **options))
    serving = asyncio.create_task(server.serve(sockets=[listening]))

    async def started() -> bool:
        return server.started

    await eventually(started, what="serving")
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
