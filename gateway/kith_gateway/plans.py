"""An operation compiled: every selection set a shape, every field of another service a site that knows how to ask.

The compiler reads the same declarations that the ordinary resolvers are made of, collects fields as the ordinary
executor does, and refuses what it cannot do (RefusedError) instead of guessing at it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.utilities import coerce_input_literal
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_snake_case

from kith_gateway.happenings import Happening
from kith_gateway.joins import (
    NODES,
    AnyNode,
    Calling,
    Declaration,
    Fetch,
    Identifier,
    Join,
    Pages,
    Value,
    declaration_of,
)
from kith_gateway.pages import Turn, cursor_of
from kith_gateway.shapes import Joined, Layout, Read, RefusedError, Shape, leaf

MAX_SHAPES = 150
"""Selection sets of one plan: fragments spread in fragments could make a short document a plan without end."""
_ONCE = frozenset({"Query", "Viewer"})
"""Types of which an answer holds one thing: only there a field may ask with a request of its own."""


@dataclass(frozen=True, slots=True)
class Passed:
    """An argument: a variable's value if it has one, else `value` (Undefined: the argument is left out)."""

    name: str
    variable: str | None
    value: Any
    required: bool


@dataclass(frozen=True)
class Site:
    """A field another service answers: how it is declared, with which arguments, and what of the answer is read."""

    declared: Declaration
    passed: tuple[Passed, ...]
    read: Read
    listed: bool = False
    choices: "Choices | None" = None
    page: "PageOf | None" = None

    def given(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, by their names in Python. Raises LookupError for a null where none may be."""
        given = {}
        for each in self.passed:
            value = variables.get(each.variable, each.value) if each.variable is not None else each.value
            if value is None and each.required:
                raise LookupError(each.name)
            if value is not Undefined:
                given[each.name] = value
        return given

    @cached_property
    def one(self) -> "msgspec.json.Decoder[Any]":
        """Decodes the answer to a request of its own."""
        return msgspec.json.Decoder(self.read.type)

    @cached_property
    def many(self) -> "msgspec.json.Decoder[list[Any]]":
        """Decodes the answer to a batched read: one entry per key."""
        return msgspec.json.Decoder(list[self.read.type])  # type: ignore[name-defined]


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a page: structs of `columns`, each with the name of what stands in it."""

    columns: tuple[str, ...]
    kind: str
    shown: Any

    def of(self, items: list[Any], cursors: list[str]) -> list[Any]:
        filled = {"node": items, "cursor": cursors, "__typename": [self.kind] * len(items)}
        return list(map(self.shown, *(filled[each] for each in self.columns)))


@dataclass(frozen=True, eq=False)
class PageOf:
    """What of a page is shown: the `fields` of the connection by their keys, each with what it is."""

    things: Shape
    fields: tuple[tuple[str, Edges | dict[str, str] | str], ...]

    @cached_property
    def decoder(self) -> "msgspec.json.Decoder[Any]":
        items: Any = list[self.things.read]  # type: ignore[name-defined]
        fields: list[Any] = [("items", items), ("next_cursor", str | None, None)]
        return msgspec.json.Decoder(msgspec.defstruct("Page", fields))

    @cached_property
    def cursors(self) -> bool:
        return any(isinstance(each, Edges) and "cursor" in each.columns for _, each in self.fields)

    def connection(self, items: list[Any], more: str | None, turn: Turn) -> dict[str, Any]:
        """The same as `pages.connection`. The items must still be as they were read."""
        cursors = list(map(self._cursor, items)) if self.cursors else []
        answer: dict[str, Any] = {}
        for key, shown in self.fields:
            if isinstance(shown, Edges):
                answer[key] = shown.of(items, cursors)
            elif isinstance(shown, dict):
                info = self._info(items, more, turn)
                answer[key] = {inside: info[what] for inside, what in shown.items()}
            else:
                answer[key] = shown
        return answer

    def _info(self, items: list[Any], more: str | None, turn: Turn) -> dict[str, Any]:
        previous, following = turn.more(more)
        start, end = turn.ends((self._cursor(items[0]), self._cursor(items[-1])) if items else None, more)
        return {
            "hasNextPage": following,
            "hasPreviousPage": previous,
            "startCursor": start,
            "endCursor": end,
            "__typename": "PageInfo",
        }

    def _cursor(self, item: Any) -> str:
        return cursor_of([get(item) for get in self.things.cursor])


@dataclass(eq=False)
class Choices:
    """What is read of a thing whose type is known only when the operation runs: compiled when it is first met."""

    compiler: "Compiler"
    details: list[FieldDetails]
    known: dict[str, Site | None] = field(default_factory=dict)

    def of(self, kind: str) -> Site | None:
        """How a thing of this type is read; None when that is not for a plan."""
        if kind not in self.known and kind in NODES:
            service, route = NODES[kind]
            try:
                type_ = self.compiler.schema.type_map[kind]
                shape = self.compiler.inner(type_, self.details)
                self.known[kind] = Site(Join(service, route, "id"), (), Read(shape.read | None, 0, shape))
            except RefusedError:
                self.known[kind] = None
        return self.known.get(kind)


class Compiler:
    """Compiles one operation of a valid document, for one choice of what @skip and @include leave in."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self.schema, self.operation, self.variables = schema, operation, variables
        self.fragments = {
            each.name.value: FragmentDetails(each)
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self.shapes: dict[Any, Shape] = {}
        self.same: dict[Any, Shape] = {}
        self.begun = 0

    def root(self) -> Shape:
        """The shape of the whole answer. Raises RefusedError."""
        kind = self.schema.get_root_type(self.operation.operation)
        assert kind is not None  # noqa: S101 -- there is one
        fields = collect_fields(self.schema, self.fragments, self.variables, kind, self.operation)
        return self._shape(kind, fields.grouped_field_set)

    def inner(self, kind: Any, details: list[FieldDetails]) -> Shape:
        """The shape of what is selected of an object of this type. Raises RefusedError."""
        return self._shape(kind, self._collected(kind, details))

    def _collected(self, kind: GraphQLObjectType, details: list[FieldDetails]) -> GroupedFieldSet:
        found = collect_subfields(self.schema, self.fragments, self.variables, self.operation, kind, details)
        return found.grouped_field_set

    def _shape(self, kind: GraphQLObjectType, fields: GroupedFieldSet, ordering: Sequence[str] = ()) -> Shape:
        # The same nodes are the same selections: a fragment that is spread twice is one shape.
        at = (kind.name, tuple((key, *(id(each.node) for each in found)) for key, found in fields.items()), ordering)
        if at not in self.shapes:
            self.begun += 1
            if self.begun > MAX_SHAPES:
                raise RefusedError("too many selections")
            self.shapes[at] = self._made(kind, fields, ordering)
        return self.shapes[at]

    def _made(self, kind: GraphQLObjectType, fields: GroupedFieldSet, ordering: Sequence[str]) -> Shape:
        layout = Layout(kind.name)
        joins, alone = [], []
        for key, details in fields.items():
            name = details[0].node.name.value
            if name == "__typename":
                layout.add(key, default=kind.name)
                continue
            found = kind.fields.get(name)
            definition: StrawberryField | None = found and found.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            if found is None or definition is None:
                raise RefusedError(name)
            declared = declaration_of(definition)
            nullable = not is_non_null_type(found.type)
            match declared:
                case Value() | Happening():
                    layout.value(key, definition.python_name, self._read(found.type, details), nullable=nullable)
                case Identifier(of, member):
                    layout.identifier(key, member, of, nullable=nullable)
                case Join(argument=None) if nullable:
                    joins.append((layout.add(key), declared, self._site(declared, found, details)))
                case Join() | Fetch() | Pages() | Calling() | AnyNode() if nullable and kind.name in _ONCE:
                    alone.append((layout.add(key).at, self._site(declared, found, details)))
                case _:
                    raise RefusedError(name)
        keyed = tuple(Joined(slot.at, layout.key(declared.key, slot), site) for slot, declared, site in joins)
        cursor = tuple(layout.ordering(member) for member in ordering)
        # Selections that say the same in two places are read the same way, so that one answer serves both.
        signature = (layout.signature(), keyed, tuple(alone), cursor)
        if signature not in self.same:
            self.same[signature] = Shape(layout, keyed, alone, cursor)
        return self.same[signature]

    def _site(self, declared: Declaration, found: GraphQLField, details: list[FieldDetails]) -> Site:
        passed = self._passed(found, details[0])
        match declared:
            case AnyNode():
                return Site(declared, passed, Read(None), choices=Choices(self, details))
            case Pages():
                return Site(declared, passed, Read(None), page=self._page(declared, found, details))
            case Join(shape="each") | Join(pick=str()):
                raise RefusedError(declared.route)
            case Join(shape=shape):
                return Site(declared, passed, self._read(found.type, details), listed=shape == "list")
            case _:
                return Site(declared, passed, self._read(found.type, details))

    def _passed(self, found: GraphQLField, detail: FieldDetails) -> tuple[Passed, ...]:
        nodes = {each.name.value: each.value for each in detail.node.arguments or ()}
        passed = []
        for name, argument in found.args.items():
            node = nodes.get(name)
            value: Any = argument.default_value
            variable = None
            if isinstance(node, VariableNode):
                variable = node.name.value
            elif isinstance(node, ListValueNode | ObjectValueNode):
                raise RefusedError(name)
            elif node is not None:
                value = coerce_input_literal(node, argument.type)
                if value is Undefined:
                    raise RefusedError(name)
            passed.append(Passed(to_snake_case(name), variable, value, required=is_non_null_type(argument.type)))
        return tuple(passed)

    def _read(self, type_: GraphQLOutputType, details: list[FieldDetails]) -> Read:
        """How a value of this type is decoded, and which objects are in it."""
        if not is_non_null_type(type_):
            bare = self._bare(type_, details)
            return Read(bare.type | None, bare.depth, bare.shape)
        return self._bare(type_.of_type, details)

    def _bare(self, type_: Any, details: list[FieldDetails]) -> Read:
        if is_list_type(type_):
            inside = self._read(type_.of_type, details)
            return Read(list[inside.type], inside.depth + 1, inside.shape)  # type: ignore[name-defined]
        if is_leaf_type(type_):
            return Read(leaf(type_))
        if not is_object_type(type_):
            raise RefusedError(str(type_))
        shape = self.inner(type_, details)
        return Read(shape.read, 0, shape)

    def _page(self, declared: Pages, found: GraphQLField, details: list[FieldDetails]) -> PageOf:
        """A connection: `edges`, `pageInfo`, and of an edge `node` and `cursor`, as `pages.connection` makes them."""
        kind: Any = get_named_type(found.type)
        edge: Any = get_named_type(kind.fields["edges"].type)
        item: Any = get_named_type(edge.fields["node"].type)
        ordering = tuple(declared.cursor)
        things: Shape | None = None
        shown: list[tuple[str, Any]] = []
        for key, chosen in self._collected(kind, details).items():
            name = chosen[0].node.name.value
            if name == "edges":
                columns: list[str] = []
                fields = self._collected(edge, chosen)
                for nodes in fields.values():
                    what = nodes[0].node.name.value
                    if what == "node":
                        shape = self._shape(item, self._collected(item, nodes), ordering)
                        if things not in (None, shape):
                            raise RefusedError("nodes of an edge selected in two ways")
                        things = shape
                    columns.append(what)
                attributes = [(f"a{n}", Any, msgspec.field(name=inside)) for n, inside in enumerate(fields)]
                made = msgspec.defstruct(edge.name, attributes, gc=False)
                shown.append((key, Edges(tuple(columns), edge.name, made)))
            elif name == "pageInfo":
                info: Any = get_named_type(kind.fields["pageInfo"].type)
                asked = {inside: nodes[0].node.name.value for inside, nodes in self._collected(info, chosen).items()}
                shown.append((key, asked))
            else:
                shown.append((key, kind.name))
        if things is None:
            things = self._shape(item, {}, ordering)
        return PageOf(things, tuple(shown))
