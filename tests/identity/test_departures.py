"""Leaving and being removed: access ends at once, and others are told once."""

import asyncio

import pytest

from kith_chassis.ids import new_id

from .conftest import PASSWORD

pytestmark = pytest.mark.integration


@pytest.fixture
async def grace(anonymous, makers):
    """Somebody who has joined: the login and its tokens."""
    email = f"grace-{new_id().hex[-12:]}@example.org"
    body = {"community": makers["slug"], "email": email, "password": PASSWORD, "display_name": "Grace"}
    joined = (await anonymous.post("/join", json=body)).json()
    login = {"community": makers["slug"], "email": email, "password": PASSWORD}
    tokens = (await anonymous.post("/sessions", json=login)).json()
    return {"login": login, "member_id": joined["member_id"], **tokens}


def bearer(identity, tokens):
    return identity.client(None, Authorization=f"Bearer {tokens['access_token']}")


async def told(identity, makers):
    return await identity.emitted(makers["community_id"], "identity.member_left.v1")


async def is_locked_out(anonymous, grace):
    refreshed = await anonymous.post("/sessions/refresh", json={"refresh_token": grace["refresh_token"]})
    return (refreshed.status_code, (await anonymous.post("/sessions", json=grace["login"])).status_code) == (401, 401)


async def test_who_leaves_cannot_sign_in_is_not_listed_and_others_are_told_once(
    identity, anonymous, makers, grace, as_owner
):
    me = bearer(identity, grace)
    assert (await me.post("/me/leave")).status_code == 204
    assert (await me.post("/me/leave")).status_code == 204
    assert await told(identity, makers) == [{"member_id": grace["member_id"], "reason": "left"}]
    assert await is_locked_out(anonymous, grace)
    listed = (await as_owner.get("/members")).json()["items"]
    assert [each["display_name"] for each in listed] == ["Ada"]
    assert (await as_owner.get("/community")).json()["member_count"] == 1


async def test_an_owner_removes_a_member_and_nobody_else_does(identity, anonymous, makers, grace, as_owner, stranger):
    path = f"/members/{grace['member_id']}/remove"
    assert (await bearer(identity, grace).post(path)).status_code == 403
    assert (await identity.client(stranger).post(path)).status_code == 404
    assert (await as_owner.post(f"/members/{new_id()}/remove")).status_code == 404
    assert await told(identity, makers) == []
    assert (await as_owner.post(path)).status_code == 204
    assert await told(identity, makers) == [{"member_id": grace["member_id"], "reason": "removed"}]
    assert await is_locked_out(anonymous, grace)


async def test_the_last_owner_stays(identity, makers, as_owner):
    for path in ("/me/leave", f"/members/{makers['owner_id']}/remove"):
        refused = await as_owner.post(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    assert await told(identity, makers) == []


async def test_logging_out_and_an_old_refresh_token_tell_once_which_login_has_ended(identity, anonymous, makers, grace):
    for _ in range(2):
        await anonymous.post("/sessions/end", json={"refresh_token": grace["refresh_token"]})
    tokens = (await anonymous.post("/sessions", json=grace["login"])).json()
    given = {"refresh_token": tokens["refresh_token"]}
    second = (await anonymous.post("/sessions/refresh", json=given)).json()["refresh_token"]
    for token in (second, given["refresh_token"], given["refresh_token"]):
        await anonymous.post("/sessions/refresh", json={"refresh_token": token})
    ended = await identity.emitted(makers["community_id"], "identity.session_ended.v1")
    assert [each["member_id"] for each in ended] == [grace["member_id"]] * 2
    assert len({each["session_id"] for each in ended}) == 2


@pytest.fixture
async def coup(identity, anonymous, makers, grace, as_owner):
    """Grace as an owner besides Ada, signed in, with an app registered before: her client and its id."""
    await as_owner.post(f"/members/{grace['member_id']}/roles", json={"role": "owner"})
    tokens = (await anonymous.post("/sessions", json=grace["login"])).json()
    client = bearer(identity, tokens)
    app = (await client.post("/apps", json={"name": "Calendar", "scopes": []})).json()["app"]["id"]
    return client, app


@pytest.mark.parametrize("how", ["roles/end", "remove"])
async def test_who_is_no_owner_any_more_changes_nothing_whatever_their_token_says(
    identity, makers, grace, as_owner, coup, how
):
    hostile, app = coup
    body = {"role": "owner"} if how == "roles/end" else None
    assert (await as_owner.post(f"/members/{grace['member_id']}/{how}", json=body)).status_code in {200, 204}
    events = len(await identity.emitted(makers["community_id"]))
    tries = {
        f"/members/{makers['owner_id']}/roles": {"role": "moderator"},
        f"/members/{makers['owner_id']}/roles/end": {"role": "owner"},
        f"/members/{makers['owner_id']}/remove": None,
        f"/members/{grace['member_id']}/remove": None,
        "/apps": {"name": "Mine", "scopes": ["members:read_private"]},
        f"/apps/{app}/secret": None,
        f"/apps/{app}/revoke": None,
    }
    for path, given in tries.items():
        answer = await hostile.post(path, json=given)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    assert len(await identity.emitted(makers["community_id"])) == events


async def test_of_two_owners_who_end_each_other_at_once_one_stays(identity, makers, grace, as_owner, coup):
    paths = [(as_owner, grace["member_id"]), (coup[0], makers["owner_id"])]
    ends = (by.post(f"/members/{whom}/roles/end", json={"role": "owner"}) for by, whom in paths)
    assert sorted(answer.status_code for answer in await asyncio.gather(*ends)) == [200, 403]
