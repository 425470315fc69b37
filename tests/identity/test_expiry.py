"""What has expired is deleted, and nothing else."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_identity import communities, jobs

from .conftest import PASSWORD

pytestmark = pytest.mark.integration
COUNTED = """
SELECT (SELECT count(*) FROM refresh_tokens WHERE community_id = :c) AS tokens,
       (SELECT count(*) FROM invitations WHERE community_id = :c) AS invitations,
       (SELECT count(*) FROM failed_logins) AS failed
"""


async def test_what_has_expired_is_deleted_and_nothing_else(identity, anonymous, makers, as_owner, monkeypatch):
    rows = [{"line": n, "external_id": str(n), "display_name": f"Person {n}"} for n in (1, 2)]
    await as_owner.post("/members/import", json={"rows": rows})
    people = [each["id"] for each in (await as_owner.get("/members", params={"search": "Person"})).json()["items"]]
    first, _ = (await as_owner.post("/invitations", json={"member_ids": people})).json()
    await anonymous.post("/invitations/redeem", json={"token": first["token"]})
    for _ in range(3):
        login = {"community": makers["slug"], "email": f"{new_id()}@example.org", "password": PASSWORD}
        await anonymous.post("/sessions", json=login)
    monkeypatch.setattr(jobs, "_AT_ONCE", 2)
    await jobs.delete_expired(identity.database)
    [before] = await identity.rows(COUNTED, c=makers["community_id"])
    assert (before["tokens"], before["invitations"]) == (2, 2)
    assert before["failed"] >= 3
    async with identity.database.transaction() as session:
        here = {"c": makers["community_id"]}
        for table in ("refresh_tokens", "invitations"):
            aged = f"UPDATE {table} SET expires_at = now() - interval '1 second' WHERE community_id = :c"
            await session.execute(text(aged), here)
        await session.execute(text("UPDATE failed_logins SET failed_at = now() - interval '25 hours'"))
    await jobs.delete_expired(identity.database)
    [after] = await identity.rows(COUNTED, c=makers["community_id"])
    assert after == {"tokens": 0, "invitations": 1, "failed": 0}


async def test_nobody_waits_with_a_login_for_somebody_elses_departure(identity, anonymous, makers, as_owner):
    async with identity.database.transaction(tenant=UUID(makers["community_id"])) as session:
        await communities.locked(session)
        login = {"community": makers["slug"], "email": makers["email"], "password": PASSWORD}
        assert (await asyncio.wait_for(anonymous.post("/sessions", json=login), 5)).status_code == 200
