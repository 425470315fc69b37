"""The gateway in front of real services, each on a loopback port of its own."""

import socket
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
import pytest_asyncio

from kith_chassis.ids import new_id
from kith_chassis.tokens import TokenVerifier
from kith_gateway.ids import split_id
from kith_gateway.main import app
from kith_gateway.settings import Settings
from kith_testkit.contracts import services
from kith_testkit.probe import MEMBER, OWNER, Actor, eventually, key_transport
from kith_testkit.serving import served as served_on_loopback

SERVICES = services()


def closed_port():
    """An address of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class Gateway:
    """The running gateway, and what it asked of the services."""

    def __init__(self, application):
        self.app = application
        self.calls = Counter()
        upstream = application.state.resources.upstream
        self.upstream, call = upstream, upstream.call

        async def counted(service, method, route, **rest):
            self.calls[f"{service} {method} {route}"] += 1
            return await call(service, method, route, **rest)

        upstream.call = counted

    def client(self, token=None, **headers):
        if token is not None:
            headers["Authorization"] = f"Bearer {token.token() if isinstance(token, Actor) else token}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)

    async def ask(self, query, variables=None, *, by=None, **headers):
        """The answer to an operation, whole."""
        async with self.client(by, **headers) as client:
            response = await client.post("/graphql", json={"query": query, "variables": variables or {}})
        assert response.status_code == 200, response.text
        return response.json()

    async def get(self, query, variables=None, *, by=None):
        """The data of an operation that must go right."""
        answer = await self.ask(query, variables, by=by)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def do(self, mutation, given, *, by=None, want):
        """Carry out one mutation that must go right and return its payload; `want` is what to select of it."""
        kind = mutation[0].upper() + mutation[1:]
        selected = f"{want} errors {{ code message path }} clientMutationId"
        query = f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ {selected} }} }}"
        return (await self.get(query, {"input": given}, by=by))[mutation]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def identity(start_service):
    return await start_service("identity")


@pytest.fixture(scope="session")
def served():
    """Context manager: an application, served on a loopback address."""
    return served_on_loopback


@pytest.fixture(scope="session")
def gateway_to():
    """Context manager: the gateway in front of the services at these addresses."""
    return _gateway_to


@asynccontextmanager
async def _gateway_to(urls, identity, **settings):
    given = {f"{name}_url": urls.get(name) or closed_port() for name in SERVICES}
    told = {"environment": "test", "jwks_url": "http://keys/", "hold_seconds": 0.2}
    app.state.settings = Settings(**(told | given | settings))
    async with app.router.lifespan_context(app):
        app.state.tokens = TokenVerifier(jwks_url="http://keys/", issuer="kith", transport=key_transport(identity.app))
        yield Gateway(app)
    app.state.settings = None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def identity_url(identity):
    async with served_on_loopback(identity.app) as url:
        yield url


@pytest_asyncio.fixture
async def gateway(identity, identity_url):
    """The gateway with identity alone; every other service is away."""
    async with _gateway_to({"identity": identity_url}, identity) as running:
        yield running


FOUND = """
mutation ($input: FoundCommunityInput!) {
  foundCommunity(input: $input) { founding { communityId ownerId } errors { code message path } clientMutationId }
}
"""


def founding(**given):
    key = new_id().hex[-12:]
    owner = {"email": f"{key}@example.org", "password": "a long password", "displayName": "Ada"}
    return {"name": "Makers", "slug": f"makers-{key}", "mission": "We help each other.", "owner": owner} | given


@pytest.fixture(scope="session")
def start_founding():
    return founding


@pytest_asyncio.fixture
async def founded(gateway):
    """A community founded through the gateway: its owner, and the input it was founded with."""
    body = founding()
    return await _found(gateway, body), body


@pytest.fixture(scope="session")
def found():
    """To found a community through a gateway; the owner as an actor."""
    return _found


@pytest.fixture(scope="session")
def key_of():
    """The service's key in a global id."""
    return lambda global_id: split_id(global_id)[1]


async def _found(gateway, body):
    made = (await gateway.get(FOUND, {"input": body}))["foundCommunity"]
    assert made["errors"] == []
    ids = [split_id(made["founding"][name])[1] for name in ("communityId", "ownerId")]
    return Actor(ids[0], ids[1], OWNER)


@pytest.fixture(scope="session")
def all_six(start_service, identity):
    """Context manager: the gateway in front of all six."""

    @asynccontextmanager
    async def opened():
        async with AsyncExitStack() as stack:
            urls = {}
            for name in SERVICES:
                given = {"allow_loopback_webhooks": True} if name == "delivery" else {}
                probe = await start_service(name, **given)
                urls[name] = await stack.enter_async_context(served_on_loopback(probe.app))
            yield await stack.enter_async_context(_gateway_to(urls, identity))

    return opened


@pytest_asyncio.fixture
async def whole(all_six):
    """The gateway in front of all six."""
    async with all_six() as running:
        yield running


@pytest.fixture(scope="session")
def populate():
    """To found a community through a gateway to all services, with twelve members."""
    return _people


@pytest_asyncio.fixture
async def people(whole):
    """The owner, and the global ids of four mentors and eight mentees all services have heard of."""
    return await _people(whole)


async def _people(whole):
    owner = await _found(whole, founding())
    rows = [
        {"display_name": f"Mentor {n}", "skills_offered": [{"tag": "python", "level": 5}], "experience_years": 9}
        for n in range(4)
    ] + [
        {"display_name": f"Mentee {n}", "skills_wanted": [{"tag": "python", "level": 2}], "experience_years": 1}
        for n in range(8)
    ]
    rows = [
        row | {"line": line, "external_id": f"m{line}", "languages": ["en"], "time_zone": "Europe/Vienna"}
        for line, row in enumerate(rows, start=1)
    ]
    made = await whole.do("importMembers", {"rows": rows}, by=owner, want="imported { created errors { reason } }")
    assert made["imported"] == {"created": 12, "errors": []}
    members = await whole.get("{ members(first: 100) { edges { node { id displayName } } } }", by=owner)
    ids = {edge["node"]["displayName"]: edge["node"]["id"] for edge in members["members"]["edges"]}
    return owner, [ids[f"Mentor {n}"] for n in range(4)], [ids[f"Mentee {n}"] for n in range(8)]


LISTENED_TO = ("identity", "matching", "groups", "recognition")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def probes(start_service):
    return {name: await start_service(name) for name in LISTENED_TO}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def urls(probes):
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(served_on_loopback(probe.app)) for name, probe in probes.items()}


@pytest.fixture
def live(urls, identity, servers):
    """To run the gateway in front of the services, with these settings; it and its address."""

    @asynccontextmanager
    async def live(**settings):
        async with _gateway_to(urls, identity, **({"nats_url": servers.nats_url} | settings)) as gateway:
            gateway.app.state.draining = False

            async def caught_up():
                return gateway.app.state.hub._caught_up

            await eventually(caught_up, what="having caught up")
            async with served_on_loopback(gateway.app) as gateway.url:
                yield gateway

    return live


@pytest_asyncio.fixture
async def running(live):
    async with live() as one:
        yield one


class Place:
    """A community with a space and a thread, its owner and two members."""

    def __init__(self, gateway, owner, space, thread, people):
        self.gateway, self.owner, self.space, self.thread, self.people = gateway, owner, space, thread, people
        self.written = 0

    async def write(self, *bodies, by=None, thread=None):
        for body in bodies:
            given = {"threadId": thread or self.thread, "body": body}
            done = await self.gateway.do("writePost", given, by=by or self.people[0], want="post { id }")
            assert done["errors"] == []
            self.written += 1

    async def heard(self):
        """Return when all that was written has come to the gateway."""

        async def all_there():
            kept = self.gateway.app.state.hub._log._kept
            posts = [each for each in kept if each.type == "groups.post_written.v1"]
            return sum(each.tenant == str(self.owner.community_id) for each in posts) >= self.written

        await eventually(all_there, what="the events of what was written")

    async def open(self, space, title="Another"):
        self.written += 1
        given = {"spaceId": space, "title": title, "body": title}
        return (await self.gateway.do("openThread", given, by=self.people[0], want="thread { id }"))["thread"]["id"]

    async def open_space(self):
        given = {"key": f"s{new_id().hex[-8:]}", "name": "Talk"}
        return (await self.gateway.do("openSpace", given, by=self.owner, want="space { id }"))["space"]["id"]


@pytest_asyncio.fixture
async def place(running):
    """A community with a space and a thread, its owner and two members."""
    return await _placed(running)


async def _placed(gateway):
    owner = await _found(gateway, founding())
    rows = [{"line": n, "external_id": f"m{n}", "display_name": f"Person {n}"} for n in (1, 2)]
    await gateway.do("importMembers", {"rows": rows}, by=owner, want="imported { created }")
    people = (await gateway.get("{ members { edges { node { id displayName } } } }", by=owner))["members"]["edges"]
    ids = {edge["node"]["displayName"]: edge["node"]["id"] for edge in people}
    place = Place(gateway, owner, None, None, [])
    for n in (1, 2):
        one = Actor(owner.community_id, split_id(ids[f"Person {n}"])[1], MEMBER)
        place.people.append(one)
    place.space = await place.open_space()
    place.thread = await place.open(place.space, "How?")
    await place.heard()
    return place
