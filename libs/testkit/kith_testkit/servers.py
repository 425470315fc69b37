"""Real servers that live as long as the tests, and not a moment longer, however the tests end.

Each server has a guard: a shell that holds the reading end of a named pipe whose writing end is held by the test
processes. The kernel closes those ends when the processes are gone (finished, interrupted or killed); the guard then
reads the end of the pipe, ends the server by its process id and removes its directory.
"""

import errno
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kith_local import nats, postgres
from kith_local.accounts import Account, account_for

_DEADLINE_SECONDS = 30.0
_PASSWORD = "test"  # noqa: S105 -- of a server that lives as long as the tests, on loopback
_GUARD = """(
"$@" >"$PLACE/log" 2>&1 </dev/null &
echo $! >"$PLACE/pid"
read -r _ <"$PLACE/alive"
kill -s "$SIGNAL" $!
wait $!
rm -rf "$PLACE"
) >/dev/null 2>&1 </dev/null &
"""


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server; `admin_url` is its superuser's."""

    admin_url: str
    pid: int


@dataclass(frozen=True)
class Nats:
    """A NATS server with JetStream."""

    url: str
    pid: int


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """The PostgreSQL of this test run: started by the first of its processes, ended when the last is gone.

    Its data is not worth keeping and is not synced. The processes of one run are those with the same
    `PYTEST_XDIST_TESTRUNUID`; without that, each has its own server.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    temporary = Path(tempfile.gettempdir())
    place = temporary / f"kith-postgres-{run}"
    with (temporary / f"kith-postgres-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hold = _join(place)
        hold = hold if hold is not None else _start_postgres(place)
        url = (place / "url").read_text()
    try:
        yield Postgres(url, _pid(place))
    finally:
        os.close(hold)


@contextmanager
def nats_server(directory: Path, port: int = 0) -> Iterator[Nats]:
    """A nats-server that stores under `directory`, on a free port unless one is given; gone when the block ends."""
    server = nats.Nats(directory / "nats", port or _free_port())
    argv = server.configure()
    hold = _guarded(argv, server.directory, signal="TERM", environment={})
    try:
        _until(lambda: _answers(server.port), f"NATS answers; see {server.directory}/log")
        yield Nats(server.url, _pid(server.directory))
    finally:
        os.close(hold)
        _until(lambda: not server.directory.exists(), "NATS has ended")


def _start_postgres(place: Path) -> int:
    # A guard that was killed leaves its directory; one that is at work removes it in a moment.
    with suppress(AssertionError):
        _until(lambda: not place.exists(), "the last server is gone", seconds=5)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    account = account_for(place / "data")
    if account is not None:
        account.own(place)
    cluster = postgres.Cluster(place / "data", _free_port(), _PASSWORD, account, postgres.UNSAFE_AND_FAST)
    cluster.admit()
    with cluster.creating() as argv:
        subprocess.run(  # noqa: S603 -- a command of ours
            argv,
            check=True,
            capture_output=True,
            cwd="/",
            env=dict(postgres.ENVIRONMENT),
            **(account.spawn if account else {}),
        )
    (place / "url").write_text(cluster.url)
    hold = _guarded(cluster.argv, place, signal="QUIT", environment=postgres.ENVIRONMENT, account=account)
    _until(cluster.ready, f"PostgreSQL is ready; see {place}/log")
    return hold


def _guarded(
    argv: Sequence[str], place: Path, *, signal: str, environment: Mapping[str, str], account: Account | None = None
) -> int:
    """Start a server and its guard; returns the descriptor that keeps both alive."""
    pipe = place / "alive"
    os.mkfifo(pipe, 0o600)
    if account is not None:
        account.own(pipe)
    hold = os.open(pipe, os.O_RDWR)  # for both: opening one end alone waits for the other
    try:
        subprocess.run(  # noqa: S603 -- fixed words and a command of ours
            ["/bin/sh", "-c", _GUARD, "guard", *argv],
            check=True,
            cwd="/",
            env={"PATH": os.defpath, **environment, "PLACE": str(place), "SIGNAL": signal},
            start_new_session=True,  # Ctrl-C is for the tests; the guard follows them
            **(account.spawn if account else {}),
        )
    except BaseException:
        os.close(hold)
        raise
    return hold


def _join(place: Path) -> int | None:
    """A hold on the server that runs there; None when there is none."""
    try:
        return os.open(place / "alive", os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):  # nobody reads: the guard has ended or is about to
            return None
        raise


def _pid(place: Path) -> int:
    return int((place / "pid").read_text())


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
        return connection.recv(4) == b"INFO"
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(true: Callable[[], bool], what: str, seconds: float = _DEADLINE_SECONDS) -> None:
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)
