"""Child processes: started in order, waited for until they are ready, started again when they die, ended together.

What it guarantees: `stop` returns when every child and its descendants are gone. When this process is killed its
children run on, marked in their environment; `take_over` at the next start finds and ends them. (A death signal from
the kernel would end them at once, but only on Linux and only from the thread that started them.)
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from kith_local.accounts import Account
from kith_local.errors import LocalError, is_full

MARK = "KITH_INSTALLATION"
_POLL_SECONDS = 0.05
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 15.0
_STEADY_SECONDS = 60.0  # who ran this long is forgiven earlier deaths
_ASKED_SECONDS, _ILL_TIMES = 2.0, 3  # how often who runs is asked whether it works, and how many a no is too many
_KEPT_LOGS = 3
_TAIL_LINES = 12

Ready = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Command:
    """A program to keep running. `environment` is all it gets; `stop_seconds` is what it has to end in order.

    Who runs and is not `alive`, asked again and again, is ended and started again.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    ready: Ready
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    account: Account | None = None
    alive: Ready | None = None


class StartError(LocalError):
    """A program ended, or was not ready in time."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        self.tail = ""
        with suppress(OSError):
            lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            self.tail = "\n".join(f"  {line[:300]}" for line in lines)
        super().__init__(f"{name} {what}. Its last words, from {log}:\n{self.tail or '  (none)'}")


@dataclass
class _Child:
    command: Command
    process: asyncio.subprocess.Process
    started_at: float
    deaths: int = 0
    keeper: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """Keeps commands running. `say` is told, in one line, whenever something dies or comes back.

    Who dies again and again is started after ever longer pauses, up to `longest_pause_seconds`.
    """

    def __init__(self, home: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self.mark = str(home)
        self.logs = home / "logs"
        self.say = say
        self.longest_pause_seconds = _LONGEST_PAUSE_SECONDS
        self._groups: list[list[_Child]] = []
        self._stopping = False
        self._rotated: set[str] = set()

    @property
    def pids(self) -> dict[str, int]:
        return {child.command.name: child.process.pid for group in self._groups for child in group}

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    async def start(
        self, *commands: Command, seconds: float = 90.0, came: Callable[[str], None] = lambda _: None
    ) -> None:
        """Start these together and return when all are ready; `came(name)` as each is.

        StartError when one ends or is not ready within `seconds`. They are stopped before whatever started earlier.
        """
        group: list[_Child] = []
        self._groups.append(group)
        for command in commands:
            child = _Child(command, await self._spawn(command), time.monotonic())
            group.append(child)  # at once: when the next one cannot be started, `stop` must know of this one
        waits = [asyncio.create_task(self._first_ready(child, seconds, came)) for child in group]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        for child in group:
            child.keeper = asyncio.create_task(self._keep(child), name=f"keep {child.command.name}")

    async def run(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str], account: Account | None = None
    ) -> None:
        """Run a program to its end; StartError unless it ends well. It ends too when this is cancelled."""
        command = Command(name, argv, environment, _always, account=account)
        child = _Child(command, await self._spawn(command), time.monotonic())
        try:
            status = await child.process.wait()
        except asyncio.CancelledError:
            await self._end(child)
            raise
        if status != 0:
            raise StartError(name, _ending(status), self.log(name))

    async def stop(self) -> None:
        """End everything, latest group first, each in order and, past its deadline, by force. May be called twice."""
        self._stopping = True
        keepers = [child.keeper for group in self._groups for child in group if child.keeper]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        while self._groups:
            await asyncio.gather(*(self._end(child) for child in self._groups[-1]))
            self._groups.pop()

    def hurry(self) -> None:
        """Kill whatever still runs."""
        for group in self._groups:
            for child in group:
                _signal_group(child.process.pid, signal.SIGKILL)

    async def _spawn(self, command: Command) -> asyncio.subprocess.Process:
        log = self._open_log(command.name)
        environment = {**command.environment, MARK: self.mark}
        with log.open("ab") as out:
            return await asyncio.create_subprocess_exec(
                *command.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                env=environment,
                cwd="/",  # nothing depends on where we were started, or keeps that directory busy
                start_new_session=True,  # Ctrl-C is for us to pass on, in order
                **(command.account.spawn if command.account else {}),
            )

    def _open_log(self, name: str) -> Path:
        log = self.log(name)
        if name not in self._rotated:
            self._rotated.add(name)
            self.logs.mkdir(parents=True, exist_ok=True)
            for age in range(_KEPT_LOGS - 1, 0, -1):
                with suppress(FileNotFoundError):
                    log.with_suffix(f".{age}.log").replace(log.with_suffix(f".{age + 1}.log"))
            with suppress(FileNotFoundError):
                log.replace(log.with_suffix(".1.log"))
        return log

    async def _first_ready(self, child: _Child, seconds: float, came: Callable[[str], None]) -> None:
        name = child.command.name
        if not await self._ready(child, seconds):
            status = child.process.returncode
            what = _ending(status) if status is not None else f"was not ready within {seconds:.0f} s"
            raise StartError(name, what, self.log(name))
        came(name)

    async def _ready(self, child: _Child, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while child.process.returncode is None and time.monotonic() < ends:
            if await child.command.ready():
                # Another program may answer in its place; one that has ended is not ready.
                return child.process.returncode is None
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _keep(self, child: _Child) -> None:
        name = child.command.name
        while True:
            status = await self._ended(child)
            _signal_group(child.process.pid, signal.SIGKILL)  # what it had started has no one to answer to
            if time.monotonic() - child.started_at > _STEADY_SECONDS:
                child.deaths = 0
            pause = min(_FIRST_PAUSE_SECONDS * 2**child.deaths, self.longest_pause_seconds)
            child.deaths += 1
            why = "the disk is full: free some space" if is_full(self.logs) else f"see {self.log(name)}"
            self.say(f"{name} {_ending(status)}; starting it again in {pause:.1f} s ({why})")
            await asyncio.sleep(pause)
            died_at = child.started_at = time.monotonic()
            try:
                child.process = await self._spawn(child.command)
            except OSError as error:
                self.say(f"{name} could not be started: {error.strerror}")
                continue
            if await self._ready(child, _STEADY_SECONDS):
                self.say(f"{name} is back after {time.monotonic() - died_at + pause:.1f} s")

    async def _ended(self, child: _Child) -> int:
        """The status of a child that has ended, or was ended because it is not alive."""
        ill = 0
        while child.command.alive is not None:
            with suppress(TimeoutError):
                return await asyncio.wait_for(child.process.wait(), _ASKED_SECONDS)
            ill = 0 if await child.command.alive() else ill + 1
            if ill == _ILL_TIMES:
                self.say(f"{child.command.name} does not work; ending it (see {self.log(child.command.name)})")
                await self._end(child)
        return await child.process.wait()

    async def _end(self, child: _Child) -> None:
        process = child.process
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(child.command.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), child.command.stop_seconds)
            except TimeoutError:
                self.say(f"{child.command.name} did not end within {child.command.stop_seconds:.0f} s; killed")
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


def take_over(home: Path) -> list[str]:
    """End what a killed supervisor of this directory left running; returns the programs. Blocks for 15 s at most.

    The caller holds the installation's lock: nothing marked with the directory belongs to anyone alive. PostgreSQL
    is left to `Cluster.take_over`, which knows how to ask it.
    """
    left = []
    for each in psutil.process_iter(["pid", "name"]):
        with suppress(psutil.Error, OSError):
            if each.pid == os.getpid() or str(each.info["name"]).startswith("postgres"):
                continue
            if each.environ().get(MARK) == str(home):
                left.append(each)
    for ask, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        alive = [each for each in left if each.is_running()]
        for each in alive:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(ask)
        psutil.wait_procs(alive, timeout=seconds)
    return sorted({str(each.info["name"]) for each in left})


async def _always() -> bool:
    return True


def _signal_group(pid: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, what)


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
