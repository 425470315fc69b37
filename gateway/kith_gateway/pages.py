"""Relay connections over the services' keyset pages."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kith_chassis.errors import Invalid
from kith_gateway.context import refused


class InvalidFirst(Invalid):
    """`first` is too small or too large."""

    code = "invalid_first"


def first_of(given: Mapping[str, Any], default: int, most: int) -> int:
    """The argument `first`; UpstreamError (INVALID_FIRST) unless it is 1 to `most`."""
    first = given.get("first")
    first = default if first is None else first
    if not 1 <= first <= most:
        raise refused(InvalidFirst(f"first must be from 1 to {most}."))
    return int(first)


def cursor_of(values: Sequence[Any]) -> str:
    """The cursor of an item, from the values it is ordered by, as the services write them."""
    plain = msgspec.json.encode(values)
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def connection(page: Mapping[str, Any], *, cursor: Sequence[str], after: str | None) -> dict[str, Any]:
    """A service's page `{"items", "next_cursor"}` as a connection. Cursors stay good while rows come and go."""
    edges = [{"node": item, "cursor": cursor_of([item[name] for name in cursor])} for item in page["items"]]
    more = page.get("next_cursor")
    return {
        "edges": edges,
        "page_info": {
            "has_next_page": more is not None,
            "has_previous_page": after is not None,
            "start_cursor": edges[0]["cursor"] if edges else None,
            "end_cursor": more or (edges[-1]["cursor"] if edges else None),
        },
    }
