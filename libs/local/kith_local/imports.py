"""`kith import members FILE`: good rows go in, bad ones are listed and written to a file to correct and import."""

import asyncio
import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from kith_local.client import Client
from kith_local.errors import LocalError, explain
from kith_local.member_files import ERROR_COLUMN, MemberFile, Row, RowError

BATCH = 500
AT_ONCE = 3
LISTED = 20

_IMPORT = """
mutation($input: ImportMembersInput!) {
  importMembers(input: $input) {
    imported { created updated unchanged errors { line column reason } }
    errors { code message }
  }
}
"""
Prepare = Callable[[Row], None]


@dataclass
class ImportResult:
    """What came of an import; `errors` holds the first ones, `rejected` how many rows there were in all."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[RowError] = field(default_factory=list)
    rejected_file: Path | None = None


async def import_members(
    client: Client,
    members: MemberFile,
    *,
    rejected_path: Path,
    advance: Callable[[int], None] = lambda _: None,
    prepare: Prepare = lambda _: None,
) -> ImportResult:
    """Import a file in batches, several at once; memory does not grow with the file but for a hash per row.

    `prepare` may complete a row before it is sent; `advance` hears of rows done.
    """
    result = ImportResult()
    seen: dict[int, int] = {}
    rows = iter(members)
    with ExitStack() as stack:
        rejects = _Rejects(rejected_path, members, stack)

        async def lane() -> None:
            while batch := list(islice(rows, BATCH)):
                for row in batch:
                    prepare(row)
                    _same(row, seen, members)
                await _send(client, members, batch, result)
                _reject(batch, result, rejects)
                advance(len(batch))

        lanes = [asyncio.create_task(lane()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for each in lanes:
                each.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
    result.errors.sort(key=lambda error: error.line)
    result.rejected_file = rejects.path if rejects.written else None
    return result


def _same(row: Row, seen: dict[int, int], members: MemberFile) -> None:
    """Tell a second row of the same person, wherever in the file it stands."""
    for of in ("external_id", "email"):
        value = row.fields.get(of)
        if value is None or row.errors:
            continue
        first = seen.setdefault(hash((of, value.lower())), row.line)
        if first != row.line:
            row.errors.append(RowError(row.line, members.header.column(of), f"is the same as on line {first}"))


async def _send(client: Client, members: MemberFile, batch: list[Row], result: ImportResult) -> None:
    good = {row.line: row for row in batch if not row.errors}
    if not good:
        return
    sent = [{k: v for k, v in row.fields.items() if k != "country"} | {"line": row.line} for row in good.values()]
    imported = (await client.mutate(_IMPORT, {"rows": sent}))["imported"]
    result.created += imported["created"]
    result.updated += imported["updated"]
    result.unchanged += imported["unchanged"]
    for error in imported["errors"]:
        column = members.header.column(error["column"])
        good[error["line"]].errors.append(RowError(error["line"], column, error["reason"]))


def _reject(batch: list[Row], result: ImportResult, rejects: "_Rejects") -> None:
    for row in batch:
        if row.errors:
            result.rejected += 1
            result.errors.extend(row.errors if len(result.errors) < LISTED else [])
            rejects.write(row)


class _Rejects:
    """The rows that were refused, as they stood, with a last column that says why; the file exists when one does."""

    def __init__(self, path: Path, members: MemberFile, stack: ExitStack) -> None:
        self.path = path
        self.written = 0
        self._members = members
        self._stack = stack
        self._file: TextIO | None = None
        self._writer: Any = None

    def write(self, row: Row) -> None:
        try:
            if self._file is None:
                self._file = self._stack.enter_context(self.path.open("w", encoding="utf-8", newline=""))
                self._writer = csv.writer(self._file, delimiter=self._members.delimiter)
                self._writer.writerow([*_without_error(self._members, self._members.header.names), ERROR_COLUMN])
            reasons = "; ".join(f"{error.column} {error.reason}" for error in row.errors)
            self._writer.writerow([*_without_error(self._members, row.cells), reasons])
        except OSError as error:
            raise explain(error, self.path.parent) from error
        self.written += 1


def _without_error(members: MemberFile, cells: list[str]) -> Iterator[str]:
    """Cells without those of an error column from an earlier import."""
    names = members.header.names
    for place, cell in enumerate(cells):
        if place >= len(names) or names[place] != ERROR_COLUMN:
            yield cell


def rejected_path(path: Path) -> Path:
    """Where rows refused from a file go: beside it, or in the current directory when that cannot be written to."""
    name = f"{path.name.removesuffix('.gz').removesuffix('.csv').removesuffix('.rejected')}.rejected.csv"
    for directory in (path.parent, Path.cwd()):
        target = directory / name
        try:
            with target.open("a"):
                pass
            if target.stat().st_size == 0:
                target.unlink()
        except OSError:
            continue
        return target
    raise LocalError(f"Neither {path.parent} nor the current directory can be written to, for the rows refused.")
