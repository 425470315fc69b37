"""Founding, joining, signing in, staying in."""

import asyncio

import pytest

from kith_chassis.ids import new_id

from .conftest import PASSWORD

pytestmark = pytest.mark.integration


async def sign_in(anonymous, makers, **given):
    login = {"community": makers["slug"], "email": makers["email"], "password": PASSWORD} | given
    return await anonymous.post("/sessions", json=login)


async def test_a_founder_can_sign_in_and_sees_the_community(identity, anonymous, makers):
    tokens = (await sign_in(anonymous, makers, email=makers["email"].upper())).json()
    me = {"Authorization": f"Bearer {tokens['access_token']}"}
    community = (await anonymous.get("/community", headers=me)).json()
    assert (community["name"], community["member_count"]) == ("Makers", 1)
    events = await identity.emitted(makers["community_id"])
    told = [event.get("source") or event.get("role") or event.get("slug") for event in events]
    assert told == ["founding", "owner", makers["slug"]]


async def test_a_slug_is_taken_once_also_by_two_at_the_same_moment(anonymous, makers):
    again = await anonymous.post("/communities", json=makers["body"])
    assert (again.status_code, again.json()["code"]) == (409, "slug_taken")
    body = makers["body"] | {"slug": f"race-{new_id().hex[-8:]}"}
    answers = await asyncio.gather(*(anonymous.post("/communities", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    "change",
    [{"slug": "No Spaces"}, {"name": ""}, {"name": "x" * 500}, {"name": "bell\x07"}, {"owner": None}, {"surprise": 1}],
)
async def test_founding_with_nonsense_says_what_to_correct(anonymous, makers, change):
    answer = await anonymous.post("/communities", json=makers["body"] | change)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Correct ")


@pytest.mark.parametrize(
    "change", [{"password": "wrong password"}, {"email": "nobody@example.org"}, {"community": "elsewhere"}]
)
async def test_wrong_credentials_all_look_the_same(anonymous, makers, change):
    answer = await sign_in(anonymous, makers, **change)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    assert answer.json()["detail"] == "No member of this community signs in with this address and password."


async def test_logging_out_ends_the_session_and_unknown_tokens_are_no_secret(anonymous, makers):
    token = {"refresh_token": (await sign_in(anonymous, makers)).json()["refresh_token"]}
    assert (await anonymous.post("/sessions/end", json=token)).status_code == 204
    assert (await anonymous.post("/sessions/refresh", json=token)).status_code == 401
    for odd in ("", "x", f"{new_id().hex}.x", "é" * 20):
        assert (await anonymous.post("/sessions/end", json={"refresh_token": odd})).status_code == 204


async def test_a_newcomer_joins_and_works_through_the_checklist(identity, anonymous, makers):
    email = f"{new_id().hex[-10:]}@example.org"
    body = {"community": makers["slug"], "email": email, "password": PASSWORD, "display_name": "Grace"}
    joined = await anonymous.post("/join", json=body)
    assert joined.status_code == 201, joined.text
    assert (await anonymous.post("/join", json=body)).json()["code"] == "already_member"
    tokens = (await sign_in(anonymous, makers, email=email)).json()
    client = identity.client(None, Authorization=f"Bearer {tokens['access_token']}")
    steps = (await client.get("/onboarding")).json()
    assert [step["completed_at"] for step in steps] == [None] * 4
    for _ in range(2):
        steps = (await client.post("/onboarding/say_hello/complete")).json()
    assert sum(step["completed_at"] is not None for step in steps) == 1
    completed = await identity.emitted(makers["community_id"], "identity.micro_task_completed.v1")
    assert completed == [{"member_id": joined.json()["member_id"], "task_key": "say_hello", "remaining": 3}]
    assert (await client.post("/onboarding/fly/complete")).json()["code"] == "no_such_task"
    assert (await client.post("/members/import", json={"rows": []})).status_code == 403


async def test_one_account_belongs_to_two_communities_but_not_without_its_password(anonymous, makers):
    other = makers["body"] | {"slug": f"second-{new_id().hex[-8:]}"}
    stranger = other | {"owner": other["owner"] | {"password": "not the password"}}
    refused = await anonymous.post("/communities", json=stranger)
    assert (refused.status_code, refused.json()["code"]) == (409, "address_taken")
    assert (await anonymous.post("/communities", json=other)).status_code == 201
    assert (await sign_in(anonymous, makers, community=other["slug"])).status_code == 200


async def test_the_published_keys_hold_nothing_secret(anonymous):
    keys = (await anonymous.get("/.well-known/jwks.json")).json()["keys"]
    assert [key["alg"] for key in keys] == ["Ed25519"]
    assert not {"d", "k", "p"} & set(keys[0])
