"""Faults under load: `make drill`, or `make drill ARGS="--rounds 5 --seed 2 --only nats"`.

Writes `build/drill.json`: {"rows": [{fault, rounds, commands, acknowledged, lost, doubled, unexpected,
recovery_seconds, contrast}]}.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from rich.console import Console
from rich.table import Table

from drill import disks, faults, poison, power
from drill.faults import Fault
from drill.grounds import Ground, ordinary
from drill.load import Load, Seen, prepared
from drill.mounts import CannotMount, seclude
from drill.order import ByPosition, Interleaving, in_small_batches
from drill.rolling import ROLLING
from kith_chassis.database import Database
from kith_chassis.migrations import upgrade
from kith_local.errors import LocalError
from kith_local.layout import Installation
from kith_local.steps import Steps
from kith_local.up import EVERYTHING, System, running

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "build" / "drill.json"
SETTLED_SECONDS = 180.0
UNMENDED_SECONDS = 15.0  # time for what mends itself
PROGRESS = 600  # commands acknowledged between two faults: the system had come back, and was under load
STEPS = 2000  # of the interleaving, for each round of the others
BASE_PORT = 19400
FAULTS = (*faults.FAULTS, ROLLING, *power.FAULTS, *disks.FAULTS, *poison.FAULTS)


@dataclass(frozen=True)
class Row:
    """One fault. Lost, doubled and unexpected are counted in every service that ought to know of a command."""

    fault: str
    rounds: int
    commands: int
    acknowledged: int
    lost: int
    doubled: int
    unexpected: int
    recovery_seconds: float | None
    contrast: bool = False
    not_run: str = ""
    """Why this machine cannot do it."""

    @property
    def is_clean(self) -> bool:
        return not self.not_run and self.lost == self.doubled == self.unexpected == 0

    @property
    def verdict(self) -> str:
        if self.not_run:
            return f"not run ({self.not_run})"
        return "clean" if self.is_clean else f"{self.lost} lost, {self.doubled} doubled, {self.unexpected} unexpected"


def judge(fault: Fault, rounds: int, load: Load, before: tuple[int, int], seen: Seen, seconds: float | None) -> Row:
    """Compare what was acknowledged with what is there."""
    sent, acknowledged = load.sent - before[0], load.acknowledged - before[1]
    known = (seen.distinct, seen.in_metrics, seen.in_recognition)
    return Row(
        fault=fault.name,
        rounds=rounds,
        commands=sent,
        acknowledged=acknowledged,
        lost=sum(max(0, load.acknowledged - each) for each in known),
        doubled=(seen.stored - seen.distinct) + sum(max(0, each - seen.distinct) for each in known[1:]),
        unexpected=max(0, seen.distinct - load.sent) + seen.dead + len(load.failed),
        recovery_seconds=seconds,
    )


async def suffer(system: System, load: Load, fault: Fault, rounds: int, rng: random.Random) -> list[Row]:
    """Do it under load, then wait until every service knows of everything, or long enough.

    Where a fault must be mended, a first row shows for contrast what is missing before.
    """
    before = load.sent, load.acknowledged
    async with fault.under(load):
        for _ in range(rounds):
            await fault.act(system, load, rng)
    rows = []
    if fault.mend is not None:
        await asyncio.sleep(UNMENDED_SECONDS)
        unmended = judge(fault, rounds, load, before, await load.seen(), None)
        rows.append(replace(unmended, fault=f"{fault.name}, before it is mended", contrast=True))
    over = time.monotonic()
    if fault.mend is not None:
        await fault.mend(system)
    seen, seconds = await load.seen(), None
    while time.monotonic() - over < SETTLED_SECONDS:
        seen = await load.seen()
        if seen.is_settled and seen.distinct >= load.acknowledged:
            seconds = round(time.monotonic() - over, 1)
            break
        await asyncio.sleep(0.2)
    return [*rows, judge(fault, rounds, load, before, seen, seconds)]


async def drill(
    chosen: Sequence[Fault],
    rounds: int,
    seed: int,
    console: Console,
    *,
    port: int = BASE_PORT,
    steps: int = 0,
    progress: int = PROGRESS,
) -> list[Row]:
    """A system for each ground, and faults on it one after the other, so many commands apart."""
    # What a drill cannot wait a minute for.
    os.environ["KITH_CONSUMER_LEASE_SECONDS"] = "10"
    rng, rows = random.Random(seed), list[Row]()
    for ground, group in groupby(chosen, lambda each: each.ground):
        together = list(group)
        try:
            async with standing(ground, port) as system, prepared(system, progress=progress) as load:
                for fault in together:
                    turns = max(1, round(rounds * fault.share))
                    console.print(f"{fault.name} × {turns} …", highlight=False)
                    for row in await suffer(system, load, fault, turns, rng):
                        rows.append(row)
                        console.print(f"  {row.acknowledged:,} acknowledged, {row.verdict}", highlight=False)
                    for note in load.notes:
                        console.print(f"  {note}", highlight=False, markup=False)
                    load.notes.clear()
                    for what, times in Counter(load.failed).most_common(9):
                        console.print(f"  {times} × {what}", highlight=False)
        except (CannotMount, LocalError) as error:  # what the other faults showed is not lost by it
            done = {row.fault for row in rows}
            for fault in together:
                if fault.name not in done:
                    rows.append(Row(fault.name, 0, 0, 0, 0, 0, 0, None, not_run=str(error)))
                    console.print(f"{fault.name}: {rows[-1].verdict}", highlight=False)
    if steps:
        console.print(f"order of events × {steps:,} …", highlight=False)
        async with standing(ordinary, port, deployables=["metrics"]) as system:
            rows += await ordered(system, steps, seed)
    return rows


@asynccontextmanager
async def standing(ground: Ground, port: int, deployables: Sequence[str] = EVERYTHING) -> AsyncIterator[System]:
    """A system of its own on this ground. CannotMount where the machine cannot lay it."""
    with tempfile.TemporaryDirectory(prefix="kith-drill-", ignore_cleanup_errors=True) as directory:
        place = Installation.from_environment({"KITH_HOME": f"{directory}/.kith", "KITH_PORT": str(port)})
        quiet = Steps(Console(file=sys.stderr, quiet=True))
        async with ground(place) as installation, running(installation, quiet, deployables=deployables) as system:
            system.supervisor.longest_pause_seconds = 0.5  # it is us who kill them
            yield system


async def ordered(system: System, steps: int, seed: int) -> list[Row]:
    """Writers, relays and crashes interleaved; then the same against a relay that goes by position, for contrast."""
    name, rows = "kith_order", []
    admin = await asyncpg.connect(system.admin_url)
    try:
        for relay, title in ((in_small_batches, "order of events"), (ByPosition(), "order of events, by position")):
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await admin.execute(f"CREATE DATABASE {name} OWNER metrics_owner")
            place = urlsplit(system.database_url("metrics", "owner"))._replace(path=f"/{name}")
            await upgrade("kith_metrics", urlunsplit(place))
            database = Database(urlunsplit(place))
            try:
                found = await Interleaving(database, seed, relay).run(steps)
            finally:
                await database.close()
            unexpected = found.invented + found.inverted
            contrast = relay is not in_small_batches
            done = found.committed
            rows.append(Row(title, steps, done, done, found.skipped, 0, unexpected, 0.0, contrast))
    finally:
        await admin.close()
    return rows


def shown(rows: list[Row], seed: int) -> Table:
    table = Table(title=f"seed {seed}", box=None, padding=(0, 1), title_justify="left")
    for name in ("fault", "rounds", "commands", "acknowledged", "lost", "doubled", "unexpected", "recovery"):
        table.add_column(name, justify="left" if name == "fault" else "right", no_wrap=True)
    for row in rows:
        recovery = "never" if row.recovery_seconds is None else f"{row.recovery_seconds:.1f} s"
        if row.not_run:
            recovery = "not run"
        numbers = (row.rounds, row.commands, row.acknowledged, row.lost, row.doubled, row.unexpected)
        table.add_row(row.fault, *(f"{each:,}" for each in numbers), recovery)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="make drill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how often a process is killed; others in proportion")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="faults whose name has this in it; may be repeated")
    parser.add_argument("--port", type=int, default=BASE_PORT, help="the first of those it uses")
    asked = parser.parse_args()

    def chosen(name: str) -> bool:
        return not asked.only or any(part in name for part in asked.only)

    wanted = [each for each in FAULTS if chosen(each.name)]
    steps = STEPS * asked.rounds if chosen("order of events") else 0
    if not wanted and not steps:
        sys.exit(f"no such fault; there are {', '.join(each.name for each in FAULTS)}, order of events")
    console = Console(width=None if sys.stdout.isatty() else 140)  # the table whole, also in a file
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left running
    with suppress(CannotMount):  # then the faults that need it say so
        seclude()
    rows = asyncio.run(drill(wanted, asked.rounds, asked.seed, console, port=asked.port, steps=steps))
    console.print(shown(rows, asked.seed))
    ROWS.parent.mkdir(exist_ok=True)
    document = {"seed": asked.seed, "rows": [asdict(row) for row in rows]}
    ROWS.write_text(json.dumps(document, indent=2) + "\n")
    sys.exit(0 if all(row.is_clean for row in rows if not row.contrast) else 1)


if __name__ == "__main__":
    main()
