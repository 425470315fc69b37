"""What people write into an operation, looked over before anything else touches it: variables and literals.

Both passes are linear and keep a list of what waits instead of calling themselves, so that no input, however deep,
reaches the recursion limit. After them everything that walks an input by recursion is bounded.
"""

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    Node,
    ObjectFieldNode,
    StringValueNode,
    VariableDefinitionNode,
)

MAX_INPUT_NESTING = 32
"""Lists and objects inside each other in a variable."""
MAX_VALUES = 50_000
"""Values in all variables together: what the largest list a service takes has, with room to spare."""
MAX_MEMBERS = 1000
"""Of one object: looking for what a wrong one may have meant takes a while for each."""
_MAX_INTEGER = 2**63
_MAX_DIGITS = 100
_MAX_SHOWN = 40
_NUL = "\0"
_KEY_OF_A_WRITE = "clientMutationId"
_At = tuple[Any, int, Any, "_At | None"]
"""A value, how deep it stands, its name or number in what it stands in, and where that is."""


def refusal(code: str, message: str, node: Node | None = None) -> GraphQLError:
    return GraphQLError(message, nodes=node, extensions={"code": code})


def check_variables(variables: dict[str, Any]) -> None:
    """Refuse variables that nest too deep, and what no service can store in them. Raises GraphQLError."""
    waiting: list[_At] = [(variables, 0, "", None)]
    values = 0
    while waiting:
        at = waiting.pop()
        found, depth, *_ = at
        values += len(found)
        if values > MAX_VALUES:
            raise refusal("TOO_LARGE", f"The variables have more than {MAX_VALUES:,} values; send them in parts.")
        keyed = isinstance(found, dict)
        _check_extent(at, depth, len(found) if keyed else 0)
        items: Iterable[tuple[Any, Any]] = found.items() if keyed else enumerate(found)
        for key, each in items:
            if isinstance(each, str):
                if _NUL in each:
                    raise _nul(_place((each, depth, key, at)), key)
            elif isinstance(each, dict | list):
                waiting.append((each, depth + 1, key, at))
            elif isinstance(each, int) and not -_MAX_INTEGER <= each < _MAX_INTEGER:
                raise _too_large(_place((each, depth, key, at)))
            if keyed and _NUL in key:
                raise _nul(f"A name in {_place(at)}", key)


def _check_extent(at: _At, depth: int, members: int) -> None:
    if depth > MAX_INPUT_NESTING:
        raise refusal("BAD_USER_INPUT", f"{_place(at)} nests more than {MAX_INPUT_NESTING} lists and objects.")
    if members > MAX_MEMBERS:
        raise refusal("TOO_LARGE", f"{_place(at)} has more than {MAX_MEMBERS:,} members.")


def check_literals(document: DocumentNode) -> None:
    """Refuse literals no service can store; how deep they nest is bounded where text is parsed. Raises GraphQLError."""
    waiting: list[tuple[Node, str, str]] = [(document, "The document", "")]
    while waiting:
        node, place, key = waiting.pop()
        if isinstance(node, StringValueNode) and _NUL in node.value:
            raise _nul(place, key, node)
        if isinstance(node, IntValueNode | FloatValueNode) and not _fits(node):
            raise _too_large(place, node)
        waiting.extend((each, *_inside(each, place, key)) for each in _parts(node))


def nodes_of(document: Node) -> Iterator[Node]:
    """Every node of a document, itself first."""
    waiting = [document]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(_parts(node))


def _parts(node: Node) -> Iterator[Node]:
    for name in node.keys:
        inner = getattr(node, name, None)
        for each in inner if isinstance(inner, list | tuple) else (inner,):
            if isinstance(each, Node):
                yield each


def _inside(node: Node, place: str, key: str) -> tuple[str, str]:
    """What a node is called in an error, and the name of the member of an object it is, or is in."""
    match node:
        case FieldNode() | DirectiveNode():
            place = node.name.value[:_MAX_SHOWN]
        case ArgumentNode():
            place = f"{place}({node.name.value[:_MAX_SHOWN]}:)"
        case VariableDefinitionNode():
            place = f"${node.variable.name.value[:_MAX_SHOWN]}"
        case ObjectFieldNode():
            key = node.name.value
            place = f"{place}.{key[:_MAX_SHOWN]}"
    return place, key


def _fits(node: IntValueNode | FloatValueNode) -> bool:
    """Whether a number fits into 64 bits; its length first, as reading thousands of digits is refused or slow."""
    if len(node.value) > _MAX_DIGITS:
        return False
    if isinstance(node, IntValueNode):
        return -_MAX_INTEGER <= int(node.value) < _MAX_INTEGER
    return isfinite(float(node.value))


def _nul(place: str, key: Any, node: Node | None = None) -> GraphQLError:
    code = "INVALID_IDEMPOTENCY_KEY" if key == _KEY_OF_A_WRITE else "BAD_USER_INPUT"
    return refusal(code, f"{place} holds a NUL character (U+0000), which cannot be stored; leave it out.", node)


def _too_large(place: str, node: Node | None = None) -> GraphQLError:
    return refusal("BAD_USER_INPUT", f"{place} is a number that does not fit into 64 bits.", node)


def _place(at: _At) -> str:
    """Where something stands in the variables: `$input.rows[3].name`."""
    steps: list[str] = []
    _, _, key, outer = at
    while outer is not None:
        named = isinstance(outer[0], dict)
        steps.append(f".{key[:_MAX_SHOWN]}".replace(_NUL, "?") if named else f"[{key}]")
        _, _, key, outer = outer
    return "$" + "".join(reversed(steps)).removeprefix(".") if steps else "the variables"
