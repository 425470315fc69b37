"""What of an answer is read and shown: the compiled form of a selection set.

A service's JSON is decoded straight into one struct per selection set, its attributes in the order of the query, named
as the service names them; then each struct takes the class that has the same attributes under the names of the answer,
and is encoded. Both are C; Python does only what is left, list by list: global ids, and what other services know.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from itertools import chain, repeat
from operator import attrgetter
from typing import Annotated, Any
from weakref import WeakValueDictionary

import msgspec
from graphql import GraphQLEnumType, GraphQLNamedType

from kith_gateway.ids import plain_ids

_BYTES = msgspec.json.Encoder().encode
_WHOLE = 2**53
_TEXT = frozenset({"String", "ID", "DateTime", "Date"})
_LEAVES: dict[str, Any] = {
    **dict.fromkeys(_TEXT, str),
    "Boolean": bool,
    "Int": Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)],
    # From here on a whole number may lose digits as a float, which the ordinary executor refuses to do.
    "Float": Annotated[float, msgspec.Meta(gt=-_WHOLE, lt=_WHOLE)],
    "JSON": dict | list | str | int | float | bool,
}


class RefusedError(Exception):
    """The compiler does not do this; the ordinary executor does."""


def leaf(kind: GraphQLNamedType) -> Any:
    """The type a leaf is decoded as: everything the ordinary executor would change or refuse is an error here."""
    if isinstance(kind, GraphQLEnumType):
        return _words(kind)
    if kind.name not in _LEAVES:
        raise RefusedError(kind.name)
    return _LEAVES[kind.name]


@cache
def _words(kind: GraphQLEnumType) -> Any:
    """An enum that is decoded from a service's words and encoded as GraphQL's names, both without Python."""
    words = {name: each.value for name, each in kind.values.items()}
    made: Any = Enum(kind.name, {name: name for name in words})  # type: ignore[misc]
    # The lookup by value is all that decoding goes by; what is encoded is each member's own value.
    made._value2member_map_ = {word: made[name] for name, word in words.items()}
    for name, word in words.items():
        if _BYTES(msgspec.json.decode(_BYTES(word), type=made)) != _BYTES(name):
            raise RefusedError(kind.name)
    return made


@dataclass(frozen=True, slots=True)
class Read:
    """How a value is decoded: as `type`, in which objects of `shape` stand inside `depth` lists."""

    type: Any
    depth: int = 0
    shape: "Shape | None" = None

    def things(self, values: Iterable[Any]) -> list[Any]:
        """The objects in some values, each once."""
        for _ in range(self.depth):
            values = chain.from_iterable(filter(None, values))
        return list(filter(None, values))  # no object is false


@dataclass(slots=True)
class Slot:
    """One attribute of a struct: read from `member`, shown as `shown` (None: not at all).

    put    nothing of it is read: what it holds is put in later, for every object
    shape  of the objects in it: what is read alike may be shown under other names
    """

    at: str
    shown: str | None
    member: str
    type: Any
    default: Any = msgspec.NODEFAULT
    put: bool = False
    shape: "Shape | None" = None


_KEY = str | None


@dataclass(slots=True)
class Layout:
    """A shape in the making. Raises RefusedError for what one struct cannot hold."""

    kind: str
    slots: list[Slot] = field(default_factory=list)
    members: dict[str, Slot] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    copies: list[tuple[str, str]] = field(default_factory=list)
    inner: list[tuple[str, Read]] = field(default_factory=list)

    def add(self, shown: str | None, member: str | None = None, type_: Any = Any, default: Any = None) -> Slot:
        number = len(self.slots)
        # No service has a member whose name begins with a space: what is not read is named so.
        put = member is None and default is None
        slot = Slot(f"a{number}", shown, member or f" {number}", type_, default, put)
        self.slots.append(slot)
        if member is not None:
            self.members[member] = slot
        return slot

    def signature(self) -> tuple[Any, ...]:
        """What makes two selections the same, however they are written."""
        slots = tuple((each.shown, each.member, each.type, each.default, each.shape) for each in self.slots)
        return self.kind, slots, tuple(self.ids.items()), tuple(self.copies)

    def value(self, shown: str, member: str, read: Read, *, nullable: bool) -> None:
        known = self.members.get(member)
        if known is None:
            slot = self.add(shown, member, read.type, None if nullable else msgspec.NODEFAULT)
            slot.shape = read.shape
            if read.shape is not None and read.shape.busy:
                self.inner.append((slot.at, read))
        elif known.type == read.type and known.shape is read.shape and known.at not in self.ids:
            self.copies.append((self.add(shown).at, known.at))
        else:
            raise RefusedError(member)

    def identifier(self, shown: str, member: str, of: str, *, nullable: bool) -> None:
        known = self.members.get(member)
        if known is None:
            at = self.add(shown, member, _KEY if nullable else str, None if nullable else msgspec.NODEFAULT).at
            self.ids[at] = of
        elif self.ids.get(known.at) == of:
            self.copies.append((self.add(shown).at, known.at))
        else:
            raise RefusedError(member)

    def key(self, member: str, own: Slot) -> str:
        """Where the key of a join is read: where it is shown anyway, or in the join's own slot."""
        known = self.members.get(member)
        if known is None:
            own.member, own.type, own.put = member, _KEY, False
            self.members[member] = known = own
        elif known.type not in (str, _KEY):
            raise RefusedError(member)
        return known.at

    def ordering(self, member: str) -> str:
        """Where a member that a cursor is made of is read; it must be there, shown or not."""
        known = self.members.get(member)
        if known is None:
            return self.add(None, member, default=msgspec.NODEFAULT).at
        if known.type not in (str, _KEY, _LEAVES["Int"]):
            raise RefusedError(member)
        known.default = msgspec.NODEFAULT
        return known.at


@dataclass(frozen=True, slots=True)
class Joined:
    """A field of every object of a shape that another service knows, asked for by the key in `key`."""

    at: str
    key: str
    site: Any


class Shape:
    """A selection set on one type: how objects are read, and what is to be done to them before they are shown."""

    def __init__(
        self, layout: Layout, joins: Sequence[Joined], alone: Sequence[tuple[str, Any]], ordering: Sequence[str]
    ) -> None:
        slots = layout.slots
        # What is put in later may be named as it is shown, for what a service should call so is overwritten.
        taken = {each.member for each in slots}
        members = [
            each.shown if each.put and each.shown is not None and each.shown not in taken else each.member
            for each in slots
        ]
        read = [(each, member, each.type, each.default) for each, member in zip(slots, members, strict=True)]
        self.read: Any = _struct(layout.kind, read)
        self.hidden = tuple(each.at for each in slots if each.shown is None)
        same = all(each.shown == member for each, member, *_ in read)
        self.shown: Any = None
        if not same:
            # A hidden one must not be in the way of what is shown under its name.
            shown = [(each, each.shown or f" {each.at}", Any, None) for each in slots]
            self.shown = _struct(layout.kind, shown)
        self.ids = tuple((at, attrgetter(at), of) for at, of in layout.ids.items())
        self.copies = tuple((at, attrgetter(source)) for at, source in layout.copies)
        self.inner = tuple((attrgetter(at), read) for at, read in layout.inner)
        self.keys = tuple((at, attrgetter(at)) for at in dict.fromkeys(each.key for each in joins))
        self.joins = tuple(joins)
        self.alone = tuple(alone)
        self.cursor = tuple(map(attrgetter, ordering))
        self.busy = bool(not same or self.ids or self.inner or joins or alone or layout.copies)

    def finish(self, things: list[Any], ask: "Asking") -> None:
        """Make objects as they were read into objects as they are shown; what is to be joined to them is asked for."""
        if not things:
            return
        keys = {at: list(map(get, things)) for at, get in self.keys}
        for joined in self.joins:
            ask(joined.at, joined.site, things, keys[joined.key])
        for at, site in self.alone:
            ask(at, site, things, None)
        for at, get, of in self.ids:
            put(things, at, plain_ids(of, map(get, things)))
        for at, get in self.copies:
            put(things, at, map(get, things))
        for get, read in self.inner:
            assert read.shape is not None  # noqa: S101 -- only such are kept
            read.shape.finish(read.things(map(get, things)), ask)
        for at in self.hidden:
            put(things, at, repeat(msgspec.UNSET))
        if self.shown is not None:
            put(things, "__class__", repeat(self.shown))


Asking = Callable[[str, Any, list[Any], "list[str | None] | None"], None]
"""Takes note that attribute `at` of some things is to come from a site, by their keys."""


def put(things: list[Any], at: str, values: Iterable[Any]) -> None:
    """Set one attribute of each thing, without a step of Python for each."""
    deque(map(setattr, things, repeat(at), values), maxlen=0)


# Frontends select the same of a thing in many operations, and a class takes kilobytes.
_structs: WeakValueDictionary[Any, Any] = WeakValueDictionary()


def _struct(kind: str, slots: Sequence[tuple[Slot, str, Any, Any]]) -> Any:
    at = kind, tuple((each.at, name, type_, default) for each, name, type_, default in slots)
    found = _structs.get(at)
    if found is None:
        # Structs never form a cycle: what hangs below one was selected below it. So the collector need not watch them.
        fields = [(place, type_, msgspec.field(name=name, default=default)) for place, name, type_, default in at[1]]
        found = _structs[at] = msgspec.defstruct(kind, fields, kw_only=True, gc=False)
    return found
