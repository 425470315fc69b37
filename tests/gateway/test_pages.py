"""Connections page in both directions, over real services: the same list, whichever way and however large the pages."""

import pytest
import pytest_asyncio
from tests.gateway.at_random import CORE, declared

from kith_gateway.joins import Pages

pytestmark = pytest.mark.integration
COUNT = 7
LISTS = {"members": "displayName", "programs": "name", "viewer { pairings": "status }"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(identity, identity_url, start_service, served, gateway_to, found, start_founding):
    """The gateway before identity and matching, with as many members (in order) and programs (newest first)."""
    matching = await start_service("matching")
    async with (
        served(matching.app) as url,
        gateway_to({"identity": identity_url, "matching": url}, identity) as gateway,
    ):
        gateway.services = {"/members": identity, "/programs": matching}
        gateway.owner = await found(gateway, start_founding())
        rows = [{"line": n, "external_id": f"m{n}", "display_name": f"M{n}"} for n in range(1, COUNT)]
        await gateway.do("importMembers", {"rows": rows}, by=gateway.owner, want="imported { created }")
        for n in range(COUNT):
            await gateway.do("openProgram", {"name": f"P{n}"}, by=gateway.owner, want="program { id }")
        yield gateway


async def page(gateway, which, **paging):
    """The names and cursors on a page, and what is said of it."""
    variables = {"first": None, "after": None, "last": None, "before": None} | paging
    text = f"""query ($first: Int, $after: String, $last: Int, $before: String) {{
      {which}(first: $first, after: $after, last: $last, before: $before) {{
        edges {{ cursor node {{ {LISTS[which]} }} }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
    found = (await gateway.get(text, variables, by=gateway.owner))[which]
    names = [each["node"][LISTS[which]] for each in found["edges"]]
    return names, [each["cursor"] for each in found["edges"]], found["pageInfo"]


@pytest.mark.parametrize("which", ["members", "programs"])
async def test_both_ways_give_the_same_list_and_say_rightly_what_is_beside_a_page(both, which):
    everything, cursors, info = await page(both, which, first=100)
    assert len(everything) == COUNT
    assert info == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": cursors[0],
        "endCursor": cursors[-1],
    }
    assert (await page(both, which, last=100))[0] == everything
    assert (await page(both, which))[0] == everything
    for size in (1, 2, 3, COUNT):
        forward, after = [], None
        while after is None or info["hasNextPage"]:
            names, _, info = await page(both, which, first=size, after=after)
            assert info["hasPreviousPage"] is bool(forward)
            forward, after = forward + names, info["endCursor"]
        backward, before = [], None
        while before is None or info["hasPreviousPage"]:
            names, _, info = await page(both, which, last=size, before=before)
            assert info["hasNextPage"] is bool(backward)
            backward, before = names + backward, info["startCursor"]
        assert forward == backward == everything
    for at, cursor in enumerate(cursors):
        assert (await page(both, which, first=3, after=cursor))[0] == everything[at + 1 : at + 4]
        names, own, info = await page(both, which, last=3, before=cursor)
        assert names == everything[max(at - 3, 0) : at]
        assert info["hasPreviousPage"] is (at > 3)
        assert (info["startCursor"], info["endCursor"]) == ((own[0], own[-1]) if own else (None, None))


async def test_a_cursor_stays_good_while_rows_come(both):
    _, cursors, _ = await page(both, "programs", first=100)
    before, _, _ = await page(both, "programs", last=2, before=cursors[3])
    await both.do("openProgram", {"name": "Newest"}, by=both.owner, want="program { id }")
    assert (await page(both, "programs", last=2, before=cursors[3]))[0] == before
    assert (await page(both, "programs", last=9, before=cursors[0]))[0] == ["Newest"]


@pytest.mark.parametrize(
    ("paging", "code"),
    [
        ("first: 2, last: 2", "INVALID_LAST"),
        ('first: 2, before: "WyJhIl0"', "INVALID_LAST"),
        ('last: 2, after: "WyJhIl0"', "INVALID_LAST"),
        ('after: "WyJhIl0", before: "WyJhIl0"', "INVALID_LAST"),
        ("last: 0", "INVALID_LAST"),
        ("last: -1", "INVALID_LAST"),
        ("last: 501", "INVALID_LAST"),
        ("first: 0", "INVALID_FIRST"),
        ('before: ""', "INVALID_CURSOR"),
        ('after: ""', "INVALID_CURSOR"),
        ('after: "-"', "INVALID_CURSOR"),
        ('before: "-WyJhIl0"', "INVALID_CURSOR"),
        ('before: "nonsense"', "INVALID_CURSOR"),
        ('before: "WzFd"', "INVALID_CURSOR"),
        ('before: "W10"', "INVALID_CURSOR"),
    ],
)
async def test_what_is_no_page_is_refused_alike_wherever_it_is_asked_for(both, paging, code):
    for which in LISTS:
        text = f"{{ {which}({paging}) {{ pageInfo {{ endCursor }} }} {'}' if '{' in which else ''} }}"
        answer = await both.ask(text, by=both.owner)
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code], which


async def test_a_page_from_the_end_costs_what_one_from_the_beginning_costs(both):
    text = "query ($n: Int, $m: Int) { members(first: $n, last: $m) { edges { node { roles } } } }"
    for given, cost in (({"n": 40}, 41), ({"m": 40}, 41), ({}, 21), ({"n": None, "m": None}, 21), ({"m": 7}, 8)):
        answer = await both.ask(text, given, by=both.owner)
        assert answer["extensions"]["cost"]["requested"] == cost


async def test_a_service_knows_no_cursor_with_two_signs(both):
    for route, service in both.services.items():
        async with service.client(both.owner) as client:
            for cursor in ("--", "--WyJhIl0", "-nonsense", "- ", "-=", "-" * 400):
                answer = await client.get(route, params={"after": cursor})
                assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor"), cursor


def test_every_connection_pages_both_ways():
    fields = [field for kind in ("Query", "Viewer") for field in CORE.type_map[kind].fields.values()]
    connections = [field for field in fields if isinstance(declared(field), Pages)]
    assert len(connections) > 15
    assert all({"first", "after", "last", "before"} <= set(field.args) for field in connections)
