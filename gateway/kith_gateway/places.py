"""Where in a document something stands, found without reading the document again.

graphql-core reads all lines before a place for each error, and an operation can have an error for each of thousands of
things: behind a text of empty lines that would take minutes.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

from graphql import Source, SourceLocation
from graphql.language import location

_BREAK = re.compile(r"\r\n|[\n\r]")


class Text(Source):
    """A document that knows where its lines end; the places it tells are graphql-core's."""

    @cached_property
    def _breaks(self) -> "array[int]":
        return array("I", (each.start() for each in _BREAK.finditer(self.body)))

    def get_location(self, position: int) -> SourceLocation:
        """The line and column of a character, both from 1."""
        before = bisect_left(self._breaks, position)
        begin = 0
        if before:
            last = self._breaks[before - 1]
            begin = last + (2 if self.body.startswith("\r\n", last) else 1)
        return SourceLocation(before + 1, position + 1 - begin)


def _get_locations(locations: Sequence[tuple[Source, int]]) -> list[SourceLocation]:
    return [source.get_location(position) for source, position in locations]


# An error with several places asks no Source for them, but reads its text.
location.get_locations = _get_locations
