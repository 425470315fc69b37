"""A member list comes in: what is right is taken, what is wrong is told, twice changes nothing."""

import asyncio
from uuid import UUID

import pytest

from kith_chassis.ids import new_id
from kith_identity import imports

from .conftest import PASSWORD, somebody_waits_for

pytestmark = pytest.mark.integration


async def take(client, rows):
    answer = await client.post("/members/import", json={"rows": rows})
    assert answer.status_code == 200, answer.text
    return answer.json()


ROWS = [
    {
        "line": 2,
        "external_id": "a1",
        "email": "Grace@Example.org",
        "display_name": "Grace",
        "skills_offered": [{"tag": "cobol", "level": 5}],
        "languages": ["en"],
        "time_zone": "America/New_York",
        "availability": [{"weekday": 1, "start": 1080, "end": 1200}],
        "experience_years": 30,
    },
    {"line": 3, "external_id": "a2", "skills_wanted": [{"tag": "cobol"}]},
]


async def test_good_rows_are_taken_bad_rows_told_by_line_and_column_and_twice_changes_nothing(
    identity, as_owner, makers
):
    bad = [
        {"line": 4, "display_name": "Nobody can be recognised"},
        {"line": 5, "email": "not an address"},
        {"line": 6, "external_id": "a6", "time_zone": "Moon", "weekly_hours": -1},
        {"line": 7, "external_id": "a1"},
        {"line": 8, "external_id": "a8", "favourite": "blue"},
    ]
    done = await take(as_owner, ROWS + bad)
    assert (done["created"], done["updated"], done["unchanged"]) == (2, 0, 0)
    assert [(error["line"], error["column"]) for error in done["errors"]] == [
        (4, "row"), (5, "email"), (6, "weekly_hours"), (6, "time_zone"), (7, "external_id"), (8, "favourite"),
    ]  # fmt: skip
    assert "same as on line 2" in done["errors"][4]["reason"]
    events = len(await identity.emitted(makers["community_id"]))
    again = await take(as_owner, ROWS)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)
    assert len(await identity.emitted(makers["community_id"])) == events


async def test_a_changed_row_updates_what_it_mentions_and_nothing_else(identity, as_owner):
    await take(as_owner, ROWS)
    done = await take(as_owner, [{"line": 2, "external_id": "a1", "weekly_hours": 5}])
    assert done["updated"] == 1
    grace = (await as_owner.get("/members", params={"search": "Grace"})).json()["items"][0]
    assert (grace["weekly_hours"], grace["experience_years"]) == (5, 30)


async def test_what_a_member_changed_themselves_survives_the_same_import(as_owner, identity, makers):
    await take(as_owner, ROWS)
    await identity.rows("SELECT 1")
    async with identity.database.transaction() as session:
        from sqlalchemy import text  # noqa: PLC0415

        sql = "UPDATE members SET bio = 'mine' WHERE external_id = 'a1' AND community_id = :c"
        await session.execute(text(sql), {"c": makers["community_id"]})
    assert (await take(as_owner, ROWS))["unchanged"] == 2
    grace = (await as_owner.get("/members", params={"search": "Grace"})).json()["items"][0]
    assert grace["bio"] == "mine"


async def test_a_row_is_recognised_by_its_address_when_it_has_no_id(as_owner):
    await take(as_owner, [{"line": 2, "email": "lin@example.org", "display_name": "Lin"}])
    done = await take(as_owner, [{"line": 2, "email": "LIN@example.org ", "display_name": "Lin Wu"}])
    assert (done["created"], done["updated"]) == (0, 1)


async def test_an_address_that_belongs_to_somebody_else_is_told(as_owner):
    await take(as_owner, [{"line": 2, "external_id": "1", "email": "one@example.org"}, {"line": 3, "external_id": "2"}])
    done = await take(as_owner, [{"line": 2, "external_id": "2", "email": "one@example.org"}])
    assert [(error["line"], error["column"]) for error in done["errors"]] == [(2, "email")]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"line": "two"},
        {"line": 2, "external_id": None},
        {"line": 2, "external_id": "x" * 1000},
        {"line": 2, "external_id": "1", "skills_offered": "python"},
        {"line": 2, "external_id": "1", "display_name": "null\x00byte"},
        {"line": 2, "external_id": "1", "links": ["file:///etc/passwd"]},
        {"line": -1, "external_id": "1"},
    ],
)
async def test_a_hostile_row_is_one_error_and_never_a_failure(as_owner, row):
    done = await take(as_owner, [row, {"line": 9, "external_id": "fine"}])
    assert done["created"] == 1
    assert done["errors"]


async def test_too_many_rows_at_once_are_refused_as_a_whole(as_owner):
    answer = await as_owner.post("/members/import", json={"rows": [{"line": 1}] * 1001})
    assert answer.status_code == 422


def test_every_field_a_row_may_have_is_stored():
    assert set(imports.MemberRow.model_fields) - {"line", "external_id", "email"} == set(imports._COLUMNS)


@pytest.fixture
async def eve(anonymous, identity, makers):
    """Somebody who joined by herself with an address that may not be hers: it, her id and her client."""
    email = f"victim-{new_id().hex[-12:]}@example.org"
    login = {"community": makers["slug"], "email": email, "password": PASSWORD}
    joined = (await anonymous.post("/join", json=login | {"display_name": "Eve"})).json()
    token = (await anonymous.post("/sessions", json=login)).json()["access_token"]
    return email, joined["member_id"], identity.client(None, Authorization=f"Bearer {token}")


async def test_who_joined_by_themselves_is_nobody_on_a_list(as_owner, identity, eve):
    email, member_id, _ = eve
    for names in ({}, {"external_id": "hr-1"}):
        row = {"line": 1, "email": email, "display_name": "Vic", "skills_offered": [{"tag": "law"}]} | names
        done = await take(as_owner, [row, {"line": 2, "external_id": f"x{len(names)}"}])
        assert done["created"] == 1
        assert [(error["line"], error["column"]) for error in done["errors"]] == [(1, "email")]
        assert "joined by themselves" in done["errors"][0]["reason"]
    [stored] = await identity.rows(
        "SELECT display_name, external_id, address, skills_offered FROM members WHERE id = :id", id=member_id
    )
    assert stored == {"display_name": "Eve", "external_id": None, "address": None, "skills_offered": []}


async def test_who_has_left_is_no_longer_imported_and_nothing_is_told_of_them(as_owner, identity, makers, eve):
    await take(as_owner, ROWS)
    ids = {each["display_name"]: each["id"] for each in (await as_owner.get("/members")).json()["items"]}
    email, eves, client = eve
    for member_id in (ids["Grace"], eves):
        assert (await as_owner.post(f"/members/{member_id}/remove")).status_code == 204
    events = len(await identity.emitted(makers["community_id"]))
    rows = [ROWS[0] | {"weekly_hours": 5}, {"line": 3, "email": email}, {"line": 4, "email": "grace@example.org"}]
    for given in (rows[:1], rows[1:], ROWS[:1]):
        done = await take(as_owner, given)
        assert {error["line"] for error in done["errors"]} == {row["line"] for row in given}
        assert {error["reason"] for error in done["errors"]} == {"belongs to somebody who has left the community"}
    assert (await client.patch("/me", json={"weekly_hours": 1})).json()["code"] == "no_such_member"
    assert len(await identity.emitted(makers["community_id"])) == events


async def test_an_address_that_somebody_else_comes_to_have_at_the_same_moment_is_told(as_owner, identity, makers):
    """The list is not lost: of its rows this one is an error, the others are stored."""
    community_id, email = UUID(makers["community_id"]), f"{new_id().hex}@example.org"
    await take(as_owner, [{"line": 1, "external_id": "x"}])
    rows = [{"line": 1, "external_id": "x", "email": email, "weekly_hours": 3}, {"line": 2, "external_id": "y"}]
    async with identity.database.transaction(tenant=community_id) as session:
        await imports.take(session, [{"line": 1, "email": email}])
        taking = asyncio.create_task(take(as_owner, rows))
        await somebody_waits_for(identity, session)
    done = await taking
    assert (done["created"], done["updated"]) == (1, 0)
    assert [(error["line"], error["column"]) for error in done["errors"]] == [(1, "email")]
