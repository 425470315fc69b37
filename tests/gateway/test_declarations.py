"""What the gateway declares of the services is what their OpenAPI says: routes, arguments, members, nullability."""

import importlib
import re
from collections import defaultdict
from functools import cache

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.utils.str_converters import to_snake_case

from kith_gateway.joins import AnyNode, AnyNodes, Calling, Fetch, Identifier, Join, Pages, Value
from kith_gateway.schema import schema
from kith_gateway.writes import Write

pytestmark = pytest.mark.contracts
CORE = schema._schema
BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF


@cache
def openapi(service):
    return importlib.import_module(f"kith_{service}.main").app.openapi()


def route(service, method, path):
    paths = {re.sub(r"{\w+}", "{}", name): found for name, found in openapi(service)["paths"].items()}
    found = paths.get(re.sub(r"{\w+}", "{}", path), {}).get(method.lower())
    assert found, f"{service} has no {method} {path}"
    return found


def resolved(service, found):
    """A JSON schema without its reference, and whether it may be null."""
    if "$ref" in found:
        return resolved(service, openapi(service)["components"]["schemas"][found["$ref"].rpartition("/")[2]])
    if "anyOf" in found:
        rest = [each for each in found["anyOf"] if each.get("type") != "null"]
        return resolved(service, rest[0])[0], len(rest) < len(found["anyOf"])
    return found, False


def answer(service, operation):
    [status] = [code for code in operation["responses"] if code.startswith("2")]
    content = operation["responses"][status].get("content")
    return resolved(service, content["application/json"]["schema"])[0] if content else None


def taken(service, operation):
    return resolved(service, operation["requestBody"]["content"]["application/json"]["schema"])[0]


def declared_fields():
    for kind in CORE.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                definition = field.extensions[BACKREF]
                yield f"{kind.name}.{name}", field, definition.metadata["kith"]


ASKING = [each for each in declared_fields() if isinstance(each[2], Join | Fetch | Pages)]
WRITING = [each for each in declared_fields() if isinstance(each[2], Write)]
USES = defaultdict(list)


def compare(field, service, found, where):
    """Remember that things of this field's type are made of this JSON schema, and of the types inside it."""
    type_, wanted = field, found
    if is_non_null_type(type_):
        type_ = type_.of_type
    if is_list_type(type_):
        assert wanted.get("type") == "array", where
        compare(type_.of_type, service, resolved(service, wanted["items"])[0], where)
        return
    if isinstance(type_, GraphQLEnumType):
        assert {getattr(each.value, "value", each.value) for each in type_.values.values()} >= set(
            wanted.get("enum", [])
        ), where
        return
    if not isinstance(type_, GraphQLObjectType):
        return
    assert wanted.get("type") == "object", where
    known = [each for each in USES[type_.name] if each[1] is wanted]
    USES[type_.name].append((where, wanted))
    if known:
        return
    for name, inner in type_.fields.items():
        declared = inner.extensions[BACKREF].metadata["kith"]
        member = to_snake_case(name) if isinstance(declared, Value) else getattr(declared, "key", None)
        if member is None or getattr(declared, "argument", None) or isinstance(declared, AnyNode | AnyNodes | Calling):
            continue
        place = f"{where} > {type_.name}.{name}"
        if member not in wanted["properties"]:
            assert not is_non_null_type(inner.type), f"{place}: {service} does not answer {member}"
            continue
        content, may_be_null = resolved(service, wanted["properties"][member])
        assert not (may_be_null and is_non_null_type(inner.type)), f"{place}: may be null"
        if isinstance(declared, Value):
            compare(inner.type, service, content, place)


@pytest.mark.parametrize(("name", "field", "declared"), ASKING, ids=[each[0] for each in ASKING])
def test_what_a_field_is_read_from_is_there_and_holds_what_its_type_shows(name, field, declared):
    service = declared.service.name
    operation = route(service, "POST" if isinstance(declared, Join) else "GET", declared.route)
    found = answer(service, operation)
    if isinstance(declared, Join):
        body = taken(service, operation)["properties"]
        assert "keys" in body
        if declared.first is not None:
            assert body["first"]["maximum"] == declared.bound
        content, may_be_null = resolved(service, found["items"])
        if declared.shape in {"one", "each"}:
            assert content["type"] == "object"
        elif declared.shape == "list":
            assert content["type"] == "array"
            assert not may_be_null
        kind = field.type if declared.shape != "each" else get_named_type(field.type)
        compare(kind, service, content, name)
        return
    known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    passed_on = {each.name for each in declared.arguments if f"{{{each.name}}}" not in declared.route}
    assert passed_on <= known
    if isinstance(declared, Pages):
        assert {"first", "after"} <= known
        item = resolved(service, found["properties"]["items"]["items"])[0]
        assert set(declared.cursor) <= set(item["properties"])
        edge = get_named_type(get_named_type(field.type).fields["edges"].type)
        compare(edge.fields["node"].type, service, item, name)
    else:
        compare(field.type, service, found, name)


def compare_input(fields, added, service, wanted, where):
    """What is sent is what the body takes, name by name and into the objects inside it."""
    names = {to_snake_case(each): one for each, one in fields.items()}
    assert names.keys() | added == wanted["properties"].keys(), where
    always = {each for each, one in names.items() if is_non_null_type(one.type)} | added
    assert set(wanted.get("required", [])) <= always, where
    for name, one in names.items():
        kind, inner = get_named_type(one.type), resolved(service, wanted["properties"][name])[0]
        inner = resolved(service, inner["items"])[0] if inner.get("type") == "array" else inner
        if isinstance(kind, GraphQLInputObjectType):
            compare_input(kind.fields, set(), service, inner, f"{where} > {name}")
        elif isinstance(kind, GraphQLEnumType) and "enum" in inner:
            offered = {getattr(each.value, "value", each.value) for each in kind.values.values()}
            assert offered & set(inner["enum"]), f"{where} > {name}"


@pytest.mark.parametrize(("name", "field", "declared"), WRITING, ids=[each[0] for each in WRITING])
def test_what_a_mutation_writes_is_taken_and_what_it_answers_is_given(name, field, declared):
    service = declared.service.name
    operation = route(service, declared.method, declared.route)
    if "requestBody" in operation:
        body = taken(service, operation)
        inputs = field.args["input"].type.of_type.fields
        sent = {to_snake_case(each) for each in inputs} - {"client_mutation_id"} | set(declared.adds)
        sent -= {each for each in sent if f"{{{each}}}" in declared.route}
        assert sent == set(body["properties"]), name
        always = {to_snake_case(each) for each, one in inputs.items() if is_non_null_type(one.type)} | set(
            declared.adds
        )
        assert set(body.get("required", [])) <= always
    found = answer(service, operation)
    if declared.gives is None:
        assert found is None
    else:
        payload = get_named_type(field.type)
        [given] = [each for each in payload.fields if each not in {"errors", "clientMutationId"}]
        compare(payload.fields[given].type, service, found, name)


def test_every_member_a_type_shows_is_answered_somewhere():
    for each in ASKING:
        test_what_a_field_is_read_from_is_there_and_holds_what_its_type_shows(*each)
    for each in WRITING:
        test_what_a_mutation_writes_is_taken_and_what_it_answers_is_given(*each)
    missing = []
    for kind, uses in USES.items():
        for name, inner in CORE.type_map[kind].fields.items():
            declared = inner.extensions[BACKREF].metadata["kith"]
            member = to_snake_case(name) if isinstance(declared, Value) else getattr(declared, "key", None)
            if isinstance(declared, Value | Identifier) and not any(member in use[1]["properties"] for use in uses):
                missing.append(f"{kind}.{name}")
    assert missing == []
