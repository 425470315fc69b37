"""What is done to the system while it works."""

import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

import asyncpg

from drill.grounds import Ground, ordinary
from drill.load import Load
from kith_local import environments
from kith_local.layout import SERVICES
from kith_local.processes import Command
from kith_local.up import System

STOPPED_SECONDS = 30.0  # longer than a leader's silence is borne and than the bus waits for an answer
AHEAD = 1000  # commands: more events than a consumer has fetched ahead
DATABASE_AWAY_SECONDS = 300.0
AWAY_SECONDS = 130.0  # longer than the stream remembers the ids of what it has


@dataclass(frozen=True)
class Fault:
    """`act` is done `rounds` times under load; `mend` once after it, when what was acknowledged is looked for.

    `ground` is what the system stands on; faults of one ground that follow each other are done to one system. `under`
    is the load.
    """

    name: str
    act: Callable[[System, Load, random.Random], Awaitable[None]]
    share: float = 1.0
    mend: Callable[[System], Awaitable[None]] | None = None
    ground: Ground = ordinary
    under: Callable[[Load], AbstractAsyncContextManager[None]] = Load.writing


def _kill(name: str) -> Fault:
    async def act(system: System, load: Load, rng: random.Random) -> None:
        await load.goes_on()
        await asyncio.sleep(rng.uniform(0, 1.5))
        pid = system.supervisor.pids[name]
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await started_again(system, name, pid)

    return Fault(f"SIGKILL {name}", act)


async def started_again(system: System, name: str, pid: int) -> None:
    while system.supervisor.pids[name] == pid:  # noqa: ASYNC110 -- the supervisor has no event for it
        await asyncio.sleep(0.05)


async def _stop_a_leader(system: System, load: Load, rng: random.Random) -> None:
    await _stand_in(system)
    await load.goes_on()
    await asyncio.sleep(rng.uniform(0, 1.5))
    pid = system.supervisor.pids["recognition"]
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(STOPPED_SECONDS)
    os.kill(pid, signal.SIGCONT)


async def _stand_in(system: System) -> None:
    """A second worker of recognition."""
    name = "recognition-2"
    if name in system.supervisor.pids:
        return
    told = environments.service(system.installation, system.credentials, system.admin_url, "recognition")
    told |= {"KITH_ROLE": "worker", "KITH_HTTP_PORT": "0"}
    argv = [sys.executable, "-m", "kith_chassis.serve", "kith_recognition.main:app"]

    async def ready() -> bool:
        return True

    await system.supervisor.start(Command(name, argv, told, ready, stop_signal=signal.SIGINT))


async def _database_away(system: System, load: Load, _: random.Random) -> None:
    """Nobody gets into recognition's database; its consumer must wait, and burn no attempt."""
    await load.goes_on()
    admin = await asyncpg.connect(system.admin_url)
    try:
        await admin.execute("ALTER DATABASE kith_recognition ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'kith_recognition'")
        await asyncio.sleep(DATABASE_AWAY_SECONDS)
    finally:
        await admin.execute("ALTER DATABASE kith_recognition ALLOW_CONNECTIONS true")
        await admin.close()


async def _broker_away(system: System, load: Load, _: random.Random) -> None:
    await load.goes_on()
    pid = system.supervisor.pids["nats"]
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(AWAY_SECONDS)
    os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(5)


async def _lose_the_store(system: System, load: Load, rng: random.Random) -> None:
    """What a service had not read yet is gone: the stream had it, and its relay had been told so."""
    slow = system.supervisor.pids["recognition"]
    await load.goes_on()
    await asyncio.sleep(rng.uniform(0, 1.5))
    os.kill(slow, signal.SIGSTOP)
    await load.goes_on(AHEAD)
    pid = system.supervisor.pids["nats"]
    os.kill(pid, signal.SIGKILL)
    shutil.rmtree(system.installation.nats / "jetstream")
    await started_again(system, "nats", pid)
    os.kill(slow, signal.SIGCONT)
    await asyncio.sleep(3)


async def reconcile_all(system: System) -> None:
    for name in SERVICES:
        told = environments.service(system.installation, system.credentials, system.admin_url, name)
        argv = [sys.executable, "-m", "kith_events", name, "reconcile"]
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*argv, env=told, stdout=pipe, stderr=pipe)
        _, errors = await child.communicate()
        if child.returncode != 0:
            raise RuntimeError(f"{name} cannot be reconciled: {errors.decode()[-500:]}")


FAULTS = (
    *(_kill(name) for name in ("groups", "recognition", "metrics", "gateway", "nats", "postgres")),
    Fault("SIGSTOP of a leader", _stop_a_leader, share=0.1),
    Fault("a consumer's database away", _database_away, share=0.02),
    Fault("broker away", _broker_away, share=0.02),
    Fault("broker's store lost", _lose_the_store, share=0.06, mend=reconcile_all),
)
