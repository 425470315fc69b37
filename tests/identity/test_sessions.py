"""Staying signed in: who has a copy of a token ends the login, who asks twice does not; nobody outlives a departure."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from kith_chassis.ids import new_id
from kith_identity import departures, sessions
from kith_identity.models import RefreshToken

from .conftest import PASSWORD, somebody_waits_for

pytestmark = pytest.mark.integration


@pytest.fixture
async def grace(anonymous, makers):
    """Somebody who has joined: how they log in, and their id."""
    email = f"grace-{new_id().hex[-12:]}@example.org"
    body = {"community": makers["slug"], "email": email, "password": PASSWORD}
    joined = await anonymous.post("/join", json=body | {"display_name": "Grace"})
    return {"login": body, "member_id": UUID(joined.json()["member_id"])}


@pytest.fixture
async def signed_in(anonymous, grace):
    return (await anonymous.post("/sessions", json=grace["login"])).json()["refresh_token"]


async def refresh(anonymous, token):
    return await anonymous.post("/sessions/refresh", json={"refresh_token": token})


async def used(identity, community_id, seconds_ago):
    """Have all tokens of a community been used so much earlier."""
    async with identity.database.transaction() as session:
        await session.execute(
            update(RefreshToken)
            .where(RefreshToken.community_id == community_id)
            .values(used_at=RefreshToken.used_at - timedelta(seconds=seconds_ago))
        )


async def test_a_refresh_token_of_before_the_last_ends_the_session(anonymous, signed_in):
    second = (await refresh(anonymous, signed_in)).json()["refresh_token"]
    third = (await refresh(anonymous, second)).json()["refresh_token"]
    assert len({signed_in, second, third}) == 3
    reuse = await refresh(anonymous, signed_in)
    assert (reuse.status_code, reuse.json()["code"]) == (401, "refresh_refused")
    assert (await refresh(anonymous, third)).status_code == 401


async def test_who_asks_twice_gets_the_same_and_stays_signed_in(anonymous, signed_in):
    """An answer was lost, or two tabs asked at once."""
    answers = await asyncio.gather(*(refresh(anonymous, signed_in) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    [following] = {answer.json()["refresh_token"] for answer in answers}
    assert (await refresh(anonymous, following)).status_code == 200


async def test_who_asks_again_after_half_a_minute_has_a_copy(identity, anonymous, makers, signed_in):
    following = (await refresh(anonymous, signed_in)).json()["refresh_token"]
    await used(identity, makers["community_id"], 25)
    assert (await refresh(anonymous, signed_in)).status_code == 200
    await used(identity, makers["community_id"], 6)
    assert (await refresh(anonymous, signed_in)).status_code == 401
    assert (await refresh(anonymous, following)).status_code == 401


async def test_nobody_computes_the_next_token_without_the_key(identity, signed_in):
    settings, community_id = identity.app.state.settings, sessions.community_in(signed_in)
    keys = [settings.secret_key, SecretStr(secrets.token_urlsafe(32))]
    signers = [sessions.Signer(settings.model_copy(update={"secret_key": key})) for key in keys]
    made = {signer.next_generation(community_id, signed_in) for signer in (*signers, identity.app.state.signer)}
    assert len(made) == 2


@pytest.mark.parametrize("way", ["log in", "refresh"])
async def test_a_login_during_a_departure_is_refused(identity, anonymous, makers, grace, signed_in, way):
    community_id = UUID(makers["community_id"])
    async with identity.database.transaction(tenant=community_id) as session:
        await departures.leave(session, member_id=grace["member_id"])
        await session.flush()
        logging_in = way == "log in"
        login = anonymous.post("/sessions", json=grace["login"]) if logging_in else refresh(anonymous, signed_in)
        trying = asyncio.create_task(login)
        await somebody_waits_for(identity, session)
    assert (await trying).status_code == 401
    sql = "SELECT 1 FROM refresh_tokens WHERE member_id = :m AND revoked_at IS NULL"
    assert await identity.rows(sql, m=grace["member_id"]) == []


async def test_a_departure_during_a_login_ends_it(identity, anonymous, makers, grace):
    community_id, signer = UUID(makers["community_id"]), identity.app.state.signer
    async with identity.database.transaction(tenant=community_id) as session:
        member_id = grace["member_id"]
        started = await sessions.start(
            session, signer, member_id=member_id, community_id=community_id, family_id=new_id(), since=datetime.now(UTC)
        )
        await session.flush()
        owner = {"community": makers["slug"], "email": makers["email"], "password": PASSWORD}
        token = (await anonymous.post("/sessions", json=owner)).json()["access_token"]
        client = identity.client(None, Authorization=f"Bearer {token}")
        leaving = asyncio.create_task(client.post(f"/members/{member_id}/remove"))
        await somebody_waits_for(identity, session)
    assert (await leaving).status_code == 204
    assert (await refresh(anonymous, started.refresh_token)).status_code == 401
