"""The power fails under the stream's store: what was not synced is forgotten."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

from drill.faults import AHEAD, Fault, reconcile_all, started_again
from drill.load import Load
from drill.mounts import mount_fuse
from kith_local.layout import Installation
from kith_local.up import System

_NATS_SYNC = "2m"  # what the server does when it is not told


class Forgetful:
    """A disk that can be switched off, served by a process of its own."""

    def __init__(self, server: asyncio.subprocess.Process) -> None:
        self._server = server

    @classmethod
    @asynccontextmanager
    async def mounted(cls, directory: Path, *, names_synced: bool) -> AsyncIterator["Forgetful"]:
        """An empty one; see `images` for what it forgets. CannotMount where this machine does not let us.

        It is we who mount it: what `seclude` allowed us, a program we start may not do.
        """
        options, pipe = ["--names-synced"] if names_synced else [], asyncio.subprocess.PIPE
        with mount_fuse("kith-drill", directory) as device:
            server = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "drill.fuse", str(device), *options, pass_fds=[device],
                stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[1], start_new_session=True,
            )  # fmt: skip
            assert server.stdin is not None
            try:
                yield cls(server)
            finally:
                server.stdin.close()
                await server.wait()

    async def cut(self) -> None:
        """From now on nothing is read or written, and what was not synced is gone."""
        await self._order("off")

    async def back(self) -> None:
        """The power is back. Whoever had files open must be dead."""
        await self._order("on")

    async def _order(self, what: str) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(f"{what}\n".encode())
        if (told := await self._told()) != what:
            raise RuntimeError(f"the file system died: {told}")

    async def _told(self) -> str:
        assert self._server.stdout is not None
        return (await self._server.stdout.readline()).decode().strip()


class PowerLoss:
    """A ground whose store stands on such a disk, and the fault that happens there."""

    def __init__(self, *, names_synced: bool = True, sync_interval: str = "always") -> None:
        self._names_synced = names_synced
        self._sync_interval = sync_interval
        self._disk: Forgetful | None = None

    @asynccontextmanager
    async def ground(self, installation: Installation) -> AsyncIterator[Installation]:
        place = installation.nats / "jetstream"
        place.mkdir(parents=True)
        with patch("kith_local.nats._SYNC", self._sync_interval):
            async with Forgetful.mounted(place, names_synced=self._names_synced) as self._disk:
                yield installation

    async def act(self, system: System, load: Load, rng: random.Random) -> None:
        """While a consumer is behind: the stream has what it had not read, and the relay has been told so."""
        assert self._disk is not None
        slow = system.supervisor.pids["recognition"]
        await load.goes_on()
        await asyncio.sleep(rng.uniform(0, 1.5))
        os.kill(slow, signal.SIGSTOP)
        await load.goes_on(AHEAD)
        await self._disk.cut()
        pid = system.supervisor.pids["nats"]
        os.kill(pid, signal.SIGKILL)
        await started_again(system, "nats", pid)
        await self._disk.back()
        os.kill(slow, signal.SIGCONT)


def _power_loss(title: str, share: float, **disk: bool | str) -> Fault:
    """Where something is lost, the reconciler mends it."""
    power = PowerLoss(**disk)  # type: ignore[arg-type]
    return Fault(title, power.act, share=share, mend=reconcile_all if disk else None, ground=power.ground)


FAULTS = (
    _power_loss("power loss", 0.4),
    _power_loss("power loss, NATS syncing as it does by itself", 0.06, sync_interval=_NATS_SYNC),
    _power_loss("power loss, names of files forgotten too", 0.06, names_synced=False),
)
