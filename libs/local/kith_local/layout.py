"""Where an installation on one machine keeps its files, and which ports it uses."""

import fcntl
import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from kith_local.errors import LocalError, disk_full, explain

SERVICES = ("identity", "matching", "groups", "recognition", "metrics", "delivery")
GATEWAY = "gateway"
HOST = "127.0.0.1"
DEFAULT_PORT = 8400
_OFFSETS = {
    GATEWAY: 0,
    **{name: place for place, name in enumerate(SERVICES, start=1)},
    "nats": 22,
    "nats health": 23,
    "postgres": 32,
}
_FIRST_BASE = 1024  # lower ones are root's
_LAST_BASE = 65535 - max(_OFFSETS.values())
_NEEDED_BYTES = 300_000_000


class AlreadyRunningError(LocalError):
    """Another process holds the directory; `holder` is its id."""

    def __init__(self, installation: "Installation") -> None:
        self.holder: int | None = None
        with suppress(OSError, ValueError):
            self.holder = int((installation.home / "lock").read_text())
        super().__init__(
            f"Kith already runs in {installation.home} (process {self.holder or 'unknown'}). Stop it with Ctrl-C there "
            f"or with `kith stop`, or run a second one: KITH_HOME=.kith2 KITH_PORT={installation.other_base} make run"
        )


@dataclass(frozen=True)
class Installation:
    """One directory, one range of ports, and the outside servers it uses where it brings none of its own."""

    home: Path
    base_port: int = DEFAULT_PORT
    database_url: str | None = None
    nats_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """`KITH_HOME`, `KITH_PORT`, `DATABASE_URL` and `NATS_URL`; without a home, the nearest `.kith/` upwards."""
        given = environment.get("KITH_PORT") or str(DEFAULT_PORT)
        if not given.isdecimal() or not _FIRST_BASE <= int(given) <= _LAST_BASE:
            raise LocalError(f"KITH_PORT={given} is not a port from {_FIRST_BASE} to {_LAST_BASE}. Try KITH_PORT=8500.")
        home = Path(environment.get("KITH_HOME") or _nearest_home()).expanduser().resolve()
        return cls(home, int(given), environment.get("DATABASE_URL") or None, environment.get("NATS_URL") or None)

    def port(self, name: str) -> int:
        return self.base_port + _OFFSETS[name]

    def url(self, name: str) -> str:
        """Where a service or the gateway answers."""
        return f"http://{HOST}:{self.port(name)}"

    @property
    def other_base(self) -> int:
        """A base port to propose when this one is taken."""
        return self.base_port + 100 if self.base_port + 100 <= _LAST_BASE else DEFAULT_PORT

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def nats(self) -> Path:
        return self.home / "nats"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process; LocalError when another one does. The kernel lets go when we die."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.home / "lock").open("a+")
        except OSError as error:
            raise explain(error, self.home) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunningError(self) from None
            try:
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
            except OSError as error:
                raise explain(error, self.home) from error
            yield

    def check_space(self) -> None:
        """LocalError when the disk has too little room to start."""
        free = shutil.disk_usage(self.home).free
        if free < _NEEDED_BYTES:
            raise disk_full(self.home, free)

    def check_ports(self, names: Iterable[str]) -> None:
        """LocalError that names every port in use, and by whom."""
        busy = {name: self.port(name) for name in names if not _free(self.port(name))}
        if not busy:
            return
        owners = _listeners()
        lines = [
            f"port {port} ({name}) is in use by {owners.get(port, 'another program')}" for name, port in busy.items()
        ]
        it = "it" if len(lines) == 1 else "them"
        raise LocalError(f"{'; '.join(lines)}. Stop {it}, or choose another base: KITH_PORT={self.other_base} make run")


def _nearest_home() -> Path:
    here = Path.cwd()
    return next((each / ".kith" for each in (here, *here.parents) if (each / ".kith").is_dir()), here / ".kith")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # Connections of a run just ended (TIME_WAIT) do not count; a listener does, with or without this option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _listeners() -> dict[int, str]:
    """Who listens on which port, as far as this user may know."""
    found: dict[int, str] = {}
    with suppress(psutil.Error, OSError):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.pid and each.laddr:
                with suppress(psutil.Error):
                    found[each.laddr.port] = f"pid {each.pid} ({psutil.Process(each.pid).name()})"
    return found
