"""Rows of results, and a system of its own to measure on."""

import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kith_local.layout import Installation
from kith_local.up import System, running

PROFILES = Path(__file__).parents[1] / "../shared/data/profiles/so2016_profiles_sample12000.csv.gz"
BASE_PORT = 28_400


def row(
    area: str,
    work: str,
    subject: str,
    values: Sequence[float],
    unit: str,
    *,
    aim: str = "",
    at_most: float | None = None,
    at_least: float | None = None,
    ratio: float | None = None,
) -> dict[str, Any]:
    """One result: the median of `values`, their range, and whether the aim is reached."""
    value = statistics.median(values)
    reached = None
    if at_most is not None:
        reached = value <= at_most
    if at_least is not None:
        reached = value >= at_least
    spread = f"{min(values):,.4g} – {max(values):,.4g} in {len(values)}" if len(values) > 1 else ""
    found = {"area": area, "work": work, "subject": subject, "value": value, "unit": unit, "ratio": ratio}
    verdict = {None: "", True: "reached", False: "MISSED"}[reached]
    print(f"  {work}, {subject}: {value:,.4g} {unit} {spread} {verdict}", flush=True)
    return found | {"spread": spread, "aim": aim, "reached": reached}


@asynccontextmanager
async def own_system() -> AsyncIterator[System]:
    """The whole system in a temporary directory, on ports of its own."""
    with tempfile.TemporaryDirectory(prefix="kith-bench-", ignore_cleanup_errors=True) as directory:
        async with running(Installation(Path(directory) / ".kith", BASE_PORT)) as system:
            yield system
