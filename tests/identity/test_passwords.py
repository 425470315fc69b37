"""Changing a password."""

import asyncio

import pytest

from kith_chassis.ids import new_id
from kith_testkit.probe import Actor

from .conftest import PASSWORD

pytestmark = pytest.mark.integration
NEW = "quite another password"


@pytest.fixture
def log_in(anonymous, makers):
    async def log_in(password=PASSWORD, slug=makers["slug"]):
        login = {"community": slug, "email": makers["email"], "password": password}
        return await anonymous.post("/sessions", json=login)

    return log_in


async def refreshed(anonymous, tokens):
    return (await anonymous.post("/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})).status_code


def bearer(identity, tokens):
    return identity.client(None, Authorization=f"Bearer {tokens['access_token']}")


async def test_a_changed_password_ends_every_other_login_in_every_community(identity, anonymous, makers, log_in):
    slug = f"second-{new_id().hex[-8:]}"
    assert (await anonymous.post("/communities", json=makers["body"] | {"slug": slug})).status_code == 201
    mine, stolen, elsewhere = ((await log_in()).json(), (await log_in()).json(), (await log_in(slug=slug)).json())
    stolen["refresh_token"] = (await anonymous.post(
        "/sessions/refresh", json={"refresh_token": stolen["refresh_token"]}
    )).json()["refresh_token"]  # fmt: skip
    answer = await bearer(identity, mine).post("/me/password", json={"old": PASSWORD, "new": NEW})
    assert answer.status_code == 200, answer.text
    assert [await refreshed(anonymous, each) for each in (mine, stolen, elsewhere)] == [401] * 3
    assert await refreshed(anonymous, answer.json()) == 200
    assert [(await log_in(password)).status_code for password in (PASSWORD, NEW)] == [401, 200]
    assert (await log_in(NEW, slug)).status_code == 200
    ended = await identity.emitted(makers["community_id"], "identity.session_ended.v1")
    assert len({each["session_id"] for each in ended}) == len(ended) == 2


async def test_without_the_old_password_there_is_no_new_one(identity, anonymous, makers, log_in, as_owner):
    tokens = (await log_in()).json()
    for _ in range(5):
        refused = await bearer(identity, tokens).post("/me/password", json={"old": "not the password", "new": NEW})
        assert (refused.status_code, refused.json()["code"]) == (422, "wrong_password")
    guessed = await bearer(identity, tokens).post("/me/password", json={"old": PASSWORD, "new": NEW})
    assert (guessed.status_code, guessed.json()["code"]) == (429, "too_many_tries")
    assert await refreshed(anonymous, tokens) == 200
    short = await as_owner.post("/me/password", json={"old": PASSWORD, "new": "short"})
    assert (short.status_code, short.json()["code"]) == (422, "invalid_request")


async def test_who_has_no_login_or_is_nobody_here_has_no_password_to_change(identity, makers, as_owner):
    await as_owner.post("/members/import", json={"rows": [{"line": 1, "external_id": "1", "display_name": "Mia"}]})
    mia = (await as_owner.get("/members", params={"search": "Mia"})).json()["items"][0]["id"]
    for member_id, code in ((mia, "no_login"), (new_id(), "no_such_member")):
        client = identity.client(Actor(makers["community_id"], member_id))
        answer = await client.post("/me/password", json={"old": PASSWORD, "new": NEW})
        assert answer.json()["code"] == code


async def test_who_signs_in_with_the_old_password_meanwhile_is_not_signed_in_for_long(
    identity, anonymous, log_in, as_owner, monkeypatch
):
    signer, checked, going_on = identity.app.state.signer, asyncio.Event(), asyncio.Event()
    matches = signer.matches

    async def slowly(*given):
        found = await matches(*given)
        checked.set()
        await going_on.wait()
        return found

    monkeypatch.setattr(signer, "matches", slowly)
    late = asyncio.create_task(log_in())
    await checked.wait()
    monkeypatch.setattr(signer, "matches", matches)
    assert (await as_owner.post("/me/password", json={"old": PASSWORD, "new": NEW})).status_code == 200
    going_on.set()
    assert await refreshed(anonymous, (await late).json()) == 401
