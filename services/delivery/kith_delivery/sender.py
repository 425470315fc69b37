"""The sender: claims due deliveries, sends them side by side, writes the outcomes down in batches.

Every worker process runs one. In memory it keeps a lane per busy endpoint: a short queue and a bound on attempts under
way, so that a slow receiver fills its own lane and no other. A lane starts small and doubles as it is emptied.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from fastapi import FastAPI
from prometheus_client import Counter as Metric
from sqlalchemy.exc import SQLAlchemyError

from kith_chassis.database import Database, is_unreachable
from kith_delivery.attempts import Target, attempt, draw_jitter, judge
from kith_delivery.claims import Claim, Settled, claim, settle
from kith_delivery.connections import open_client
from kith_delivery.settings import Settings

log = logging.getLogger(__name__)
ATTEMPTS = Metric("webhook_attempts", "Attempts to deliver, by what came of them.", ["outcome"])

_FIRST_WINDOW, _WIDEST_WINDOW = 64, 512
_MOST_CLAIMED = 2048
_SETTLE_AFTER_SECONDS = 0.05
_STOP_SECONDS = 3.0


@dataclass(slots=True)
class Lane:
    """One endpoint's deliveries in this process. `window`: how many it may hold; `paused_until`: monotonic seconds."""

    target: Target
    queue: deque[Claim] = field(default_factory=deque)
    running: int = 0
    window: int = _FIRST_WINDOW
    paused_until: float = 0.0

    def room(self) -> int:
        if time.monotonic() < self.paused_until or len(self.queue) > self.window // 2:
            return 0
        return self.window - len(self.queue)

    def is_over(self) -> bool:
        return not self.queue and not self.running and time.monotonic() >= self.paused_until


class Sender:
    """Runs until it is cancelled; `stop` then gives back what it did not get to."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._client = open_client(settings)
        self._slots = asyncio.Semaphore(settings.webhook_concurrency)
        # A claim must outlive the attempt that starts last; a dead sender's claims wait this long to be taken again.
        self._lease_seconds = settings.webhook_timeout_seconds * 2 + 10
        self._lanes: dict[UUID, Lane] = {}
        self._attempts: set[asyncio.Task[None]] = set()
        self._settled = Settled()
        self._room = asyncio.Event()
        self._work = asyncio.Event()

    async def run(self) -> None:
        """Claim and send, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._claim_all())
            group.create_task(self._settle_all())

    async def stop(self) -> None:
        """Let attempts under way end, for a few seconds, and write everything down."""
        for lane in self._lanes.values():
            self._settled.released.extend(lane.queue)
            lane.queue.clear()
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=_STOP_SECONDS)
        for each in self._attempts:
            each.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)
        await self._client.close()
        if self._settled:
            try:
                await self._settle_some()
            except (SQLAlchemyError, OSError) as error:  # the leases end by themselves
                log.warning("sender could not give back its claims", extra={"reason": type(error).__name__})

    async def _claim_all(self) -> None:
        while True:
            try:
                found = await self._claim_some()
            except Exception as error:  # noqa: BLE001 -- the database is away: keep trying, for ever
                log.warning("sender cannot claim", extra={"reason": type(error).__name__})
                await asyncio.sleep(1)
                continue
            if found == 0:
                await asyncio.sleep(self._settings.webhook_poll_seconds)
                continue
            try:
                async with asyncio.timeout(self._settings.webhook_poll_seconds):
                    await self._room.wait()
            except TimeoutError:
                continue

    async def _claim_some(self) -> int:
        self._room.clear()
        self._lanes = {each: lane for each, lane in self._lanes.items() if not lane.is_over()}
        held = sum(len(lane.queue) + lane.running for lane in self._lanes.values())
        if held >= _MOST_CLAIMED:
            return held
        # Measured from before the statement: the lease must not seem longer here than it is there.
        start_by = time.monotonic() + self._lease_seconds - self._settings.webhook_timeout_seconds - 1
        async with self._database.transaction() as session:
            claims, targets = await claim(
                session,
                rooms={each: lane.room() for each, lane in self._lanes.items()},
                window=_FIRST_WINDOW,
                total=_MOST_CLAIMED - held,
                lease_seconds=self._lease_seconds,
                start_by=start_by,
            )
        for endpoint_id, target in targets.items():
            lane = self._lanes.get(endpoint_id)
            if lane is None:
                self._lanes[endpoint_id] = Lane(target)
            else:
                lane.target, lane.window = target, min(lane.window * 2, _WIDEST_WINDOW)
        for each in claims:
            self._lanes[each.endpoint_id].queue.append(each)
        for endpoint_id in targets:
            self._start(self._lanes[endpoint_id])
        return len(claims)

    def _start(self, lane: Lane) -> None:
        free = self._settings.webhook_endpoint_concurrency - lane.running
        for _ in range(min(free, len(lane.queue))):
            lane.running += 1
            task = asyncio.create_task(self._send_in(lane))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)

    async def _send_in(self, lane: Lane) -> None:
        try:
            while lane.queue:
                async with self._slots:
                    if not lane.queue:
                        break
                    await self._send(lane, lane.queue.popleft())
                if len(lane.queue) == lane.window // 2:
                    self._room.set()
        finally:
            lane.running -= 1
            self._room.set()

    async def _send(self, lane: Lane, claimed: Claim) -> None:
        if time.monotonic() < lane.paused_until or time.monotonic() > claimed.start_by:
            lane.window = _FIRST_WINDOW
            self._settled.released.append(claimed)
            self._work.set()
            return
        outcome = await attempt(self._client, lane.target, webhook_id=str(claimed.event_id), body=claimed.body)
        verdict = judge(outcome, attempts=claimed.attempts + 1, jitter=draw_jitter())
        if verdict.pause or verdict.gone:
            # Until the pause is written down, which happens within this time, it holds in memory.
            lane.paused_until = max(lane.paused_until, time.monotonic() + 1)
        self._settled.results.append((claimed, outcome, verdict))
        self._work.set()

    async def _settle_all(self) -> None:
        while True:
            await self._work.wait()
            await asyncio.sleep(_SETTLE_AFTER_SECONDS)  # gathers what ends meanwhile into the same statement
            self._work.clear()
            await self._settle_some()

    async def _settle_some(self) -> None:
        batch, self._settled = self._settled, Settled()
        try:
            async with self._database.transaction() as session:
                await settle(session, batch)
            for outcome, count in Counter(each[1].error or "delivered" for each in batch.results).items():
                ATTEMPTS.labels(outcome).inc(count)
        except asyncio.CancelledError:
            self._keep(batch)
            raise
        except Exception as error:  # noqa: BLE001 -- a refused batch is sent again when its leases end
            log.warning("sender cannot settle", extra={"reason": type(error).__name__, "count": len(batch.results)})
            if is_unreachable(error):  # what arrived must not be sent again if we can help it
                self._keep(batch)
                await asyncio.sleep(1)

    def _keep(self, batch: Settled) -> None:
        self._settled.results[:0] = batch.results
        self._settled.released[:0] = batch.released
        self._work.set()


@asynccontextmanager
async def sending(app: FastAPI) -> AsyncIterator[None]:
    """Run a sender beside the worker's other work."""
    settings: Settings = app.state.settings
    if settings.role == "api":
        yield
        return
    sender = Sender(app.state.worker_database, settings)
    running = asyncio.create_task(sender.run(), name="sender")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await sender.stop()
