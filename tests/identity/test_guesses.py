"""Guessing passwords, and many who sign in at once."""

import asyncio

import pytest
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_identity import guesses

from .conftest import PASSWORD

pytestmark = pytest.mark.integration


@pytest.mark.unit
def test_the_delay_grows_from_the_fifth_wrong_password_and_ends_at_a_minute():
    delays = [guesses.delay_seconds(failures) for failures in (0, 4, 5, 6, 7, 10, 11, 10**9)]
    assert delays == [0, 0, 1, 2, 4, 32, 60, 60]


async def try_with(anonymous, makers, password, email=None):
    login = {"community": makers["slug"], "email": email or makers["email"], "password": password}
    return await anonymous.post("/sessions", json=login)


async def waited(identity):
    async with identity.database.transaction() as session:
        await session.execute(text("UPDATE failed_logins SET failed_at = failed_at - interval '61 seconds'"))


async def test_after_five_wrong_passwords_the_right_one_has_to_wait_and_then_clears(identity, anonymous, makers):
    for _ in range(guesses.FREE):
        assert (await try_with(anonymous, makers, "not the password")).status_code == 401
    for password in ("not the password", PASSWORD):
        refused = await try_with(anonymous, makers, password)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tries")
        assert 1 <= int(refused.headers["retry-after"]) <= 2
    await waited(identity)
    assert (await try_with(anonymous, makers, PASSWORD)).status_code == 200
    assert (await try_with(anonymous, makers, "not the password")).status_code == 401
    assert (await try_with(anonymous, makers, PASSWORD)).status_code == 200


async def test_an_address_nobody_signs_in_with_looks_the_same(anonymous, makers):
    nobody = f"{new_id().hex}@example.org"
    seen = {}
    for email in (makers["email"], nobody):
        answers = [await try_with(anonymous, makers, "not the password", email) for _ in range(guesses.FREE + 1)]
        seen[email] = [(answer.status_code, answer.json()) for answer in answers]
    assert seen[makers["email"]] == seen[nobody]


async def test_a_wrong_password_counts_wherever_it_is_given(anonymous, makers, as_owner):
    rows = [{"line": 1, "external_id": "1", "display_name": "Mia"}]
    await as_owner.post("/members/import", json={"rows": rows})
    mia = (await as_owner.get("/members", params={"search": "Mia"})).json()["items"][0]["id"]
    token = (await as_owner.post("/invitations", json={"member_ids": [mia]})).json()[0]["token"]
    given = {"email": makers["email"], "password": "not the password"}
    joining = given | {"community": makers["slug"], "display_name": "Eve"}
    founding = makers["body"] | {"slug": f"x{new_id().hex[-9:]}", "owner": given | {"display_name": "Eve"}}
    for path, body in (
        ("/join", joining), ("/communities", founding), ("/invitations/redeem", given | {"token": token}),
    ) * 2:  # fmt: skip
        answer = await anonymous.post(path, json=body)
        expected = (409, "address_taken")
        assert (answer.status_code, answer.json()["code"]) in {expected, (429, "too_many_tries")}
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tries")
    assert (await try_with(anonymous, makers, PASSWORD)).status_code == 429


async def test_old_wrong_passwords_are_forgotten(identity, anonymous, makers):
    for _ in range(guesses.FREE):
        await try_with(anonymous, makers, "not the password")
    async with identity.database.transaction() as session:
        await session.execute(text("UPDATE failed_logins SET failed_at = failed_at - interval '2 hours'"))
    for _ in range(2):
        assert (await try_with(anonymous, makers, "not the password")).status_code == 401


async def test_a_wave_of_logins_leaves_room_for_everybody_else(identity, anonymous, makers, as_owner, monkeypatch):
    """More wait for their turn than there are connections; reads go on meanwhile, and who waits too long is told."""
    signer, going_on = identity.app.state.signer, asyncio.Event()
    matches = signer.matches

    async def slowly(*given):
        await going_on.wait()
        return await matches(*given)

    monkeypatch.setattr(signer, "matches", slowly)
    logins = [asyncio.create_task(try_with(anonymous, makers, PASSWORD)) for _ in range(12)]
    async with asyncio.timeout(4):
        for _ in range(3):
            assert (await as_owner.get("/members")).status_code == 200
    going_on.set()
    assert {answer.status_code for answer in await asyncio.gather(*logins)} == {200}
    going_on.clear()
    monkeypatch.setattr(signer, "settings", signer.settings.model_copy(update={"password_wait_seconds": 0.05}))
    logins = [asyncio.create_task(try_with(anonymous, makers, PASSWORD)) for _ in range(4)]
    done, waiting = await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
    assert {(each.result().status_code, each.result().headers["retry-after"]) for each in done} == {(503, "1")}
    going_on.set()
    await asyncio.gather(*waiting)
