"""What can go wrong on one machine, said to the person at the terminal: what happened, and what to do."""

import errno
import shutil
from pathlib import Path

_FULL_BYTES = 8_000_000


class LocalError(Exception):
    """One message that names the cause and the way out."""


def explain(error: OSError, home: Path) -> LocalError:
    """The message for an operating system error met while working under `home`."""
    place = error.filename or home
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(home)
    if error.errno in (errno.EACCES, errno.EPERM):
        return LocalError(
            f"{place} belongs to another user. Run Kith as that user, or give it a directory of its own: "
            "KITH_HOME=.kith-mine make run"
        )
    if error.errno == errno.EROFS:
        return LocalError(f"{place} is on a read-only disk. Choose another directory: KITH_HOME=/tmp/kith make run")
    return LocalError(f"{place}: {error.strerror or error}. Correct that and start again; nothing was lost.")


def is_full(home: Path) -> bool:
    """Whether the disk under `home` has no room left for even a log file."""
    return shutil.disk_usage(home).free < _FULL_BYTES


def disk_full(home: Path, free_bytes: int | None = None) -> LocalError:
    left = "" if free_bytes is None else f" ({free_bytes // 1_000_000} MB left)"
    return LocalError(
        f"The disk that holds {home} is full{left}. Free at least 300 MB, or put the data elsewhere "
        "(KITH_HOME=/another/disk/kith make run), and start again; what was stored is still there."
    )
