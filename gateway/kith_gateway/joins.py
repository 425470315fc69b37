"""Where a field's data comes from, as a declaration: data that a resolver is generated from and a compiler can read.

    @record
    class Post(Node):
        body: str = plain("What was written.")
        author: Member | None = joined(IDENTITY, "/read/members", key="author_id", description="Who wrote it.")

Everything between services and resolvers is the services' JSON, as plain dicts. A `Value` is a member of its parent's
object under the same name; the other kinds ask a service. `declaration_of(field)` gives any field's declaration.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from strawberry import ID
from strawberry.annotation import StrawberryAnnotation
from strawberry.types import Info
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from kith_chassis.errors import Invalid
from kith_gateway.context import Context, refused
from kith_gateway.ids import InvalidId, decode_id, encode_id, split_id
from kith_gateway.pages import Turn, connection, first_of

_KEY = "kith"


class TooMany(Invalid):
    """More than may be asked for at once."""

    code = "bad_user_input"


@dataclass(frozen=True, slots=True)
class Service:
    """A service the gateway joins, by the name its address is set under."""

    name: str


IDENTITY = Service("identity")
MATCHING = Service("matching")
GROUPS = Service("groups")
RECOGNITION = Service("recognition")
METRICS = Service("metrics")
DELIVERY = Service("delivery")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument passed on to a service; `refers` names the type whose global id it takes."""

    name: str
    type: Any
    description: str
    default: Any = ...
    refers: str | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A member of the parent's object; `bound` is the most items a list of it may hold."""

    bound: int | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """The global id of the thing of type `of` whose id is the parent's member `key`."""

    of: str
    key: str = "id"


@dataclass(frozen=True, slots=True)
class Join:
    """A batched read: `POST route {"keys": [...], "first"?}` answers one entry per key, in the order of the keys.

    The key is the parent's member `key`, or, at the root, the global id given as the argument `id`.

    shape   one: an object or null per key; list: a list per key, `first` items at most; each: `key` holds a list of
            keys, of each of which there is an object or null; value: anything, of which member `pick` is the field
    """

    service: Service
    route: str
    key: str
    argument: Argument | None = None
    shape: Literal["one", "list", "each", "value"] = "one"
    pick: str | None = None
    first: int | None = None
    bound: int | None = None


@dataclass(frozen=True, slots=True)
class Fetch:
    """One `GET` that is not batched: only for fields of things an answer holds once."""

    service: Service
    route: str
    arguments: tuple[Argument, ...] = ()
    bound: int | None = None


@dataclass(frozen=True, slots=True)
class Pages:
    """A keyset page as a connection: `GET route?first&after`, and backwards `after=-cursor`.

    `cursor` names the members its order is made of.
    """

    service: Service
    route: str
    arguments: tuple[Argument, ...] = ()
    cursor: tuple[str, ...] = ("id",)
    first: int = 20
    most: int = 500


@dataclass(frozen=True, slots=True)
class Calling:
    """The caller, as the access token says it."""


@dataclass(frozen=True, slots=True)
class AnyNode:
    """Anything that has a global id, by it; NODES says which read finds which type."""


@dataclass(frozen=True, slots=True)
class AnyNodes:
    """The same for several at once, `bound` at most, in the order of their ids."""

    bound: int = 100


NODES: dict[str, tuple[Service, str]] = {}
"""The batched read that finds things of a type by id."""

Declaration = Value | Identifier | Join | Fetch | Pages | Calling | AnyNode | AnyNodes


class DeclaredField(StrawberryField):
    """A field whose resolver is its declaration."""

    @property
    def is_basic_field(self) -> bool:
        return isinstance(self.metadata[_KEY], Value)

    def get_result(
        self,
        source: Any,
        info: Info | None,
        args: list[Any],  # noqa: ARG002 -- Strawberry's signature
        kwargs: Any,
    ) -> Awaitable[Any] | Any:
        declared: Declaration = self.metadata[_KEY]
        if isinstance(declared, Value) or info is None:
            return source.get(self.python_name)
        return _resolve(declared, source, info.context, kwargs)


def _resolve(declared: Declaration, source: Any, context: Context, given: Mapping[str, Any]) -> Awaitable[Any] | Any:
    """What the ordinary way of running an operation puts in the place of a declared field."""
    result: Awaitable[Any] | Any = None
    match declared:
        case Identifier(of, key):
            found = source.get(key)
            result = None if found is None else encode_id(of, found)
        case Join():
            result = _join(declared, source, context, given)
        case Fetch(service, route):
            values, query = passed_on(declared, source, given)
            result = context.ask(service.name, "GET", route, values=values, query=query)
        case Pages():
            result = _page(declared, source, context, given)
        case Calling():
            result = called(context)
        case AnyNode():
            result = _node(context, given["id"])
        case AnyNodes(bound):
            if len(given["ids"]) > bound:
                raise refused(TooMany(f"ids takes {bound} ids at most."))
            result = [_node(context, each) for each in given["ids"]]  # one that is wrong leaves the others alone
    return result


def declaration_of(field: StrawberryField) -> Any:
    """How a field is declared: a Declaration, or for a mutation a `writes.Write`; None for one nobody declared."""
    return field.metadata.get(_KEY)


def called(context: Context) -> dict[str, Any]:
    """The caller as an object; UpstreamError (UNAUTHENTICATED) for nobody."""
    caller = context.caller()
    return {"member_id": str(caller.subject), "permissions": sorted(caller.permissions)}


async def _join(declared: Join, source: Mapping[str, Any], context: Context, given: Mapping[str, Any]) -> Any:
    key: Any
    if declared.argument is not None and declared.argument.refers:
        key = decode_id(given[declared.argument.name], declared.argument.refers, declared.argument.name)
    else:
        key = source.get(declared.key)
    if not key:
        return [] if declared.shape in {"list", "each"} else None
    first = None if declared.first is None else first_of(given, declared.first, declared.bound or declared.first)
    loader = context.loader(declared.service.name, declared.route, first)
    if declared.shape == "each":
        return [found for found in await loader.load_many(key[: declared.bound]) if found is not None]
    found = await loader.load(key)
    return found[declared.pick] if declared.pick is not None and found is not None else found


async def _node(context: Context, found: str) -> dict[str, Any] | None:
    of, key = split_id(found)
    if of not in NODES:
        raise refused(InvalidId(f"Nothing of the kind {of[:40]} can be fetched by its id."))
    service, route = NODES[of]
    thing = await context.loader(service.name, route, None).load(key)
    return None if thing is None else {**thing, "__typename": of}


async def _page(declared: Pages, source: Mapping[str, Any] | None, context: Context, given: Mapping[str, Any]) -> Any:
    values, query = passed_on(declared, source, given)
    turn = Turn.of(given, declared.first, declared.most)
    query |= turn.query()
    page = await context.ask(declared.service.name, "GET", declared.route, values=values, query=query)
    return connection(page, cursor=declared.cursor, turn=turn)


def passed_on(
    declared: Fetch | Pages, source: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What fills the names in the route (the parent's members, then arguments), and the other arguments as a query."""
    values: dict[str, Any] = dict(source or {})
    query: dict[str, str] = {}
    for argument in declared.arguments:
        found = given.get(argument.name)
        if found is None:
            continue
        plain = decode_id(found, argument.refers, argument.name) if argument.refers else getattr(found, "value", found)
        if f"{{{argument.name}}}" in declared.route:
            values[argument.name] = plain
            continue
        query[argument.name] = str(plain).lower() if isinstance(plain, bool) else str(plain)
    return values, query


def _argument(name: str, type_: Any, description: str, default: Any = ...) -> StrawberryArgument:
    given = {} if default is ... else {"default": default}
    return StrawberryArgument(name, None, StrawberryAnnotation(type_), description=description, **given)


def _field(declared: Declaration, description: str, arguments: tuple[StrawberryArgument, ...] = ()) -> Any:
    field = DeclaredField(description=description, metadata={_KEY: declared})
    field.arguments = list(arguments)
    return field


def _taken(arguments: tuple[Argument, ...]) -> tuple[StrawberryArgument, ...]:
    return tuple(_argument(each.name, each.type, each.description, each.default) for each in arguments)


def plain(description: str, *, bound: int | None = None) -> Any:
    """A member of the parent's JSON object, under the same name; a list declares its `bound`."""
    return _field(Value(bound), description)


def identifier(of: str, *, key: str = "id", description: str = "Its global id.") -> Any:
    """A global id."""
    return _field(Identifier(of, key), description)


def joined(
    service: Service,
    route: str,
    *,
    key: str,
    description: str,
    shape: Literal["one", "list", "each", "value"] = "one",
    pick: str | None = None,
    first: int | None = None,
    bound: int | None = None,
) -> Any:
    """A field read from a service in batches; see Join. A list that takes `first` gives its default and its bound."""
    arguments = () if first is None else (_argument("first", int, f"How many at most; {bound} at the most.", first),)
    return _field(Join(service, route, key, None, shape, pick, first, bound), description, arguments)


def lookup(service: Service, route: str, *, of: str, description: str) -> Any:
    """One thing by its global id, read in batches: however often a document asks for one, it is one call."""
    argument = by_id(of)
    return _field(Join(service, route, "id", argument), description, _taken((argument,)))


def fetched(
    service: Service,
    route: str,
    *,
    description: str,
    arguments: tuple[Argument, ...] = (),
    bound: int | None = None,
) -> Any:
    """A field read with a request of its own; see Fetch."""
    return _field(Fetch(service, route, arguments, bound), description, _taken(arguments))


def paged(
    service: Service,
    route: str,
    *,
    description: str,
    arguments: tuple[Argument, ...] = (),
    cursor: tuple[str, ...] = ("id",),
    first: int = 20,
    most: int = 500,
) -> Any:
    """A connection over a service's keyset pages; see Pages."""
    paging = (
        _argument("first", int | None, f"How many at most, from the beginning; {first}, and {most} at the most.", None),
        _argument("after", str | None, "`endCursor` of the page before, or the cursor of any edge.", None),
        _argument("last", int | None, f"How many at most, from the end; {most} at the most.", None),
        _argument("before", str | None, "`startCursor` of the page after, or the cursor of any edge.", None),
    )
    return _field(Pages(service, route, arguments, cursor, first, most), description, _taken(arguments) + paging)


def calling(description: str) -> Any:
    """The caller."""
    return _field(Calling(), description)


def any_node(description: str) -> Any:
    """`node(id:)`."""
    return _field(AnyNode(), description, (_argument("id", ID, "Its global id."),))


def any_nodes(description: str) -> Any:
    """`nodes(ids:)`."""
    return _field(AnyNodes(), description, (_argument("ids", list[ID], "Their global ids; 100 at most."),))


def by_id(of: str) -> Argument:
    """The argument `id` of a query for one thing."""
    return Argument("id", ID, f"The global id of the {of[0].lower()}{of[1:]}.", refers=of)
