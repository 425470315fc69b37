"""Functions that are compiled to machine code when they are first called, and kept for the next process."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

_OURS = 0o700
Function = TypeVar("Function", bound=Callable[..., object])


def _home() -> None:
    """Where compiled code is kept: beside its source, or where that cannot be written, in a directory of our own.

    What lies there is executed: a directory of somebody else's, or that others may write to, is not used.
    """
    if "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK):
        return
    own = Path(tempfile.gettempdir()) / f"kith-compiled-{os.getuid()}"
    own.mkdir(mode=_OURS, exist_ok=True)
    found = own.lstat()
    if found.st_uid != os.getuid() or found.st_mode != stat.S_IFDIR | _OURS:
        own = Path(tempfile.mkdtemp(prefix="kith-compiled-"))
    os.environ["NUMBA_CACHE_DIR"] = str(own)


_home()
import numba  # noqa: E402 - it reads where to keep things when it is imported


def compiled(function: Function) -> Function:
    """The function, compiled for the types it is called with. No checks of bounds: callers give what fits together."""
    return cast("Function", numba.njit(cache=True, nogil=True)(function))
