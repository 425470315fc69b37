"""Founding, joining, signing in."""

import pytest

from kith_chassis.ids import new_id

pytestmark = pytest.mark.integration


def founding(slug=None, email=None):
    key = new_id().hex[-12:]
    return {
        "name": "Makers",
        "slug": slug or f"makers-{key}",
        "mission": "We help each other build things.",
        "owner": {"email": email or f"{key}@example.org", "password": "a long password", "display_name": "Ada"},
    }


async def test_a_founder_can_sign_in_and_sees_the_community(identity):
    body = founding()
    founded = await identity.anonymous.post("/communities", json=body)
    assert founded.status_code == 201, founded.text
    login = {"community": body["slug"], "email": body["owner"]["email"].upper(), "password": "a long password"}
    tokens = (await identity.anonymous.post("/sessions", json=login)).json()
    me = {"Authorization": f"Bearer {tokens['access_token']}"}
    community = (await identity.anonymous.get("/community", headers=me)).json()
    assert (community["name"], community["member_count"]) == ("Makers", 1)
    events = await identity.emitted(founded.json()["community_id"])
    assert [event.get("source") or event.get("role") or event.get("slug") for event in events] == [
        "founding",
        "owner",
        body["slug"],
    ]
