"""Run the benchmarks of all areas, or of one, and write `build/bench.json` and `docs/benchmarks.md`.

Nothing else should run on the machine meanwhile. Every area says what it did to standard output while it does it.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench import (
    events,
    gateway,
    hostile,
    hot,
    importing,
    jetstream,
    matching,
    soak,
    story,
    subscriptions,
    system,
    year,
)

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "build" / "bench.json"
PAGE = ROOT / "docs" / "benchmarks.md"
AREAS: dict[str, Callable[[], Awaitable[list[dict[str, Any]]]]] = {
    "system": system.measure,
    "matching": matching.measure,
    "import": importing.measure,
    "events": events.measure,
    "gateway": gateway.measure,
    "hostile": hostile.measure,
    "subscriptions": subscriptions.measure,
    "hot": hot.measure,
    "jetstream": jetstream.measure,
    "story": story.measure,
    "soak": soak.measure,
    "year": year.measure,
}
LONG = {"soak", "year"}  # only when asked for by name
ABOUT = {
    "system": "`make run` without its installation step, into an empty directory and then again; memory of all Python "
    "processes a minute after the start.",
    "matching": "Solvers on the same problems, made by chance, seeds 1–3, in processes of their own, in seconds of "
    "processor time. Match runs in their own process, as the service starts them: reading, scoring, solving, "
    "proving, and explaining every pair.",
    "import": "`kith import` against a running system: through GraphQL into PostgreSQL, batches of 500, no webhook.",
    "events": "The relay of an outbox and a service's consumer (metrics, members who joined) beside raw JetStream on "
    "the same servers in the same run; PostgreSQL with synchronous commit, NATS with `sync_interval: always`, all on "
    "the same cores. Ratios are to the raw limit above them.",
    "gateway": "Stubbed services that answer from memory. The executors alone: one process, decoding and encoding "
    "included, processor time. Over HTTP: four kept connections; answers are counted by the processor time of the "
    "server under test, so that what else runs counts little. Ours has the packages its image has; only ours checks "
    "tokens, limits and cost. Ratios are to documented Strawberry. Hive Gateway and grafbase (its CLI's gateway) "
    "federate three GraphQL subgraphs of the same data, which are not counted. All answer the same bytes of data; only "
    "ours add what it cost.",
    "hostile": "Hostile requests, in families that grow, one after another; services are stubbed. The least of three "
    "passes is what a request costs. Beside it Strawberry's own limiters on the same schema, both in child processes "
    "that are ended when a document takes too long.",
    "subscriptions": "Connections to one gateway, from processes on the same cores, each with one subscription that "
    "shows a post and its author, read from a stub; events published as a relay does. From publishing to receiving, "
    "the clients' own time included. A post is read and encoded once for all who are shown the same.",
    "hot": "Posts written over HTTP to groups, their effect committed by metrics: service, relay, stream, consumer, "
    "both databases and the load on the same cores; PostgreSQL with synchronous commit, NATS with `sync_interval: "
    "always`.",
    "jetstream": "The stream alone, made as services make it: what syncing each acknowledged message costs and what a "
    "batch wins back; the nodes share this machine's cores and disk. Ratios are to one node that syncs every time.",
    "story": "`kith story` on a running system, with every webhook received and verified.",
    "year": "A community through a year, through GraphQL alone: identity, matching and the gateway are real, the "
    "calendar of matching is turned. Who answers, goes quiet or does not get on is drawn by a seed; what is shown is "
    "that the rules hold and the figures make sense, not how real people are.",
    "soak": "Posts at a steady rate for half an hour, or as long as the rows say, as under `hot`; one of fifty is "
    "timed.",
}


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def page(document: dict[str, Any]) -> str:
    """The benchmarks as people read them."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {document['measured_at']}: {document['machine']}.",
        "One area: `make bench ONLY=import`. The same rows are in `build/bench.json`.",
        "",
        "A value is the median where there were several rounds, with the range behind it. A missed aim says so.",
    ]
    for area, about in ABOUT.items():
        rows = [row for row in document["rows"] if row["area"] == area]
        if not rows:
            continue
        lines += ["", f"## {area}", "", about, "", "| Work | Subject | Value | Spread | Aim |", "|---|---|---|---|---|"]
        for row in rows:
            value = f"{row['value']:,.4g}" if abs(row["value"]) < 100 else f"{row['value']:,.0f}"
            aim = row.get("aim", "")
            reached = {True: f"{aim}: reached", False: f"{aim}: **missed**", None: aim}[row.get("reached")]
            ratio = f" ({row['ratio']:.3g} ×)" if row.get("ratio") is not None else ""
            cells = (row["work"], row["subject"], f"{value} {row['unit']}{ratio}", row.get("spread", ""), reached)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=AREAS)
    only = parser.parse_args().only
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left running
    rows: list[dict[str, Any]] = []
    if ROWS.exists():
        rows = json.loads(ROWS.read_text())["rows"]
    for area, measure in AREAS.items():
        if only == area or (only is None and area not in LONG):
            print(f"== {area}", flush=True)
            measured = asyncio.run(measure())
            rows = [row for row in rows if row["area"] != area] + measured
    order = list(AREAS)
    rows.sort(key=lambda row: order.index(row["area"]))
    document = {"machine": machine(), "measured_at": datetime.now(UTC).strftime("%Y-%m-%d"), "rows": rows}
    ROWS.parent.mkdir(exist_ok=True)
    ROWS.write_text(json.dumps(document, indent=2) + "\n")
    PAGE.write_text(page(document))
    missed = [row for row in rows if row.get("reached") is False]
    print(
        f"{len(rows)} rows, {len(missed)} aims missed; written to {ROWS.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}"
    )
    sys.exit(0)


if __name__ == "__main__":
    main()
