"""`kith import … FILE`: good rows go in, bad ones are listed and written to a file to correct and import."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from types import MappingProxyType, TracebackType
from typing import Any, Self

from kith_local.client import Client
from kith_local.errors import LocalError, explain
from kith_local.json_lines import SUFFIXES, JsonLines
from kith_local.member_files import MemberFile
from kith_local.rows import Row, RowError

BATCH = 500
BATCH_CHARACTERS = 1024 * 1024  # some 4 MiB of JSON at the worst; services take 8
AT_ONCE = 3
LISTED = 20

Prepare = Callable[[Row], None]
List = MemberFile | JsonLines


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
    members: List,
    *,
    rejected_path: Path,
    advance: Callable[[int], None] = lambda _: None,
    prepare: Prepare = lambda _: None,
    into: Mapping[str, Any] = MappingProxyType({}),
) -> ImportResult:
    """Import a file in batches, several at once; memory does not grow with the file but for a hash per row.

    `prepare` may complete a row before it is sent; `advance` hears of rows done; `into`
    goes with each batch. The file at `rejected_path`, which may
    be the one that is read, is replaced once everything was read and only by rows refused. LocalError when the file
    cannot be read to its end: what stands before that is imported and counted.
    """
    result = ImportResult()
    seen: dict[int, int] = {}
    batches = _Batches(members)
    with _Rejects(rejected_path, members) as rejects:

        async def lane() -> None:
            for batch in batches:
                for row in batch:
                    prepare(row)
                    _same(row, seen, members)
                await _send(client, members, batch, result, into)
                _reject(batch, result, rejects)
                advance(len(batch))

        lanes = [asyncio.create_task(lane()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for each in lanes:
                each.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        if batches.failure is not None:
            done = result.created + result.updated + result.unchanged
            raise LocalError(
                f"{batches.failure} Of the rows before, {done:,} were imported and {result.rejected:,} refused; "
                "importing them again changes nothing."
            ) from batches.failure
        rejects.keep()
    result.errors.sort(key=lambda error: error.line)
    result.rejected_file = rejects.path if rejects.written else None
    return result


class _Batches:
    """The rows in parts that one request can carry; ends early, with `failure` set, where the file cannot be read."""

    def __init__(self, members: List) -> None:
        self.failure: LocalError | None = None
        self._rows = iter(members)
        self._next: Row | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Row]:
        batch: list[Row] = []
        characters = 0
        while len(batch) < BATCH and (row := self._read()) is not None:
            characters += sum(map(len, row.cells))
            if batch and characters > BATCH_CHARACTERS:
                self._next = row
                break
            batch.append(row)
        if not batch:
            raise StopIteration
        return batch

    def _read(self) -> Row | None:
        row, self._next = self._next, None
        try:
            return row or next(self._rows, None)
        except LocalError as error:
            self.failure = error
            return None


def _same(row: Row, seen: dict[int, int], members: List) -> None:
    """Tell a second row of the same person, wherever in the file it stands."""
    for of in members.kind.same:
        values = tuple(row.fields.get(name) for name in of)
        if None in values or row.errors:
            continue
        first = seen.setdefault(hash((of, *(str(value).lower() for value in values))), row.line)
        if first != row.line:
            row.errors.append(RowError(row.line, members.header.column(of[0]), f"is the same as on line {first}"))


async def _send(client: Client, members: List, batch: list[Row], result: ImportResult, into: Mapping[str, Any]) -> None:
    good = {row.line: row for row in batch if not row.errors}
    if not good:
        return
    sent = [{k: v for k, v in row.fields.items() if k != "country"} | {"line": row.line} for row in good.values()]
    imported = (await client.mutate(members.kind.document, {**into, "rows": sent}))["imported"]
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
    """The rows that were refused, as they stood, with a last column that says why.

    They are written beside `path` and take its place only when told to be kept: `path` may be what is being read.
    """

    def __init__(self, path: Path, members: List) -> None:
        self.path = path
        self.written = 0
        self._members = members
        self._file: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with suppress(OSError):  # a full disk was told when the row was written
                self._file.close()
            Path(self._file.name).unlink(missing_ok=True)

    def write(self, row: Row) -> None:
        try:
            if self._file is None:
                self._open()
            reasons = "; ".join(f"{error.column} {error.reason}" for error in row.errors)
            self._file.write(self._members.refused(row, reasons))
        except OSError as error:
            raise explain(error, self.path.parent) from error
        self.written += 1

    def _open(self) -> None:
        name = self.path.name
        self._file = NamedTemporaryFile(  # noqa: SIM115 -- closed on leaving
            "w", encoding="utf-8", newline="", dir=self.path.parent, prefix=f".{name}.", suffix=".part", delete=False
        )
        # Whoever may read the list may read what was refused of it, and nobody else.
        with suppress(OSError):  # the list is gone meanwhile: then it stays ours alone
            Path(self._file.name).chmod(self._members.path.stat().st_mode & 0o666 | 0o600)
        self._file.write(self._members.head())

    def keep(self) -> None:
        """Put what was written in its place; nothing changes there when no row was refused."""
        if self._file is None:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            Path(self._file.name).replace(self.path)
        except OSError as error:
            raise explain(error, self.path.parent) from error


def rejected_path(path: Path) -> Path:
    """Where rows refused from a file go: beside it, or in the current directory when that cannot be written to."""
    name = path.name.removesuffix(".gz")
    suffix = next((each for each in SUFFIXES if name.endswith(each)), ".csv")
    name = f"{name.removesuffix(suffix).removesuffix('.rejected')}.rejected{suffix}"
    for directory in (path.parent, Path.cwd()):
        target = directory / name
        try:
            with TemporaryFile(dir=directory):
                pass
        except OSError:
            continue
        if not target.exists() or (target.is_file() and os.access(target, os.W_OK)):
            return target
    raise LocalError(f"Neither {path.parent} nor the current directory can be written to, for the rows refused.")
