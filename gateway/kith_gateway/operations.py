"""An operation, looked over once: parsed, sized, validated, weighed, compiled; what depends on variables is kept apart.

Both executors go by it, so what is refused, what an operation costs and who must sign in is decided in one place.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
)
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.extensions import SchemaExtension

from kith_gateway.context import Context, Limits
from kith_gateway.guard import Weigher, check_size, operation_of, parsed, validated, whole
from kith_gateway.inputs import check_variables, nodes_of, refusal
from kith_gateway.plans import Compiler
from kith_gateway.shapes import RefusedError, Shape
from kith_gateway.upstream import UpstreamError

WRITES_BY_GET = "METHOD_NOT_ALLOWED"
_MAX_WEIGHED = 64
_MAX_PLANS = 8
MAX_NAME = 200
"""Characters of an operationName."""
_OWN = 100
"""Characters of a text that take as much memory as an operation does beside its text."""
_SHARE = 8
"""What alone would take more than such a part of all there may be is not remembered."""
_ABSENT = object()
_PLAIN: dict[str, type] = {"ID": str, "String": str, "Boolean": bool, "Int": int}
_INT = range(-(2**31), 2**31)


class Operation:
    """One operation of a document. Raises GraphQLError when the document is no document, or too large to be read."""

    def __init__(self, schema: GraphQLSchema, text: str, name: str | None, limits: Limits, introspection: bool) -> None:
        self.at = schema, text, name, limits, introspection
        self.size = len(text) + len(name or "") + _OWN
        self.schema, self.name, self.limits, self.introspection = schema, name, limits, introspection
        self._document: DocumentNode | None = parsed(text, limits.tokens)
        self._errors: tuple[GraphQLError, ...] | None = None
        self._needs_login = False
        self._asked: tuple[str, ...] | None = None
        self._costs: dict[tuple[Any, ...], int] = {}
        self._query: _Query | None = None
        self.kind: OperationType | None = None

    @property
    def document(self) -> DocumentNode:
        """What it says; read again, and kept then, where the plan that stands in its place does not do."""
        if self._document is None:
            self._document = parsed(self.at[1], self.limits.tokens)
        return self._document

    @property
    def node(self) -> OperationDefinitionNode | None:
        """The operation in the document."""
        return operation_of(self.document.definitions, self.name)

    def troubles(self, request: Context, variables: dict[str, Any]) -> list[GraphQLError]:
        """Why it is not to be carried out with these variables; `request.cost` is what it costs."""
        try:
            check_variables(variables)
            request.cost = self._weigh(variables)
            if self._errors is None:
                self._errors = self._looked_over()
                if self.kind is not None:
                    remembered.keep(self)
            if request.reads and self.kind in {OperationType.MUTATION, OperationType.SUBSCRIPTION}:
                raise refusal(WRITES_BY_GET, "What changes something is sent with POST; a link or an image is a GET.")
            if self._needs_login:
                # Nothing of it can be carried out, so its inputs need not be converted either.
                request.credentials()
            if not self._errors:
                request.pay(request.cost)
        except UpstreamError as error:
            return [GraphQLError(str(error), extensions=error.extensions)]
        except GraphQLError as error:
            return [error]
        if not self._errors:
            request.looked_over = self
        return list(self._errors)

    def _looked_over(self) -> tuple[GraphQLError, ...]:
        """What is wrong with it whatever its variables; when nothing is, who may run it and how."""
        errors = validated(self.schema, self.document, self.introspection)
        if errors:
            return errors
        weigher = Weigher(self.schema, self.document, {}, self.limits)
        try:
            writes = weigher.writes(self.name)
        except GraphQLError as error:
            return (error,)
        node = self.node
        self.kind = None if node is None else node.operation
        # Where something can be written without signing in, the rest is refused field by field.
        self._needs_login = bool(writes) and not any(each.public for each in writes.values())
        if node is not None and self.kind is not OperationType.MUTATION:
            self._query = _Query(self.schema, self.document, node)
        return ()

    def _weigh(self, variables: dict[str, Any]) -> int:
        """The cost, remembered by the variables it depends on: those that say how many things are wanted."""
        if self._asked is not None:
            at = self._at(self._asked, variables)
            if at in self._costs:
                return self._costs[at]
        else:
            check_size(self.document)
        weigher = Weigher(self.schema, self.document, variables, self.limits)
        cost = weigher.weigh(self.name)
        self._asked = tuple(sorted(weigher.asked))
        if len(self._costs) >= _MAX_WEIGHED:
            self._costs.clear()
        self._costs[self._at(self._asked, variables)] = cost
        return cost

    @staticmethod
    def _at(names: tuple[str, ...], variables: dict[str, Any]) -> tuple[Any, ...]:
        # A list counts by its length, told apart from a number that is the same.
        found = [variables.get(name, _ABSENT) for name in names]
        return tuple(
            [(len(each),) if isinstance(each, list) else each if each is _ABSENT else whole(each) for each in found]
        )

    def plan(self, variables: Mapping[str, Any]) -> tuple[Shape, dict[str, Any]] | None:
        """How to carry it out, and the variables as they are then; None where that is for the ordinary executor."""
        if self._query is None:
            return None
        is_first = not self._query.plans
        found = self._query.plan(self, variables)
        if is_first and found is not None and self.kind is OperationType.QUERY and self._query.is_plain:
            self._document = None  # half of what an operation takes, and most of what a collector has to look through
        return found


class _Query:
    """A valid query or subscription, and its plans: one for each choice of what @skip and @include leave in."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.plans: dict[tuple[Any, ...], Shape | None] = {}
        self.switches = tuple(sorted(set(_switches(document))))
        self.defaults: dict[str, Any] = {}
        self.plain: list[tuple[str, type | None, bool]] = []
        for each in operation.variable_definitions or ():
            name, type_ = each.variable.name.value, each.type
            bare = type_.type if isinstance(type_, NonNullTypeNode) else type_
            kind = getattr(getattr(bare, "name", None), "value", "")
            self.plain.append((name, _PLAIN.get(kind), isinstance(type_, NonNullTypeNode)))
            if each.default_value is not None:
                default = get_variable_values(schema, [each], {})
                if isinstance(default, VariableValues):
                    self.defaults |= default.coerced

    @property
    def is_plain(self) -> bool:
        """Whether one plan and no look at the document does for all values of the variables, but wrong ones."""
        return not self.switches and all(kind is not None for _, kind, _ in self.plain)

    def plan(self, operation: Operation, variables: Mapping[str, Any]) -> tuple[Shape, dict[str, Any]] | None:
        coerced = self._coerced(operation, variables)
        if coerced is None:
            return None
        at = tuple(map(coerced.get, self.switches))
        if at not in self.plans:
            if len(self.plans) >= _MAX_PLANS:
                self.plans.clear()
            switches = {name: coerced[name] for name in self.switches if name in coerced}
            self.plans[at] = self._compiled(operation, switches)
        found = self.plans[at]
        return None if found is None else (found, coerced)

    @staticmethod
    def _compiled(operation: Operation, switches: dict[str, Any]) -> Shape | None:
        node = operation.node
        if node is None:
            return None
        try:
            return Compiler(operation.schema, operation.document, node, VariableValues({}, switches)).root()
        except (RefusedError, GraphQLError):
            return None

    def _coerced(self, operation: Operation, variables: Mapping[str, Any]) -> dict[str, Any] | None:
        """The variables as GraphQL reads them; None when one is wrong. What is plainly right takes no detour."""
        found = {}
        for name, kind, required in self.plain:
            value = variables.get(name, _ABSENT)
            if value is _ABSENT and name in self.defaults:
                found[name] = self.defaults[name]
            elif value is _ABSENT and not required:
                pass
            elif (value is None and not required) or (type(value) is kind and (kind is not int or value in _INT)):
                found[name] = value
            else:
                node = operation.node
                defined = (node and node.variable_definitions) or ()
                coerced = get_variable_values(operation.schema, defined, dict(variables), max_errors=1)
                return coerced.coerced if isinstance(coerced, VariableValues) else None
        return found


def _switches(document: DocumentNode) -> Iterator[str]:
    """The variables that say whether something is left in."""
    for node in nodes_of(document):
        if isinstance(node, DirectiveNode):
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value


class _Remembered:
    """The valid operations used last, as many as the text of their documents allows."""

    def __init__(self) -> None:
        self.size = 0
        self._operations: OrderedDict[Any, Operation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._operations)

    def clear(self) -> None:
        self._operations.clear()
        self.size = 0

    def find(self, at: tuple[Any, ...]) -> Operation | None:
        known = self._operations.get(at)
        if known is not None:
            self._operations.move_to_end(at)
        return known

    def keep(self, operation: Operation) -> None:
        most = operation.limits.remembered
        if operation.size > most // _SHARE or operation.at in self._operations:
            return
        self._operations[operation.at] = operation
        self.size += operation.size
        while self.size > most:
            _, old = self._operations.popitem(last=False)
            self.size -= old.size


remembered = _Remembered()


def examine(schema: GraphQLSchema, text: str, request: Context) -> Operation:
    """The operation a request asks for. Raises GraphQLError for a text that is no document, or too large to be read."""
    if request.operation is not None and len(request.operation) > MAX_NAME:
        raise refusal("TOO_LARGE", f"The operationName has more than {MAX_NAME} characters.")
    at = schema, text, request.operation, request.limits, request.introspection
    known: Operation | None = request.looked_over
    if known is not None and known.at == at:
        return known
    return remembered.find(at) or Operation(*at)


class Guarded(SchemaExtension):
    """Lets the ordinary executor go by the same operations."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        schema = context.schema._schema  # noqa: SLF001 -- the graphql-core schema has no public name
        self.operation = examine(schema, context.query or "", context.context)
        context.graphql_document = self.operation.document
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        known = context.context.looked_over is self.operation
        # A list, be it empty: Strawberry then does not validate again what was validated when it was first seen.
        context.pre_execution_errors = (
            [] if known else self.operation.troubles(context.context, context.variables or {})
        )
        yield
