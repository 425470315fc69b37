"""What a subscribe message asks for: the same parser, limits, validation and weighing as for a query."""

from collections.abc import Mapping
from typing import Any

from graphql import FieldNode, OperationType, VariableNode
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from graphql.language import FragmentDefinitionNode
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.utils.str_converters import to_camel_case, to_snake_case

from kith_gateway.context import Context
from kith_gateway.happenings import Happening
from kith_gateway.ids import decode_id
from kith_gateway.inputs import nodes_of, refusal
from kith_gateway.joins import declaration_of
from kith_gateway.live.feeds import Wish
from kith_gateway.live.sharing import is_same_for_all
from kith_gateway.operations import examine
from kith_gateway.schema import schema

_CORE = schema._schema  # noqa: SLF001 -- the graphql-core schema has no public name


def happenings() -> list[Happening]:
    """All that can be listened to."""
    root = _CORE.subscription_type
    fields = root.fields.values() if root is not None else ()
    return [declaration_of(each.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]) for each in fields]


def wished(context: Context, text: str, variables: Mapping[str, Any] | None = None) -> tuple[Wish, str | None, bool]:
    """What is asked for, after which cursor, and whether all who are permitted the same are shown the same.

    Raises GraphQLError, and UpstreamError for an argument that is none.
    """
    given = dict(variables or {})
    operation = examine(_CORE, text, context)
    for trouble in operation.troubles(context, given):
        raise trouble
    node = operation.node
    if node is None:
        raise refusal("GRAPHQL_VALIDATION_FAILED", "The document has no such operation; give its operationName.")
    if node.operation is not OperationType.SUBSCRIPTION:
        raise refusal("NOT_A_SUBSCRIPTION", "Here are subscriptions alone; send queries and mutations with POST.")
    values = get_variable_values(_CORE, node.variable_definitions or (), given, max_errors=1)
    if not isinstance(values, VariableValues):
        raise values[0]
    fragments = {
        each.name.value: FragmentDetails(each)
        for each in operation.document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    root = _CORE.get_root_type(node.operation)
    assert root is not None  # noqa: S101 -- the document is valid
    collected = collect_fields(_CORE, fragments, values, root, node).grouped_field_set
    if len(collected) != 1:  # @skip left nothing
        raise refusal("GRAPHQL_VALIDATION_FAILED", "A subscription has one field.")
    selected = next(iter(collected.values()))[0].node
    field = root.fields[selected.name.value]
    declared: Happening = declaration_of(field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF])
    arguments = get_argument_values(field, selected, values)
    asked = {}
    for argument in declared.arguments:
        found = arguments.get(to_camel_case(argument.name))
        if found is not None:
            asked[argument.name] = decode_id(found, argument.refers or "", argument.name)
    for each in _only_for_after(operation.document, selected):
        given[each] = ""  # what is shared would be told apart by it, and without it `String!` would be wrong
    wish = Wish(_CORE, operation, declared, to_snake_case(selected.name.value), given, asked)
    return wish, arguments.get("after"), is_same_for_all(_CORE, operation.document, node)


def _only_for_after(document: Any, selected: FieldNode) -> list[str]:
    """The variable that says where to begin, if it says nothing else: it makes no difference to what is shown."""
    given = (each.value for each in selected.arguments or () if each.name.value == "after")
    names = [each.name.value for each in given if isinstance(each, VariableNode)]
    uses = [each.name.value for each in nodes_of(document) if isinstance(each, VariableNode)]
    return [name for name in names if uses.count(name) == 2]  # noqa: PLR2004 -- its definition, and there
