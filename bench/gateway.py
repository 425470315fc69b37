"""The gateway's executors beside each other in one process, and over HTTP beside what a user would build or pick."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from shutil import which
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import psutil
from joserfc import jwt
from joserfc.jwk import OKPKey

from bench.gateway_peers import GRAFBASE, Subject, federated, node_gateways, subgraphs
from bench.gateway_stub import answer
from bench.rows import row
from kith_chassis.tokens import ALGORITHM, Principal
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out, ordinary
from kith_gateway.ids import encode_id
from kith_gateway.settings import Settings
from kith_gateway.upstream import decoded

ROOT = Path(__file__).parents[1]
PORT = 28_500
SERVICES = ("identity", "matching", "groups", "recognition", "metrics", "delivery")
NESTED = (
    "query ($first: Int!) { members(first: $first) { edges { node { id displayName groups { id name "
    "memberships { role member { id displayName joinedAt } } } } } } }",
    {"first": 50},
)
SMALL = (
    "query ($id: ID!) { member(id: $id) { id displayName joinedAt } }",
    {"id": encode_id("Member", UUID(int=1 << 100))},
)
WORK = {"nested list, 600 objects": NESTED, "one object": SMALL}
ROUNDS, CONNECTIONS, SECONDS, WARMING = 3, 4, 2.0, 4.0
OURS, PLAIN = "gateway with plans", "Strawberry, DataLoader, httpx as documented"
Running = tuple[Subject, psutil.Process, str]
Results = dict[str, list[tuple[float, list[float]]]]
_KEY = OKPKey.generate_key("Ed25519", private=True)
_KEY.ensure_kid()


class Stub:
    """The stub of the services in this process; what it has answered once it has at hand."""

    def __init__(self) -> None:
        self._answers: dict[Any, bytes] = {}

    async def call(
        self, service: str, _: str, route: str, *, query: Any = None, body: Any = None, raw: bool = False, **__: Any
    ) -> Any:
        asked = query["first"].encode() if query else b"", msgspec.json.encode(body)
        if (route, *asked) not in self._answers:
            self._answers[route, *asked] = answer(route, b"first=" + asked[0], asked[1])
        content = self._answers[route, *asked]
        return content if raw else decoded(service, 200, content)


async def in_process() -> list[dict[str, Any]]:
    """Milliseconds of both executors for the same operation, decoding and encoding included."""
    caller = Principal(UUID(int=1), UUID(int=2), frozenset(), time.time() + 3600)
    stub, limits, rows = Stub(), Limits.of(Settings()), []

    async def once(way: Callable[..., Awaitable[Any]], text: str, variables: dict[str, Any]) -> bytes:
        context = Context(stub, authorization="x", principal=caller, limits=limits)  # type: ignore[arg-type]
        result = await way(context, text, variables)
        assert not result.errors
        return msgspec.json.encode(result.data)

    for name, (text, variables) in WORK.items():
        assert await once(carry_out, text, variables) == await once(ordinary, text, variables)
        times: dict[Any, list[float]] = {carry_out: [], ordinary: []}
        for _ in range(ROUNDS):
            for way, found in times.items():
                best = []
                for _ in range(60):
                    began = time.process_time()
                    await once(way, text, variables)
                    best.append((time.process_time() - began) * 1000)
                found.append(median(best))
        ratio = median(times[ordinary]) / median(times[carry_out])
        work = f"executor alone: {name}"
        rows.append(row("gateway", work, "graphql-core, parse and validation remembered", times[ordinary], "ms"))
        rows.append(row("gateway", work, "plan", times[carry_out], "ms"))
        # What an operation costs before its first object is for both the same; of one object there is little else.
        aim = {"aim": "at least 50", "at_least": 50} if "nested" in name else {}
        rows.append(row("gateway", work, "times as fast", [ratio], "×", **aim))  # type: ignore[arg-type]
    return rows


async def listening(started: asyncio.subprocess.Process, port: int) -> None:
    """Wait until there is someone on the port; ConnectionError when the process ends before."""
    async with asyncio.timeout(60):
        while started.returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)
    raise ConnectionError(f"it ended with {started.returncode}")


@asynccontextmanager
async def process(command: list[str], port: int, **environment: str) -> AsyncIterator[psutil.Process]:
    """A server that listens on a port of this machine."""
    started = await asyncio.create_subprocess_exec(*command, env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        await listening(started, port)
        yield psutil.Process(started.pid)
    finally:
        with suppress(ProcessLookupError):
            started.terminate()
        await started.wait()


class Client:
    """A kept connection that sends operations one after another."""

    def __init__(self, url: str, token: str) -> None:
        self.at, self.token = urlsplit(url), token

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.at.hostname, self.at.port)

    async def ask(self, text: str, variables: dict[str, Any]) -> bytes:
        body = msgspec.json.encode({"query": text, "variables": variables})
        head = (
            f"POST {self.at.path} HTTP/1.1\r\nHost: {self.at.netloc}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        headers = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        content = await self.reader.readexactly(length)
        assert headers.startswith(b"http/1.1 200"), content
        return content


async def load(url: str, token: str, work: tuple[str, dict[str, Any]], *, seconds: float, cold: bool) -> list[float]:
    """Seconds each answer took, over a few connections for so long. `cold`: never the same document twice."""
    times: list[float] = []
    ends = time.perf_counter() + seconds

    async def one(number: int) -> None:
        client = Client(url, token)
        await client.open()
        count = 0
        while (began := time.perf_counter()) < ends:
            count += 1
            text = work[0]
            if cold:  # a field by another name each time, so that nothing of an earlier operation fits
                text = text.replace("displayName", f"n{number}x{count}x{int(began * 1000)}: displayName")
            content = await client.ask(text, work[1])
            assert b'"errors"' not in content, content[:500]
            times.append(time.perf_counter() - began)
        client.writer.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return times


def spent(server: psutil.Process) -> float:
    """Seconds of processor time of the server and of all it started."""
    return sum(sum(each.cpu_times()[:4]) for each in (server, *server.children(recursive=True)))


async def measured(
    server: psutil.Process, url: str, token: str, work: Any, *, cold: bool = False
) -> tuple[float, list[float]]:
    """Answers in a second of the server's processor time, and how long each took."""
    await load(url, token, work, seconds=0.5, cold=cold)
    before = spent(server)
    times = await load(url, token, work, seconds=SECONDS, cold=cold)
    return len(times) / (spent(server) - before), times


async def warmed(url: str, token: str) -> list[Any]:
    """The bytes of data answered to both operations; they are asked for a while, as V8 compiles late."""
    found = []
    for work in WORK.values():
        client = Client(url, token)
        await client.open()
        content = await client.ask(*work)
        found.append(msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("data"))
        client.writer.close()
        await load(url, token, work, seconds=WARMING, cold=False)
    return found


def token(*permissions: str) -> str:
    claims = {
        "iss": "kith",
        "sub": str(UUID(int=1)),
        "tenant": str(UUID(int=2)),
        "permissions": list(permissions),
        "exp": int(time.time()) + 3600,
    }
    return jwt.encode({"alg": ALGORITHM, "kid": _KEY.kid}, claims, _KEY, algorithms=[ALGORITHM])


def installed() -> str:
    """The Python of an environment with the packages that deploy/Dockerfile gives the gateway's image."""
    where = ROOT / "build" / "gateway"
    environment = os.environ | {"UV_PROJECT_ENVIRONMENT": str(where), "UV_PYTHON": sys.executable}
    sync = ["sync", "--frozen", "--no-dev", "--package", "kith-gateway", "--quiet"]
    subprocess.run([which("uv") or ROOT / ".bootstrap" / "bin" / "uv", *sync], env=environment, cwd=ROOT, check=True)
    return str(where / "bin" / "python")


def subjects(port: int, stub: str) -> list[Subject]:
    ours = {f"KITH_{name.upper()}_URL": stub for name in SERVICES}
    ours |= {"KITH_JWKS_URL": f"{stub}/keys", "KITH_LOG_LEVEL": "WARNING"}
    plenty = {"BURST": 10**12, "PER_SECOND": 10**9, "PER_DAY": 10**15}  # what is spent is counted as always
    ours |= {f"KITH_{who}_{what}": str(most) for who in ("MEMBER", "COMMUNITY") for what, most in plenty.items()}
    serve = [installed(), "-m", "kith_chassis.serve", "kith_gateway.main:app"]
    uvicorn = [sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning"]
    return [
        Subject(OURS, serve, ours | {"KITH_HTTP_PORT": str(port)}, cold=True),
        Subject("gateway without", serve, ours | {"KITH_HTTP_PORT": str(port + 1), "KITH_PLANS": "false"}),
        Subject(PLAIN, [*uvicorn, "--port", str(port + 2), "bench.gateway_plain:app"], {"UPSTREAM": stub}, cold=True),
        *node_gateways(port + 3, stub),
    ]


async def started(stack: AsyncExitStack, each: Subject, port: int, bearer: str, answers: list[Any]) -> Running | None:
    """The subject, running until the stack ends, that answers as the first did; a peer that does not is left out."""
    url = f"http://127.0.0.1:{port}/graphql"
    try:
        server = await stack.enter_async_context(process(each.command, port, **each.environment))
        if not each.below:
            answers.append(await warmed(url, bearer))
            assert answers[-1] == answers[0], "it answers something else"
    except (OSError, EOFError, AssertionError) as error:
        if not each.runtime:
            raise
        print(f"  left out, {each.name}: {error or type(error).__name__}", flush=True)
        return None
    return each, server, url


def figures(title: str, results: Results, node: set[str]) -> list[dict[str, Any]]:
    """The rows of one operation; `node`: the subjects that run on Node."""
    rates = {name: [rate for rate, _ in rounds] for name, rounds in results.items()}
    middle, nested = {name: median(each) for name, each in rates.items()}, "nested" in title
    unit = "answers per second of its processor time"
    rows = [row("gateway", title, name, each, unit, ratio=middle[name] / middle[PLAIN]) for name, each in rates.items()]
    for name, most in ((OURS, 2.5), (PLAIN, None)):
        times = sorted(each for _, one in results[name] for each in one)
        tail = times[int(len(times) * 0.99)] / median(times)
        limit = f"at most {most}" if most else ""
        rows.append(row("gateway", title, f"p99 of {name}, in p50", [tail], "×", aim=limit, at_most=most))
    others = [(PLAIN, middle[PLAIN], 1 / 1.5 if "never" in title else 40 if nested else 25)]
    if best := [rate for name, rate in middle.items() if name in node]:
        others.append(("the best Node gateway", max(best), 2.5 if nested else 1.3))
    if GRAFBASE in middle:
        others.append((GRAFBASE, middle[GRAFBASE], 1 if nested else 0.8))
    for name, rate, aim in others:
        times_as_much, told = middle[OURS] / rate, f"at least {aim:.3g}"
        rows.append(row("gateway", title, f"{OURS} beside {name}", [times_as_much], "×", aim=told, at_least=aim))
    return rows


async def over_http() -> list[dict[str, Any]]:
    keys, bearer = json.dumps({"keys": [_KEY.as_dict(private=False)]}), token()
    stub = f"http://127.0.0.1:{PORT}"
    found: dict[str, Results] = defaultdict(lambda: defaultdict(list))
    running: list[Running] = []
    answers: list[Any] = []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            process([sys.executable, "-m", "bench.gateway_stub", str(PORT)], PORT, KITH_KEYS=keys)
        )
        everyone, below = subjects(PORT + 1, stub), subgraphs(PORT - 1, stub)
        if below and await started(stack, below, PORT - 1, bearer, answers):
            everyone += federated(PORT + 1 + len(everyone))
        for port, each in enumerate(everyone, PORT + 1):
            if one := await started(stack, each, port, bearer, answers):
                running.append(one)
        for name, work in WORK.items():
            for cold in (False, True):
                title = f"over HTTP{', never seen before' if cold else ''}: {name}"
                for _ in range(ROUNDS):
                    for each, server, url in running:
                        if each.cold or not cold:
                            found[title][each.name].append(await measured(server, url, bearer, work, cold=cold))
        memory = running[0][1].memory_info().rss / 2**20
    node = {each.name for each, *_ in running if each.runtime == "Node"}
    rows = [row("gateway", "memory after all of it", OURS, [memory], "MiB", aim="under 100", at_most=100)]
    return rows + [each for title, results in found.items() for each in figures(title, results, node)]


async def measure() -> list[dict[str, Any]]:
    return [*await in_process(), *await over_http()]
