"""How far a consumer is behind, what comes again and what was set aside can be seen from outside."""

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from kith_events.housekeeping import forget, lag, observe
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
GAUGES = (
    "outbox_depth",
    "outbox_oldest_seconds",
    "consumer_behind_seconds",
    "consumer_redelivered",
    "dead_letters_kept",
)


def seen():
    return {name: REGISTRY.get_sample_value(name) for name in GAUGES}


async def test_a_consumer_is_as_far_behind_as_its_oldest_event_is_old(start, story):
    live = await start("matching")
    telling = story("matching", seed=1)
    assert await lag("nobody", live.bus, live.consumers) == (0.0, 0)
    await live.tell(telling.events(10))

    async def caught_up():
        return await lag("matching", live.bus, live.consumers) == (0.0, 0)

    await eventually(caught_up, what="catching up")
    async with live.owner.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE inbox"))  # nothing can be applied
        first = [telling.event("identity.member_joined.v1")]
        await live.publish(first)

        async def further_behind(than):
            found, _ = await lag("matching", live.bus, live.consumers)
            return found if found > than else 0

        one = await eventually(lambda: further_behind(0), what="being behind")
        await live.publish(more := telling.events(5))
        assert await eventually(lambda: further_behind(one), what="falling further behind") > one
    await live.applied(first + more)
    await eventually(caught_up, what="catching up")


async def test_an_event_that_comes_again_and_a_dead_letter_are_seen_until_they_are_dealt_with(start, story):
    live = await start("matching")
    telling = story("matching", seed=2)
    await live.tell(telling.events(5))
    await live.run("ALTER TABLE participants ADD CONSTRAINT never CHECK (false) NOT VALID")
    unlucky = [telling.event("identity.member_joined.v1")._replace(tenant_id=telling.people[0])]
    await live.publish(unlucky)

    async def watched():
        await observe("matching", live.database, live.bus, live.consumers)
        return seen()

    async def comes_again():
        return (await watched())["consumer_redelivered"] == 1

    await eventually(comes_again, what="coming again")
    await live.run("ALTER TABLE participants DROP CONSTRAINT never")
    await live.applied(unlucky)

    async def quiet():
        return await watched() == dict.fromkeys(GAUGES, 0)

    await eventually(quiet, what="quiet")
    await live.run("INSERT INTO dead_letters VALUES (gen_random_uuid(), 'x', '', '', 'bad day', 6, NULL, now())")
    assert (await watched())["dead_letters_kept"] == 1
    forget()  # another process leads now
    assert seen() == dict.fromkeys(GAUGES, 0)
