"""Rules every field of the schema keeps, and a schema that breaks each of them."""

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_list_type,
    is_non_null_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from kith_gateway.joins import GROUPS, Fetch, Join, Pages, declaration_of, fetched, joined, plain
from kith_gateway.schema import schema
from kith_gateway.types import maybe, taking
from kith_gateway.writes import Write, mutation

pytestmark = pytest.mark.unit
HELD_ONCE = {"Query", "Viewer"}


def own_types(core):
    return [kind for name, kind in core.type_map.items() if not name.startswith("__")]


def fields_of(core):
    """(type, name, field, declaration) of every field of every object type."""
    for kind in own_types(core):
        if isinstance(kind, GraphQLObjectType):
            for name, field in kind.fields.items():
                definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
                yield kind, name, field, declaration_of(definition) if definition else None


def nullable(type_):
    return type_.of_type if is_non_null_type(type_) else type_


def undescribed(core):
    for kind in own_types(core):
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType | GraphQLInterfaceType | GraphQLEnumType):
            if not kind.description:
                yield kind.name
            for name, field in getattr(kind, "fields", {}).items():
                if not field.description:
                    yield f"{kind.name}.{name}"
                yield from (
                    f"{kind.name}.{name}({a})" for a, arg in getattr(field, "args", {}).items() if not arg.description
                )


def unbounded(core):
    for kind, name, field, declared in fields_of(core):
        if is_list_type(nullable(field.type)) and not getattr(declared, "bound", None):
            yield f"{kind.name}.{name}"


def undeclared(core):
    yield from (f"{kind.name}.{name}" for kind, name, _, declared in fields_of(core) if declared is None)


def unbatched(core):
    for kind, name, _, declared in fields_of(core):
        if isinstance(declared, Fetch | Pages) and kind.name not in HELD_ONCE:
            yield f"{kind.name}.{name}"
        if isinstance(declared, Join) and not declared.route.startswith("/read/"):
            yield f"{kind.name}.{name}"


def all_or_nothing(core):
    """Fields that would take their parent with them when a service is away."""
    for kind, name, field, declared in fields_of(core):
        if isinstance(declared, Join | Fetch | Pages | Write) and is_non_null_type(field.type):
            yield f"{kind.name}.{name}"


def irregular_mutations(core):
    for name, field in core.mutation_type.fields.items():
        pascal = name[0].upper() + name[1:]
        payload, arguments = nullable(field.type), dict(field.args)
        given = arguments.pop("input", None)
        if given is None or arguments or not is_non_null_type(given.type):
            yield f"{name}: takes one input and nothing else"
        elif (given.type.of_type.name, payload.name) != (f"{pascal}Input", f"{pascal}Payload"):
            yield f"{name}: its types are named after it"
        elif "clientMutationId" not in given.type.of_type.fields or "clientMutationId" not in payload.fields:
            yield f"{name}: has a clientMutationId"
        elif str(payload.fields["errors"].type) != "[UserError!]!":
            yield f"{name}: has typed errors"


def unkeyed(core):
    """Mutations that may happen twice when they are sent again; only answers with fresh secrets are an excuse."""
    for kind, name, _, declared in fields_of(core):
        if isinstance(declared, Write) and not declared.keyed and not declared.public:
            yield f"{kind.name}.{name}"


def optional_yet_required(core):
    """Fields of an input that may be left out in Python and may not be in GraphQL."""
    for kind in own_types(core):
        for name, field in kind.fields.items() if isinstance(kind, GraphQLInputObjectType) else ():
            default = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].default
            if default is strawberry.UNSET and is_non_null_type(field.type):
                yield f"{kind.name}.{name}"


RULES = [
    optional_yet_required,
    unkeyed,
    undescribed,
    unbounded,
    undeclared,
    unbatched,
    all_or_nothing,
    irregular_mutations,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_schema_keeps_the_rule(rule):
    assert list(rule(schema._schema)) == []


@strawberry.type(description="A group.")
class Group:
    tags: list[str] = plain("No bound.")
    told: str = strawberry.field(resolver=lambda: "x", description="Coded.")
    members: list["Group"] = fetched(GROUPS, "/groups/{id}/members", bound=5, description="A call for each group.")
    parent: "Group" = joined(GROUPS, "/read/groups", key="parent_id", description="Non-null.")


@strawberry.type(description="What can be asked.")
class Query:
    groups: list[Group] | None = fetched(GROUPS, "/groups", bound=5, description="")


@taking
class Given:
    """An input."""

    text: str = maybe("Not nullable.")


@strawberry.type(description="What can be done.")
class Mutation:
    rename: str | None = plain("Takes no input.")

    twice: str | None = mutation("twice", GROUPS, "POST", "/twice", takes=Given, description="Twice.", keyed=False)

    @strawberry.mutation(description="Is coded.")
    def say(self, input: Given) -> str:  # noqa: A002 -- Relay's name
        return input.text


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (undescribed, "Query.groups"),
        (unbounded, "Group.tags"),
        (undeclared, "Group.told"),
        (unbatched, "Group.members"),
        (all_or_nothing, "Group.parent"),
        (optional_yet_required, "Given.text"),
        (unkeyed, "Mutation.twice"),
        (irregular_mutations, "twice: its types are named after it"),
        (irregular_mutations, "rename: takes one input and nothing else"),
    ],
)
def test_a_schema_that_breaks_the_rule_is_found_out(rule, found):
    assert found in list(rule(strawberry.Schema(query=Query, mutation=Mutation)._schema))
