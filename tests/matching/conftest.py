import pytest_asyncio

from kith_chassis.ids import new_id


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def matching(start_service):
    return await start_service("matching")


def profile(member_id, **given):
    """A profile as identity tells of it."""
    empty = {
        "member_id": member_id,
        "skills_offered": [],
        "skills_wanted": [],
        "interests": [],
        "languages": ["en"],
        "experience_years": None,
        "weekly_hours": None,
        "time_zone": None,
        "availability": [],
    }
    return empty | given


@pytest_asyncio.fixture
async def cohort(matching, community_id):
    """Six mentors and ten mentees whom matching has heard of: (mentor ids, mentee ids)."""
    tags = ["python", "sql", "design"]
    mentors, mentees = [new_id() for _ in range(6)], [new_id() for _ in range(10)]
    profiles = [
        profile(each, skills_offered=[{"tag": tags[n % 3], "level": 5}], experience_years=10)
        for n, each in enumerate(mentors)
    ] + [
        profile(each, skills_wanted=[{"tag": tags[n % 3], "level": 3}], experience_years=2)
        for n, each in enumerate(mentees)
    ]
    type_ = "identity.profile_changed.v1"
    await matching.deliver_all([(new_id(), community_id, type_, each, each["member_id"], 1) for each in profiles])
    return mentors, mentees
