"""What an operation may ask for: hostile documents are refused before validation, honest ones are weighed right."""

import time

import pytest

from kith_chassis.ids import new_id
from kith_chassis.tokens import Principal
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out
from kith_gateway.operations import remembered
from kith_gateway.schema import schema
from kith_gateway.settings import Settings

pytestmark = pytest.mark.unit
LIMITS = Limits.of(Settings())
LEAVES = "id displayName joinedAt bio interests goals languages links experienceYears weeklyHours timeZone visibility"


class Silent:
    """Services that are never to be asked."""

    async def call(self, *asked, **_):
        raise AssertionError(asked)


class Empty:
    """Services that answer nothing but empty pages."""

    async def call(self, _, method, *__, **___):
        return {"items": [], "next_cursor": None} if method == "GET" else []


async def run(query, variables=None, *, upstream=None, introspection=False):
    caller = Principal(new_id(), new_id(), frozenset(), time.time() + 60)
    context = Context(
        upstream or Silent(),
        authorization="Bearer x",
        principal=caller,
        limits=LIMITS,
        introspection=introspection,
    )
    result = await schema.execute(query, variable_values=variables, context_value=context)
    return result, context


def chained(count, body, last="permissions", on="Viewer"):
    names = [f"F{n}" for n in range(count)]
    inner = [body.replace("NEXT", f"...{name}") for name in names[1:]] + [last]
    return "".join(f" fragment {name} on {on} {{ {each} }}" for name, each in zip(names, inner, strict=True))


HOSTILE = {
    "one field five hundred times": ("{" + "viewer { permissions } " * 500 + "}", "TOO_LARGE"),
    "fifty-one aliases": ("{" + "".join(f"a{n}: viewer {{ permissions }} " for n in range(51)) + "}", "TOO_LARGE"),
    "fields without end": ("{ viewer {" + "".join(f" f{n}" for n in range(1001)) + "} }", "TOO_LARGE"),
    "fragments without end": ("{ viewer { ...F0 } }" + chained(41, "NEXT"), "TOO_LARGE"),
    "fragments that spread each other": (
        "query ($i: ID!) { member(id: $i) { ...F0 } }"
        + "".join(
            f" fragment F{n} on Member {{ {LEAVES} {' '.join(f'...F{m}' for m in range(n + 1, 40))} }}"
            for n in range(40)
        ),
        "TOO_LARGE",
    ),
    "braces without end": ("{a" * 40_000, "TOO_DEEP"),
    "lists without end": ("{ members(search: " + "[" * 300 + "]" * 300 + ") { pageInfo { endCursor } } }", "TOO_DEEP"),
    "objects inside each other": ("{ viewer " * 150 + "}" * 150, "TOO_DEEP"),
    "depth by fragments": (
        "{ viewer { member { ...F0 } } }"
        + chained(20, "pairings(first: 1) { mentor { NEXT } }", last="id", on="Member"),
        "TOO_DEEP",
    ),
    "doubling by fragments": (
        "{ viewer { member { ...F0 } } }"
        + chained(5, "a: groups { memberships { member { NEXT } } } badges { member { NEXT } }", "id", "Member"),
        "TOO_COSTLY",
    ),
    "wide": ("{ members(first: 500) { edges { node { pairings(first: 100) { mentor { id } } } } } }", "TOO_COSTLY"),
}


def unexpected(*asked, **_):
    raise AssertionError(asked)


@pytest.mark.timeout(30)  # what grows with anything but the length of the document does not come back in time
@pytest.mark.parametrize("case", HOSTILE)
async def test_a_document_that_asks_too_much_is_refused_before_it_is_validated(case, monkeypatch):
    query, code = HOSTILE[case]
    monkeypatch.setattr("kith_gateway.guard.validate", unexpected)
    result, _ = await run(query, {"i": "x"})
    assert [error.extensions["code"] for error in result.errors] == [code]


@pytest.mark.timeout(30)  # two million fields, were they weighed one by one
async def test_fragments_that_double_twenty_times_are_weighed_once_each_and_answered():
    query = "{ viewer { ...F0 } }" + chained(21, "NEXT NEXT")
    result, _ = await run(query)
    assert result.data == {"viewer": {"permissions": []}}


async def test_a_page_asked_for_with_a_variable_costs_what_the_variable_says():
    query = "query ($n: Int = 3) { members(first: $n) { edges { node { roles points } } } }"
    costs = [(await run(query, given, upstream=Empty()))[1].cost for given in ({}, {"n": 40}, {"n": None})]
    assert costs == [1 + 3 * 2, 1 + 40 * 2, 1 + 20 * 2]
    result, _ = await run(query.replace("roles points", "kudos(first: 100) { giver { id } }"), {"n": 500})
    assert result.errors[0].extensions == {"code": "TOO_COSTLY", "cost": 50_501, "limit": LIMITS.cost}


@pytest.mark.parametrize("first", [0, -1, 501, 2**31 - 1])
async def test_a_page_of_no_or_too_many_items_is_refused(first):
    result, _ = await run(f"{{ programs(first: {first}) {{ pageInfo {{ endCursor }} }} }}")
    assert result.errors[0].extensions["code"] in {"INVALID_FIRST", "TOO_COSTLY"}


async def test_more_tokens_than_the_limit_are_not_even_parsed():
    result, _ = await run("{ viewer(a: [" + "1 " * LIMITS.tokens + "]) { permissions } }")
    assert "tokens" in result.errors[0].message


async def test_a_fragment_that_spreads_itself_is_left_to_validation():
    result, _ = await run("{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }")
    assert "within itself" in result.errors[0].message


async def test_a_document_is_validated_when_it_is_first_seen_and_not_again_by_whoever_runs_it(monkeypatch):
    text = 'mutation { writePost(input: {threadId: "x", body: "y"}) { errors { code } } }  # validated once'
    seen = []
    monkeypatch.setattr("kith_gateway.guard.validate", lambda *_, **__: seen.append(text) or [])
    monkeypatch.setattr("strawberry.schema.schema.validate", lambda *_, **__: seen.append("Strawberry's") or [])
    for plans in (True, False, True):
        caller = Principal(new_id(), new_id(), frozenset(), time.time() + 60)
        context = Context(Silent(), authorization="Bearer x", principal=caller, limits=LIMITS, plans=plans)
        result = await carry_out(context, text, None)
        assert result.data["writePost"]["errors"][0]["code"] == "INVALID_ID"
    assert seen == [text]


async def test_the_schema_is_told_only_where_introspection_is_on():
    query = "{ __schema { queryType { name } } }"
    refused, _ = await run(query)
    assert "introspection has been disabled" in refused.errors[0].message
    told, _ = await run(query, introspection=True)
    assert told.data == {"__schema": {"queryType": {"name": "Query"}}}


async def test_what_is_remembered_of_documents_is_bounded_by_their_text():
    remembered.clear()
    for n in range(50):
        await run("{ viewer { permissions } } #" + f"{n}" * 10_000)
        assert remembered.size <= LIMITS.remembered
    assert 1 < len(remembered) < 30
    await run("{ viewer { permissions } } #" + "x" * (LIMITS.remembered + 1))
    assert len(remembered) == 1  # for its other checks it is not parsed again
    remembered.clear()
    await run("{ viewer { permissions } }")
    await run("{ viewer { permissions } }")
    assert (len(remembered), remembered.size) == (1, 26)
