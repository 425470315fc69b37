import asyncio
import copy
import sys
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from uvicorn import Config
from uvicorn.server import ServerState

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor, eventually

sys.path.insert(0, str(Path(__file__).parents[1] / "chassis"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def notes(start_service):
    """The service of notes as uvicorn serves it: `client` speaks HTTP over a connection."""
    probe = copy.copy(await start_service("notes", relay_poll_seconds=0.2, max_body_bytes=100_000))
    config = Config(probe.app, access_log=False, log_config=None, server_header=False)
    probe.state = ServerState()
    probe.state.default_headers = [(b"date", b"Sat, 21 Nov 2026 12:00:00 GMT")]

    def protocol():
        return probe.app.state.serving()["http"](config=config, server_state=probe.state, app_state={})

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    host, probe.port = server.sockets[0].getsockname()

    def client(actor, **headers):
        if actor is not None:
            headers["Authorization"] = f"Bearer {actor.token()}"
        made.append(httpx.AsyncClient(base_url=f"http://{host}:{probe.port}", headers=headers, timeout=30))
        return made[-1]

    made, probe.client = [], client
    probe.anonymous = client(None)
    yield probe
    for each in made:
        await each.aclose()
    server.close()
    for each in list(probe.state.connections):
        each.transport.abort()

    async def gone():
        return not probe.state.connections

    await eventually(gone)


@pytest.fixture
def writer(community_id):
    return Actor(community_id, permissions=frozenset({"notes:write"}))


@pytest.fixture
def book():
    return new_id()
