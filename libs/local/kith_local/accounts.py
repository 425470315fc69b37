"""The unprivileged account that PostgreSQL runs as when Kith is started by root, which PostgreSQL refuses to be."""

import errno
import os
import pwd
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from kith_local.errors import LocalError

_NAME = "pgserver"
_ACL = "system.posix_acl_access"
_ENTRY = struct.Struct("<HHI")
_ACL_VERSION = struct.pack("<I", 2)
_OWNER, _USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY_IN_PARTICULAR = 0xFFFFFFFF
_PASS = 0x1


class Spawn(TypedDict, total=False):
    """The arguments of `subprocess` that start a program under another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A system user."""

    name: str
    uid: int
    gid: int

    @property
    def spawn(self) -> Spawn:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account | None:
    """Who runs the server on the directory `data`: its owner, else `pgserver` (created if need be), else `nobody`.

    None where this process is not root and simply runs it itself.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    entry = _lookup(owner) if owner else None
    if entry is None:
        entry = _lookup(_NAME) or _create() or _lookup("nobody")
    if entry is None:
        raise LocalError("PostgreSQL refuses to run as root, and there is no other user. Create one: useradd pgserver")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def admit(account: Account, *paths: Path) -> list[Path]:
    """Let the account pass through every directory above `paths`; returns those that had been closed to it.

    It gets the right to pass (not to list, not to read), for itself alone, by an access control list: the modes that
    others see stay as they are. LocalError where the file system has no such lists.
    """
    opened: list[Path] = []
    for path in paths:
        for directory in reversed(path.parents):
            if not _may_pass(account, directory):
                try:
                    _grant_pass(account, directory)
                except OSError as error:
                    raise _closed(account, directory) from error
                opened.append(directory)
                if not _may_pass(account, directory):
                    raise _closed(account, directory)
    return opened


def _closed(account: Account, directory: Path) -> LocalError:
    return LocalError(
        f"PostgreSQL refuses to run as root, and the user it runs as instead ({account.name}) may not pass through "
        f"{directory}. Run Kith as an ordinary user, put it in a directory open to others, "
        f"or allow it: chmod o+x {directory}"
    )


def _lookup(who: str | int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(who) if isinstance(who, int) else pwd.getpwnam(who)
    except KeyError:
        return None


def _create() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        return None
    subprocess.run([useradd, "--system", "--no-create-home", _NAME], check=False, capture_output=True)  # noqa: S603 -- fixed words
    return _lookup(_NAME)


def _may_pass(account: Account, directory: Path) -> bool:
    # The kernel is asked, not the mode bits: groups, lists and mounts all have a say.
    probe = ["/bin/sh", "-c", 'test -x "$0"', str(directory)]
    return subprocess.run(probe, check=False, cwd="/", **account.spawn).returncode == 0  # noqa: S603 -- fixed words and a path


def _grant_pass(account: Account, directory: Path) -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "no access control lists", str(directory))
    mode = directory.stat().st_mode
    entries = {
        (_OWNER, _NOBODY_IN_PARTICULAR): mode >> 6 & 7,
        (_GROUP, _NOBODY_IN_PARTICULAR): mode >> 3 & 7,
        (_OTHER, _NOBODY_IN_PARTICULAR): mode & 7,
    }
    try:
        stored = os.getxattr(directory, _ACL)
        entries = {(tag, who): rights for tag, rights, who in _ENTRY.iter_unpack(stored[len(_ACL_VERSION) :])}
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
    entries[_USER, account.uid] = entries.get((_USER, account.uid), 0) | _PASS
    # The mask bounds what named users get; without one the group's own rights become it, so that nobody loses any.
    group = (_GROUP, _NOBODY_IN_PARTICULAR)
    entries[_MASK, _NOBODY_IN_PARTICULAR] = entries.get((_MASK, _NOBODY_IN_PARTICULAR), entries[group]) | _PASS
    packed = b"".join(_ENTRY.pack(tag, rights, who) for (tag, who), rights in sorted(entries.items()))
    os.setxattr(directory, _ACL, _ACL_VERSION + packed)
