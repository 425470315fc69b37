import pytest
import pytest_asyncio
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_testkit.probe import eventually

PASSWORD = "a long password"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def identity(start_service):
    return await start_service("identity")


@pytest.fixture
def anonymous(identity):
    return identity.anonymous


@pytest_asyncio.fixture
async def makers(anonymous):
    """A community just founded: its slug, ids and the owner's address."""
    key = new_id().hex[-12:]
    slug, email = f"makers-{key}", f"ada-{key}@example.org"
    owner = {"email": email, "password": PASSWORD, "display_name": "Ada"}
    body = {"name": "Makers", "slug": slug, "mission": "We help each other build things.", "owner": owner}
    answer = await anonymous.post("/communities", json=body)
    assert answer.status_code == 201, answer.text
    return {"slug": slug, "email": email, "body": body, **answer.json()}


@pytest_asyncio.fixture
async def as_owner(identity, makers):
    """A client signed in as the founder, with identity's own token."""
    login = {"community": makers["slug"], "email": makers["email"], "password": PASSWORD}
    tokens = (await identity.anonymous.post("/sessions", json=login)).json()
    return identity.client(None, Authorization=f"Bearer {tokens['access_token']}")


async def somebody_waits_for(identity, session):
    """Return when a transaction waits for what this one has locked."""
    mine = await session.scalar(text("SELECT pg_backend_pid()"))
    sql = "SELECT 1 FROM pg_locks WHERE NOT granted AND CAST(:mine AS int) = ANY(pg_blocking_pids(pid))"
    await eventually(lambda: identity.rows(sql, mine=mine), what="waiting for a lock")
