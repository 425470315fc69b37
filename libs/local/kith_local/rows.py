"""What the rows of any list are, and why a list cannot be read."""

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kith_local.errors import LocalError

ERROR_COLUMN = "kith_error"
UNREADABLE = (UnicodeDecodeError, EOFError, zlib.error, OSError)


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


def unreadable(path: Path, error: Exception, line: int) -> LocalError:
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
