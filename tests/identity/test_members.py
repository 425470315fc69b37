"""Profiles, who sees what of them, invitations."""

import pytest

from kith_chassis.ids import new_id
from kith_identity.profiles import HIDEABLE
from kith_testkit.probe import COORDINATOR, Actor

from .conftest import PASSWORD

pytestmark = pytest.mark.integration


@pytest.fixture
def as_member(identity, makers):
    def client(member_id, permissions=None):
        given = {"permissions": permissions} if permissions else {}
        return identity.client(Actor(makers["community_id"], member_id, **given))

    return client


async def imported(as_owner, *rows):
    numbered = [{"line": n, **row} for n, row in enumerate(rows, start=1)]
    answer = await as_owner.post("/members/import", json={"rows": numbered})
    assert answer.json()["errors"] == [], answer.text
    listed = (await as_owner.get("/members", params={"first": 500})).json()["items"]
    return {member["display_name"]: member["id"] for member in listed}


async def test_a_hidden_field_is_seen_by_oneself_and_by_staff_only_as_far_as_allowed(as_owner, makers, as_member):
    ids = await imported(as_owner, {"external_id": "1", "display_name": "Grace"})
    me = as_member(ids["Grace"])
    profile = {
        "bio": "I like compilers",
        "experience_years": 7,
        "goals": ["Learn Rust"],
        "visibility": {"bio": "self", "experience_years": "staff"},
    }
    mine = (await me.patch("/me", json=profile)).json()
    assert (mine["bio"], mine["experience_years"]) == ("I like compilers", 7)
    seen = (await as_member(new_id()).get(f"/members/{ids['Grace']}")).json()
    assert (seen["bio"], seen["experience_years"], seen["goals"]) == ("", None, ["Learn Rust"])
    staff = (await as_member(new_id(), COORDINATOR).get(f"/members/{ids['Grace']}")).json()
    assert (staff["bio"], staff["experience_years"]) == ("", 7)


async def test_nobody_else_can_tell_what_is_hidden_from_what_was_never_said(as_owner, as_member):
    ids = await imported(as_owner, *({"external_id": name, "display_name": name} for name in ("Hides", "Silent")))
    hides = as_member(ids["Hides"])
    hidden = dict.fromkeys(HIDEABLE, "self")
    given = {"bio": "Mine.", "goals": ["x"], "weekly_hours": 3, "time_zone": "Europe/Vienna", "visibility": hidden}
    assert (await hides.patch("/me", json=given)).json()["visibility"] == hidden
    for client in (as_owner, as_member(new_id()), as_member(ids["Silent"])):
        found = (await client.post("/read/members", json={"keys": [ids["Hides"]]})).json()
        found += (await as_owner.post("/read/members", json={"keys": [ids["Silent"]]})).json()
        one, other = ({n: v for n, v in each.items() if n not in {"id", "display_name", "joined_at"}} for each in found)
        assert one == other
        assert one["visibility"] is None


async def test_of_who_has_left_the_name_stays_beside_what_they_did_and_nothing_else(as_owner, as_member):
    ids = await imported(as_owner, {"external_id": "1", "display_name": "Grace"})
    grace = as_member(ids["Grace"])
    was = (await grace.patch("/me", json={"bio": "Here.", "links": ["https://example.org/"], "weekly_hours": 2})).json()
    assert (await grace.post("/me/leave")).status_code == 204
    for client in (as_owner, grace):
        [seen] = (await client.post("/read/members", json={"keys": [ids["Grace"]]})).json()
        empty = {"visibility": None} | HIDEABLE
        assert seen == empty | {name: was[name] for name in ("id", "display_name", "joined_at")}


async def test_others_hear_of_a_change_only_when_it_matters_to_them(identity, as_owner, makers, as_member):
    ids = await imported(as_owner, {"external_id": "1", "display_name": "Grace"})
    me = as_member(ids["Grace"])
    before = len(await identity.emitted(makers["community_id"], "identity.profile_changed.v1"))
    await me.patch("/me", json={"bio": "Only for people"})
    await me.patch("/me", json={"skills_offered": [{"tag": "python", "level": 4}], "time_zone": "Europe/Vienna"})
    await me.patch("/me", json={"time_zone": "Europe/Vienna"})
    told = await identity.emitted(makers["community_id"], "identity.profile_changed.v1")
    assert len(told) == before + 1
    assert told[-1]["skills_offered"] == [{"tag": "python", "level": 4}]
    assert "Only for people" not in str(told)


@pytest.mark.parametrize(
    "change",
    [
        {"time_zone": "Mars/Olympus"},
        {"skills_offered": [{"tag": "x", "level": 6}]},
        {"availability": [{"weekday": 7, "start": 0, "end": 60}]},
        {"links": ["javascript:alert(1)"]},
        {"visibility": {"display_name": "self"}},
        {"weekly_hours": 200},
        {"experience_years": "NaN"},
        {"languages": ["English please"]},
        {"display_name": "\x1b[31m"},
        {"unknown": 1},
    ],
)
async def test_a_profile_with_nonsense_is_refused_and_stays_as_it_was(as_owner, as_member, change):
    ids = await imported(as_owner, {"external_id": "1", "display_name": "Grace"})
    answer = await as_member(ids["Grace"]).patch("/me", json={"bio": "new"} | change)
    assert answer.status_code == 422
    assert (await as_owner.get(f"/members/{ids['Grace']}")).json()["bio"] == ""


async def test_pages_reach_everyone_once_and_search_finds_names(as_owner):
    await imported(as_owner, *({"external_id": str(n), "display_name": f"Person {n}"} for n in range(7)))
    seen, after = [], None
    while True:
        page = (await as_owner.get("/members", params={"first": 3} | ({"after": after} if after else {}))).json()
        seen += [member["display_name"] for member in page["items"]]
        if (after := page["next_cursor"]) is None:
            break
    assert sorted(seen) == ["Ada", *(f"Person {n}" for n in range(7))]
    found = (await as_owner.get("/members", params={"search": "SON 3"})).json()["items"]
    assert [member["display_name"] for member in found] == ["Person 3"]
    assert (await as_owner.get("/members", params={"search": "%_"})).json()["items"] == []


async def test_an_invitation_lets_in_once_and_can_become_a_login(identity, anonymous, as_owner, makers):
    ids = await imported(as_owner, {"external_id": "1", "display_name": "Grace"})
    invited = await as_owner.post("/invitations", json={"member_ids": [ids["Grace"]]})
    token = invited.json()[0]["token"]
    email = f"{new_id().hex[-10:]}@example.org"
    redeem = {"token": token, "email": email, "password": PASSWORD}
    tokens = await anonymous.post("/invitations/redeem", json=redeem)
    assert tokens.json()["member_id"] == ids["Grace"]
    again = await anonymous.post("/invitations/redeem", json=redeem)
    assert (again.status_code, again.json()["code"]) == (401, "invitation_refused")
    login = {"community": makers["slug"], "email": email, "password": PASSWORD}
    assert (await anonymous.post("/sessions", json=login)).status_code == 200
    stored = await identity.rows("SELECT digest FROM invitations WHERE community_id = :c", c=makers["community_id"])
    assert token.encode() not in bytes(stored[0]["digest"])


async def test_inviting_somebody_unknown_invites_nobody(identity, as_owner, makers):
    ids = await imported(as_owner, {"external_id": "1", "display_name": "Grace"})
    answer = await as_owner.post("/invitations", json={"member_ids": [ids["Grace"], str(new_id())]})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_member")
    rows = await identity.rows("SELECT 1 FROM invitations WHERE community_id = :c", c=makers["community_id"])
    assert rows == []


async def test_a_stranger_sees_nobody(identity, as_owner, stranger):
    ids = await imported(as_owner, {"external_id": "1", "display_name": "Grace"})
    other = identity.client(stranger)
    assert (await other.get(f"/members/{ids['Grace']}")).status_code == 404
    assert (await other.post("/read/members", json={"keys": [ids["Grace"]]})).json() == [None]
    assert (await other.post("/invitations", json={"member_ids": [ids["Grace"]]})).status_code == 404
    assert (await other.get("/members")).json()["items"] == []
