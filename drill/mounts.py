"""File systems of the drill's own, mounted where only the drill and its children see them. Linux only."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEW_NAMES, _NEW_USER = 0x0002_0000, 0x1000_0000  # CLONE_NEWNS, CLONE_NEWUSER
_NO_SUID, _NO_DEVICES, _REMOUNT, _RECURSIVE, _PRIVATE = 1 << 1, 1 << 2, 1 << 5, 1 << 14, 1 << 18
_DETACH = 2


class CannotMount(Exception):  # noqa: N818 -- what is told: this machine cannot
    """This machine does not let us mount a file system."""


def seclude() -> None:
    """Give this process, and what it starts from now on, mounts of its own; they go when the last of them does.

    Not as root, it also gets a user namespace in which it may mount, and stays who it is. CannotMount where neither
    is allowed. Call it before the process has a second thread.
    """
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", _NEW_NAMES if uid == 0 else _NEW_NAMES | _NEW_USER)
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_RECURSIVE | _PRIVATE), None)


def mount(source: str, directory: Path, kind: str, options: str) -> None:
    """Mount a file system; CannotMount when the kernel refuses."""
    flags = ctypes.c_ulong(_NO_SUID | _NO_DEVICES)
    _call("mount", source.encode(), os.fsencode(directory), kind.encode(), flags, options.encode())


@contextmanager
def mount_fuse(source: str, directory: Path) -> Iterator[int]:
    """Mount a file system that whoever reads the yielded descriptor serves; CannotMount when there can be none."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        raise CannotMount(str(error)) from error
    try:
        options = f"fd={device},rootmode=40700,user_id={os.geteuid()},group_id={os.getegid()}"
        mount(source, directory, "fuse", options)
        try:
            yield device
        finally:
            unmount(directory)
    finally:
        os.close(device)


def resize(directory: Path, size: int) -> None:
    """Give the tmpfs mounted there so many bytes in all."""
    flags = ctypes.c_ulong(_NO_SUID | _NO_DEVICES | _REMOUNT)
    _call("mount", b"none", os.fsencode(directory), b"tmpfs", flags, f"size={size}".encode())


def unmount(directory: Path) -> None:
    """Take away what is mounted there, also while it is in use."""
    _call("umount2", os.fsencode(directory), _DETACH)


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    function = getattr(libc, name, None)
    if function is None:
        raise CannotMount(f"{name}: there is no such system call here")
    if function(*arguments) != 0:
        raise CannotMount(f"{name}: {os.strerror(ctypes.get_errno())}")
