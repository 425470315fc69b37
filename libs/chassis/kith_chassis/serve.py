"""Run a service: `python -m kith_chassis.serve kith_orders.main:app`.

On SIGTERM or SIGINT the process first says that it is not ready and goes on serving for `stop_grace_seconds`, so that
load balancers forget it, then takes no new connection, finishes what is open and ends.
"""

import asyncio
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.importer import import_from_string

from kith_chassis.settings import AppSettings


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: FastAPI, grace_seconds: float) -> None:
        super().__init__(config)
        self._served = app
        self._grace_seconds = grace_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._served.state.draining or self._grace_seconds == 0:
            super().handle_exit(sig, frame)
            return
        self._served.state.draining = True
        asyncio.get_running_loop().call_later(self._grace_seconds, super().handle_exit, sig, frame)


def main(target: str) -> None:
    """Serve the application named `module:attribute` with the settings of the environment."""
    app: FastAPI = import_from_string(target)
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
    )
    _Server(config, app, settings.stop_grace_seconds).run()


if __name__ == "__main__":
    main(sys.argv[1])
