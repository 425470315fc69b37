import pytest_asyncio


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def metrics(start_service):
    return await start_service("metrics")
