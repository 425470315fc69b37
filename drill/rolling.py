"""Rolling restarts: every process is told to end, one after the other, while people read, write and sign in.

Each request is sent once, by a client that tries nothing again. What is refused, cut off or answered wrongly counts as
failed, and a failed request as unexpected.
"""

import asyncio
import os
import random
import secrets
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psutil

from drill.faults import Fault
from drill.load import Load
from kith_local.layout import GATEWAY, SERVICES
from kith_local.story import documents as ask
from kith_local.up import System

READERS = 8
EVERY_SECONDS = 0.2  # each reader and each writer
SIGN_IN_SECONDS = 2.0
ORDERLY = defaultdict(lambda: signal.SIGTERM, postgres=signal.SIGINT)
"""What an operator sends. SIGTERM asks PostgreSQL to wait until its clients have gone, which pools never do."""
READ = """
query($id: ID!) {
  community { name }
  thread(id: $id) { title author { displayName badges { badgeKey } } }
  badges { key }
  programs { edges { node { id } } }
  interactions(until: "2020-01-01T00:00:00Z") { edges { node { weight } } }
}
"""
LOG_IN = "mutation($input: LogInInput!) { logIn(input: $input) { login { accessToken } errors { code message } } }"


class Once:
    """Requests of which none is sent twice: how many of each kind, the slowest during what, which failed."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.sent: Counter[str] = Counter()
        self.slowest: dict[str, float] = defaultdict(float)
        self.failed: list[str] = []

    async def send(
        self, http: httpx.AsyncClient, kind: str, document: str, given: Mapping[str, Any], token: str
    ) -> Any:
        """The data of an operation; None, and a failure noted, unless all of it is there."""
        self.sent[kind] += 1
        began, name = time.monotonic(), self.load.restarting
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await http.post("/graphql", json={"query": document, "variables": given}, headers=headers)
            body = answer.json()
        except (httpx.TransportError, ValueError) as error:
            return self._fail(kind, f"{type(error).__name__} {error}")
        finally:
            self.slowest[name] = max(self.slowest[name], time.monotonic() - began)
        if "data" not in body:
            return self._fail(kind, f"{answer.status_code} {body}")
        refused = {f"{each['extensions']['code']} {each['message']}" for each in body.get("errors") or ()}
        for found in body["data"].values():
            refused |= {each["code"] for each in (found.get("errors") if isinstance(found, dict) else None) or ()}
        return self._fail(kind, "; ".join(sorted(refused))) if refused else body["data"]

    def expect(self, kind: str, found: Any, wanted: Any) -> None:
        if found is not None and found != wanted:
            self._fail(kind, f"answered {found} in the place of {wanted}")

    def _fail(self, kind: str, why: str) -> None:
        self.failed.append(f"{kind}: {why[:300]}")

    def summary(self) -> list[str]:
        kinds = ", ".join(f"{times:,} {kind}" for kind, times in self.sent.items())
        slowest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(self.slowest.items()))
        reasons = [f"{times:,} × {why}" for why, times in Counter(self.failed).most_common(10)]
        return [f"{kinds}; {len(self.failed)} failed", f"slowest in s while ending: {slowest}", *reasons]


@asynccontextmanager
async def steadily(load: Load) -> AsyncIterator[None]:
    """Reads, writes and sign-ins at a steady rate while the block runs."""
    once, going = Once(load), True
    people = [*load.voices, load.asker]
    tokens = [each.token or "" for each in people]
    known = {thread: await load.asker.query(READ, id=thread) for thread in load.threads}

    async def every(seconds: float, place: int, act: Any) -> None:
        async with httpx.AsyncClient(base_url=load.system.url(GATEWAY), trust_env=False, timeout=90) as http:
            due = time.monotonic() + seconds * random.random()
            while going:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due = max(due, time.monotonic() - seconds) + seconds
                await act(http, place)

    async def write(http: httpx.AsyncClient, place: int) -> None:
        given = {"input": {**load.answer(), "clientMutationId": secrets.token_hex(12)}}
        if await once.send(http, "writes", ask.POST, given, tokens[place]) is not None:
            load.acknowledged += 1

    async def read(http: httpx.AsyncClient, _: int) -> None:
        thread = load.threads[once.sent["reads"] % len(load.threads)]
        found = await once.send(http, "reads", READ, {"id": thread}, tokens[-1])
        once.expect("reads", found, known[thread])

    async def sign_in(http: httpx.AsyncClient, _: int) -> None:
        place = once.sent["sign-ins"] % len(tokens)
        found = await once.send(http, "sign-ins", LOG_IN, {"input": people[place].login}, "")
        if found is not None:
            tokens[place] = found["logIn"]["login"]["accessToken"]

    async with httpx.AsyncClient(base_url=load.system.url(GATEWAY), trust_env=False, timeout=90) as http:
        for place in range(len(people)):  # the tokens they have may be about to expire
            await sign_in(http, place)
    tasks = [asyncio.create_task(every(EVERY_SECONDS, place, write)) for place in range(len(load.voices))]
    tasks += [asyncio.create_task(every(EVERY_SECONDS, place, read)) for place in range(READERS)]
    tasks.append(asyncio.create_task(every(SIGN_IN_SECONDS, 0, sign_in)))
    try:
        yield
    finally:
        going = False
        await asyncio.gather(*tasks)
        load.failed += once.failed
        load.notes += once.summary()


async def _turn(system: System, load: Load, rng: random.Random) -> None:
    """Each process once, in an order of this turn; the next only when the one before is back and the load goes on."""
    names = [GATEWAY, *SERVICES, "nats", "postgres"]
    rng.shuffle(names)
    for name in names:
        await load.goes_on()
        await asyncio.sleep(rng.uniform(0, 1.5))
        load.restarting = name
        pid = system.supervisor.pids[name]
        os.kill(pid, ORDERLY[name])
        while system.supervisor.pids[name] == pid or psutil.pid_exists(pid):  # noqa: ASYNC110 -- there is no event
            await asyncio.sleep(0.05)


ROLLING = Fault("rolling restart", _turn, share=0.1, under=steadily)
