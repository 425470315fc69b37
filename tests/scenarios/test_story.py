"""The main job through the composed system, and the same with a process killed on the way."""

import asyncio
import os
import random
import signal
from contextlib import suppress

import pytest
import pytest_asyncio
from rich.console import Console

from kith_local.client import connect
from kith_local.layout import GATEWAY
from kith_local.story.receiver import receiving
from kith_local.story.tell import Story
from kith_local.story.telling import Telling

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]
KILLED = ["identity", "matching", "groups", "recognition", "metrics", "delivery", "gateway", "nats", "postgres"]


async def tell(system, member_list, *, disturb=None):
    """The figures of one story; `disturb` runs beside it."""
    telling = Telling(Console(quiet=True))
    async with connect(f"{system.url(GATEWAY)}/graphql") as client, receiving() as receiver:
        story = Story(client, receiver, telling, members=member_list, seed=5, voices=6)
        beside = asyncio.create_task(disturb()) if disturb else None
        await story.tell()
        if beside is not None:
            await beside
    figures = telling.as_json()["figures"]
    figures.pop("run_seconds")
    assert telling.as_json()["seconds"]["total"] > 0
    return figures


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def undisturbed(system, member_list):
    """The figures of a story in which nothing happened to anybody."""
    return await tell(system, member_list)


async def test_the_story_goes_from_a_member_list_to_a_health_report(undisturbed):
    figures = undisturbed
    assert figures["members"] == figures["rows"] == 200
    assert figures["gap"] == 0
    assert (
        figures["pairings"] == figures["matched"] == figures["accepted_by_members"] + figures["accepted_by_coordinator"]
    )
    assert figures["circles"] > 0
    assert figures["forged"] == 0
    assert figures["unexpected"] == {}
    assert figures["never_connected"] == figures["members"] + 1 - figures["connected"]
    assert figures["named"] >= figures["never_connected"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLED)
async def test_a_process_killed_on_the_way_changes_no_number(system, member_list, undisturbed, name):
    rng = random.Random(name)

    async def kill():
        for _ in range(2):
            await asyncio.sleep(rng.uniform(0.5, 4))
            pid = system.supervisor.pids.get(name)
            with suppress(ProcessLookupError):  # it is dead still
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)

    assert await tell(system, member_list, disturb=kill) == undisturbed
