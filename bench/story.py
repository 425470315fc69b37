"""The story of the real profiles, step by step."""

from typing import Any

from rich.console import Console

from bench.rows import PROFILES, own_system, row
from kith_local.client import connect
from kith_local.layout import GATEWAY
from kith_local.story.receiver import receiving
from kith_local.story.tell import Story
from kith_local.story.telling import Telling


async def measure() -> list[dict[str, Any]]:
    if not PROFILES.exists():
        print("  skipped: the real profiles (shared/data/profiles) are not here")
        return []
    telling = Telling(Console())
    async with own_system() as system, connect(f"{system.url(GATEWAY)}/graphql") as client, receiving() as receiver:
        await Story(client, receiver, telling, members=PROFILES, seed=1, voices=40).tell()
    seconds, figures = telling.as_json()["seconds"], telling.figures
    work = f"the story of {figures['rows']:,} profiles, seed 1"
    rows = [
        row(
            "story",
            work,
            "from founding to the last webhook",
            [seconds.pop("total")],
            "s",
            aim="under 300 s",
            at_most=300,
        )
    ]
    rows += [row("story", work, name, [value], "s") for name, value in seconds.items()]
    rows.append(row("story", work, "webhooks received, verified", [figures["events"]], "events"))
    return rows
