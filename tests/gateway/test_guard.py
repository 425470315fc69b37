"""What an operation may ask for: hostile documents are refused before validation, honest ones are weighed right."""

import cProfile
import json
import random
import time
from collections import Counter

import pytest
from graphql import GraphQLError, Source

from kith_chassis.ids import new_id
from kith_chassis.tokens import Principal
from kith_gateway import guard
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out, ordinary
from kith_gateway.ids import encode_id
from kith_gateway.operations import MAX_NAME, remembered
from kith_gateway.places import Text
from kith_gateway.schema import schema
from kith_gateway.settings import Settings
from kith_gateway.upstream import UpstreamError

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
    "the same shown again and again": (
        "query ($i: ID!) { thread(id: $i) { posts(first: 99) { thread { posts(first: 99) "
        "{ thread { posts(first: 99) { body } } } } } } }",
        "TOO_LARGE",
    ),
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
    given = ({}, {"n": 40}, {"n": None}, {"n": 40.0}, {"n": 4e1})
    costs = [(await run(query, each, upstream=Empty()))[1].cost for each in given]
    assert costs == [1 + 3 * 2, 1 + 40 * 2, 1 + 20 * 2, 1 + 40 * 2, 1 + 40 * 2]
    result, _ = await run(query.replace("roles points", "kudos(first: 100) { giver { id } }"), {"n": 500})
    assert result.errors[0].extensions == {"code": "TOO_COSTLY", "cost": 50_501, "limit": LIMITS.cost}


@pytest.mark.parametrize("wrong", [40.5, 1e308, float("inf"), float("nan"), "40", [40]])
async def test_a_number_that_is_none_is_refused_whatever_it_costs(wrong):
    query = "query ($n: Int) { members(first: $n) { edges { node { roles } } } }"
    result, context = await run(query, {"n": wrong})
    assert "Int cannot represent" in result.errors[0].message
    assert context.cost == 1 + 20


async def test_what_is_read_once_counts_wherever_it_is_shown():
    query = "query ($i: ID!, $n: Int) { thread(id: $i) { posts(first: $n) { thread { posts(first: 200) { body } } } } }"
    refusals = []
    for first in (10, 100, 490, 500):
        result, _ = await run(query, {"i": encode_id("Thread", new_id()), "n": first}, upstream=Empty())
        refusals.append([error.message for error in result.errors or () if "could show" in error.message])
    assert [len(each) for each in refusals] == [0, 0, 0, 1]
    assert "101,001 objects" in refusals[-1][0]


async def test_ids_in_a_variable_cost_as_many_as_it_has_also_where_they_are_its_default():
    ids = [encode_id("Member", new_id()) for _ in range(40)]
    query = f"query ($ids: [ID!]! = {json.dumps(ids)}) {{ nodes(ids: $ids) {{ id }} }}"
    costs = [(await run(query, given, upstream=Empty()))[1].cost for given in ({}, {"ids": ids[:3]})]
    assert costs == [40, 3]


@pytest.mark.parametrize("first", [0, -1, 501, 2**31 - 1])
async def test_a_page_of_no_or_too_many_items_is_refused(first):
    result, _ = await run(f"{{ programs(first: {first}) {{ pageInfo {{ endCursor }} }} }}")
    assert result.errors[0].extensions["code"] in {"INVALID_FIRST", "TOO_COSTLY", "TOO_LARGE"}


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
        await run("{ viewer { permissions } } #" + f"{n}" * 4_000)
        assert remembered.size <= LIMITS.remembered
    assert 1 < len(remembered) < 20
    for n in range(1000):
        await run(f"{{ a{n}: viewer {{ permissions }} }}")
        assert remembered.size <= LIMITS.remembered
    assert len(remembered) < 700  # each takes memory beside its text
    remembered.clear()
    await run("{ viewer { permissions } }")
    await run("{ viewer { permissions } }")
    assert (len(remembered), remembered.size) == (1, 126)


NOT_REMEMBERED = {
    "too large a part of it": "{ viewer { permissions } } #" + "x" * (LIMITS.remembered // 8),
    "no document": "{ viewer { permissions }",
    "not valid": "{ viewer { nothing } }",
    "too costly": HOSTILE["wide"][0],
    "no such operation": "query Other { viewer { permissions } }",
}


@pytest.mark.parametrize("case", NOT_REMEMBERED)
async def test_what_is_refused_or_large_leaves_what_is_remembered_alone(case):
    remembered.clear()
    for text in ("query Q { viewer { permissions } }", NOT_REMEMBERED[case]):
        caller = Principal(new_id(), new_id(), frozenset(), time.time() + 60)
        context = Context(Silent(), authorization="Bearer x", principal=caller, limits=LIMITS, operation="Q")
        if case == "too large a part of it":
            context.operation = None
        await carry_out(context, text, None)
    assert len(remembered) == 1


async def test_what_is_too_large_to_be_remembered_is_parsed_and_validated_once_for_each_request(monkeypatch):
    text = 'mutation { writePost(input: {threadId: "x", body: "y"}) { errors { code } } } #' + "x" * LIMITS.remembered
    seen = []
    for step in ("parse", "validate"):
        real = getattr(guard, step)
        monkeypatch.setattr(guard, step, lambda *a, real=real, step=step, **k: seen.append(step) or real(*a, **k))
    for way in (carry_out, ordinary):
        caller = Principal(new_id(), new_id(), frozenset(), time.time() + 60)
        context = Context(Silent(), authorization="Bearer x", principal=caller, limits=LIMITS)
        result = await way(context, text, None)
        assert result.data["writePost"]["errors"][0]["code"] == "INVALID_ID"
    assert seen == ["parse", "validate"] * 2


async def test_the_name_of_an_operation_has_a_bound_and_counts_as_text():
    remembered.clear()
    for length in (MAX_NAME, MAX_NAME + 1):
        name = "n" * length
        caller = Principal(new_id(), new_id(), frozenset(), time.time() + 60)
        context = Context(Silent(), authorization="Bearer x", principal=caller, limits=LIMITS, operation=name)
        result = await carry_out(context, f"query {name} {{ viewer {{ permissions }} }}", None)
        codes = [error.extensions["code"] for error in result.errors or ()]
        assert codes == ([] if length == MAX_NAME else ["TOO_LARGE"])
    assert remembered.size == len("query  { viewer { permissions } }") + 2 * MAX_NAME + 100


async def work_of(text, variables, upstream):
    """How often each function is called to answer it, and what is answered."""
    caller = Principal(new_id(), new_id(), frozenset(), time.time() + 60)
    context = Context(upstream, authorization="Bearer x", principal=caller, limits=LIMITS)
    remembered.clear()
    work = cProfile.Profile()
    with work:
        result = await carry_out(context, text, variables)
    return Counter({entry.code: entry.callcount for entry in work.getstats()}), result


class Forbidding:
    """Services that show a page of members and forbid all that hangs on them."""

    async def call(self, service, method, *_, raw, **__):
        if method != "GET":
            raise UpstreamError(service, 403, {"code": "forbidden", "detail": "You may not.", "fields": []})
        items = b",".join(b'{"id":"%d"}' % n for n in range(50))
        return b'{"items":[%b]}' % items if raw else {"items": [{"id": str(n)} for n in range(50)]}


FORBIDDEN = "{ members(first: 50) { edges { node { %s } } } }"
MANY_ERRORS = {
    "variables": ("query ($a: [ID!]!) { nodes(ids: $a) { id } }", {"a": [{}] * 1000}),
    "fields": (FORBIDDEN % "pairings { id }", None),
    "fields in two places": (FORBIDDEN % "pairings { id } ... { pairings { id } }", None),
}


@pytest.mark.parametrize("case", MANY_ERRORS)
async def test_what_an_error_costs_does_not_grow_with_the_lines_before_it(case):
    text, variables = MANY_ERRORS[case]
    plain, _ = await work_of(text, variables, Forbidding())
    behind, result = await work_of("\n" * 3000 + text, variables, Forbidding())
    assert {place.line for error in result.errors for place in error.locations or ()} == {3001}
    assert behind.total() < plain.total() + 20_000


async def test_of_many_wrong_variables_no_more_is_looked_at_than_is_told():
    text, given = MANY_ERRORS["variables"]
    work, result = await work_of(text, given, Silent())
    assert 1 < len(result.errors) < 100
    assert work[GraphQLError.__init__.__code__] < 200


def test_places_are_told_as_graphql_core_tells_them():
    chance = random.Random(1)
    for length in [0, 1, 2, *range(3, 60)]:
        body = "".join(chance.choices(["\n", "\r", "\r\n", "a", "ü", "\u2028"], k=length))
        ours, theirs = Text(body), Source(body)
        places = range(-1, len(body) + 3)
        assert [ours.get_location(each) for each in places] == [theirs.get_location(each) for each in places]
