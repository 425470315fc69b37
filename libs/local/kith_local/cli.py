"""The command line: `kith up`, `kith restart`, `kith stop`."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

from kith_local import demo, postgres, restarts
from kith_local.commands import ask_command, events_command, importing, story_command
from kith_local.errors import LocalError
from kith_local.layout import AlreadyRunningError, Installation
from kith_local.processes import take_over
from kith_local.restarts import RESTARTED
from kith_local.steps import Steps
from kith_local.up import EVERYTHING, System, running

AfterStart = Callable[[System, Steps], Awaitable[None]]
AFTER_START: Sequence[AfterStart] = (demo.ensure,)
"""What `kith up` does once everything answers and before it says so, in this order: founding a demo community."""

_STOP_SECONDS = 60.0
_INTERRUPTED = 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(importing, name="import")
app.command("story")(story_command)
app.command("ask")(ask_command)
app.command("events", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(events_command)


@app.callback()
def kith() -> None:
    """Kith: the backend of communities whose members help each other."""


@app.command()
def up(
    wait: Annotated[bool, typer.Option(help="Stay until Ctrl-C; --no-wait starts, checks and stops.")] = True,
    only: Annotated[list[str] | None, typer.Option(help="Start this one and not all; may be repeated.")] = None,
) -> None:
    """Run the whole system on this machine; Ctrl-C drains and stops it."""
    unknown = set(only or ()) - set(EVERYTHING)
    if unknown:
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(EVERYTHING)}")
    chosen = [name for name in EVERYTHING if not only or name in only]

    def act(console: Console) -> int:
        return asyncio.run(_up(Installation.from_environment(), console, chosen, wait=wait))

    raise typer.Exit(_reported(act))


@app.command()
def restart(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which; all when none is named.", show_default=False)
    ] = None,
) -> None:
    """Restart services, the gateway, nats or postgres, one after the other, while everything goes on."""
    unknown = set(names or ()) - set(RESTARTED)
    if unknown:
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(RESTARTED)}")

    def act(console: Console) -> int:
        asyncio.run(restarts.restart(Installation.from_environment(), names or (), Steps(console)))
        return 0

    raise typer.Exit(_reported(act))


@app.command()
def stop() -> None:
    """Stop the system that runs in this directory, from another terminal."""
    raise typer.Exit(_reported(_stop))


def _reported(act: Callable[[Console], int]) -> int:
    console = Console()
    try:
        return act(console)
    except LocalError as error:
        Console(stderr=True).print(f"\n{error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1


async def _up(installation: Installation, console: Console, deployables: Sequence[str], *, wait: bool) -> int:
    """Returns the exit status: 0 after a stop that was asked for, 130 when it was asked for before all was ready."""
    steps = Steps(console)
    console.print(f"Kith in {installation.home}", highlight=False)
    ready = asked = False
    task = asyncio.current_task()

    def interrupted() -> None:
        nonlocal asked
        asked = True
        if task is not None:
            task.cancel()

    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN:  # nohup means it
            loop.add_signal_handler(each, interrupted)
    try:
        async with running(installation, steps, deployables=deployables) as system:
            if len(deployables) == len(EVERYTHING):  # the demo takes all of them
                for act in AFTER_START:
                    await act(system, steps)
                demo.show(system, console)
            else:
                steps.note(f"{', '.join(deployables)} ready; Ctrl-C stops")
            ready = True
            if wait:
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not asked:
            raise
    return 0 if ready else _INTERRUPTED


def _stop(console: Console) -> int:
    installation = Installation.from_environment()
    steps = Steps(console)
    try:
        with installation.locked():
            left = [*take_over(installation.home), *(["postgres"] if postgres.take_over(installation.postgres) else [])]
    except AlreadyRunningError as running_elsewhere:
        holder = running_elsewhere.holder
        if holder is None:
            raise
        with steps.step(f"stopping process {holder}"):
            with suppress(ProcessLookupError):
                os.kill(holder, signal.SIGTERM)
            _await_release(installation, holder)
    else:
        steps.note(f"ended {', '.join(left)}" if left else f"nothing runs in {installation.home}")
    return 0


def _await_release(installation: Installation, holder: int) -> None:
    """Return once the directory is free; LocalError when it is not in time."""
    ends = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < ends:
        with suppress(AlreadyRunningError), installation.locked():
            return
        time.sleep(0.1)
    raise LocalError(
        f"Process {holder} did not end within {_STOP_SECONDS:.0f} s. Kill it (kill -9 {holder}) and run `kith stop` "
        "again: it ends what is left."
    )
