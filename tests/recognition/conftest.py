import pytest_asyncio

from kith_chassis.ids import new_id


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def recognition(start_service):
    return await start_service("recognition")


@pytest_asyncio.fixture
async def people(recognition, community_id):
    """Eight members recognition has heard of."""
    members = [new_id() for _ in range(8)]
    await recognition.deliver_all(
        [(new_id(), community_id, "identity.member_joined.v1", {"member_id": each}, each, 1) for each in members]
    )
    return members
