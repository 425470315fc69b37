import pytest_asyncio


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def identity(start_service):
    return await start_service("identity")
