"""The disk under PostgreSQL, or under the stream's store, has no room left for a while."""

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from drill.faults import Fault
from drill.load import Load
from drill.mounts import CannotMount, mount, resize, unmount
from kith_local.layout import SERVICES, Installation
from kith_local.story.tell import eventually
from kith_local.up import System

ROOM = 1 << 30  # bytes; memory is taken for what is used of it
_LEFT = 64 << 10
_FULL_SECONDS = 10.0
_SWITCHES = 40  # more than PostgreSQL has log files in reserve
_HANGS_MILLISECONDS = 30_000


class _PostgresOnItsOwn(Installation):
    @property
    def postgres(self) -> Path:
        return self.home / "disk" / "postgres"  # and not the disk's root, which could not take its place by renaming


class SmallDisk:
    """A disk under one of the two, and the fault that happens to it."""

    def __init__(self, under: str) -> None:
        self._under = under
        self._place = Path()
        self._size = ROOM

    @asynccontextmanager
    async def ground(self, installation: Installation) -> AsyncIterator[Installation]:
        self._place = installation.nats / "jetstream"
        if self._under == "postgres":
            installation = _PostgresOnItsOwn(installation.home, installation.base_port)
            self._place = installation.postgres.parent
        self._place.mkdir(parents=True)
        mount("tmpfs", self._place, "tmpfs", f"size={ROOM},mode=0755")
        try:
            yield installation
        finally:
            unmount(self._place)

    @contextmanager
    def full(self) -> Iterator[None]:
        """No room but for `_LEFT` bytes, as long as the block lasts."""
        self._size = ROOM
        self.squeeze()
        try:
            yield
        finally:
            resize(self._place, ROOM)

    def squeeze(self) -> None:
        """Take back the room of what was deleted since it was full: PostgreSQL throws old log files away."""
        for _ in range(100):  # what is written meanwhile may make the new size too small
            size = min(self._size, shutil.disk_usage(self._place).used + _LEFT)
            with suppress(CannotMount):
                resize(self._place, size)
                self._size = size
                return
        raise RuntimeError(f"{self._place} cannot be made full")


class Answers:
    """What the services answer from now on, by their own logs."""

    def __init__(self, system: System) -> None:
        self._logs = {name: system.supervisor.log(name) for name in SERVICES}
        self._begun = {name: log.stat().st_size for name, log in self._logs.items()}

    def refused(self) -> int:
        """How many were told to come back later."""
        return sum(entry["status"] == 503 for _, entry in self._of("request"))

    def unclean(self) -> list[str]:
        """What is a defect, whatever the disk does: an error nobody has named, and an answer that came too late."""
        unnamed = [f"{name}: {entry['kind']}" for name, entry in self._of("unexpected error")]
        late = [
            f"{name}: {entry['route']} after {entry['milliseconds'] / 1000:.0f} s"
            for name, entry in self._of("request")
            if entry["milliseconds"] > _HANGS_MILLISECONDS
        ]
        return [*unnamed, *late]

    def _of(self, event: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, log in self._logs.items():
            with log.open("rb") as file:
                file.seek(self._begun[name])
                for line in file:
                    with suppress(ValueError):
                        entry = json.loads(line)
                        if isinstance(entry, dict) and entry.get("event") == event:
                            yield name, entry


def _database_full() -> Fault:
    disk = SmallDisk("postgres")

    async def act(system: System, load: Load, _: random.Random) -> None:
        """First rows find no room, then the log does, which PostgreSQL does not survive."""
        await load.goes_on()
        answers = Answers(system)

        async def refused() -> bool:
            disk.squeeze()
            return answers.refused() > 0

        with disk.full():
            await eventually(refused, "a refusal")
            await asyncio.sleep(_FULL_SECONDS)
            await _use_up_the_log(system)
            await asyncio.sleep(_FULL_SECONDS)
        await load.goes_on()
        load.failed += answers.unclean()

    return Fault("PostgreSQL's disk full", act, share=0.1, ground=disk.ground)


async def _use_up_the_log(system: System) -> None:
    pid = system.supervisor.pids["postgres"]
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # it goes away under us
        admin = await asyncpg.connect(system.admin_url)
        try:
            for _ in range(_SWITCHES):
                await admin.execute("SELECT pg_logical_emit_message(false, 'drill', 'fills'), pg_switch_wal()")
        finally:
            await admin.close(timeout=5)
        raise RuntimeError(f"PostgreSQL {pid} had room for {_SWITCHES} log files")


def _store_full() -> Fault:
    disk = SmallDisk("nats")

    async def act(system: System, load: Load, _: random.Random) -> None:
        """Commands go on, and their events wait in the outbox."""
        await load.goes_on()
        answers = Answers(system)

        async def waiting() -> bool:
            disk.squeeze()
            owner = await asyncpg.connect(system.database_url("groups", "owner"))
            try:
                return await owner.fetchval(
                    "SELECT count(*) >= $1 FROM outbox WHERE published_at IS NULL", load.progress
                )
            finally:
                await owner.close()

        with disk.full():
            await eventually(waiting, f"{load.progress} events waiting")
            await asyncio.sleep(_FULL_SECONDS)
        await load.goes_on()
        load.failed += answers.unclean()
        if answers.refused():
            load.failed.append(f"{answers.refused()} commands refused, which do not need the stream")

    return Fault("the stream's disk full", act, share=0.1, ground=disk.ground)


FAULTS = (_database_full(), _store_full())
