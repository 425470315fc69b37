"""Apps: what they may do, how they prove who they are, and that they are no members."""

import asyncio
import time

import pytest

from kith_chassis.ids import new_id
from kith_identity.apps import apps
from kith_identity.permissions import SCOPES, permissions_of_app
from kith_testkit.probe import COORDINATOR, Actor

pytestmark = pytest.mark.integration


async def registered(as_owner, *scopes, name="Calendar"):
    answer = await as_owner.post("/apps", json={"name": name, "scopes": scopes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def token(identity, app_id, secret):
    return await identity.anonymous.post("/apps/token", json={"app_id": app_id, "secret": secret})


async def as_app(identity, as_owner, *scopes):
    """A client with the token of an app that holds these scopes."""
    made = await registered(as_owner, *scopes)
    given = (await token(identity, made["app"]["id"], made["secret"])).json()
    return identity.client(None, Authorization=f"Bearer {given['access_token']}")


@pytest.mark.unit
def test_a_scope_gives_what_it_says_and_reading_and_what_is_none_gives_nothing():
    assert permissions_of_app(["matching:coordinate"]) == ["matching:coordinate", "matching:read"]
    assert permissions_of_app(["members:import", "metrics:read"]) == ["members:import", "members:read", "metrics:read"]
    assert permissions_of_app(["community:manage", "matching:take_part", "apps:manage", "x"]) == []
    assert set(permissions_of_app(SCOPES)) == set(SCOPES)


async def test_an_app_gets_tokens_for_its_secret_and_does_what_its_scopes_say(identity, makers, as_owner):
    made = await registered(as_owner, "members:import", "matching:read")
    assert made["app"]["scopes"] == ["matching:read", "members:import"]
    assert made["app"]["client_id"] == made["app"]["id"]
    given = (await token(identity, made["app"]["id"], made["secret"])).json()
    assert (given["token_type"], given["scope"]) == ("Bearer", "matching:read members:import members:read")
    principal = await identity.app.state.tokens.verify(given["access_token"])
    assert (str(principal.subject), principal.app) == (made["app"]["id"], True)
    assert str(principal.tenant) == makers["community_id"]
    assert given["expires_in"] - 5 < principal.expires_at - time.time() <= given["expires_in"]
    app = identity.client(None, Authorization=f"Bearer {given['access_token']}")
    rows = [{"line": 1, "external_id": "Grace", "display_name": "Grace"}]
    assert (await app.post("/members/import", json={"rows": rows})).json()["created"] == 1
    assert len((await app.get("/members")).json()["items"]) == 2
    assert await identity.emitted(makers["community_id"], "identity.app_registered.v1") == [
        {"app_id": made["app"]["id"], "scopes": made["app"]["scopes"]}
    ]


async def test_an_app_is_no_member_whatever_it_holds(identity, as_owner, makers):
    app = await as_app(identity, as_owner, *SCOPES)
    owner_id = makers["owner_id"]
    tries = [
        app.patch("/me", json={"bio": "x"}), app.post("/me/leave"), app.get("/onboarding"), app.get("/me/blocks"),
        app.get("/me/member-reports"), app.post(f"/members/{owner_id}/block"), app.post("/onboarding/x/complete"),
        app.post(f"/members/{owner_id}/report", json={"reason": "spam", "body": "x"}), app.get("/member-reports"),
        app.post("/invitations", json={"member_ids": [owner_id]}), app.post(f"/members/{owner_id}/remove"),
        app.post(f"/members/{owner_id}/roles", json={"role": "owner"}), app.get("/apps"),
        app.post("/apps", json={"name": "Another", "scopes": ["members:read"]}),
    ]  # fmt: skip
    answers = [await each for each in tries]
    assert [answer.json()["code"] for answer in answers] == ["forbidden"] * len(tries)


async def test_without_a_scope_an_app_reads_nothing(identity, as_owner, makers):
    app = await as_app(identity, as_owner, "matching:read")
    for answer in (
        await app.get("/members"),
        await app.get("/community"),
        await app.post("/read/members", json={"keys": [makers["owner_id"]]}),
        await app.post("/members/import", json={"rows": []}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.request.url


async def test_what_a_member_hides_is_hidden_from_an_app_unless_it_may_read_what_is_private(identity, as_owner, makers):
    await as_owner.patch("/me", json={"bio": "For coordinators.", "visibility": {"bio": "staff"}})
    for scopes, bio in ((["members:read"], ""), (["members:read_private"], "For coordinators.")):
        app = await as_app(identity, as_owner, *scopes)
        assert (await app.get(f"/members/{makers['owner_id']}")).json()["bio"] == bio


async def test_whatever_is_wrong_of_id_and_secret_the_answer_is_the_same(identity, as_owner, makers):
    made, other = await registered(as_owner, "members:read"), await registered(as_owner, "members:read")
    app_id, secret = made["app"]["id"], made["secret"]
    wrong = [
        (app_id, other["secret"]), (app_id, secret[:-1]), (app_id, secret + "A"), (app_id, ""), (app_id, "."),
        (str(new_id()), secret), ("x", secret), ("", ""), (app_id, secret.replace(secret[:8], "0" * 8)),
        (app_id, f"{new_id().hex}.{secret.partition('.')[2]}"), (app_id, "\u0000" * 50), (app_id, "ü.é"),
    ]  # fmt: skip
    answers = [await token(identity, *each) for each in wrong]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "app_refused")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert (await token(identity, app_id, secret)).status_code == 200


async def test_another_secret_ends_the_old_one_and_a_revoked_app_gets_no_token(identity, as_owner, makers):
    made = await registered(as_owner, "members:read")
    app_id = made["app"]["id"]
    again = (await as_owner.post(f"/apps/{app_id}/secret")).json()
    assert again["app"] == made["app"]
    assert (await token(identity, app_id, made["secret"])).status_code == 401
    assert (await token(identity, app_id, again["secret"])).status_code == 200
    for _ in range(2):
        revoked = (await as_owner.post(f"/apps/{app_id}/revoke")).json()
    assert revoked["revoked_at"] is not None
    assert (await token(identity, app_id, again["secret"])).status_code == 401
    assert (await as_owner.post(f"/apps/{app_id}/secret")).json()["code"] == "no_such_app"
    assert await identity.emitted(makers["community_id"], "identity.app_revoked.v1") == [{"app_id": app_id}]
    [listed] = (await as_owner.get("/apps")).json()["items"]
    assert listed == revoked
    assert "secret" not in str(listed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "a\u0007"},
        {"name": "x" * 121},
        {"scopes": ["matching:take_part"]},
        {"scopes": ["community:manage"]},
        {"scopes": ["apps:manage"]},
        {"scopes": [None]},
        {"scopes": ["members:read"] * 11},
        {"secret": "mine"},
    ],
)
async def test_an_app_that_makes_no_sense_is_refused(as_owner, wrong):
    answer = await as_owner.post("/apps", json={"name": "A", "scopes": []} | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_only_who_manages_apps_does(identity, makers):
    coordinator = identity.client(Actor(makers["community_id"], permissions=COORDINATOR))
    there = new_id()
    for answer in (
        await coordinator.get("/apps"),
        await coordinator.post("/apps", json={"name": "A", "scopes": []}),
        await coordinator.post(f"/apps/{there}/secret"),
        await coordinator.post(f"/apps/{there}/revoke"),
    ):
        assert answer.json()["code"] == "forbidden"


async def test_a_community_has_so_many_apps_and_no_more_also_at_once(as_owner, monkeypatch):
    monkeypatch.setattr(apps, "MOST", 3)
    tries = (as_owner.post("/apps", json={"name": "A", "scopes": []}) for _ in range(6))
    answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    first = (await as_owner.get("/apps")).json()["items"][0]["id"]
    await as_owner.post(f"/apps/{first}/revoke")
    assert (await as_owner.post("/apps", json={"name": "A", "scopes": []})).status_code == 201
