"""What an operation may ask for, decided before it is validated, in one pass whose work is linear in the document.

Each fragment is weighed once, however often it is spread: limiters that walk every spread again can be made to work
for seconds by a few hundred bytes. Cost is what an operation asks the services for: one for each thing a join is
asked about, so a page of 50 members with their roles costs 1 + 50.
"""

import re
from collections.abc import Iterable
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Token,
    TokenKind,
    ValueNode,
    VariableNode,
    get_named_type,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from kith_gateway.context import Limits
from kith_gateway.inputs import check_literals, nodes_of, refusal
from kith_gateway.joins import AnyNode, AnyNodes, Fetch, Join, Pages, Value, declaration_of
from kith_gateway.places import Text
from kith_gateway.writes import Write

MAX_ERRORS = 10
MAX_TEXT = 100_000
"""Characters of a document: long values belong in variables, and documents are remembered."""
MAX_NESTING = 60
"""Brackets inside each other: the parser recurses, and 150 would end in a RecursionError."""
MAX_FIELDS = 1000
MAX_ALIASES = 50
MAX_REPEATED = 15
"""Fields that say again what stands beside them: validation compares each with each."""
MAX_FRAGMENTS = 40
MAX_SPREADS = 150
"""Fragments spread, by their name or in place."""
MAX_SHOWN = 100_000
"""Objects an answer could have, as lists are weighed: one that is read once may be shown in many places."""
_TYPICAL_LIST = 10
_MAX_INT = 2**31
MAX_NAMED = 400
"""What has a colon: arguments, members of objects, variables, aliases."""
MAX_DIRECTIVES = 100
MAX_INTROSPECTIONS = 1
"""`__schema` and `__type`, each of which may be answered with half of the schema."""
# A string without an end takes the rest: looking for it again at each of its quotes would take quadratic time.
_TOKEN = re.compile(
    r'"""(?:\\"""|.)*?(?:"""|\Z)|"(?:\\[^\n\r]|[^"\\\n\r])*"?|#[^\n\r]*|[{}()\[\]]'
    r"|\.\.\.|-?[0-9][0-9A-Za-z_.+-]*|[A-Za-z_]\w*|[^\s,\ufeff]",
    re.DOTALL | re.ASCII,
)
# Only what matches can hold a number of more than 64 bits, or a NUL.
_SUSPICIOUS = re.compile(r"\0|\\u|[0-9]{19}|[0-9][eE]")


_NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)


def parsed(text: str, max_tokens: int) -> DocumentNode:
    """The document of a text. Raises GraphQLError.

    What is too large is found by counting, at a fiftieth of what parsing it takes.
    """
    if len(text) > MAX_TEXT:
        raise refusal(
            "TOO_LARGE", f"The document has more than {MAX_TEXT:,} characters; give long values as variables."
        )
    _count(text, max_tokens)
    document = parse(Text(text), max_tokens=max_tokens)
    if _SUSPICIOUS.search(text):
        check_literals(document)
    for node in nodes_of(document):
        if node.loc is not None:  # errors tell places by offsets; tokens are a chain of the whole text
            node.loc.start_token = node.loc.end_token = _NO_TOKEN
    return document


def operation_of(definitions: Iterable[DefinitionNode], name: str | None) -> OperationDefinitionNode | None:
    """The operation of this name, or the first for no name."""
    for each in definitions:
        if isinstance(each, OperationDefinitionNode) and (name is None or (each.name and each.name.value == name)):
            return each
    return None


def _count(text: str, max_tokens: int) -> None:
    nesting = tokens = named = directives = 0
    for match in _TOKEN.finditer(text):
        found = match[0]
        if found[0] == "#":
            continue
        tokens += 1
        if found in "{([":
            nesting += 1
            if nesting > MAX_NESTING:
                raise refusal("TOO_DEEP", f"The document nests more than {MAX_NESTING} brackets.")
        elif found in "})]":
            nesting -= 1
        elif found == ":":
            named += 1
        elif found == "@":
            directives += 1
        if tokens > max_tokens:
            raise refusal("TOO_LARGE", f"The document has more than {max_tokens:,} tokens.")
    _check("names with a value", named, MAX_NAMED)
    _check("directives", directives, MAX_DIRECTIVES)


def _check(what: str, count: int, most: int) -> None:
    if count > most:
        raise refusal("TOO_LARGE", f"The document has {count} {what}; {most} are the most.")


def validated(schema: GraphQLSchema, document: DocumentNode, introspection: bool) -> tuple[GraphQLError, ...]:
    """What is wrong with a document, ten things at most. Without introspection nothing is suggested either."""
    rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
    return tuple(validate(schema, document, rules, max_errors=MAX_ERRORS - 1, hide_suggestions=not introspection))


def check_size(document: DocumentNode) -> None:
    """Refuse documents whose text alone would make validation slow."""
    fields = aliases = repeated = fragments = spreads = introspections = 0
    waiting: list[SelectionSetNode] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments += 1
        if isinstance(definition, FragmentDefinitionNode | OperationDefinitionNode):
            waiting.append(definition.selection_set)
    while waiting:
        seen: set[str] = set()
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                fields += 1
                aliases += node.alias is not None
                introspections += node.name.value in {"__schema", "__type"}
                answer = (node.alias or node.name).value
                repeated += answer in seen
                seen.add(answer)
            else:
                spreads += 1
            inner = getattr(node, "selection_set", None)
            if inner is not None:
                waiting.append(inner)
    for what, count, most in (
        ("fields", fields, MAX_FIELDS),
        ("aliases", aliases, MAX_ALIASES),
        ("repeated fields", repeated, MAX_REPEATED),
        ("fragments", fragments, MAX_FRAGMENTS),
        ("fragment spreads", spreads, MAX_SPREADS),
        ("introspections", introspections, MAX_INTROSPECTIONS),
    ):
        _check(what, count, most)


def whole(value: Any) -> int | None:
    """The number GraphQL reads for an Int in a variable, where 100.0 is one; None for what is none."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _MAX_INT:
        return int(value)
    return value if isinstance(value, int) else None


class Weigher:
    """Weighs an operation; `asked` is the variables its weight depends on."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any], limits: Limits
    ) -> None:
        self.schema, self.limits, self.given = schema, limits, variables
        self.operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self.variables: dict[str, Any] = {}
        self.weighed: dict[str, tuple[int, int, int]] = {}
        self.asked: set[str] = set()

    def weigh(self, name: str | None) -> int:
        """The cost of an operation. Raises GraphQLError when it is more than the limits allow."""
        if name is None and len(self.operations) != 1:
            raise refusal("GRAPHQL_VALIDATION_FAILED", "The document has several operations; give an operationName.")
        operation = operation_of(self.operations, name)
        if operation is None:
            return 0
        root = self.schema.get_root_type(operation.operation)
        defaults: dict[str, Any] = {}
        for each in operation.variable_definitions or ():
            if isinstance(each.default_value, IntValueNode):
                defaults[each.variable.name.value] = int(each.default_value.value)
            elif isinstance(each.default_value, ListValueNode):
                defaults[each.variable.name.value] = list(each.default_value.values)
        self.variables = defaults | self.given
        cost, shown, _ = self._selections(operation.selection_set, root, 1, 1)
        if cost > self.limits.cost:
            message = f"This operation costs {cost}; {self.limits.cost} is the most. Ask for smaller pages."
            raise GraphQLError(message, extensions={"code": "TOO_COSTLY", "cost": cost, "limit": self.limits.cost})
        if shown > MAX_SHOWN:
            message = f"This operation could show {shown:,} objects; {MAX_SHOWN:,} are the most. Ask for smaller pages."
            raise refusal("TOO_LARGE", message)
        return cost

    def writes(self, name: str | None) -> dict[str, Write]:
        """What a valid operation writes, by the names in its answer. Raises GraphQLError for two that stand alone."""
        operation = operation_of(self.operations, name)
        if operation is None or operation.operation is not OperationType.MUTATION:
            return {}
        fields = getattr(self.schema.mutation_type, "fields", {})
        waiting = [operation.selection_set]
        writes, spread = dict[str, Write](), set[str]()
        while waiting:
            for node in waiting.pop().selections:
                if isinstance(node, FieldNode):
                    found = fields.get(node.name.value)
                    field = None if found is None else found.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
                    declared = None if field is None else declaration_of(field)
                    if isinstance(declared, Write):  # and not __typename
                        writes[(node.alias or node.name).value] = declared
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    waiting.append(self.fragments[node.name.value].selection_set)
        alone = [each for each, declared in writes.items() if declared.alone]
        if len(alone) > 1:
            raise refusal("TOO_LARGE", f"Of {', '.join(sorted(alone)[:3])} there can be one in an operation.")
        return writes

    def _selections(
        self, selections: SelectionSetNode, parent: GraphQLNamedType | None, depth: int, nesting: int
    ) -> tuple[int, int, int]:
        """The cost of these selections for one parent, how many objects they show, and how many fields deep they go."""
        if depth > self.limits.depth or nesting > 3 * MAX_NESTING:
            raise refusal("TOO_DEEP", f"Fields stand more than {self.limits.depth} deep in each other.")
        total, objects, deepest = 0, 0, 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                cost, shown, inner = self._field(node, parent, depth, nesting)
                inner += 1
            elif isinstance(node, InlineFragmentNode):
                kind = self.schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                cost, shown, inner = self._selections(node.selection_set, kind, depth, nesting + 1)
            else:
                cost, shown, inner = self._spread(node, depth, nesting)
            total += cost
            objects += shown
            deepest = max(deepest, inner)
        return total, objects, deepest

    def _spread(self, node: Any, depth: int, nesting: int) -> tuple[int, int, int]:
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101 -- there are three kinds of selection
        name = node.name.value
        if name not in self.weighed:
            fragment = self.fragments.get(name)
            if fragment is None:
                return 0, 0, 0  # validation will say so
            self.weighed[name] = (0, 0, 0)  # a cycle weighs nothing; validation will refuse it
            kind = self.schema.get_type(fragment.type_condition.name.value)
            self.weighed[name] = self._selections(fragment.selection_set, kind, depth, nesting + 1)
        cost, shown, deep = self.weighed[name]
        if depth + deep - 1 > self.limits.depth:
            raise refusal("TOO_DEEP", f"Fields stand more than {self.limits.depth} deep in each other.")
        return cost, shown, deep

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType | None, depth: int, nesting: int
    ) -> tuple[int, int, int]:
        fields = getattr(parent, "fields", {})
        found = fields.get(node.name.value)
        if found is None:
            # Introspection, or something validation will refuse.
            return 0, 0, 0
        own, times = self._price(found.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF), node)
        if node.selection_set is None:
            return own, 0, 0
        named = get_named_type(found.type)
        inner, shown, deep = self._selections(node.selection_set, named, depth + 1, nesting + 1)
        return own + times * inner, times * (1 + shown), deep

    def _price(self, field: StrawberryField | None, node: FieldNode) -> tuple[int, int]:
        """What a field costs itself, and for how many things its selections are asked."""
        price = (0, 1)
        match declaration_of(field) if field is not None else None:
            case Pages(first=first) | Join(first=int(first)):
                price = 1, self._first(node, first)
            case Join(bound=bound) | Fetch(bound=bound):
                price = 1, min(bound or 1, _TYPICAL_LIST)
            case AnyNodes():
                times = self._many(node)
                price = times, times
            case AnyNode():
                price = 1, 1
            case Write(cost=cost):
                price = cost, 1
            case Value(bound=int(bound)) if field is not None and field.python_name != "edges":
                price = 0, min(bound, _TYPICAL_LIST)  # a connection's page is multiplied where it is asked for
        return price

    def _many(self, node: FieldNode) -> int:
        """How many ids are given."""
        for argument in node.arguments or ():
            if isinstance(argument.value, ListValueNode):
                return len(argument.value.values)
            if isinstance(argument.value, VariableNode):
                self.asked.add(argument.value.name.value)
                found = self.variables.get(argument.value.name.value)
                return len(found) if isinstance(found, list) else _TYPICAL_LIST
        return 1

    def _first(self, node: FieldNode, default: int) -> int:
        """How many things are asked for, from the beginning or from the end."""
        counts = [self._count(each.value) for each in node.arguments or () if each.name.value in {"first", "last"}]
        return max((each for each in counts if each is not None), default=default)

    def _count(self, value: ValueNode) -> int | None:
        """A number in an argument, 1 at least; None for none."""
        if isinstance(value, IntValueNode):
            return max(int(value.value), 1)
        if not isinstance(value, VariableNode):
            return None
        self.asked.add(value.name.value)
        found = whole(self.variables.get(value.name.value))
        return None if found is None else max(found, 1)
