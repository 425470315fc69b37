"""Starting, starting again, and what it weighs when nothing happens."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench.rows import BASE_PORT, row

IDLE_SECONDS = 60
KITH = [sys.executable, "-m", "kith_local"]


async def measure() -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure)


def _measure() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="kith-bench-", ignore_cleanup_errors=True) as directory:
        environment = os.environ | {"KITH_HOME": str(Path(directory) / ".kith"), "KITH_PORT": str(BASE_PORT)}
        first, _ = _start(environment)
        again, weights = zip(*(_start(environment, weigh=turn == 2) for turn in range(3)), strict=True)
    rss, pss = weights[2]
    return [
        row("system", "first start to the table", "kith up", [first], "s", aim="under 180 s", at_most=180),
        row("system", "second start to the table", "kith up", again, "s", aim="under 20 s", at_most=20),
        row(
            "system", "resident memory, idle", "all Python processes", [rss], "MiB", aim="under 1,024 MiB", at_most=1024
        ),
        row("system", "proportional memory, idle", "all Python processes", [pss], "MiB"),
    ]


def _start(environment: dict[str, str], *, weigh: bool = False) -> tuple[float, tuple[float, float]]:
    """Seconds until the table is printed; with `weigh`, memory after a minute of doing nothing."""
    began = time.monotonic()
    with subprocess.Popen([*KITH, "up"], stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if re.search(r"Try first", line):
                break
        seconds = time.monotonic() - began
        weights = (0.0, 0.0)
        if weigh:
            time.sleep(IDLE_SECONDS)
            weights = _weights(process.pid)
        process.terminate()
        process.stdout.read()
    return seconds, weights


def _weights(pid: int) -> tuple[float, float]:
    """RSS and PSS in MiB of the supervisor and every Python process below it."""
    top = psutil.Process(pid)
    pythons = [each for each in (top, *top.children(recursive=True)) if "python" in each.name()]
    full = [each.memory_full_info() for each in pythons]
    return sum(each.rss for each in full) / 2**20, sum(getattr(each, "pss", each.rss) for each in full) / 2**20
