"""Work that one process of a service does at a time: relay, consumer and scheduled jobs, elected by advisory lock.

Guarantees: while the lock's connection lives, nobody else holds it; when it is lost the work is cancelled at once,
and another process takes over within seconds; a silent leader's the server closes. A job must still be idempotent.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import text

from kith_chassis.database import Database
from kith_chassis.telemetry import LEADING
from kith_tracing.spans import spanned

log = logging.getLogger(__name__)
_TRY = text("SELECT CASE WHEN pg_try_advisory_lock(:key) THEN set_config('idle_session_timeout', '15s', false) END")
_HEARTBEAT_SECONDS = 2.0


@dataclass(frozen=True)
class Job:
    """Run `act` every `every_seconds` (from end to start), in one process of the service."""

    name: str
    every_seconds: float
    act: Callable[[Database], Awaitable[None]]

    async def run(self, database: Database) -> None:
        while True:
            try:
                with spanned(f"job {self.name}"):
                    await self.act(database)
            except Exception as error:  # a failed run is logged and tried again at the next turn
                log.exception("job failed", extra={"job": self.name, "reason": type(error).__name__})
            await asyncio.sleep(self.every_seconds)


def lock_key(name: str) -> int:
    """The 63-bit advisory lock key of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


async def lead(database: Database, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` whenever this process holds the lock `name`; for ever."""
    while True:
        try:
            await _lead_once(database, name, work)
        except Exception as error:  # noqa: BLE001 -- the database is away or the work broke: stand again
            log.warning("leadership lost", extra={"work": name, "reason": type(error).__name__})
        finally:
            LEADING.labels(name).set(0)
        await asyncio.sleep(_HEARTBEAT_SECONDS)


async def _lead_once(database: Database, name: str, work: Callable[[], Awaitable[None]]) -> None:
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if not (await connection.execute(_TRY, {"key": lock_key(name)})).scalar():
            return
        LEADING.labels(name).set(1)
        working = asyncio.ensure_future(work())
        try:
            while not working.done():
                await asyncio.wait([working], timeout=_HEARTBEAT_SECONDS)
                async with asyncio.timeout(_HEARTBEAT_SECONDS * 2):
                    await connection.execute(text("SELECT 1"))
            working.result()
        finally:
            await ended(working)
            await connection.invalidate()  # closes it, which gives the lock back


async def ended(*tasks: "asyncio.Future[None]") -> None:
    """Cancel and wait; again each second, as `asyncio.wait_for` of Python 3.11 may swallow a cancellation."""
    while sum(each.cancel() for each in tasks):
        await asyncio.wait(tasks, timeout=1)
