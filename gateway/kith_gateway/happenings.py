"""What a subscription tells of, as a declaration: which events, to whom, and which arguments narrow it down.

    post_written: PostWritten | None = happening(
        {"groups.post_written.v1": ""}, permission="groups:take_part", arguments=(...), …
    )

An event becomes an object `{"cursor", "happened_at", "became"?, …its data}`, and the fields selected of it are declared
like those of anything else: what they show is read from the services, as whoever listens.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from strawberry.annotation import StrawberryAnnotation
from strawberry.types import Info
from strawberry.types.arguments import StrawberryArgument

from kith_gateway.joins import Argument, DeclaredField


@dataclass(frozen=True, slots=True)
class Happening:
    """A field of `Subscription`.

    types       events by type, each with what the thing it is about has become by it
    permission  what one must be permitted
    to          members of the event's data: it is told to those they name alone; empty: to the whole community
    arguments   members of the event's data that can be asked for
    """

    types: Mapping[str, str]
    permission: str
    to: tuple[str, ...] = ()
    arguments: tuple[Argument, ...] = ()


class HappeningField(DeclaredField):
    """Its value stands under its name in the root value, made of one event."""

    @property
    def is_basic_field(self) -> bool:
        return True

    def get_result(
        self,
        source: Any,
        info: Info | None,  # noqa: ARG002 -- Strawberry's signature
        args: list[Any],  # noqa: ARG002 -- the same
        kwargs: Any,  # noqa: ARG002 -- the same
    ) -> Awaitable[Any] | Any:
        return source.get(self.python_name)


def happening(
    types: Mapping[str, str],
    *,
    permission: str,
    description: str,
    to: tuple[str, ...] = (),
    arguments: tuple[Argument, ...] = (),
) -> Any:
    """A field of `Subscription`; see Happening. Each takes `after`, a cursor of its payloads."""
    field = HappeningField(description=description, metadata={"kith": Happening(types, permission, to, arguments)})
    after = "The `cursor` of the last payload that came, or that of `connection_ack`: what was missed comes first."
    every = (*arguments, Argument("after", str | None, after, None))
    field.arguments = [
        StrawberryArgument(
            each.name, None, StrawberryAnnotation(each.type), description=each.description, default=each.default
        )
        for each in every
    ]
    return field
