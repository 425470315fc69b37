from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest_asyncio

from kith_chassis.ids import new_id


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def groups(start_service):
    return await start_service("groups")


@pytest_asyncio.fixture
async def newcomers(groups, community_id):
    """Twenty people who joined and told a little about themselves; the community's space is open."""
    people = [new_id() for _ in range(20)]
    events = [
        (new_id(), community_id, "identity.community_founded.v1", {"community_id": community_id}, community_id, 1)
    ]
    for number, each in enumerate(people):
        joined = {"member_id": each, "joined_at": (datetime.now(UTC) - timedelta(days=number)).isoformat()}
        profile = {
            "member_id": each,
            "interests": ["chess"],
            "languages": ["en"],
            "experience_years": number,
            "time_zone": "Europe/Vienna" if number % 2 else "Europe/Lisbon",
        }
        events.append((new_id(), community_id, "identity.member_joined.v1", joined, each, 1))
        events.append((new_id(), community_id, "identity.profile_changed.v1", profile, each, 2))
    await groups.deliver_all(events)
    return people


@pytest_asyncio.fixture
async def begin(groups):
    """Let a session have begun an hour ago, in a group whose members have belonged to it for a day."""

    async def one(session_id):
        moved = await groups.rows(
            "UPDATE sessions SET starts_at = now() - interval '1 hour' WHERE id = :id RETURNING group_id",
            id=UUID(session_id),
        )
        await groups.rows(
            "UPDATE memberships SET since = least(since, now() - interval '1 day') WHERE group_id = :id RETURNING id",
            id=moved[0]["group_id"],
        )

    return one
