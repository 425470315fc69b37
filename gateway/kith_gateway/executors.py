"""The two ways to carry an operation out, and which of them does.

A plan does what it can; what the compiler refuses, and what did not go as declared, is for the ordinary executor.
Queries change nothing, so running one again is safe, and it runs over the answers the services gave already.
"""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError, OperationType
from prometheus_client import Counter
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult

from kith_gateway.context import Context
from kith_gateway.inputs import refusal
from kith_gateway.operations import examine
from kith_gateway.runs import GivenUpError, Run
from kith_gateway.schema import schema

OPERATIONS = Counter("graphql_operations", "Operations by how they were carried out.", ["by"])
_PLANNED = OPERATIONS.labels("plan")


async def carry_out(context: Context, text: str, variables: Mapping[str, Any] | None) -> ExecutionResult:
    """The result of an operation; its data may be structs, to be encoded by msgspec."""
    given = dict(variables or {})
    try:
        operation = examine(schema._schema, text, context)  # noqa: SLF001 -- the graphql-core schema has no public name
    except GraphQLError as error:
        return _refused([error])
    troubles = operation.troubles(context, given)
    if troubles:
        return _refused(troubles)
    if operation.kind is OperationType.SUBSCRIPTION:
        return _refused([refusal("SUBSCRIPTION", "Subscriptions go over a WebSocket, as graphql-transport-ws.")])
    planned = operation.plan(given) if context.plans else None
    if planned is not None:
        root, coerced = planned
        try:
            data = await Run(context, coerced).data(root)
        except GivenUpError:
            OPERATIONS.labels("plan, then ordinary").inc()
            context.begin_again()
        else:
            _PLANNED.inc()
            return ExecutionResult(data=data, errors=None)
    else:
        OPERATIONS.labels("ordinary").inc()
    return await ordinary(context, text, variables)


async def ordinary(context: Context, text: str, variables: Mapping[str, Any] | None) -> ExecutionResult:
    """The result as graphql-core finds it."""
    try:
        return await schema.execute(
            text,
            variable_values=None if variables is None else dict(variables),
            operation_name=context.operation,
            context_value=context,
        )
    except (CannotGetOperationTypeError, InvalidOperationTypeError):
        return _refused(
            [refusal("GRAPHQL_VALIDATION_FAILED", "The document has no such operation; give its operationName.")]
        )


def _refused(errors: list[GraphQLError]) -> ExecutionResult:
    OPERATIONS.labels("refused").inc()
    return ExecutionResult(data=None, errors=errors)
