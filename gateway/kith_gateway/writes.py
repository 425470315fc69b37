"""Mutations, declared: which service's write, what it takes, what it gives. The rest is generated.

Every mutation takes one `input` with an optional `clientMutationId` and answers a payload with its result, `errors` a
person can correct, and the `clientMutationId`. What a person cannot correct (not signed in, a service away) is an
error of the operation.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.tools import create_type
from strawberry.types import Info
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from kith_chassis.errors import Invalid
from kith_gateway.context import Context, refused
from kith_gateway.ids import decode_id
from kith_gateway.joins import Service, plain
from kith_gateway.naming import named
from kith_gateway.types import UserError, maybe
from kith_gateway.upstream import UpstreamError

_KEY = "kith"
_MAX_KEY = 200


class InvalidKey(Invalid):
    """clientMutationId is 1 to 200 printable ASCII characters."""

    code = "invalid_idempotency_key"


@strawberry.input
class Input:
    """What the input of every mutation may have."""

    client_mutation_id: str | None = maybe(
        "A new random id of this act, at most 200 characters: sent again with the same one, it is carried out once."
    )


@dataclass(frozen=True, slots=True)
class Write:
    """A write of a service.

    The members of `takes` named in `route` fill it, the rest and `adds` are the body. The JSON the service answers is
    the member `gives` of the payload. `public` needs no login; `keyed` passes `clientMutationId` on as idempotency
    key, which stores the answer: not for answers that hold fresh secrets. `alone` stands once in an operation, and
    with no other such: what tries secrets or is much work is counted in requests. `people` are who is named in each
    of its `rows`, see `naming.py`.
    """

    service: Service
    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    route: str
    takes: type
    gives: str | None
    adds: Mapping[str, Any] = field(default_factory=dict)
    public: bool = False
    keyed: bool = True
    alone: bool = False
    people: tuple[str, ...] = ()
    cost: int = 10


class WrittenField(StrawberryField):
    """A mutation whose resolver is its declaration."""

    @property
    def is_basic_field(self) -> bool:
        return False

    def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        if info is None:
            return super().get_result(source, info, args, kwargs)
        return _write(self.metadata[_KEY], info.context, kwargs["input"])


def mutation(
    name: str,
    service: Service,
    method: Literal["POST", "PUT", "PATCH", "DELETE"],
    route: str,
    *,
    takes: type,
    description: str,
    gives: tuple[str, Any, str] | None = None,
    bound: int | None = None,
    adds: Mapping[str, Any] | None = None,
    public: bool = False,
    keyed: bool = True,
    alone: bool = False,
    people: tuple[str, ...] = (),
) -> StrawberryField:
    """A mutation `name` (snake_case); `gives` is the name, type and description of its result in the payload."""
    pascal = to_camel_case(f"_{name}").lstrip("_")
    pascal = pascal[0].upper() + pascal[1:]
    fields = []
    if gives is not None:
        fields.append(_payload_field(gives[0], gives[1] | None, gives[2], bound))
    fields.append(_payload_field("errors", list[UserError], "What to correct; empty when it was done.", 100))
    fields.append(_payload_field("client_mutation_id", str | None, "The id given with the input."))
    payload = create_type(f"{pascal}Payload", fields, description=f"What `{to_camel_case(name)}` answers.")
    payload_of = gives[0] if gives else None
    declared = Write(service, method, route, takes, payload_of, adds or {}, public, keyed, alone, people)
    made = WrittenField(
        python_name=name,
        type_annotation=StrawberryAnnotation(payload | None),
        description=description,
        metadata={_KEY: declared},
    )
    made.arguments = [StrawberryArgument("input", None, StrawberryAnnotation(takes), description="What to do.")]
    return made


def _payload_field(name: str, type_: Any, description: str, bound: int | None = None) -> StrawberryField:
    made: StrawberryField = plain(description, bound=bound)
    made.python_name = name
    made.type_annotation = StrawberryAnnotation(type_)
    return made


async def _write(declared: Write, context: Context, given: Any) -> dict[str, Any]:
    if not declared.public:
        context.credentials()  # before any work on what nobody knows who sent
    key = None if given.client_mutation_id is strawberry.UNSET else given.client_mutation_id
    payload: dict[str, Any] = {"errors": [], "client_mutation_id": key}
    try:
        if key is not None and not (1 <= len(key) <= _MAX_KEY and key.isascii() and key.isprintable()):
            raise refused(InvalidKey(fields=[{"path": ["client_mutation_id"], "reason": InvalidKey.title()}]))
        body = as_json(given) | dict(declared.adds)
        values = {name: body.pop(name) for name in list(body) if f"{{{name}}}" in declared.route}
        if declared.people:
            body["rows"] = await named(context, body["rows"], declared.people)
        answered = await context.tell(
            declared.service.name,
            declared.method,
            declared.route,
            values=values,
            body=body if declared.method != "DELETE" else None,
            key=key if declared.keyed else None,
            public=declared.public,
            cost=declared.cost,
        )
    except UpstreamError as error:
        unauthenticated = error.status == 401 and not declared.public  # noqa: PLR2004 -- HTTP
        if not 400 <= error.status < 500 or unauthenticated:  # noqa: PLR2004 -- HTTP
            raise
        payload["errors"] = user_errors(error)
        return payload
    if declared.gives is not None:
        payload[declared.gives] = answered
    return payload


def as_json(given: Any, path: tuple[str, ...] = ()) -> Any:
    """An input as the JSON a service takes: snake_case names, keys for global ids, nothing for what was left out.

    It calls itself once for each list or object inside another; the guard has bounded those.
    """
    if isinstance(given, list):
        if given and isinstance(given[0], dict | str | int | float):
            return given  # as long as a member list is: nothing in it is ours to rename
        return [as_json(each, (*path, str(index))) for index, each in enumerate(given)]
    if isinstance(given, Enum):
        return given.value
    if not (dataclasses.is_dataclass(given) and not isinstance(given, type)):
        return given
    made: dict[str, Any] = {}
    for member in dataclasses.fields(given):
        found = getattr(given, member.name)
        if found is strawberry.UNSET or member.name == "client_mutation_id":
            continue
        here = (*path, member.name)
        refers = member.metadata.get("refers")
        if refers is None or found is None:
            made[member.name] = as_json(found, here)
        elif isinstance(found, list):
            made[member.name] = [_key(each, refers, (*here, str(index))) for index, each in enumerate(found)]
        else:
            made[member.name] = _key(found, refers, here)
    return made


def _key(found: Any, refers: str, path: tuple[str, ...]) -> str:
    try:
        return decode_id(found, refers, to_camel_case(path[-1]))
    except UpstreamError as error:
        error.problem = {**error.problem, "fields": [{"path": ["body", *path], "reason": str(error)}]}
        raise


def user_errors(error: UpstreamError) -> list[dict[str, Any]]:
    """A problem as what a person can correct: one for each field it names, or one about the whole."""
    fields = error.problem.get("fields")
    if not fields:
        return [{"code": error.code, "message": str(error), "path": None}]
    return [
        {
            "code": error.code,
            "message": each["reason"],
            "path": ["input", *(to_camel_case(str(part)) for part in each["path"] if part != "body")],
        }
        for each in fields
    ]
