"""GraphQL types every part of the schema uses."""

from collections.abc import Callable
from datetime import date, datetime
from enum import EnumMeta
from typing import Any, Generic, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from kith_gateway.joins import NODES, Service, plain

Cls = TypeVar("Cls", bound=type)
Words = TypeVar("Words", bound=EnumMeta)
Item = TypeVar("Item")


def record(cls: Cls) -> Cls:
    """An object type over a service's JSON; its docstring is what clients read."""
    made: Cls = strawberry.type(cls, description=_told(cls))
    return made


def enumeration(cls: Words) -> Words:
    """An enum whose values are the services' words; its docstring is what clients read."""
    return strawberry.enum(cls, description=_told(cls))


def taking(cls: Cls) -> Cls:
    """An input type; its docstring is what clients read."""
    made: Cls = strawberry.input(cls, description=_told(cls))
    return made


def _told(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def given(description: str, *, refers: str | None = None) -> Any:
    """A field an input must have; `refers` names the type whose global id it takes."""
    return strawberry.field(description=description, metadata={"refers": refers})


def maybe(description: str, *, refers: str | None = None) -> Any:
    """A field an input may have; left out, the service decides."""
    return strawberry.field(description=description, default=strawberry.UNSET, metadata={"refers": refers})


@strawberry.interface(description="Anything that can be fetched again by its global id alone.")
class Node:
    id: strawberry.ID = plain("Its global id.")

    @classmethod
    def is_type_of(cls, _: Any, __: Any) -> bool:
        """Data is plain JSON; which type it has follows from the field it is asked for with."""
        return True

    @classmethod
    def resolve_type(cls, found: Any, *_: Any) -> str:
        return str(found["__typename"])


def node(service: Service, route: str) -> Callable[[Cls], Cls]:
    """An object type whose things `node(id:)` finds with this batched read."""

    def register(cls: Cls) -> Cls:
        NODES[cls.__name__] = (service, route)
        return record(cls)

    return register


@strawberry.type(description="Where a page of a connection begins and ends.")
class PageInfo:
    has_next_page: bool = plain("Whether there are more after this page.")
    has_previous_page: bool = plain("Whether there are some before this page.")
    start_cursor: str | None = plain("Where the page begins.")
    end_cursor: str | None = plain("Where the page ends; give it as `after` to get the next.")


@strawberry.type(description="One thing in a connection.")
class Edge(Generic[Item]):
    node: Item = plain("The thing itself.")
    cursor: str = plain("Its place in the order of the connection.")


@strawberry.type(description="A page of things in a stable order.")
class Connection(Generic[Item]):
    edges: list[Edge[Item]] = plain("The things of this page.", bound=500)
    page_info: PageInfo = plain("Where it begins and ends.")


@record
class UserError:
    """What a person can correct: the operation changed nothing."""

    code: str = plain("What went wrong, for programs: UPPER_SNAKE, listed in the README of the service.")
    message: str = plain("What went wrong and what to do, for people.")
    path: list[str] | None = plain("The part of the input this is about, from `input` inwards.", bound=20)


def _time(found: Any) -> str:
    try:
        datetime.fromisoformat(found)
    except (TypeError, ValueError):
        raise GraphQLError("A DateTime is written like 2027-03-01T18:00:00Z.") from None
    return str(found)


def _day(found: Any) -> str:
    try:
        return date.fromisoformat(found).isoformat()
    except (TypeError, ValueError):
        raise GraphQLError("A Date is written like 2027-03-01.") from None


# The services write both as ISO 8601 text, and text they stay all the way to the client.
SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime", description="A moment, ISO 8601 with an offset.", serialize=str, parse_value=_time
    ),
    date: strawberry.scalar(name="Date", description="A day, ISO 8601.", serialize=str, parse_value=_day),
}
