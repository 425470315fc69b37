"""Run a service: `python -m kith_chassis.serve kith_orders.main:app`.

On SIGTERM the process drains: it says that it is not ready, and each answer ends its connection, so that everyone
comes by another; after `stop_grace_seconds` it takes no new connection, finishes what is open and ends. On SIGINT, or
a second SIGTERM, that at once. Cut off is only who speaks on a connection that was silent for all of the grace.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.importer import import_from_string

from kith_chassis.settings import AppSettings


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: FastAPI, settings: AppSettings) -> None:
        super().__init__(config)
        self._served, self._settings = app, settings

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        state, grace = self._served.state, self._settings.stop_grace_seconds
        if sig == signal.SIGINT or state.draining or grace == 0:
            super().handle_exit(sig, frame)
            return
        state.draining = True
        goodbye = (b"connection", b"close")
        self.config.encoded_headers.append(goodbye)  # from the next second on
        self.server_state.default_headers = [*self.server_state.default_headers, goodbye]
        if self._settings.drain_fd is not None:
            os.close(self._settings.drain_fd)
        asyncio.get_running_loop().call_later(grace, super().handle_exit, sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for _ in range(20 * self._served.state.draining):  # who was let in at the last moment gets to ask
            await asyncio.sleep(0.05)
            if not self.server_state.connections:
                break
        await super().shutdown(sockets)


def collect_soon() -> None:
    """Have garbage collected often, each time for a moment, and what is there by now never looked through again.

    A class that is compiled and forgotten holds on to itself: a collector that seldom looks far back keeps thousands.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # from now on it compares with the little that is left, not with what has been frozen
    gc.set_threshold(2_000, 10, 20)


def main(target: str) -> None:
    """Serve the application named `module:attribute` with the settings of the environment."""
    app: FastAPI = import_from_string(target)
    collect_soon()
    settings = AppSettings()
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.stop_deadline_seconds),
        **getattr(app.state, "serving", dict)(),  # protocols of its own
    )
    sockets = None if settings.http_fd is None else [socket.socket(fileno=settings.http_fd)]
    with suppress(KeyboardInterrupt):  # what uvicorn makes of SIGINT when all is done
        _Server(config, app, settings).run(sockets)


if __name__ == "__main__":
    main(sys.argv[1])
