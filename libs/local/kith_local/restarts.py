"""Restarting what runs, one process after the other, from another terminal; nobody's request fails by it."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import httpx
import psutil

from kith_local.errors import LocalError
from kith_local.layout import GATEWAY, SERVICES, AlreadyRunningError, Installation
from kith_local.nats import greeting
from kith_local.postgres import Cluster
from kith_local.processes import MARK
from kith_local.steps import Steps

RESTARTED = (*SERVICES, GATEWAY, "nats", "postgres")
_SECONDS = 120.0


async def restart(installation: Installation, names: Sequence[str], steps: Steps) -> None:
    """Tell each to end, and go on to the next when its successor is ready; without names, everything that runs.

    LocalError when nothing runs here, when one asked for does not, or when one does not come back.
    """
    _check_running(installation)
    for name in names or [each for each in RESTARTED if _process(installation, each)]:
        found = _process(installation, name)
        if found is None:
            raise LocalError(f"{name} does not run in {installation.home}.")
        with steps.step(name) as step:
            # For PostgreSQL SIGTERM means to wait for its clients to go away, which pools of connections never do.
            found.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
            ends = time.monotonic() + _SECONDS
            while found.is_running() or not await _ready(installation, name):
                if time.monotonic() > ends:
                    raise LocalError(f"{name} did not come back within {_SECONDS:.0f} s; see {installation.logs}.")
                await asyncio.sleep(0.1)
            following = _process(installation, name)
            step.say(f"process {found.pid} → {following.pid if following else '?'}")


def _check_running(installation: Installation) -> None:
    try:
        with installation.locked():
            raise LocalError(f"Nothing runs in {installation.home}.")
    except AlreadyRunningError:
        return


def _process(installation: Installation, name: str) -> psutil.Process | None:
    """The newest process of that name which works for this installation."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if each.pid != os.getpid() and _is(name, each) and each.environ().get(MARK) == str(installation.home):
                found.append(each)
    return max(found, key=lambda each: each.create_time(), default=None)


def _is(name: str, process: psutil.Process) -> bool:
    if name == "postgres":
        parent = process.parent()
        return process.name().startswith("postgres") and not (parent and parent.name().startswith("postgres"))
    line = process.cmdline()
    return process.name() == "nats-server" if name == "nats" else f"kith_{name}.main:app" in line


async def _ready(installation: Installation, name: str) -> bool:
    if name == "postgres":
        return Cluster(installation.postgres, installation.port(name), "").ready()
    if name == "nats":
        return await greeting(f"nats://127.0.0.1:{installation.port(name)}") is not None
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        with suppress(httpx.HTTPError):
            return (await client.get(f"{installation.url(name)}/health/ready")).is_success
    return False
