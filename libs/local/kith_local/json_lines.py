"""Lists in JSON Lines: an object a line, its members named as the API names them.

Like a CSV file: what cannot even be sent becomes an error of its line, what can be judged is judged by the API.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from kith_local.lists import MEMBERS, Kind
from kith_local.rows import ERROR_COLUMN, UNREADABLE, Header, Row, RowError, unreadable

SUFFIXES = (".jsonl", ".ndjson")
LONGEST_LINE = 200_000
DEEPEST = 16
_INTEGER = 2**63


class JsonLines:
    """A list, open for reading. Iterating gives its rows; LocalError for what ends the reading."""

    suffix = ".jsonl"

    def __init__(self, text: TextIO, path: Path, *, kind: Kind = MEMBERS) -> None:
        self.path, self.kind, self.header, self._text = path, kind, Header([], []), text

    def __iter__(self) -> Iterator[Row]:
        number = 0
        try:
            for number, line in enumerate(self._text, start=1):
                if line.strip("\ufeff \t\r\n"):
                    yield _row(number, line.lstrip("\ufeff").rstrip("\r\n"))
        except UNREADABLE as error:
            raise unreadable(self.path, error, number + 1) from error

    def head(self) -> str:
        """What a file of refused rows begins with."""
        return ""

    def refused(self, row: Row, reasons: str) -> str:
        """A refused row as it stood and, where it is an object, why it was refused."""
        [line] = row.cells
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return f"{line}\n"
        told = {**found, ERROR_COLUMN: reasons} if isinstance(found, dict) else found
        return f"{json.dumps(told)}\n"


def _row(number: int, line: str) -> Row:
    row = Row(number, [line])
    if len(line) > LONGEST_LINE:
        reason = f"holds {len(line):,} characters; the most is {LONGEST_LINE:,}"
    else:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = f"is no JSON: {str(error)[:80]}"
        else:
            reason = _unfit(found) if isinstance(found, dict) else "is no JSON object"
            if not reason:
                row.fields = {name: each for name, each in found.items() if name not in {ERROR_COLUMN, "line"}}
                return row
    row.errors.append(RowError(number, "row", reason))
    return row


def _unfit(found: Any) -> str:
    """Why a value cannot be sent; "" when it can. It keeps a list of what waits: a line may nest deeply."""
    waiting = [(found, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            return f"nests more than {DEEPEST} lists and objects"
        if isinstance(value, dict):
            waiting.extend((each, depth + 1) for pair in value.items() for each in pair)
        elif isinstance(value, list):
            waiting.extend((each, depth + 1) for each in value)
        elif isinstance(value, str) and ("\0" in value or not _encodes(value)):
            return "contains a character that cannot be stored; remove that"
        elif isinstance(value, float) and not math.isfinite(value):
            return "contains a number that is none"
        elif isinstance(value, int) and not -_INTEGER <= value < _INTEGER:
            return "contains a number that does not fit into 64 bits"
    return ""


def _encodes(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
