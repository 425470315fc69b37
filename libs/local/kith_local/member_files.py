"""Member lists as people have them: CSV in whatever encoding, delimiter and column names, read row by row.

Nothing is judged here that the API judges better; what cannot even be sent (a broken row, a cell that is a formula or
far too long) becomes an error with line, column and reason like those the API gives.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from kith_local.errors import LocalError
from kith_local.json_lines import SUFFIXES, JsonLines
from kith_local.lists import MEMBERS, Kind
from kith_local.rows import ERROR_COLUMN, UNREADABLE, Header, Row, RowError, unreadable

LONGEST_CELL = 10_000
_READ_LIMIT = 64 * 1024 * 1024
_MISSING = {"", "na", "n/a", "null", "none", "-"}
_FORMULA = re.compile(r"^[=@\t\r]|^[+-](?![\d.\s]|$)")
_LEVEL_DIGITS = 9
_DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_WINDOW = re.compile(r"^([a-z]{3})[a-z]*\s+(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})$", re.IGNORECASE)  # noqa: RUF001 -- people type en dashes

LISTS = {"interests", "goals", "languages", "links"}
SKILLS = {"skills_offered", "skills_wanted"}


class MemberFile:
    """A member list, open for reading. Iterating gives its rows; memory does not grow with the file.

    LocalError for what ends the reading: text that cannot be decoded, a quote that never closes, a damaged archive.
    """

    suffix = ".csv"

    def __init__(self, text: TextIO, path: Path, *, mapping: Mapping[str, str], kind: Kind = MEMBERS) -> None:
        csv.field_size_limit(_READ_LIMIT)
        try:
            start = text.read(65_536)
            text.seek(0)
        except UNREADABLE as error:
            raise unreadable(path, error, 1) from error
        if not start.strip():
            raise LocalError(f"{path} is empty; its first line names the columns, e.g. {kind.example}.")
        delimiter = max(",;\t|", key=start.splitlines()[0].count)
        self.path, self.kind = path, kind
        self.delimiter = delimiter
        self._record: list[str] = []
        self._ended = False
        self._reader = csv.reader(self._lines(text), delimiter=delimiter, strict=True)
        try:
            names = next(self._reader)
        except csv.Error as error:
            raise self._misquoted(error) from error
        except UNREADABLE as error:
            raise unreadable(path, error, 1) from error
        self.header = _header(names, path, mapping, kind)

    def __iter__(self) -> Iterator[Row]:
        while True:
            self._record.clear()
            reason = None
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                cells, reason = self._as_it_stands(error), "has a quote in the middle of a cell; write it twice"
            except UNREADABLE as error:
                raise unreadable(self.path, error, self._reader.line_num + 1) from error
            if any(cell.strip() for cell in cells):
                yield self._row(cells, reason)

    def head(self) -> str:
        """What a file of refused rows begins with."""
        return self._written([*self._without_error(self.header.names), ERROR_COLUMN])

    def refused(self, row: Row, reasons: str) -> str:
        """A refused row as it stood, with a last cell that says why."""
        return self._written([*self._without_error(row.cells), reasons])

    def _written(self, cells: Sequence[str]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.delimiter).writerow(cells)
        return text.getvalue()

    def _without_error(self, cells: list[str]) -> Iterator[str]:
        """Cells without those of an error column from an earlier import."""
        names = self.header.names
        for place, cell in enumerate(cells):
            if place >= len(names) or names[place] != ERROR_COLUMN:
                yield cell

    def _lines(self, text: TextIO) -> Iterator[str]:
        """The lines of the file; `_record` keeps those of the row being read, for what must be said of it."""
        for line in text:
            # An encoding that was told keeps the mark that one which is recognised drops.
            whole = line if self._reader.line_num else line.removeprefix("\ufeff")
            self._record.append(whole)
            yield whole
        self._ended = True

    def _as_it_stands(self, error: csv.Error) -> list[str]:
        """The cells of a row of one line whose quotes are wrong; LocalError where they may have swallowed others."""
        if self._ended or len(self._record) > 1:
            raise self._misquoted(error) from error
        try:
            return next(csv.reader(self._record, delimiter=self.delimiter))
        except csv.Error:
            raise self._misquoted(error) from error

    def _misquoted(self, error: csv.Error) -> LocalError:
        last, begins = self._reader.line_num, self._reader.line_num - len(self._record) + 1
        if not self._ended:
            return LocalError(
                f"{self.path} cannot be read in the row of lines {begins} to {last}: {error}. A quote is missing "
                "there, or one too many; correct that and import the file again."
            )
        cells = next(csv.reader(self._record, delimiter=self.delimiter))
        swallowed = io.StringIO(cells[-1], newline="").readlines()  # from the quote to the end of the file
        return LocalError(
            f"{self.path}: a quote opened on line {last - max(len(swallowed), 1) + 1} never closes. Close it, or "
            "remove it, and import the file again."
        )

    def _row(self, cells: list[str], reason: str | None) -> Row:
        row = Row(self._reader.line_num, cells)
        if reason:
            row.errors.append(RowError(row.line, "row", reason))
            return row
        if len(cells) != len(self.header.names):
            more = "more" if len(cells) > len(self.header.names) else "fewer"
            reason = f"has {len(cells)} cells, {more} than the {len(self.header.names)} columns; is a quote missing?"
            row.errors.append(RowError(row.line, "row", reason))
            return row
        for name, cell, of in zip(self.header.names, cells, self.header.fills, strict=True):
            value = cell.strip()
            if of is None or value.lower() in _MISSING:
                continue
            if unfit := _unfit(value):
                row.errors.append(RowError(row.line, name, unfit))
                continue
            try:
                row.fields[of] = _value(of, value)
            except ValueError as error:
                row.errors.append(RowError(row.line, name, str(error)))
        return row


@contextmanager
def open_members(
    path: Path, *, encoding: str | None = None, mapping: Mapping[str, str] | None = None, kind: Kind = MEMBERS
) -> Iterator[MemberFile | JsonLines]:
    """Open a list (also .gz): JSON Lines by its suffix, else CSV.

    UTF-8 and UTF-16 are recognised; another encoding must be told.
    """
    try:
        raw: Any = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 -- closed below
    except OSError as error:
        raise LocalError(f"{path} cannot be opened: {error.strerror}.") from error
    with raw:
        try:
            start = raw.read(256)
            raw.seek(0)
        except UNREADABLE as error:
            raise unreadable(path, error, 1) from error
        guessed = "utf-16" if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
        if encoding is None and guessed != "utf-16" and (unmarked := _unmarked(start)):
            raise LocalError(
                f"{path} looks like UTF-16 that does not say so. Save it as UTF-8, or say what it is: "
                f"--encoding {unmarked}"
            )
        try:
            text = io.TextIOWrapper(raw, encoding=encoding or guessed, newline="")
        except LookupError:
            raise LocalError(f"There is no encoding {encoding!r}; try cp1252 or latin-1.") from None
        if path.name.removesuffix(".gz").endswith(SUFFIXES):
            yield JsonLines(text, path, kind=kind)
        else:
            yield MemberFile(text, path, mapping=mapping or {}, kind=kind)


def _unmarked(start: bytes) -> str | None:
    """The UTF-16 that the beginning of a file is written in without a byte order mark: every second byte is NUL."""
    most, hardly = len(start) // 4, len(start) // 20
    low, high = start[1::2].count(0), start[::2].count(0)
    if low > most and high <= hardly:
        return "utf-16-le"
    return "utf-16-be" if high > most and low <= hardly else None


def _header(names: Sequence[str], path: Path, mapping: Mapping[str, str], kind: Kind) -> Header:
    names = [name.strip() for name in names]
    if not any(names):
        raise LocalError(
            f"{path} begins with a blank line; its first line must name the columns, e.g. {kind.example}. "
            "Remove what is blank above them."
        )
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LocalError(f"{path} has two columns called {twice!r}; rename one.")
    if unknown := [name for name in mapping if name not in names]:
        raise LocalError(f"{path} has no column {unknown[0]!r}; its columns are {', '.join(names)}.")
    if unknown := [of for of in mapping.values() if of not in kind.names]:
        raise LocalError(f"There is no field {unknown[0]!r}; the fields are {', '.join(kind.names)}.")
    known = {_plain(alias): of for of, aliases in kind.names.items() for alias in aliases}
    fills: list[str | None] = []
    for name in names:
        of = mapping.get(name) or known.get(_plain(name))
        fills.append(of if of not in fills else None)  # the first column of a kind is the one
    for needed in kind.needs:
        if not set(needed) & set(fills):
            raise LocalError(
                f"{path} has no column that tells members apart. Name one {_or(needed)}, or say which it is: "
                f"--map '{names[0]}={needed[0]}'"
                if kind is MEMBERS
                else f"{path} lacks a column. Name one {_or(needed)}, or say which it is: "
                f"--map '{names[0]}={needed[0]}'"
            )
    return Header(names, fills)


def _or(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in sorted(names))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _unfit(value: str) -> str | None:
    if len(value) > LONGEST_CELL:
        return f"holds {len(value):,} characters; the most is {LONGEST_CELL:,}"
    if "\0" in value:
        return "contains a NUL character; remove that"
    if _FORMULA.match(value):
        return f"begins with {value[0]!r} like a spreadsheet formula; remove that"
    return None


def _value(of: str, value: str) -> Any:
    if of in SKILLS:
        return [_skill(each) for each in _split(value)]
    if of in LISTS:
        return _split(value)
    if of == "availability":
        return [_window(each) for each in _split(value)]
    return value


def _split(value: str) -> list[str]:
    return list(dict.fromkeys(each.strip() for each in re.split(r"[;|]", value) if each.strip()))


def _skill(text: str) -> dict[str, Any]:
    """`python` or `python:4`. ValueError when what stands for the level is digits but no number."""
    tag, _, level = (each.strip() for each in text.rpartition(":"))
    if not tag or not level.isdigit():
        return {"tag": text}
    if not level.isdecimal() or len(level) > _LEVEL_DIGITS:
        raise ValueError(
            f"{text[:40]!r} has no level that can be read; a level is a number from 1 to 5, as in python:4"
        )
    return {"tag": tag, "level": int(level)}


def _window(text: str) -> dict[str, int]:
    """`Mon 18:00-20:30`."""
    found = _WINDOW.match(text)
    day = _DAYS.get(found.group(1).lower()) if found else None
    if found is None or day is None:
        raise ValueError(f"{text!r} is not a window like Mon 18:00-20:30; put a semicolon between two")
    hours, minutes, until_hours, until_minutes = (int(each) for each in found.groups()[1:])
    return {"weekday": day, "start": hours * 60 + minutes, "end": until_hours * 60 + until_minutes}
