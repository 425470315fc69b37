"""Child processes: started in order, waited for until they are ready, started again when they die, ended together.

What it guarantees: `stop` returns when every child and its descendants are gone. When this process is killed its
children run on, marked in their environment; `take_over` at the next start finds and ends them. (A death signal from
the kernel would end them at once, but only on Linux and only from the thread that started them.)

A program with a port is given a listening socket that stays open here, so nobody is refused while it is away: who
connects waits for the next process. Told to end from outside, it says so and serves on; the next one is started then,
takes new connections from the same socket, and when it is ready the first one is told to end now.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from kith_local.accounts import Account
from kith_local.errors import LocalError, is_full

MARK = "KITH_INSTALLATION"
LISTENING, DRAINING = "KITH_HTTP_FD", "KITH_DRAIN_FD"
"""Where a program with a port finds its socket, and what it closes when it begins to drain (kith_chassis.serve)."""
_POLL_SECONDS = 0.05
_DEATH_SECONDS = 0.5  # within which one whose files were closed by the kernel is seen to have ended
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 15.0
_DRAIN_SECONDS = 5.0  # longer than clients keep a connection that they do not use
_LEAVING_SECONDS = 90.0  # longer than grace and deadline of a service
_BACKLOG = 2048
_STEADY_SECONDS = 60.0  # who ran this long is forgiven earlier deaths
_ASKED_SECONDS, _ILL_TIMES = 2.0, 3  # how often who runs is asked whether it works, and how many a no is too many
_KEPT_LOGS = 3
_TAIL_LINES = 12

Ready = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Command:
    """A program to keep running. `environment` is all it gets; `stop_seconds` is what it has to end in order.

    `listen` is the address of its listening socket, kept open between one process and the next. Who runs and is not
    `alive`, asked again and again, is ended and started again.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    ready: Ready
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    account: Account | None = None
    alive: Ready | None = None
    listen: tuple[str, int] | None = None


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
    listener: socket.socket | None = None
    started_at: float = 0.0
    deaths: int = 0
    keeper: asyncio.Task[None] | None = field(default=None, repr=False)
    process: asyncio.subprocess.Process = field(init=False)
    drains: asyncio.Event = field(init=False)
    leaving: dict[asyncio.subprocess.Process, asyncio.Task[None]] = field(default_factory=dict)
    """Earlier processes that finish what they have, each with who sees to it that it ends."""


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
        self._sockets = ExitStack()
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
            child = _Child(command)
            if command.listen is not None:
                child.listener = self._sockets.enter_context(socket.create_server(command.listen, backlog=_BACKLOG))
            await self._spawn(child)
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
        child = _Child(command)
        await self._spawn(child)
        try:
            status = await child.process.wait()
        except asyncio.CancelledError:
            await self._end(child)
            raise
        if status != 0:
            raise StartError(name, _ending(status), self.log(name))

    async def stop(self) -> None:
        """End everything, latest group first, each in order and, past its deadline, by force. May be called twice."""
        self._sockets.close()
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
                for process in (child.process, *child.leaving):
                    _signal_group(process.pid, signal.SIGKILL)

    async def _spawn(self, child: _Child) -> None:
        """Start the (next) process of a child."""
        command = child.command
        passed: tuple[int, ...] = ()
        environment = {**command.environment, MARK: self.mark}
        child.drains = asyncio.Event()
        with ExitStack() as open_files:
            if child.listener is not None:
                passed = child.listener.fileno(), _told_when_closed(child.drains, open_files)
                environment |= {LISTENING: str(passed[0]), DRAINING: str(passed[1])}
            child.process = await asyncio.create_subprocess_exec(
                *command.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=open_files.enter_context(self._open_log(command.name).open("ab")),
                stderr=asyncio.subprocess.STDOUT,
                env=environment,
                cwd="/",  # nothing depends on where we were started, or keeps that directory busy
                start_new_session=True,  # Ctrl-C is for us to pass on, in order
                pass_fds=passed,
                **(command.account.spawn if command.account else {}),
            )
        child.started_at = time.monotonic()

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
            if await self._leaves(child):
                self.say(f"{name} was told to end; the next one starts while it finishes")
                left_at, process = time.monotonic(), child.process
                child.leaving[process] = asyncio.create_task(self._leave(child, process))
            else:
                left_at = time.monotonic()
                await self._mourn(child)
            try:
                await self._spawn(child)
            except OSError as error:
                self.say(f"{name} could not be started: {error.strerror}")
                continue
            if await self._ready(child, _STEADY_SECONDS):
                self.say(f"{name} is back after {time.monotonic() - left_at:.1f} s")
                for process in child.leaving:
                    wait = max(0.0, left_at + _DRAIN_SECONDS - time.monotonic())
                    asyncio.get_running_loop().call_later(wait, _tell, process, child.command.stop_signal)

    async def _mourn(self, child: _Child) -> None:
        """Say that a process has ended, and pause for the longer the more often that happens."""
        name, process = child.command.name, child.process
        _signal_group(process.pid, signal.SIGKILL)  # what it had started has no one to answer to
        if time.monotonic() - child.started_at > _STEADY_SECONDS:
            child.deaths = 0
        pause = min(_FIRST_PAUSE_SECONDS * 2**child.deaths, self.longest_pause_seconds)
        child.deaths += 1
        why = "the disk is full: free some space" if is_full(self.logs) else f"see {self.log(name)}"
        self.say(f"{name} {_ending(await process.wait())}; starting it again in {pause:.1f} s ({why})")
        await asyncio.sleep(pause)

    async def _leave(self, child: _Child, process: asyncio.subprocess.Process) -> None:
        await self._ended(child.command, process, _LEAVING_SECONDS)
        child.leaving.pop(process, None)

    async def _leaves(self, child: _Child) -> bool:
        """Wait until a process has ended (False), or says that it will and serves on meanwhile (True)."""
        if child.listener is None:
            await self._works(child)
        else:
            await child.drains.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(child.process.wait(), _DEATH_SECONDS)
        return child.process.returncode is None

    async def _works(self, child: _Child) -> None:
        """Return when a process has ended, or was ended because it is not alive."""
        ill = 0
        while child.command.alive is not None and child.process.returncode is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(child.process.wait(), _ASKED_SECONDS)
                return
            ill = 0 if await child.command.alive() else ill + 1
            if ill == _ILL_TIMES:
                self.say(f"{child.command.name} does not work; ending it (see {self.log(child.command.name)})")
                await self._end(child)
        await child.process.wait()

    async def _end(self, child: _Child) -> None:
        """End all processes of a child."""
        leavers, processes = list(child.leaving.values()), [child.process, *child.leaving]
        for process in processes:
            _tell(process, child.command.stop_signal)
        await asyncio.gather(*(self._ended(child.command, each, child.command.stop_seconds) for each in processes))
        await asyncio.gather(*leavers)

    async def _ended(self, command: Command, process: asyncio.subprocess.Process, seconds: float) -> None:
        """Return when a process that was told to end has ended, by force after so many seconds."""
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            self.say(f"{command.name} did not end within {seconds:.0f} s; killed")
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
    for ask, seconds in ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)):
        alive = [each for each in left if each.is_running()]
        for each in alive:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(ask)
        psutil.wait_procs(alive, timeout=seconds)
    return sorted({str(each.info["name"]) for each in left})


def _told_when_closed(told: asyncio.Event, open_files: ExitStack) -> int:
    """A file descriptor to pass on: `told` is set when all who have it have closed it, or ended."""
    ours, theirs = os.pipe()
    open_files.callback(os.close, theirs)
    loop = asyncio.get_running_loop()

    def closed() -> None:
        loop.remove_reader(ours)
        os.close(ours)
        told.set()

    loop.add_reader(ours, closed)
    return theirs


async def _always() -> bool:
    return True


def _tell(process: asyncio.subprocess.Process, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(what)


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
