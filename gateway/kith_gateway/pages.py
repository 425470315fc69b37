"""Relay connections over the services' keyset pages, forwards and backwards."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kith_chassis.errors import Invalid
from kith_gateway.context import refused

_BACKWARD = "-"
"""What the services take before a cursor to answer what lies before it; alone, the end."""


class InvalidFirst(Invalid):
    """`first` is too small or too large."""

    code = "invalid_first"


class InvalidLast(Invalid):
    """`last` is too small or too large, or stands beside `first` or `after`."""

    code = "invalid_last"


class InvalidCursor(Invalid):
    """This cursor is not one of ours; start again without it."""

    code = "invalid_cursor"


def first_of(given: Mapping[str, Any], default: int, most: int) -> int:
    """The argument `first`; UpstreamError (INVALID_FIRST) unless it is 1 to `most`."""
    first = given.get("first")
    first = default if first is None else first
    if not 1 <= first <= most:
        raise refused(InvalidFirst(f"first must be from 1 to {most}."))
    return int(first)


@dataclass(frozen=True, slots=True)
class Turn:
    """Which page is asked for: `count` things after a cursor, or backwards before one; None: from the very end."""

    count: int
    cursor: str | None
    backward: bool

    @classmethod
    def of(cls, given: Mapping[str, Any], default: int, most: int) -> "Turn":
        """As the arguments say. Raises UpstreamError: INVALID_FIRST, INVALID_LAST, INVALID_CURSOR."""
        last, before, after = given.get("last"), given.get("before"), given.get("after")
        backward = last is not None or before is not None
        if backward and (given.get("first") is not None or after is not None):
            raise refused(InvalidLast("Ask with first and after, or with last and before."))
        if last is not None and not 1 <= last <= most:
            raise refused(InvalidLast(f"last must be from 1 to {most}."))
        cursor: str | None = before if backward else after
        if cursor is not None and (not cursor or cursor.startswith(_BACKWARD)):
            raise refused(InvalidCursor())
        return cls(last or default if backward else first_of(given, default, most), cursor, backward)

    def query(self) -> dict[str, str]:
        """How a service is asked for it."""
        cursor = self.cursor
        if self.backward:
            cursor = _BACKWARD + (cursor or "")
        return {"first": str(self.count)} | ({} if cursor is None else {"after": cursor})

    def more(self, next_cursor: str | None) -> tuple[bool, bool]:
        """Whether there are things before and after the page. At its cursor there is at least what that stood for."""
        found = next_cursor is not None, self.cursor is not None
        return found if self.backward else found[::-1]

    def ends(self, own: tuple[str, str] | None, next_cursor: str | None) -> tuple[str | None, str | None]:
        """Where the page begins and ends, from the cursors of its first and last thing."""
        start, end = own or (None, None)
        return (next_cursor or start, end) if self.backward else (start, next_cursor or end)


def cursor_of(values: Sequence[Any]) -> str:
    """The cursor of an item, from the values it is ordered by, as the services write them."""
    plain = msgspec.json.encode(values)
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def connection(page: Mapping[str, Any], *, cursor: Sequence[str], turn: Turn) -> dict[str, Any]:
    """A service's page `{"items", "next_cursor"}` as a connection. Cursors stay good while rows come and go."""
    edges = [{"node": item, "cursor": cursor_of([item[name] for name in cursor])} for item in page["items"]]
    more = page.get("next_cursor")
    previous, following = turn.more(more)
    start, end = turn.ends((edges[0]["cursor"], edges[-1]["cursor"]) if edges else None, more)
    return {
        "edges": edges,
        "page_info": {
            "has_next_page": following,
            "has_previous_page": previous,
            "start_cursor": start,
            "end_cursor": end,
        },
    }
