"""The sender: claims due deliveries, sends them side by side, writes the outcomes down in batches.

Every worker process runs one. In memory it keeps a lane per busy endpoint: a short queue and a bound on attempts under
way, so that a slow receiver fills its own lane and no other. A lane begins with one attempt at a time, each success
adds one, and a silence brings it back to one. Attempts and claims are shared among the lanes as `slots` says.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from fastapi import FastAPI
from prometheus_client import Counter as Metric
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from kith_chassis.database import Database, is_unreachable, translated
from kith_chassis.errors import Unavailable
from kith_delivery.attempts import Outcome, Target, attempt, draw_jitter, judge
from kith_delivery.claims import Claim, Settled, claim, settle
from kith_delivery.connections import open_client
from kith_delivery.settings import Settings
from kith_delivery.slots import Slots, share

log = logging.getLogger(__name__)
ATTEMPTS = Metric("webhook_attempts", "Attempts to deliver, by what came of them.", ["outcome"])

_FIRST_WINDOW, _WIDEST_WINDOW = 4, 512
_MOST_CLAIMED = 2048
_SETTLE_AFTER_SECONDS = 0.05
_STOP_SECONDS = 3.0


@dataclass(slots=True)
class Lane:
    """One endpoint's deliveries in this process.

    width         how many attempts it may have under way: what it answered well so far, plus one
    asks_at       once no more than so many wait, more are claimed for it
    paused_until  monotonic seconds
    """

    target: Target
    queue: deque[Claim] = field(default_factory=deque)
    running: int = 0
    width: int = 1
    asks_at: int = 0
    paused_until: float = 0.0

    def room(self, most: int) -> int:
        """How many to claim for it; `most` is what it may hold. Who has answered little holds little of the queue."""
        if time.monotonic() < self.paused_until or len(self.queue) > self.asks_at:
            return 0
        return max(0, min(_FIRST_WINDOW * self.width**2, _WIDEST_WINDOW, most) - len(self.queue))

    def is_over(self) -> bool:
        return not self.queue and not self.running and time.monotonic() >= self.paused_until


class Sender:
    """Runs until it is cancelled; `stop` then gives back what it did not get to."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._client = open_client(settings)
        self._slots = Slots(settings.webhook_concurrency)
        # A claim must outlive the attempt that starts last; a dead sender's claims wait this long to be taken again.
        self._lease_seconds = settings.webhook_timeout_seconds * 2 + 10
        self._lanes: dict[UUID, Lane] = {}
        self._waiting: dict[UUID, Lane] = {}  # those that found no slot, in the order in which they get one
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
                await self._claim_some()
            except Exception as error:  # noqa: BLE001 -- the database is away: keep trying, for ever
                log.warning("sender cannot claim", extra={"reason": type(error).__name__})
                await asyncio.sleep(1)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.webhook_poll_seconds):
                    await self._room.wait()

    async def _claim_some(self) -> None:
        self._room.clear()
        self._lanes = {each: lane for each, lane in self._lanes.items() if not lane.is_over()}
        for lane in list(self._waiting.values()):
            self._start(lane)
        free = _MOST_CLAIMED - sum(len(lane.queue) + lane.running for lane in self._lanes.values())
        if free <= 0:
            return
        # Measured from before the statement: the lease must not seem longer here than it is there.
        start_by = time.monotonic() + self._lease_seconds - self._settings.webhook_timeout_seconds - 1
        async with self._database.transaction() as session:
            claims, targets = await claim(
                session,
                rooms={each: lane.room(share(free)) for each, lane in self._lanes.items()},
                window=min(_FIRST_WINDOW, share(free)),
                total=free,
                lease_seconds=self._lease_seconds,
                start_by=start_by,
            )
        for endpoint_id, target in targets.items():
            self._lanes.setdefault(endpoint_id, Lane(target)).target = target
        for each in claims:
            self._lanes[each.endpoint_id].queue.append(each)
        for endpoint_id in targets:
            lane = self._lanes[endpoint_id]
            lane.asks_at = len(lane.queue) // 2
            self._start(lane)

    def _start(self, lane: Lane) -> None:
        """Begin as many attempts as the lane may have. Where it finds no slot, one that is under way asks again when it
        ends; a lane without any waits in line.
        """
        self._waiting.pop(lane.target.endpoint_id, None)
        while lane.queue and lane.running < lane.width:
            if not self._slots.take(lane.target.endpoint_id, lane.target.community_id):
                if not lane.running:
                    self._waiting[lane.target.endpoint_id] = lane
                return
            lane.running += 1
            task = asyncio.create_task(self._send_in(lane, self._next(lane)))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)

    def _next(self, lane: Lane) -> Claim:
        claimed = lane.queue.popleft()
        if len(lane.queue) == lane.asks_at:
            self._room.set()
        return claimed

    async def _send_in(self, lane: Lane, claimed: Claim) -> None:
        """One attempt after the other in a slot that is taken already, until the lane is empty or another waits."""
        try:
            await self._try(lane, claimed)
            while lane.queue and lane.running <= lane.width and not self._waiting:
                claimed = self._next(lane)
                self._start(lane)  # one that answered may have one more, of what comes after this
                await self._try(lane, claimed)
        finally:
            lane.running -= 1
            self._slots.give_back(lane.target.endpoint_id, lane.target.community_id)
            for first in list(self._waiting.values())[:1]:
                self._start(first)
            self._start(lane)

    async def _try(self, lane: Lane, claimed: Claim) -> None:
        try:
            await self._send(lane, claimed)
        except Exception:  # a fault of ours costs this delivery an attempt, and not the lane what follows
            log.exception("an attempt broke", extra={"delivery": str(claimed.id)})
            self._note(lane, claimed, Outcome(datetime.now(UTC), 0, error="connection"))

    async def _send(self, lane: Lane, claimed: Claim) -> None:
        if time.monotonic() < lane.paused_until or time.monotonic() > claimed.start_by:
            self._settled.released.append(claimed)
            self._hold_back(lane)
            return
        outcome = await attempt(self._client, lane.target, webhook_id=str(claimed.event_id), body=claimed.body)
        self._note(lane, claimed, outcome)

    def _note(self, lane: Lane, claimed: Claim, outcome: Outcome) -> None:
        verdict = judge(outcome, attempts=claimed.attempts + 1, jitter=draw_jitter())
        if verdict.pause or verdict.gone:
            # Until the pause is written down, which happens within this time, it holds in memory.
            lane.paused_until = max(lane.paused_until, time.monotonic() + 1)
            self._hold_back(lane)
        elif verdict.status == "delivered":
            lane.width = min(lane.width + 1, self._settings.webhook_endpoint_concurrency)
        self._settled.results.append((claimed, outcome, verdict))
        self._work.set()

    def _hold_back(self, lane: Lane) -> None:
        """Give back what waits in a lane that does not move, and let it begin anew with one attempt at a time."""
        self._settled.released.extend(lane.queue)
        lane.queue.clear()
        lane.width = 1
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
            if _passes(error):  # what arrived must not be sent again if we can help it
                self._keep(batch)
                await asyncio.sleep(1)

    def _keep(self, batch: Settled) -> None:
        self._settled.results[:0] = batch.results
        self._settled.released[:0] = batch.released
        self._work.set()


def _passes(error: Exception) -> bool:
    """Whether the same may be written down in a moment: the database was away, or a deadlock chose us."""
    return is_unreachable(error) or (isinstance(error, DBAPIError) and isinstance(translated(error), Unavailable))


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
