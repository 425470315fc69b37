"""Hostile requests to the gateway: what each costs, what others notice of it; Strawberry's own limiters beside it."""

import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import psutil
import strawberry
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.schema.config import StrawberryConfig

from bench.gateway import _KEY as KEY
from bench.gateway import SERVICES, SMALL, Client, Stub, process, token
from bench.hostile_documents import SIZES, Hostile, corpus
from bench.loading import percentile
from bench.rows import row

PORT = 28_600
EVERY_SECONDS = 0.02
GIVEN_UP_SECONDS = 2.0
"""Of one document in a child process, which is ended then."""
PASSES = 3
LIMITERS = "Strawberry with QueryDepthLimiter(18), MaxAliasesLimiter(50), MaxTokensLimiter(2000)"


class Sender(Client):
    """Sends bodies as they are."""

    async def send(self, body: bytes) -> int:
        """The status of the answer; 0 when the server ended the connection."""
        head = (
            f"POST {self.at.path} HTTP/1.1\r\nHost: {self.at.netloc}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            self.writer.write(head.encode() + body)
            headers = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            length = int(headers.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await self.reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            await self.open()
            return 0
        return int(headers.split(b" ", 2)[1])


def spent(pid: int) -> float:
    """Milliseconds of processor time of a process, to the microsecond; Linux only."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in tasks) / 1e6


async def over_http() -> list[dict[str, Any]]:
    """The real gateway, its services stubbed; a calm client keeps asking meanwhile."""
    keys, bearer, stub = json.dumps({"keys": [KEY.as_dict(private=False)]}), token(), f"http://127.0.0.1:{PORT}"
    told = {f"KITH_{name.upper()}_URL": stub for name in SERVICES}
    told |= {"KITH_JWKS_URL": f"{stub}/keys", "KITH_LOG_LEVEL": "ERROR", "KITH_HTTP_PORT": str(PORT + 1)}
    told |= {"KITH_ENVIRONMENT": "production"}
    serve = [sys.executable, "-m", "kith_chassis.serve", "kith_gateway.main:app"]
    async with AsyncExitStack() as stack:
        stubbed = [sys.executable, "-m", "bench.gateway_stub", str(PORT)]
        await stack.enter_async_context(process(stubbed, PORT, KITH_KEYS=keys))
        server = await stack.enter_async_context(process(serve, PORT + 1, **told))
        url = f"http://127.0.0.1:{PORT + 1}/graphql"
        sender = Sender(url, bearer)
        await sender.open()
        calm = stack.enter_context(calmly(url, bearer))
        await asyncio.sleep(3)
        quiet = calm()
        times: dict[tuple[str, int], list[float]] = {}
        delays: list[float] = []
        memory: list[float] = []
        statuses: set[int] = set()
        for _ in range(PASSES):
            calm()
            for each in corpus():
                before = spent(server.pid)
                statuses.add(await sender.send(each.body))
                times.setdefault((each.family, each.size), []).append(spent(server.pid) - before)
            delays += calm()
            memory.append(server.memory_info().rss / 2**20)
    assert statuses <= {200, 400, 413}, statuses
    # The work for the calm client falls into some of these, so the least of the passes is what a document costs.
    least = sorted(((min(found), at) for at, found in times.items()), reverse=True)
    for cost, (family, size) in least[:12]:
        print(f"    {cost:6.1f} ms  {family}, {size:,}", flush=True)
    work, ours = f"{len(times):,} requests", "gateway"
    costs = [cost for cost, _ in least]
    return [
        row("hostile", f"{work}: processor time of the dearest", ours, costs[:1], "ms",
            aim="at most 50 ms", at_most=50),
        row("hostile", f"{work}: processor time, 99th percentile", ours, [percentile(costs, 0.99)], "ms"),
        row("hostile", "another request meanwhile: the slowest", ours, [max(delays)], "ms",
            aim="at most 100 ms", at_most=100),
        row("hostile", "another request meanwhile: 99th percentile", ours, [percentile(delays, 0.99)], "ms"),
        row("hostile", "the same with nothing else going on: the slowest", ours, [max(quiet)], "ms"),
        row("hostile", "memory grown from the second pass to the third", ours, [memory[2] - memory[1]], "MiB",
            aim="at most 5 MiB", at_most=5),
    ]  # fmt: skip


@contextmanager
def calmly(url: str, bearer: str) -> Iterator[Callable[[], list[float]]]:
    """A client in a process of its own, which keeps asking; tells the milliseconds of its requests since the last time.

    Making the hostile documents takes longer than answering them, and must not count.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    started = spawn.Process(target=ask_calmly, args=(url, bearer, there), daemon=True)
    started.start()

    def told() -> list[float]:
        here.send("tell")
        found: list[float] = here.recv()
        return found

    try:
        yield told
    finally:
        started.kill()
        started.join()


def ask_calmly(url: str, bearer: str, pipe: Connection) -> None:
    async def asking() -> None:
        client, delays = Client(url, bearer), list[float]()
        await client.open()
        await client.ask(*SMALL)
        while True:
            began = time.perf_counter()
            await client.ask(*SMALL)
            delays.append((time.perf_counter() - began) * 1000)
            if pipe.poll():
                pipe.recv()
                pipe.send(delays)
                delays = []
            await asyncio.sleep(EVERY_SECONDS)

    asyncio.run(asking())


def limited() -> Callable[[Hostile], Any]:
    """Our schema with Strawberry's limiters instead of our guard."""
    from kith_gateway.schema import Mutation, Query  # noqa: PLC0415 -- only in the child
    from kith_gateway.types import SCALARS  # noqa: PLC0415 -- the same

    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        extensions=[
            QueryDepthLimiter(max_depth=18),
            MaxAliasesLimiter(max_alias_count=50),
            MaxTokensLimiter(max_token_count=2000),
        ],
        config=StrawberryConfig(default_resolver=dict.get, scalar_map=SCALARS),
    )
    schema.process_errors = lambda *_: None  # type: ignore[method-assign]  # it would log each document whole
    return lambda each: schema.execute(each.query or "", variable_values=each.variables, context_value=context())


def guarded() -> Callable[[Hostile], Any]:
    """The gateway, from a decoded request to its result."""
    from kith_gateway.executors import carry_out  # noqa: PLC0415 -- only in the child

    return lambda each: carry_out(context(), each.query or "", each.variables)


def context() -> Any:
    from bench.gateway import Context, Limits, Principal, Settings  # noqa: PLC0415 -- only in the child

    caller = Principal(cast("Any", "0"), cast("Any", "0"), frozenset(), time.time() + 3600)
    return Context(cast("Any", Stub()), authorization="x", principal=caller, limits=Limits.of(Settings()))


SUBJECTS = {"guarded": guarded, "limited": limited}


def child(subject: str, pipe: Connection) -> None:
    """Answer the milliseconds of processor time each document takes."""

    async def run(found: Any) -> None:
        with suppress(Exception):  # what it ends with is another matter
            await found

    made = SUBJECTS[subject]()
    while True:
        family, size = pipe.recv()
        each = next(one for one in corpus([family], [size]))
        pipe.send("made")
        began = time.process_time()
        asyncio.run(run(made(each)))
        pipe.send((time.process_time() - began) * 1000)


def in_a_child(subject: str) -> tuple[list[float], int]:
    """Milliseconds of every document that came back, and how many did not."""
    spawn, costs, lost = multiprocessing.get_context("spawn"), [], 0
    started: Any = None
    for family, size in [(one.family, one.size) for one in corpus() if one.query is not None]:
        for attempt in ("first", "second"):  # a slow first one may be the start's, or the machine's
            if started is None:
                here, there = spawn.Pipe()
                started = spawn.Process(target=child, args=(subject, there), daemon=True)
                started.start()
            here.send((family, size))
            here.recv()
            if here.poll(GIVEN_UP_SECONDS):
                costs.append(here.recv())
                break
            started.kill()
            started.join()
            started = None
            lost += attempt == "second"
            if attempt == "second":
                print(f"    {subject}: more than {GIVEN_UP_SECONDS:g} s  {family}, {size:,}", flush=True)
    if started is not None:
        started.kill()
        started.join()
    return costs, lost


def beside() -> list[dict[str, Any]]:
    rows = []
    for subject, name in (("guarded", "gateway"), ("limited", LIMITERS)):
        costs, lost = in_a_child(subject)
        work = f"{len(costs) + lost:,} documents, execution alone"
        rows += [
            row("hostile", f"{work}: those over 50 ms", name, [sum(cost > 50 for cost in costs) + lost], "documents"),
            row("hostile", f"{work}: those without an answer in {GIVEN_UP_SECONDS:g} s", name, [lost], "documents"),
            row("hostile", f"{work}: all that came back", name, [sum(costs) / 1000], "s"),
        ]
    return rows


async def measure() -> list[dict[str, Any]]:
    print(f"  {len(SIZES)} sizes each; {psutil.cpu_count()} cores", flush=True)
    return [*await over_http(), *await asyncio.to_thread(beside)]
