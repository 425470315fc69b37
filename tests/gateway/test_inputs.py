"""Hostile inputs: whatever is written into an operation, the answer is quick, clear, and no service is troubled."""

import time

import pytest

from kith_chassis.ids import new_id
from kith_chassis.tokens import Principal
from kith_gateway.context import Context, Limits
from kith_gateway.guard import MAX_TEXT
from kith_gateway.inputs import MAX_INPUT_NESTING, MAX_MEMBERS, MAX_VALUES
from kith_gateway.operations import remembered
from kith_gateway.schema import schema
from kith_gateway.settings import Settings

pytestmark = pytest.mark.timeout(30)  # what is not linear in its input does not come back in time
IMPORT = "mutation ($input: ImportMembersInput!) { importMembers(input: $input) { errors { code } } }"
COMPLETE = """
mutation ($input: CompleteMicroTaskInput!) { completeMicroTask(input: $input) { errors { code message path } } }
"""
SEARCH = "query ($a: String) { members(search: $a) { pageInfo { endCursor } } }"
NUL = "\0"


class Asked:
    """Services that answer with an empty page and count how often they are asked."""

    def __init__(self):
        self.times = 0

    async def call(self, *_, **__):
        self.times += 1
        return {"items": [], "next_cursor": None}


def nested(depth, inner=1):
    for _ in range(depth):
        inner = [inner]
    return inner


async def run(query, variables=None, *, signed_in=True):
    upstream = Asked()
    principal = Principal(new_id(), new_id(), frozenset(), time.time() + 60) if signed_in else None
    context = Context(
        upstream, authorization="Bearer x" if signed_in else None, principal=principal, limits=Limits.of(Settings())
    )
    result = await schema.execute(query, variable_values=variables, context_value=context)
    return result, upstream


async def refused(query, variables=None, code="BAD_USER_INPUT"):
    """The message of the one error of an operation that no service was asked for."""
    result, upstream = await run(query, variables)
    assert [error.extensions["code"] for error in result.errors] == [code], result.errors
    assert (result.data, upstream.times) == (None, 0)
    return result.errors[0].message


@pytest.mark.unit
@pytest.mark.parametrize("depth", [MAX_INPUT_NESTING, 900, 50_000])
async def test_variables_that_nest_too_deep_are_refused_at_once(depth):
    message = await refused(IMPORT, {"input": {"rows": nested(depth)}})
    assert message.startswith("$input.rows[0][0]")
    assert "32 lists and objects" in message


@pytest.mark.unit
async def test_variables_may_nest_as_deep_as_the_limit():
    result, upstream = await run(IMPORT, {"input": {"rows": nested(MAX_INPUT_NESTING - 1)}})
    assert (result.errors, upstream.times) == (None, 1)


@pytest.mark.unit
async def test_a_wide_input_is_looked_over_in_one_pass():
    rows = [{"line": n, "name": "x" * 10, "more": [[1], {"a": None}]} for n in range(6_000)]
    result, upstream = await run(IMPORT, {"input": {"rows": rows}})
    assert (result.errors, upstream.times) == (None, 1)


@pytest.mark.unit
async def test_variables_have_so_many_values_and_an_object_so_many_members_and_no_more():
    assert "50,000 values" in await refused(IMPORT, {"input": {"rows": [1] * MAX_VALUES}}, "TOO_LARGE")
    members = {f"a{n}": n for n in range(MAX_MEMBERS + 1)}
    assert "$input.rows[1] has" in await refused(IMPORT, {"input": {"rows": [1, members]}}, "TOO_LARGE")


@pytest.mark.unit
@pytest.mark.parametrize("digits", [20, 5000, 90_000])
@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("{ members(first: BIG) { edges { node { id } } } }", "members(first:)"),
        ("query ($n: Int = BIG) { members(first: $n) { edges { node { id } } } }", "$n"),
        ("query ($n: Int = -BIG) { members(first: $n) { edges { node { id } } } }", "$n"),
        ("mutation { importMembers(input: {rows: [{line: BIG}]}) { errors { code } } }", ".rows.line"),
        ("{ viewer @include(if: BIG) { roles } }", "include(if:)"),
        ("{ viewer @include(if: BIG.0e999) { roles } }", "include(if:)"),
    ],
)
async def test_a_literal_with_too_many_digits_is_refused(query, place, digits):
    message = await refused(query.replace("BIG", "9" * digits))
    assert place in message
    assert "64 bits" in message


@pytest.mark.unit
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**4000])
async def test_a_variable_with_too_many_digits_is_refused(number):
    query = "query ($n: Int) { members(first: $n) { edges { node { kudos(first: $n) { giver { id } } } } } }"
    assert (await refused(query, {"n": number})).startswith("$n is a number")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("query", "variables", "place"),
    [
        (SEARCH, {"a": f"a{NUL}"}, "$a "),
        (SEARCH, {"a": "b", "unused": {"x": [NUL]}}, "$unused.x[0] "),
        (IMPORT, {"input": {"rows": [{"line": 1}, {"name": NUL}]}}, "$input.rows[1].name "),
        (IMPORT, {"input": {"rows": [{f"na{NUL}me": 1}]}}, "A name in $input.rows[0] "),
        (r'{ members(search: "\u0000") { pageInfo { endCursor } } }', None, "members(search:) "),
        (r'{ members(search: "\u{0}") { pageInfo { endCursor } } }', None, "members(search:) "),
        (f'{{ members(search: """{NUL}""") {{ pageInfo {{ endCursor }} }} }}', None, "members(search:) "),
        (r'query ($a: String = "\u0000") { members(search: $a) { pageInfo { endCursor } } }', None, "$a "),
        (r'mutation { completeMicroTask(input: {key: "\u0000"}) { errors { code } } }', None, "(input:).key "),
    ],
)
async def test_a_nul_is_refused_wherever_it_stands_and_the_place_is_named(query, variables, place):
    message = await refused(query, variables)
    assert place in message
    assert "U+0000" in message
    assert NUL not in message


@pytest.mark.unit
@pytest.mark.parametrize("literal", [r'"\ud800"', r'"\udfff x"', '"\ud800"', '"""\udfff"""'])
async def test_a_lone_surrogate_is_no_text(literal):
    result, upstream = await run(f"{{ members(search: {literal}) {{ pageInfo {{ endCursor }} }} }}")
    assert "Syntax Error" in result.errors[0].message
    assert upstream.times == 0


@pytest.mark.unit
@pytest.mark.parametrize("key", ["", "a\nb", "a\rb", "a\tb", "\x7f", "é", "x" * 201])
@pytest.mark.parametrize("given", [{"key": "profile"}, {"community": "c", "email": "e", "password": "p"}])
async def test_a_client_mutation_id_that_cannot_be_a_key_is_refused_before_any_call(key, given):
    login = "mutation ($input: LogInInput!) { logIn(input: $input) { errors { code message path } } }"
    query, name = (COMPLETE, "completeMicroTask") if "key" in given else (login, "logIn")
    result, upstream = await run(query, {"input": given | {"clientMutationId": key}})
    assert upstream.times == 0
    assert result.errors is None
    assert result.data[name]["errors"] == [
        {
            "code": "INVALID_IDEMPOTENCY_KEY",
            "message": "clientMutationId is 1 to 200 printable ASCII characters.",
            "path": ["input", "clientMutationId"],
        }
    ]


@pytest.mark.unit
async def test_a_nul_in_a_client_mutation_id_is_refused_as_a_bad_key():
    given = {"input": {"key": "profile", "clientMutationId": f"a{NUL}"}}
    assert "$input.clientMutationId" in await refused(COMPLETE, given, "INVALID_IDEMPOTENCY_KEY")
    literal = r'mutation { completeMicroTask(input: {key: "a", clientMutationId: "\u0000"}) { errors { code } } }'
    assert "clientMutationId" in await refused(literal, None, "INVALID_IDEMPOTENCY_KEY")


@pytest.mark.unit
@pytest.mark.parametrize("key", ["x", "x" * 200, "a b~!", None])
async def test_a_client_mutation_id_of_printable_ascii_is_taken(key):
    result, upstream = await run(COMPLETE, {"input": {"key": "profile", "clientMutationId": key}})
    assert (result.errors, result.data["completeMicroTask"]["errors"], upstream.times) == (None, [], 1)


@pytest.mark.unit
async def test_without_a_login_the_inputs_of_a_write_are_not_even_converted(monkeypatch):
    def converted(*_):
        raise AssertionError

    monkeypatch.setattr("kith_gateway.writes.as_json", converted)
    in_a_fragment = (
        "mutation ($input: ImportMembersInput!) { ...A } fragment A on Mutation { " + IMPORT.split("{ ", 1)[1]
    )
    for query in (IMPORT, in_a_fragment):
        result, upstream = await run(query, {"input": {"rows": "not coerced either"}}, signed_in=False)
        assert [error.extensions["code"] for error in result.errors] == ["UNAUTHENTICATED"]
        assert (result.data, upstream.times) == (None, 0)
    beside_a_login = """
    mutation { importMembers(input: {rows: []}) { errors { code } } logOut(input: {refreshToken: "x"}) { __typename } }
    """
    result, _ = await run(beside_a_login, signed_in=False)
    assert (result.errors[0].path, result.errors[0].extensions["code"]) == (["importMembers"], "UNAUTHENTICATED")


@pytest.mark.unit
@pytest.mark.parametrize(
    "text",
    ['{ a(b: "' + '\\"' * 90_000, '{ a(b: """' + '\\"""' * 40_000, '"""" ' * 30_000, "{ a # " + '"' * 150_000],
    ids=["a string without an end", "a block without an end", "many quotes", "quotes in a comment"],
)
async def test_a_text_full_of_quotes_is_read_in_one_pass(text):
    result, _ = await run(text)
    assert result.errors


@pytest.mark.unit
async def test_brackets_after_the_end_of_a_comment_count_whichever_way_its_line_ends():
    await refused("{ a #\r" + "{ a " * 100, code="TOO_DEEP")


@pytest.mark.unit
async def test_a_text_too_long_to_be_remembered_is_refused():
    remembered.clear()
    await refused("{ viewer { roles } } #" + "x" * MAX_TEXT, code="TOO_LARGE")
    assert len(remembered) == 0


@pytest.mark.integration
async def test_a_body_that_is_not_utf8_is_not_json(gateway):
    body = b'{"query": "{ viewer { roles } }", "variables": {"a": "\xed\xa0\x80"}}'
    async with gateway.client() as client:
        for each in (body, body.replace(b"\xed\xa0\x80", b"\xff"), body.replace(b"\xed\xa0\x80", rb"\ud800")):
            response = await client.post("/graphql", content=each, headers={"Content-Type": "application/json"})
            codes = [error["extensions"]["code"] for error in response.json()["errors"]]
            assert (response.status_code, codes) == (400, ["BAD_REQUEST"])


@pytest.mark.integration
@pytest.mark.parametrize("argument", ["search", "after"])
async def test_a_value_too_long_for_an_address_is_refused_by_its_name(gateway, founded, argument):
    owner, _ = founded
    query = f"query ($a: String) {{ members({argument}: $a) {{ pageInfo {{ endCursor }} }} }}"
    answer = await gateway.ask(query, {"a": "x" * 100_000}, by=owner)
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == f"{argument} is longer than 2,000 characters."


@pytest.mark.integration
async def test_the_longest_values_of_the_widest_characters_reach_the_service(gateway, founded):
    owner, _ = founded
    query = "query ($a: String) { members(search: $a) { pageInfo { endCursor } } }"
    answer = await gateway.ask(query, {"a": "\U0001f600" * 2000}, by=owner)
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    assert "SERVICE_UNAVAILABLE" not in codes
    assert "INTERNAL" not in codes


@pytest.mark.integration
async def test_a_name_too_long_for_an_address_is_an_error_of_the_input(gateway, founded):
    owner, _ = founded
    answer = await gateway.get(COMPLETE, {"input": {"key": "x" * 100_000}}, by=owner)
    [error] = answer["completeMicroTask"]["errors"]
    assert (error["code"], error["path"]) == ("BAD_USER_INPUT", ["input", "key"])
    assert error["message"] == "key is longer than 2,000 characters."
