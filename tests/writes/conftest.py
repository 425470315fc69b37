import sys
from pathlib import Path

import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parents[1] / "chassis"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def notes(start_service):
    return await start_service("notes", relay_poll_seconds=0.2, max_body_bytes=100_000)
