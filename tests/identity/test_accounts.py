"""Nobody becomes somebody else: not from another community, not by an invitation, not by an import."""

import asyncio

import pytest
import pytest_asyncio

from kith_chassis.ids import new_id

pytestmark = pytest.mark.integration
PASSWORD = "a long password"
OTHER = "another long password"


@pytest.fixture
def victim():
    return f"victim-{new_id().hex[-12:]}@example.org"


@pytest_asyncio.fixture
async def elsewhere(identity):
    """The owner of another community, signed in."""
    key = new_id().hex[-12:]
    owner = {"email": f"eve-{key}@example.org", "password": OTHER, "display_name": "Eve"}
    body = {"name": "Elsewhere", "slug": f"elsewhere-{key}", "mission": "", "owner": owner}
    await identity.anonymous.post("/communities", json=body)
    login = {"community": body["slug"], "email": owner["email"], "password": OTHER}
    tokens = (await identity.anonymous.post("/sessions", json=login)).json()
    client = identity.client(None, Authorization=f"Bearer {tokens['access_token']}")
    return client, body["slug"]


async def listed(client, address, **profile):
    """Import somebody; their member id."""
    row = {"line": 1, "email": address, "display_name": "Vic", **profile}
    answer = await client.post("/members/import", json={"rows": [row]})
    assert answer.json()["errors"] == []
    found = (await client.get("/members", params={"search": "Vic"})).json()["items"]
    return found[0]["id"]


async def invited(client, member_id):
    return await client.post("/invitations", json={"member_ids": [member_id]})


async def redeemed(anonymous, client, member_id, **given):
    token = (await invited(client, member_id)).json()[0]["token"]
    return await anonymous.post("/invitations/redeem", json={"token": token, **given})


async def logs_in(anonymous, slug, address, password):
    body = {"community": slug, "email": address, "password": password}
    return (await anonymous.post("/sessions", json=body)).status_code == 200


async def test_a_password_set_in_one_community_opens_no_other(anonymous, as_owner, makers, elsewhere, victim):
    eve, slug = elsewhere
    await listed(as_owner, victim)
    answer = await redeemed(anonymous, eve, await listed(eve, victim), password=OTHER)
    assert answer.status_code == 200
    assert await logs_in(anonymous, slug, victim, OTHER)
    assert not await logs_in(anonymous, makers["slug"], victim, OTHER)


async def test_a_login_is_not_changed_by_an_invitation_from_elsewhere(anonymous, as_owner, makers, elsewhere, victim):
    eve, _ = elsewhere
    await redeemed(anonymous, as_owner, await listed(as_owner, victim), password=PASSWORD)
    answer = await redeemed(anonymous, eve, await listed(eve, victim), password=OTHER)
    assert (answer.status_code, answer.json()["code"]) == (409, "address_taken")
    assert await logs_in(anonymous, makers["slug"], victim, PASSWORD)
    assert not await logs_in(anonymous, makers["slug"], victim, OTHER)


async def test_a_member_list_elsewhere_keeps_nobody_from_joining_here(anonymous, makers, elsewhere, victim):
    await listed(elsewhere[0], victim)
    body = {"community": makers["slug"], "email": victim, "password": PASSWORD, "display_name": "Vic"}
    assert (await anonymous.post("/join", json=body)).status_code == 201


async def test_who_is_on_the_list_here_comes_by_invitation(anonymous, as_owner, makers, victim):
    await listed(as_owner, victim)
    body = {"community": makers["slug"], "email": victim, "password": PASSWORD, "display_name": "Not Vic"}
    answer = await anonymous.post("/join", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "address_taken")


async def test_nobody_is_invited_who_can_sign_in_already(anonymous, as_owner, makers, victim):
    member_id = await listed(as_owner, victim)
    early = (await invited(as_owner, member_id)).json()[0]["token"]
    await redeemed(anonymous, as_owner, member_id, password=PASSWORD)
    answer = await invited(as_owner, member_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "has_login")
    late = await anonymous.post("/invitations/redeem", json={"token": early})
    assert (late.status_code, late.json()["code"]) == (401, "invitation_refused")


@pytest.mark.parametrize("known_by", ["email", "external_id"])
async def test_the_same_list_imported_eight_times_at_once_is_imported_once(as_owner, identity, makers, known_by):
    key = new_id().hex[-12:]
    rows = [{"line": n, known_by: f"{n}-{key}@example.org", "display_name": f"Number {n}"} for n in range(1, 51)]
    answers = await asyncio.gather(*(as_owner.post("/members/import", json={"rows": rows}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["created"] for answer in answers) == 50
    stored = await identity.rows("SELECT 1 FROM members WHERE community_id = :c", c=makers["community_id"])
    assert len(stored) == 51


async def test_an_import_does_not_lift_what_a_member_keeps_to_themselves(anonymous, identity, as_owner, victim):
    member_id = await listed(as_owner, victim)
    tokens = (await redeemed(anonymous, as_owner, member_id, password=PASSWORD)).json()
    me = identity.client(None, Authorization=f"Bearer {tokens['access_token']}")
    await me.patch("/me", json={"bio": "mine alone", "visibility": {"bio": "self"}})
    await listed(as_owner, victim, visibility={})
    assert (await as_owner.get(f"/members/{member_id}")).json()["bio"] == ""


async def test_what_cannot_be_stored_is_told_and_the_other_rows_are_taken(as_owner):
    rows = [
        {"line": 1, "email": "bad\x00@example.org"},
        {"line": 2, "external_id": f"good-{new_id()}"},
        {"line": 2**40, "email": "no"},
        {"line": 4, "external_id": f"x-{new_id()}", "display_name": "Noah\u202eevil"},
        {"line": 5, "external_id": f"y-{new_id()}", "display_name": "\u200b"},
    ]
    done = (await as_owner.post("/members/import", json={"rows": rows})).json()
    assert done["created"] == 1
    assert {error["line"] for error in done["errors"]} == {1, 3, 4, 5}


async def test_a_nul_character_is_a_clear_error_everywhere(as_owner, anonymous, makers):
    found = await as_owner.get("/members", params={"search": "a\x00b"})
    assert (found.status_code, "NUL" in found.json()["detail"]) == (422, True)
    body = {"community": makers["slug"], "email": "a\x00@example.org", "password": PASSWORD, "display_name": "A"}
    assert (await anonymous.post("/join", json=body)).status_code == 422
    assert (
        await anonymous.post("/sessions", json={k: body[k] for k in ("community", "email", "password")})
    ).status_code in {401, 422}


@pytest_asyncio.fixture
async def coordinator(identity, anonymous, as_owner, makers):
    """A coordinator with a login, signed in."""
    member_id = await listed(as_owner, f"carl-{new_id().hex[-12:]}@example.org")
    await as_owner.post(f"/members/{member_id}/roles", json={"role": "coordinator"})
    tokens = (await redeemed(anonymous, as_owner, member_id, password=PASSWORD)).json()
    return identity.client(None, Authorization=f"Bearer {tokens['access_token']}")


async def named(as_owner, name):
    rows = [{"line": 1, "external_id": name, "display_name": name}]
    assert (await as_owner.post("/members/import", json={"rows": rows})).json()["created"] == 1
    return (await as_owner.get("/members", params={"search": name})).json()["items"][0]["id"]


@pytest.mark.parametrize("role", ["owner", "moderator"])
async def test_a_coordinator_becomes_nobody_who_holds_a_role(anonymous, as_owner, coordinator, role):
    olga = await named(as_owner, "Olga")
    early = (await invited(coordinator, olga)).json()[0]["token"]
    assert (await as_owner.post(f"/members/{olga}/roles", json={"role": role})).status_code == 200
    late = await anonymous.post("/invitations/redeem", json={"token": early})
    assert (late.status_code, late.json()["code"]) == (401, "invitation_refused")
    answer = await invited(coordinator, olga)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await redeemed(anonymous, as_owner, olga)).status_code == 200
    assert (await redeemed(anonymous, coordinator, await named(as_owner, "Mia"))).status_code == 200


async def test_a_new_invitation_and_a_redemption_end_those_of_before(anonymous, identity, as_owner, makers):
    mia = await named(as_owner, "Mia")
    answers = await asyncio.gather(*(invited(as_owner, mia) for _ in range(4)))
    tokens = [answer.json()[0]["token"] for answer in answers]
    redeemed = [await anonymous.post("/invitations/redeem", json={"token": token}) for token in tokens]
    assert sorted(answer.status_code for answer in redeemed) == [200, 401, 401, 401]
    left = await identity.rows(
        "SELECT 1 FROM invitations WHERE community_id = :c AND redeemed_at IS NULL AND expires_at > now()",
        c=makers["community_id"],
    )
    assert left == []
    together = (await invited(as_owner, mia)).json()[0]["token"]
    again = await asyncio.gather(
        invited(as_owner, mia), *(anonymous.post("/invitations/redeem", json={"token": together}) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in again[1:])[1:] == [401, 401]


async def test_nobody_is_invited_who_has_left(anonymous, as_owner, victim):
    for member_id in (await named(as_owner, "Mia"), await listed(as_owner, victim)):
        early = (await invited(as_owner, member_id)).json()[0]["token"]
        assert (await as_owner.post(f"/members/{member_id}/remove")).status_code == 204
        assert (await invited(as_owner, member_id)).json()["code"] == "no_such_member"
        late = await anonymous.post("/invitations/redeem", json={"token": early})
        assert (late.status_code, late.json()["code"]) == (401, "invitation_refused")
