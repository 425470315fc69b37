"""What the table of permissions says is what callers get, field by field, from real services."""

from collections import Counter, deque
from uuid import uuid4

import pytest
import pytest_asyncio
from graphql import GraphQLEnumType, get_named_type, is_leaf_type, is_list_type, is_non_null_type
from strawberry.utils.str_converters import to_camel_case
from tests.gateway.at_random import CORE, backing, declared
from tests.gateway.world import World, blocked, settled

from kith_gateway.ids import encode_id, split_id
from kith_gateway.joins import AnyNode, AnyNodes, Calling, Identifier, Value
from kith_testkit.permissions import ABSENT, FORBIDDEN, OWN, UNAUTHENTICATED, YES, rows

ROWS = rows()
KNOWN = {row.field: row for row in ROWS}
QUERIES = [row for row in ROWS if not row.field.startswith(("Mutation.", "Subscription."))]
MUTATIONS = [row for row in ROWS if row.field.startswith("Mutation.")]
ROLES = ("member", "blocked", "coordinator", "moderator", "owner", "app", "app without")
MAY_BE_NOBODY = {"IsolatedMember.member", "Unmatched.mentee"}
MAY_BE_NOBODY |= {"PairOfTwo.mentee", "PairOfTwo.mentor"}  # a run does not differ from itself
OF_NO_MEMBER = {("Query.myLoad", "app"): {"NOT_ENROLLED"}}
LEAVES = {"String": "x", "Int": 1, "Float": 1.0, "Boolean": True, "JSON": {}, "Date": "2030-01-01"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(all_six, populate, key_of, found, start_founding, start_service):
    async with all_six() as whole:
        people = await populate(whole)
        actors = {"outsider": await found(whole, start_founding())}
        matching = await start_service("matching")
        made = await settled(World(whole, actors), people, key_of, matching)
        made.ids = made_up(named() - set(made.ids)) | made.ids
        made.before = await shown(made, "blocked")
        await blocked(made, matching)
        yield made


def named():
    """The kinds of things that arguments and inputs name."""
    found = set()
    for name, kind in CORE.type_map.items():
        for each in () if name.startswith("__") else getattr(kind, "fields", {}).values():
            found.add((getattr(backing(each), "metadata", None) or {}).get("refers"))
            of = declared(each) if hasattr(each, "args") else None
            found |= {argument.refers for argument in getattr(of, "arguments", ())}
            found.add(getattr(getattr(of, "argument", None), "refers", None))
    return found - {None}


def made_up(ids):
    return {of: encode_id(of, uuid4()) for of in ids}


def arguments(found, ids):
    """Arguments of a query, as text: what names a thing, and what must be there."""
    of, given = declared(found), []
    refers = {to_camel_case(each.name): each.refers for each in getattr(of, "arguments", ())}
    refers |= {of.argument.name: of.argument.refers} if getattr(of, "argument", None) else {}
    for name, argument in found.args.items():
        if refers.get(name):
            given.append(f'{name}: "{ids[refers[name]]}"')
        else:
            assert not is_non_null_type(argument.type) or argument.default_value is not None, name
    return f"({', '.join(given)})" if given else ""


def paths(actor):
    """The shortest way to a thing of each type, through fields this caller may ask: (field, type) steps."""
    known, waiting = {"Query": ()}, deque(["Query"])
    while waiting:
        kind = waiting.popleft()
        for name, found in CORE.type_map[kind].fields.items():
            row, inner = KNOWN.get(f"{kind}.{name}"), get_named_type(found.type).name
            if (row and row.who[actor] != YES) or inner in known or not hasattr(CORE.type_map[inner], "fields"):
                continue
            if isinstance(declared(found), AnyNode | AnyNodes):
                continue
            known[inner] = (*known[kind], (name, kind))
            waiting.append(inner)
    return known


def document(row, path, ids):
    """An operation that asks for a row's field alone, and the names on the way to it."""
    kind, _, name = row.field.partition(".")
    name, _, of = name.partition(": ")
    found = CORE.type_map[kind].fields[name]
    steps = [each for each, _ in path]
    by_id = f'(id: "{ids.get(of)}")' if name == "node" else f'(ids: ["{ids.get(of)}"])'
    given = by_id if of else arguments(found, ids)
    text = f"{name}{given}" + ("" if is_leaf_type(get_named_type(found.type)) else " { __typename }")
    for step, on in reversed(path):
        text = f"{step}{arguments(CORE.type_map[on].fields[step], ids)} {{ {text} }}"
    return f"{{ {text} }}", [*steps, name]


def reached(data, names):
    """Whether there is anything on the way to a field, so that it was asked at all."""
    for name in names:
        if isinstance(data, list):
            data = next((each for each in data if each is not None), None)
        if data is None:
            return False
        data = data[name]
    return True


def codes(answer, names):
    return {
        error["extensions"]["code"]
        for error in answer.get("errors", ())
        if [each for each in error.get("path", ()) if isinstance(each, str)] == names
    }


def masked(answer, ids):
    text = str({name: each for name, each in answer.items() if name != "extensions"})
    for of, each in ids.items():
        text = text.replace(each, of).replace(split_id(each)[1], of)
    return text


async def shown(world, actor):
    """What a caller is answered to each query of its own and each field of the viewer, by row."""
    found = {}
    for row in QUERIES:
        kind = row.field.partition(".")[0]
        if kind in {"Query", "Viewer"}:
            path = (("viewer", "Query"),) if kind == "Viewer" else ()
            answer = await world.ask(document(row, path, world.ids_for(row))[0], {}, actor)
            found[row.field] = {name: answer.get(name) for name in ("data", "errors")}
    return found


@pytest.mark.contracts
def test_every_field_has_a_row_or_comes_with_the_thing_it_belongs_to():
    for kind in CORE.type_map.values():
        for name, found in getattr(kind, "fields", {}).items() if hasattr(kind, "interfaces") else ():
            if kind.name.startswith("__") or isinstance(declared(found), Value | Identifier | Calling):
                continue
            of = f"{kind.name}.{name}"
            assert of in KNOWN or any(each.startswith(f"{of}: ") for each in KNOWN), of


@pytest.mark.integration
async def test_each_field_gives_each_role_what_its_row_says(world):
    tried, wrong = Counter(), []
    for role in ROLES:
        ways = paths(role)
        for row in QUERIES:
            kind = row.field.partition(".")[0]
            if kind not in ways:
                continue  # nothing this role may ask leads to such a thing
            text, names = document(row, ways[kind], world.ids_for(row))
            answer = await world.ask(text, {}, role)
            if reached(answer["data"], names):
                expected = {FORBIDDEN} if row.who[role] == FORBIDDEN else OF_NO_MEMBER.get((row.field, role), set())
                if codes(answer, names) != expected:
                    wrong.append((row.field, role, codes(answer, names)))
                tried[row.field] += 1
    assert wrong == []
    everything = {row.field for row in QUERIES if row.field.partition(".")[0] in paths("owner")}
    assert everything - set(tried) - MAY_BE_NOBODY == set()
    assert tried.total() > 200


@pytest.mark.integration
async def test_who_is_blocked_is_shown_what_they_were_shown_before(world):
    assert len(world.before) > 40
    assert await shown(world, "blocked") == world.before


@pytest.mark.integration
async def test_nobody_and_strangers_learn_nothing_of_it(world):
    everything = {each for row in QUERIES for each in world.ids_for(row).values()}
    for row in QUERIES:
        kind = row.field.partition(".")[0]
        if kind not in {"Query", "Viewer"}:
            continue  # what hangs on a thing is reached through it
        path = (("viewer", "Query"),) if kind == "Viewer" else ()
        ids = world.ids_for(row)
        text, names = document(row, path, ids)
        answer = await world.ask(text, {}, "anonymous")
        assert codes(answer, names[:1]) == {row.who["anonymous"]} == {UNAUTHENTICATED}, row
        answer = await world.ask(text, {}, "outsider")
        if row.who["outsider"] == ABSENT:
            others = made_up(ids)
            absent = await world.ask(document(row, path, others)[0], {}, "outsider")
            assert masked(answer, ids) == masked(absent, others), row
        else:
            assert row.who["outsider"] == OWN
            assert "errors" not in answer, row
        assert not any(each in str(answer["data"]) for each in everything), row


def value(type_, ids, definition=None):
    """Something an input takes; ids of things where it names some."""
    if is_non_null_type(type_):
        return value(type_.of_type, ids, definition)
    if is_list_type(type_):
        return [value(type_.of_type, ids, definition)]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if hasattr(type_, "fields"):
        return {
            name: value(each.type, ids, backing(each))
            for name, each in type_.fields.items()
            if is_non_null_type(each.type) or (backing(each).metadata or {}).get("refers")
        }
    if type_.name == "ID":
        return ids[definition.metadata["refers"]]
    return LEAVES.get(type_.name, "2030-01-01T10:00:00+00:00")


async def do(world, row, ids, actor):
    name = row.field.removeprefix("Mutation.")
    takes = CORE.mutation_type.fields[name].args["input"].type
    text = f"mutation ($input: {takes}) {{ {name}(input: $input) {{ errors {{ code message path }} }} }}"
    return name, await world.ask(text, {"input": value(takes, ids)}, actor)


@pytest.mark.integration
async def test_each_mutation_gives_each_caller_what_its_row_says(world):
    for row in MUTATIONS:
        for actor in ("anonymous", *ROLES):
            # Who may is not to change what the next one needs.
            ids = world.ids if row.who[actor] == FORBIDDEN else made_up(world.ids)
            name, answer = await do(world, row, ids, actor)
            if row.who[actor] == UNAUTHENTICATED:
                assert [each["extensions"]["code"] for each in answer["errors"]] == [UNAUTHENTICATED], (row, actor)
                continue
            assert "errors" not in answer, (row, actor, answer)
            found = {error["code"] for error in answer["data"][name]["errors"]}
            if row.who[actor] == FORBIDDEN:
                assert found == {FORBIDDEN}, (row, actor)
            else:
                assert FORBIDDEN not in found, (row, actor)


@pytest.mark.integration
async def test_to_strangers_what_is_hidden_is_absent_whatever_they_try_to_do_with_it(world):
    for row in MUTATIONS:
        if row.who["outsider"] == ABSENT:
            others = made_up(world.ids)
            _, hidden = await do(world, row, world.ids, "outsider")
            _, absent = await do(world, row, others, "outsider")
            assert masked(hidden, world.ids) == masked(absent, others), row
