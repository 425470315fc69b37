"""Fixtures of every test: the servers (once per test process) and services on them.

    @pytest_asyncio.fixture(scope="session", loop_scope="session")
    async def matching(start_service):
        return await start_service("matching")            # a Probe, running until the tests end

`KITH_TEST_DATABASE_URL` (a superuser's) and `KITH_TEST_NATS_URL` point at servers that are there already.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from nats.js.errors import NotFoundError

from kith_chassis.ids import new_id
from kith_testkit.databases import clone
from kith_testkit.probe import COORDINATOR, MEMBER, OWNER, Actor, Probe, eventually, running

StartService = Callable[..., Awaitable[Probe]]


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL (as superuser) and NATS are, and a directory the test processes share."""

    admin_url: str
    nats_url: str
    directory: Path
    worker: str


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with ExitStack() as stack:
        admin_url = os.environ.get("KITH_TEST_DATABASE_URL")
        if not admin_url:
            from kith_testkit.servers import postgres_server  # noqa: PLC0415 -- only where it is needed

            admin_url = stack.enter_context(postgres_server()).admin_url
        nats_url = os.environ.get("KITH_TEST_NATS_URL")
        if not nats_url:
            from kith_testkit.servers import nats_server  # noqa: PLC0415 -- the same

            nats_url = stack.enter_context(nats_server(tmp_path_factory.mktemp("nats"))).url
        shared = Path(tempfile.gettempdir()) / "kith-tests"
        shared.mkdir(exist_ok=True)
        yield Servers(admin_url, nats_url, shared, f"{worker}_{os.getpid()}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def start_service(servers: Servers) -> AsyncIterator[StartService]:
    """Start a service by name, once; ask again and the same one is returned."""
    started: dict[str, Probe] = {}
    async with AsyncExitStack() as stack:

        async def start(service: str, **settings: Any) -> Probe:
            if service not in started:
                database = await clone(servers.admin_url, service, suffix=servers.worker, directory=servers.directory)
                one = running(f"kith_{service}", database=database, nats_url=servers.nats_url, **settings)
                probe = started[service] = await stack.enter_async_context(one)
                await _caught_up(probe)
            return started[service]

        yield start


async def _caught_up(probe: Probe) -> None:
    """Return when a service has heard what the tests before it left on the stream, which may be thousands of events."""

    async def heard() -> bool:
        with suppress(NotFoundError):  # it is about to make its consumer
            return not (await probe.bus.js.consumer_info(probe.bus.stream, probe.name)).num_pending
        return False

    if probe.app.state.consumers:
        await eventually(heard, what=f"{probe.name} hearing what there is", seconds=120)


@pytest.fixture
def community_id() -> UUID:
    """A community nobody else has: tests share a database and never meet."""
    return new_id()


@pytest.fixture
def member(community_id: UUID) -> Actor:
    return Actor(community_id, permissions=MEMBER)


@pytest.fixture
def coordinator(community_id: UUID) -> Actor:
    return Actor(community_id, permissions=COORDINATOR)


@pytest.fixture
def owner(community_id: UUID) -> Actor:
    return Actor(community_id, permissions=OWNER)


@pytest.fixture
def stranger() -> Actor:
    """An owner of another community: may do everything there and nothing here."""
    return Actor(new_id(), permissions=OWNER)
