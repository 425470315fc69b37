"""A service's consumer on a log of its own: nothing another test did is in it."""

import asyncio
import importlib
import json
import random
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
import pytest_asyncio
from nats.js.errors import NotFoundError
from sqlalchemy import text

from kith_chassis.bus import open_bus
from kith_chassis.consumers import consume
from kith_chassis.database import Database
from kith_chassis.events import wire
from kith_chassis.ids import new_id
from kith_chassis.jobs import ended
from kith_chassis.settings import ServiceSettings
from kith_delivery.consumers import WITHHELD
from kith_events.rebuild import rebuild
from kith_testkit.contracts import CONTRACTS
from kith_testkit.databases import clone
from kith_testkit.probe import eventually
from kith_testkit.servers import nats_server

ANY_ID = "00000000-0000-4000-8000-000000000000"


class Told(NamedTuple):
    """An event as it stands in its producer's outbox."""

    event_id: UUID
    tenant_id: UUID
    type: str
    aggregate_id: UUID
    sequence: int
    data: str
    occurred_at: datetime
    traceparent: str | None


class Story:
    """Random events of the types a service listens to, numbered per aggregate as their producers do."""

    def __init__(self, service, *, seed, people=8):
        handlers = importlib.import_module(f"kith_{service}.consumers").consumers.handlers
        known = [path.stem for path in sorted((CONTRACTS / "events").glob("*.json"))]
        # An event nobody here listens to stands between the others of its aggregate all the same.
        everything = [each for each in known if each not in WITHHELD]  # as an app hears of it
        self.types = everything if ">" in handlers else [*sorted(handlers), "identity.role_granted.v1"]
        self.community, self.people = new_id(), [new_id() for _ in range(people)]
        self.random, self.numbers = random.Random(seed), {}
        self.things = [new_id() for _ in range(people * 2)]

    def event(self, type_):
        contract = json.loads((CONTRACTS / "events" / f"{type_}.json").read_text())
        data = self._varied(contract["examples"][0])
        key = contract["aggregate"]
        if key != "member_id":
            data[key] = str(self.community if key == "community_id" else self.random.choice(self.things))
        place = (type_.partition(".")[0], data[key])
        self.numbers[place] = self.numbers.get(place, 0) + 1
        at = datetime.now(UTC) - timedelta(minutes=self.random.randrange(1, 60 * 24 * 5))
        return Told(new_id(), self.community, type_, UUID(data[key]), self.numbers[place], json.dumps(data), at, None)

    def events(self, count):
        """Each type at least once, when there is room for that."""
        chosen = [*self.types, *self.random.choices(self.types, k=max(0, count - len(self.types)))]
        self.random.shuffle(chosen)
        return [self.event(each) for each in chosen[:count]]

    def _varied(self, value):
        if isinstance(value, dict):
            return {key: self._varied(each) for key, each in value.items()}
        if isinstance(value, list):
            some = self.random.randint(1, 3)
            if value and _is_id(value[0]):
                return [str(each) for each in self.random.sample(self.people, some)]
            return [self._varied(each) for each in value] * some
        if _is_id(value):
            return str(self.random.choice(self.people))
        return self.random.randint(1, 50) if type(value) is int else value


def _is_id(value):
    return isinstance(value, str) and len(value) == len(ANY_ID) and value.count("-") == 4


class Live:
    """The database of a service and its consumer, as its worker runs it; nothing else of the service."""

    def __init__(self, service, place, bus, nats_url):
        self.service, self.place, self.bus, self.nats_url = service, place, bus, nats_url
        module = importlib.import_module(f"kith_{service}.consumers")
        self.consumers, self.projections = module.consumers, module.projections
        self.database = Database(place.worker_url, pool_size=3)
        self.owner = Database(place.owner_url, pool_size=2)

    async def publish(self, events):
        await self.bus.publish([wire((1, *each)) for each in events])

    async def tell(self, events):
        """Publish and wait until all that is listened to is applied."""
        await self.publish(events)
        await self.applied(events)

    async def applied(self, events):
        ids = [each.event_id for each in events if self.consumers.of(each.type)]
        sql = "SELECT count(*) AS n FROM inbox WHERE event_id = ANY(:ids)"

        async def all_there():
            return (await self.rows(sql, ids=ids))[0]["n"] == len(ids)

        await eventually(all_there, what=f"applying {len(ids)} events")

    async def rows(self, sql, **values):
        async with self.owner.transaction() as session:
            return [dict(row) for row in (await session.execute(text(sql), values)).mappings()]

    async def run(self, sql, **values):
        async with self.owner.transaction() as session:
            return (await session.execute(text(sql), values)).rowcount

    async def rebuild(self, *, projections=None, **options):
        return await rebuild(
            self.service,
            owner_url=self.place.owner_url,
            worker_url=self.place.worker_url,
            bus=self.bus,
            consumers=self.consumers,
            projections=projections or self.projections,
            **options,
        )

    async def learned(self):
        """All rows that handlers wrote, without what differs each time."""
        found = {}
        for each in self.projections.tables:
            rows = await self.rows(f"SELECT * FROM {each.table} WHERE {each.rows.format(schema='public')}")
            kept = [{name: value for name, value in row.items() if name not in each.ignored} for row in rows]
            found[each.table] = sorted(map(str, kept))
        return found

    async def leftovers(self):
        """Whether there is a schema of a rebuild."""
        return await self.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'rebuild'")

    @asynccontextmanager
    async def consuming(self):
        task = asyncio.create_task(
            consume(self.consumers, self.database, self.bus, name=self.service, batch=50, lease_seconds=60)
        )
        try:
            yield
        finally:
            await ended(task)


@pytest.fixture(scope="session")
def own_nats(tmp_path_factory):
    with nats_server(tmp_path_factory.mktemp("log")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def start(servers, own_nats):
    """Start the consumer of a service on an empty database and an empty log."""
    settings = ServiceSettings(database_url="postgresql://nobody@nowhere/x", nats_url=own_nats.url)
    async with open_bus(settings, name="rebuild test") as bus:
        await asyncio.wait_for(bus.established.wait(), 20)
        with suppress(NotFoundError):
            await bus.js.delete_stream(bus.stream)
        await bus.ensure_stream(settings)
        started = []

        async def begin(service):
            place = await clone(
                servers.admin_url, service, suffix=f"rebuilt_{servers.worker}", directory=servers.directory
            )
            one = Live(service, place, bus, own_nats.url)
            consuming = one.consuming()
            await consuming.__aenter__()
            started.append((one, consuming))
            return one

        yield begin
        for one, consuming in started:
            await consuming.__aexit__(None, None, None)
            await one.database.close()
            await one.owner.close()


@pytest.fixture
def story():
    """Make a story: `story("metrics", seed=1)`."""
    return Story
