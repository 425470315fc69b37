"""An operation carried out by its plan: level by level, one call per batched read over all that ask for it.

A level waits for the one above it as a whole, so that what hangs on several of its answers is one call too.
A run never answers an error: whatever is not as the declarations say (a problem, a service away, a null where none may
be, a member of another type) makes it give up, and the ordinary executor answers from what has been read already.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from kith_gateway.context import MAX_KEYS, Context
from kith_gateway.ids import decode_id, split_id
from kith_gateway.joins import Calling, Fetch, Join, Pages, called, passed_on
from kith_gateway.pages import Turn, first_of
from kith_gateway.plans import Site
from kith_gateway.shapes import Read, Shape, put
from kith_gateway.upstream import UpstreamError

log = logging.getLogger(__name__)


class GivenUpError(Exception):
    """This run is not for a plan."""


_EXPECTED = (GivenUpError, UpstreamError, LookupError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(slots=True)
class Wanted:
    """One attribute of some things, to be filled by the keys they have."""

    at: str
    site: Site
    things: list[Any]
    keys: list[str | None]


Answers = list[tuple[Read, list[Any]]]
"""What was read, and how."""


class Level:
    """What is asked of the services at once: one call for each batched read, however many ask for it."""

    def __init__(self, context: Context, variables: Mapping[str, Any]) -> None:
        self.context, self.variables = context, variables
        self.batches: dict[tuple[str, str, int | None], list[Wanted]] = defaultdict(list)
        self.alone: list[tuple[str, Site, list[Any], dict[str, Any]]] = []

    def ask(self, at: str, site: Site, things: list[Any], keys: list[str | None] | None) -> None:
        """Take note of one field of some things, to be asked for by their keys, or by its arguments alone."""
        declared, given = site.declared, site.given(self.variables)
        if isinstance(declared, Calling) and site.read.shape is not None:
            # Nobody has to be asked who calls, so what hangs on it need not wait either.
            caller = msgspec.convert(called(self.context), site.read.shape.read)
            put(things, at, [caller])
            site.read.shape.finish([caller], self.ask)
            return
        if keys is None and isinstance(declared, Join):
            assert declared.argument is not None  # noqa: S101 -- the compiler has looked
            name = declared.argument.name
            keys = [decode_id(given[name], declared.argument.refers or "", name)]
        elif keys is None and site.choices is not None:
            of, key = split_id(given["id"])
            chosen = site.choices.of(of)
            if chosen is None:
                raise GivenUpError(of)
            site, keys = chosen, [key]
            declared = site.declared
        if keys is None:
            self.alone.append((at, site, things, given))
            return
        assert isinstance(declared, Join)  # noqa: S101 -- nothing else has keys
        first = None if declared.first is None else first_of(given, declared.first, declared.bound or declared.first)
        self.batches[declared.service.name, declared.route, first].append(Wanted(at, site, things, keys))


class Run:
    """One run of a plan."""

    def __init__(self, context: Context, variables: Mapping[str, Any]) -> None:
        self.context, self.variables = context, variables
        self.trouble: BaseException | None = None

    async def data(self, root: Shape) -> Any:
        """The answer's data, ready to be encoded. Raises GivenUpError."""
        found = root.read()
        await self.fill(root, [found])
        return found

    async def fill(self, shape: Shape, things: list[Any]) -> None:
        """Make things as they were read into things as they are shown. Raises GivenUpError."""
        level = Level(self.context, self.variables)
        self._finish(shape, things, level)
        while level.batches or level.alone:
            steps = [self._batch(*at, wanted) for at, wanted in level.batches.items()]
            steps += [self._alone(*each) for each in level.alone]
            level = Level(self.context, self.variables)
            for read, found in await self._together(steps):
                if read.shape is not None and read.shape.busy:
                    self._finish(read.shape, read.things(found), level)
        if self.trouble is not None:
            if not isinstance(self.trouble, _EXPECTED):
                log.error("a plan failed", exc_info=self.trouble)
            raise GivenUpError from self.trouble

    def _finish(self, shape: Shape, things: list[Any], level: Level) -> None:
        try:
            shape.finish(things, level.ask)
        except Exception as error:  # noqa: BLE001 -- the ordinary executor says what is wrong with it
            self._note(error)

    def _note(self, trouble: BaseException) -> None:
        """Remember what went wrong; what nobody expected before all else."""
        if self.trouble is None or isinstance(self.trouble, _EXPECTED):
            self.trouble = trouble

    async def _together(self, steps: list[Coroutine[Any, Any, Answers]]) -> Answers:
        """Do all of it; if something fails, the rest goes on, so that the ordinary executor finds its answers."""
        if len(steps) == 1:
            try:
                return await steps[0]
            except Exception as error:  # noqa: BLE001 -- the ordinary executor says what is wrong with it
                self._note(error)
                return []
        answers: Answers = []
        for each in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(each, BaseException):
                self._note(each)
            else:
                answers += each
        return answers

    async def _batch(self, service: str, route: str, first: int | None, wanted: list[Wanted]) -> Answers:
        keys = _distinct(wanted)
        parts = [keys[start : start + MAX_KEYS] for start in range(0, len(keys), MAX_KEYS)]
        if len(parts) == 1:
            contents = [await self.context.batch(service, route, first, keys)]
        else:
            contents = await asyncio.gather(*(self.context.batch(service, route, first, part) for part in parts))
        answers: Answers = []
        for same in _read_alike(wanted):
            site = same[0].site
            found: list[Any] = []
            for part, content in zip(parts, contents, strict=True):
                decoded = site.many.decode(content)
                if len(decoded) != len(part):
                    raise GivenUpError(route)
                found += decoded
            if len(wanted) == 1 and len(keys) == len(same[0].keys):  # each has a key of its own
                put(same[0].things, same[0].at, found)
            else:
                known: dict[Any, Any] = dict(zip(keys, found, strict=True))
                # Who has no key gets what the ordinary executor gives them.
                known[None] = known[""] = [] if site.listed else None
                for each in same:
                    put(each.things, each.at, map(known.__getitem__, each.keys))
                if len(same) < len(wanted):
                    # What only others asked about was read along, and nothing more is to be asked about it.
                    found = [known[key] for key in _distinct(same)]
            answers.append((site.read, found))
        return answers

    async def _alone(self, at: str, site: Site, things: list[Any], given: Mapping[str, Any]) -> Answers:
        """A field that asks with a request of its own."""
        declared = site.declared
        answer: Any
        match declared:
            case Fetch(service, route):
                content = await self.context.fetch(service.name, route, *passed_on(declared, None, given))
                answer = site.one.decode(content) if content else None
                following = site.read, [answer]
            case Pages(service, route, first=first, most=most) if site.page is not None:
                values, query = passed_on(declared, None, given)
                turn = Turn.of(given, first, most)
                query |= turn.query()
                page = site.page.decoder.decode(await self.context.fetch(service.name, route, values, query))
                answer = site.page.connection(page.items, page.next_cursor, turn)
                following = Read(None, 0, site.page.things), page.items
            case _:
                raise GivenUpError(at)
        put(things, at, [answer])
        return [following]


def _read_alike(wanted: list[Wanted]) -> Iterable[list[Wanted]]:
    """Those that read the same of each thing; that is not yet shown alike."""
    if len(wanted) == 1:
        return [wanted]
    alike: dict[Any, list[Wanted]] = defaultdict(list)
    for each in wanted:
        alike[each.site.read, each.site.listed].append(each)
    return alike.values()


def _distinct(wanted: list[Wanted]) -> list[Any]:
    """The keys that are asked about, each once."""
    keys = dict.fromkeys(chain.from_iterable([each.keys for each in wanted]))
    keys.pop(None, None)
    keys.pop("", None)
    return list(keys)
