"""Both executors answer the same, byte for byte, whatever is asked and whatever the services say."""

import gc
import os
import random
import time
from collections import Counter
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest
from graphql import OperationDefinitionNode
from graphql.execution.values import VariableValues
from tests.gateway.at_random import CORE, LEAVES, WRONG, WRONG_FOR, Author, Services

from kith_chassis.serve import collect_soon
from kith_chassis.tokens import Principal
from kith_gateway.answers import answered
from kith_gateway.budgets import Budget, Budgets
from kith_gateway.context import Context, Limits
from kith_gateway.executors import OPERATIONS, carry_out, ordinary
from kith_gateway.ids import encode_id
from kith_gateway.operations import examine, remembered
from kith_gateway.plans import Compiler
from kith_gateway.schema import schema
from kith_gateway.settings import Settings

pytestmark = pytest.mark.unit
LIMITS = Limits.of(Settings())
SEED = int(os.environ.get("KITH_SEED", "1"))
CASES = int(os.environ.get("KITH_CASES", "3000"))
"""`KITH_CASES=50000 KITH_SEED=7 pytest tests/gateway/test_plans.py` tries more, and others."""
PER_BLOCK, PER_OPERATION = 500, 10
PLENTY = Budget(100_000, 1.0, 100_000)
CALLER = Principal(UUID(int=1), UUID(int=2), frozenset({"b:c", "a"}), time.time() + 3600)


def context(services, *, caller=CALLER):
    purse = Budgets(PLENTY, PLENTY, PLENTY, most=9, clock=lambda: 0.0).purse(caller, "192.0.2.1")
    return Context(services, authorization=caller and "Bearer x", principal=caller, limits=LIMITS, purse=purse)


async def answers(way, services, text, variables, **caller):
    """What a client gets, the errors in an order of their own: they come as the services answer."""
    request = context(services, **caller)
    result = await way(request, text, variables)
    errors = sorted(result.errors or [], key=lambda each: (str(each.path), str(each)))
    result.errors = errors
    return answered(result, request, modern=False).body


def told():
    found = Counter()
    for metric in OPERATIONS.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                found[sample.labels["by"]] = sample.value
    return found


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.mark.parametrize("block", range(CASES // PER_BLOCK))
async def test_operations_at_random_are_answered_alike(block):
    remembered.clear()
    before, faultless = told(), 0
    for number in range(PER_BLOCK // PER_OPERATION):
        author = Author(f"{SEED} {block} {number}")
        text = author.operation()
        for turn in range(PER_OPERATION):
            seed = f"{SEED} {block} {number} {turn}"
            caller = None if seed.endswith("7 4") else CALLER
            given = author.given(seed)
            ours, theirs = Services(seed), Services(seed)
            faultless += ours.faultless
            got = await answers(carry_out, ours, text, given, caller=caller)
            wanted = await answers(ordinary, theirs, text, given, caller=caller)
            assert got == wanted, f"seed {seed}\n{text}\n{msgspec.json.encode(given).decode()}"
    by = told() - before
    # What a plan is for is done by one; the rest are operations that are refused, faults, and odd arguments.
    assert by["plan"] > 0.6 * faultless
    assert by["plan, then ordinary"] > 0.05 * PER_BLOCK


def plan_of(text, request):
    operation = examine(schema._schema, text, request)
    assert operation.troubles(request, {}) == []
    return operation.plan({})


MEMBER_KEY = str(UUID(int=5))
MEMBER = encode_id("Member", MEMBER_KEY)
PAGE = """
{ members(first: 3) { edges { cursor node { id displayName points badges { reason awardedBy { bio } } } } }
  leaderboard { rank points } }
"""


async def asked(fault, text=PAGE):
    """What both executors ask the services for one operation, with one route that fails like this."""
    calls = []
    for way in (carry_out, ordinary):
        services = Services("3")
        services.faults, services.odd = {"/read/points-by-member": fault} if fault else {}, 0
        await answers(way, services, text, {})
        calls.append(sorted((service, route, sorted(asked)) for service, route, asked in services.calls))
    return calls


@pytest.mark.parametrize("fault", [None, "down", "problem", "misaligned", "garbage", "null", "empty"])
async def test_a_plan_asks_what_the_ordinary_executor_asks_also_when_that_has_to_finish_it(fault):
    before = told()
    ours, theirs = await asked(fault)
    assert ours == theirs
    assert len(ours) > 4
    assert told() - before == Counter({"plan, then ordinary" if fault else "plan": 1})


async def test_two_who_ask_one_service_about_other_things_get_no_more_of_it_than_they_asked_for():
    ours, theirs = await asked(
        None, "{ kudos(first: 3) { edges { node { giver { __typename } receiver { points } } } } }"
    )
    points = [keys for _, route, keys in ours if route == "/read/points-by-member"]
    assert points
    assert points == [keys for _, route, keys in theirs if route == "/read/points-by-member"]


async def test_what_one_service_is_asked_about_in_two_places_has_in_each_the_name_it_was_given_there():
    text = "{ kudos(first: 3) { edges { node { giver { a: weeklyHours } receiver { weeklyHours } } } } }"
    ours, theirs = [await answers(way, Services("5"), text, {}) for way in (carry_out, ordinary)]
    assert ours == theirs
    assert b'"giver":{"a":' in ours
    assert b'"receiver":{"weeklyHours":' in ours


@pytest.mark.parametrize(("a", "b"), [("tag", "skill"), ("skill", "tag")])
@pytest.mark.parametrize(
    "text",
    [
        '{ a: member(id: "ID") { skillsOffered { A: tag } } b: member(id: "ID") { skillsOffered { B: tag } } }',
        '{ member(id: "ID") { a: skillsOffered { A: tag } b: skillsOffered { B: tag } } }',
    ],
)
async def test_what_stands_inside_a_value_has_in_each_place_the_name_it_was_given_there(text, a, b):
    said = [{"skills_offered": [{"tag": "baking"}]}]
    written = text.replace("ID", MEMBER).replace("A:", f"{a}:").replace("B:", f"{b}:")
    answer = (await alike("/read/members", said, written))["data"]
    found = [each["skillsOffered"] if "a: member" in text else each for each in answer.get("member", answer).values()]
    assert found == [[{a: "baking"}], [{b: "baking"}]]


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { queryType { name } } }",
        "{ nodes(ids: []) { id } }",
        "{ members { edges { node { id } other: node { bio } } } }",
        '{ member(id: "x") { a: skillsOffered { tag } b: skillsOffered { level } } }',
        'mutation { logOut(input: {refreshToken: "x"}) { clientMutationId } }',
    ],
)
def test_what_the_compiler_does_not_do_it_leaves_to_the_ordinary_executor(text):
    request = context(Services("1"))
    request.introspection = True
    assert plan_of(text, request) is None


def test_a_short_document_cannot_make_a_plan_without_end(monkeypatch):
    spread = [f"pairings(first: 1) {{ a{n}: mentor {{ ...F{n} }} b{n}: mentee {{ ...F{n} }} }}" for n in range(1, 8)]
    fragments = " ".join(f"fragment F{n} on Member {{ {each} }}" for n, each in enumerate([*spread, "bio"]))
    text = f'{{ member(id: "{MEMBER}") {{ ...F0 }} }} {fragments}'
    request = context(Services("1"))
    operation = examine(schema._schema, text, request)
    assert operation.troubles(request, {}) == []
    [definition] = [each for each in operation.document.definitions if isinstance(each, OperationDefinitionNode)]
    compiler = Compiler(schema._schema, operation.document, definition, VariableValues({}, {}))
    compiler.root()
    assert len(compiler.shapes) == 16  # and not one for each of the 2^7 ways down
    monkeypatch.setattr("kith_gateway.plans.MAX_SHAPES", 10)
    assert operation.plan({}) is None


async def test_what_a_service_calls_as_a_client_does_is_not_what_the_client_asked_for():
    class Talkative(Services):
        async def call(self, *_, **__):
            return b'[{"display_name": "Ada", "secret": "kept from the schema", "groups": "none"}]'

    text = "query ($id: ID!) { member(id: $id) { secret: __typename groups: displayName name: displayName } }"
    given = {"id": encode_id("Member", UUID(int=1))}
    answer = await answers(carry_out, Talkative(1), text, given)
    assert msgspec.json.decode(answer)["data"] == {"member": {"secret": "Member", "groups": "Ada", "name": "Ada"}}


async def test_a_plan_that_fails_unexpectedly_is_logged_and_answered_by_the_ordinary_executor(monkeypatch, caplog):
    monkeypatch.setattr("kith_gateway.runs.Run._batch", broken)
    caplog.set_level("ERROR")
    services = Services("1")
    services.faults, services.odd = {}, 0
    answer = msgspec.json.decode(await answers(carry_out, services, PAGE, {}))
    assert "errors" not in answer
    assert "a plan failed" in caplog.text


async def broken(*_):
    raise ZeroDivisionError


async def test_a_variable_that_switches_parts_off_and_on_has_a_plan_for_each():
    text = "query ($a: Boolean!, $n: Int = 2) { badges { key name @skip(if: $a) } leaderboard(first: $n) { rank } }"
    before = told()
    for given in ({"a": True}, {"a": False}, {"a": True, "n": 3}, {"a": False, "n": 1}):
        services = Services("9")
        services.faults, services.odd = {}, 0
        answer = msgspec.json.decode(await answers(carry_out, services, text, given))
        assert all(("name" in each) is not given["a"] for each in answer["data"]["badges"])
    assert told() - before == Counter({"plan": 4})


async def test_without_plans_the_ordinary_executor_answers_everything():
    before, request = told(), context(Services("1"))
    request.plans = False
    await carry_out(request, PAGE, {})
    assert told() - before == Counter({"ordinary": 1})


async def test_people_on_the_same_level_are_one_call_whatever_they_hang_on():
    services = Services("9")
    services.faults, services.odd = {}, 0
    text = """{ kudos(first: 3) { edges { node { giver { bio } receiver { displayName } } } }
                isolatedMembers(reportId: "ID", first: 3) { edges { node { member { goals } } } }
                viewer { member { languages } } }""".replace("ID", encode_id("Report", UUID(int=5)))
    await answers(carry_out, services, text, {})
    assert Counter(route for _, route, _ in services.calls)["/read/members"] == 2  # the caller's needs no level above


class Saying(Services):
    """Services of which one route says exactly this."""

    def __init__(self, route, said):
        super().__init__("3")
        self.faults, self.odd, self.said = {}, 0, {route: said}

    def answer(self, method, route, given, query):
        return self.said[route] if route in self.said else super().answer(method, route, given, query)


async def alike(route, said, text):
    """The answer of both executors, when a route says this."""
    got = await answers(carry_out, Saying(route, said), text, {})
    assert got == await answers(ordinary, Saying(route, said), text, {}), said
    return msgspec.json.decode(got)


LEAVES_OF_A_MEMBER = {
    "experience_years": "experienceYears",
    "visibility": "visibility",
    "display_name": "displayName",
    "bio": "bio",
    "languages": "languages",
    "skills_offered": "skillsOffered { level }",
    "id": "id",
}


@pytest.mark.parametrize("name", LEAVES_OF_A_MEMBER)
async def test_whatever_a_value_is_both_say_the_same_of_it(name):
    text = f'{{ member(id: "{MEMBER}") {{ {LEAVES_OF_A_MEMBER[name]} }} }}'
    right = Services("3").thing(CORE.type_map["Member"], random.Random(1))
    for wrong in [*WRONG, *(each for some in (*WRONG_FOR.values(), *LEAVES.values()) for each in some)]:
        for value in (wrong, [wrong], [{"tag": "x", "level": wrong}]):
            await alike("/read/members", [right | {name: value}], text)
    await alike("/read/members", [{key: value for key, value in right.items() if key != name}], text)


@pytest.mark.parametrize("key", [None, "", "missing"])
async def test_who_has_no_key_has_nobody_and_nothing(key):
    text = """{ session(id: "ID") { title rsvps { answer } group { name } } }""".replace(
        "ID", encode_id("Session", UUID(int=5))
    )
    said = {"title": "Tea"} if key == "missing" else {"title": "Tea", "id": key, "group_id": key}
    before = told()
    answer = await alike("/sessions/{id}", said, text)
    assert answer["data"] == {"session": {"title": "Tea", "rsvps": [], "group": None}}
    assert (told() - before)["plan"] == 1


@pytest.mark.parametrize("kind", CORE.type_map["GroupKind"].values)
async def test_the_name_of_a_word_is_not_the_word(kind):
    text = '{ group(id: "ID") { kind } }'.replace("ID", encode_id("Group", UUID(int=5)))
    assert (await alike("/read/groups", [{"kind": kind.lower()}], text))["data"] == {"group": {"kind": kind}}
    assert (await alike("/read/groups", [{"kind": kind}], text))["data"] == {"group": None}


@pytest.mark.parametrize(
    ("route", "item", "text"),
    [
        ("/spaces", {"name": "a", "key": "b"}, "{ spaces { edges { node { name } } } }"),
        ("/interactions", {"to_id": MEMBER_KEY}, "{ interactions { edges { node { source { bio } } } } }"),
        ("/interactions", {"to_id": MEMBER_KEY}, "{ interactions { edges { cursor } } }"),
    ],
)
async def test_an_item_that_has_no_place_in_the_order_spoils_its_page(route, item, text):
    answer = await alike(route, {"items": [item]}, text)
    assert list(answer["data"].values()) == [None]


@pytest.mark.parametrize(
    ("kind", "field", "values"),
    [
        (
            "Int = 2",
            "leaderboard(first: $v) { rank }",
            [None, 0, 3, 2**31 - 1, 2**31, -(2**31) - 1, 2.0, 2.5, "2", True],
        ),
        ("Int", "leaderboard(first: $v) { rank }", [None, 3]),
        ("Int! = 5", "badges { key } kudos(first: $v) { edges { cursor } }", [None, 3, 501]),
        ('String = "a"', "members(search: $v) { edges { node { bio } } }", [None, "", "b", 3, ["b"]]),
        ("String", "members(search: $v) { edges { node { bio } } }", [None, "b"]),
        ("Period", "leaderboard(period: $v) { rank }", [None, "WEEK", "week", 1]),
        ("DateTime", "interactions(since: $v) { edges { cursor } }", [None, "2027-03-01T18:00:00Z", "soon", 3]),
        ("ID", "deliveries(endpointId: $v) { edges { cursor } }", [None, "x", 3, encode_id("Space", UUID(int=3))]),
        ("Boolean!", "badges { key name @include(if: $v) }", [True, False, None, 1, "true"]),
        ("Boolean = true", "badges { key name @skip(if: $v) }", [True, False, None]),
    ],
)
async def test_variables_are_read_alike(kind, field, values):
    text = f"query ($v: {kind}) {{ {field} }}"
    for given in ({}, {"other": 1}, *({"v": value} for value in values)):
        calls = []
        for way in (carry_out, ordinary):
            services = Services("3")
            services.faults, services.odd = {}, 0
            calls.append((await answers(way, services, text, given), services.calls))
        assert calls[0] == calls[1], given


@pytest.fixture
def collected():
    """Garbage is collected as a gateway's process does it."""
    before = gc.get_threshold()
    collect_soon()
    remembered.clear()
    yield
    remembered.clear()
    gc.set_threshold(*before)
    gc.unfreeze()


class Prompt:
    """Answers every batch of one with the same member."""

    async def call(self, *_, **__):
        return b'[{"display_name": "Ada", "joined_at": "2026-03-01T18:00:00Z"}]'


async def test_what_operations_were_compiled_to_goes_with_them(collected):
    few, before, most = replace(LIMITS, remembered=20_000), len(msgspec.Struct.__subclasses__()), 0
    for number in range(3000):
        text = f"query ($id: ID!) {{ member(id: $id) {{ a{number}: displayName b{number}: joinedAt }} }}"
        request = Context(Prompt(), authorization="x", principal=CALLER, limits=few)
        result = await carry_out(request, text, {"id": encode_id("Member", UUID(int=1))})
        assert result.data is not None
        most = max(most, len(msgspec.Struct.__subclasses__()) - before)
    assert len(remembered) < 200
    assert most < 900
