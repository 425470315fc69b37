"""Member lists as people have them: CSV in whatever encoding, delimiter and column names, read row by row.

Nothing is judged here that the API judges better; what cannot even be sent (a broken row, a cell that is a formula or
far too long) becomes an error with line, column and reason like those the API gives.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from kith_local.errors import LocalError

ERROR_COLUMN = "kith_error"
LONGEST_CELL = 10_000
_READ_LIMIT = 64 * 1024 * 1024
_MISSING = {"", "na", "n/a", "null", "none", "-"}
_FORMULA = re.compile(r"^[=@\t\r]|^[+-](?![\d.\s]|$)")
_LEVEL_DIGITS = 9
_DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_UNREADABLE = (UnicodeDecodeError, EOFError, zlib.error, OSError)
_WINDOW = re.compile(r"^([a-z]{3})[a-z]*\s+(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})$", re.IGNORECASE)  # noqa: RUF001 -- people type en dashes

# What columns are called, by the field they fill; compared without case, spaces, hyphens and underscores.
NAMES: dict[str, tuple[str, ...]] = {
    "external_id": ("external_id", "id", "member_id", "user_id", "respondent_id"),
    "email": ("email", "e_mail", "mail", "email_address"),
    "display_name": ("display_name", "name", "full_name", "nickname"),
    "bio": ("bio", "about"),
    "skills_offered": ("skills_offered", "skills", "offers", "can_teach", "tech_do"),
    "skills_wanted": ("skills_wanted", "wants", "wants_to_learn", "tech_want"),
    "interests": ("interests", "hobbies"),
    "goals": ("goals",),
    "languages": ("languages", "language"),
    "links": ("links", "website"),
    "experience_years": ("experience_years", "years_of_experience", "experience_midpoint"),
    "weekly_hours": ("weekly_hours", "hours_per_week"),
    "time_zone": ("time_zone", "tz"),
    "availability": ("availability",),
    "country": ("country",),
}
LISTS = {"interests", "goals", "languages", "links"}
SKILLS = {"skills_offered", "skills_wanted"}


@dataclass(frozen=True)
class RowError:
    line: int
    column: str
    reason: str


@dataclass
class Row:
    """One row: where it stands, its cells as they were, the fields to send, and what is wrong with it already."""

    line: int
    cells: list[str]
    fields: dict[str, Any] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)


@dataclass(frozen=True)
class Header:
    """The columns of a file and which field each fills (None: not used)."""

    names: list[str]
    fills: list[str | None]

    @property
    def unused(self) -> list[str]:
        return [name for name, of in zip(self.names, self.fills, strict=True) if of is None and name != ERROR_COLUMN]

    def column(self, of: str) -> str:
        """What the file calls a field."""
        return next((name for name, each in zip(self.names, self.fills, strict=True) if each == of), of)


class MemberFile:
    """A member list, open for reading. Iterating gives its rows; memory does not grow with the file.

    LocalError for what ends the reading: text that cannot be decoded, a quote that never closes, a damaged archive.
    """

    def __init__(self, text: TextIO, path: Path, *, mapping: Mapping[str, str]) -> None:
        csv.field_size_limit(_READ_LIMIT)
        try:
            start = text.read(65_536)
            text.seek(0)
        except _UNREADABLE as error:
            raise _unreadable(path, error, 1) from error
        if not start.strip():
            raise LocalError(f"{path} is empty; its first line names the columns, e.g. email,name,skills,languages.")
        delimiter = max(",;\t|", key=start.splitlines()[0].count)
        self.path = path
        self.delimiter = delimiter
        self._record: list[str] = []
        self._ended = False
        self._reader = csv.reader(self._lines(text), delimiter=delimiter, strict=True)
        try:
            names = next(self._reader)
        except csv.Error as error:
            raise self._misquoted(error) from error
        except _UNREADABLE as error:
            raise _unreadable(path, error, 1) from error
        self.header = _header(names, path, mapping)

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
            except _UNREADABLE as error:
                raise _unreadable(self.path, error, self._reader.line_num + 1) from error
            if any(cell.strip() for cell in cells):
                yield self._row(cells, reason)

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
    path: Path, *, encoding: str | None = None, mapping: Mapping[str, str] | None = None
) -> Iterator[MemberFile]:
    """Open a member list (also .gz). UTF-8 and UTF-16 are recognised; another encoding must be told."""
    try:
        raw: Any = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 -- closed below
    except OSError as error:
        raise LocalError(f"{path} cannot be opened: {error.strerror}.") from error
    with raw:
        try:
            start = raw.read(256)
            raw.seek(0)
        except _UNREADABLE as error:
            raise _unreadable(path, error, 1) from error
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
        yield MemberFile(text, path, mapping=mapping or {})


def _unmarked(start: bytes) -> str | None:
    """The UTF-16 that the beginning of a file is written in without a byte order mark: every second byte is NUL."""
    most, hardly = len(start) // 4, len(start) // 20
    low, high = start[1::2].count(0), start[::2].count(0)
    if low > most and high <= hardly:
        return "utf-16-le"
    return "utf-16-be" if high > most and low <= hardly else None


def _unreadable(path: Path, error: Exception, line: int) -> LocalError:
    if isinstance(error, UnicodeDecodeError):
        return LocalError(
            f"{path} is not {error.encoding.upper()} (around line {line}). Save it as UTF-8, or say what it is: "
            "--encoding cp1252"
        )
    if isinstance(error, EOFError):
        return LocalError(f"{path} is cut off: its compressed data ends too early. Copy it again, and import that.")
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return LocalError(
            f"{path} cannot be read as .gz after line {line - 1}: {error}. It is damaged or not compressed at all; "
            "copy it again, or import it uncompressed."
        )
    return LocalError(f"{path} cannot be read: {error}.")


def _header(names: Sequence[str], path: Path, mapping: Mapping[str, str]) -> Header:
    names = [name.strip() for name in names]
    if not any(names):
        raise LocalError(
            f"{path} begins with a blank line; its first line must name the columns, e.g. email,name,skills,languages. "
            "Remove what is blank above them."
        )
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LocalError(f"{path} has two columns called {twice!r}; rename one.")
    if unknown := [name for name in mapping if name not in names]:
        raise LocalError(f"{path} has no column {unknown[0]!r}; its columns are {', '.join(names)}.")
    if unknown := [of for of in mapping.values() if of not in NAMES]:
        raise LocalError(f"There is no field {unknown[0]!r}; the fields are {', '.join(NAMES)}.")
    known = {_plain(alias): of for of, aliases in NAMES.items() for alias in aliases}
    fills: list[str | None] = []
    for name in names:
        of = mapping.get(name) or known.get(_plain(name))
        fills.append(of if of not in fills else None)  # the first column of a kind is the one
    if not {"email", "external_id"} & set(fills):
        raise LocalError(
            f"{path} has no column that tells members apart. Name one `email` or `external_id`, or say which it is: "
            f"--map '{names[0]}=external_id'"
        )
    return Header(names, fills)


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
