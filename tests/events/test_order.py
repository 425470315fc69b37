"""No interleaving of writers, relays and crashes skips or reorders an event."""

import pytest
import pytest_asyncio
from drill.order import ByPosition, Interleaving

from kith_chassis.database import Database
from kith_chassis.migrations import upgrade
from kith_testkit.databases import empty

pytestmark = pytest.mark.integration
STEPS = 2000


@pytest_asyncio.fixture(loop_scope="session")
async def database(servers):
    """The outbox of a service that does not run."""
    place = await empty(servers.admin_url, "metrics", suffix=f"order_{servers.worker}", directory=servers.directory)
    await upgrade("kith_metrics", place.owner_url)
    found = Database(place.worker_url)
    yield found
    await found.close()


async def test_nothing_is_skipped_invented_or_inverted(database):
    found = await Interleaving(database, seed=1).run(STEPS)
    assert found.committed > STEPS / 4
    assert (found.skipped, found.invented, found.inverted) == (0, 0, 0)


async def test_a_relay_that_goes_by_position_is_found_to_skip(database):
    found = await Interleaving(database, seed=1, relay=ByPosition()).run(STEPS)
    assert found.skipped > 0
