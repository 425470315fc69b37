"""The match run of the real profiles, in a process of its own as the service starts it; its solvers beside others."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from bench.rows import PROFILES, row
from kith_local.member_files import open_members
from kith_matching.solve import default_settings

ROUNDS = 5
MENTOR_YEARS = 8.0
SEEDS = (1, 2, 3)
Found = list[dict[str, Any]]


def problem(seed: int) -> dict[str, Any]:
    """The cohort of the story: the experienced with room for two, everyone else as mentees."""
    mentors, mentees = [], []
    with open_members(PROFILES) as members:
        for each in members:
            years = each.fields.get("experience_years")
            years = float(years) if years else None
            person = {
                "member_id": str(uuid5(NAMESPACE_OID, each.fields["external_id"])),
                "interests": [], "languages": ["en"], "experience_years": years, "time_zone": None, "availability": [],
            }  # fmt: skip
            skills = "skills_offered" if years is not None and years >= MENTOR_YEARS else "skills_wanted"
            person["skills"] = [{"tag": s["tag"], "level": s.get("level", 3)} for s in each.fields.get(skills, [])]
            side, capacity = (mentors, 2) if skills == "skills_offered" else (mentees, 1)
            side.append(person | {"capacity": capacity})
    return {"seed": seed, "week": "2026-03-02", "mentees": mentees, "mentors": mentors, **default_settings()}


def solved(name: str, n: int, seeds: tuple[int, ...] = SEEDS) -> Found:
    """What one solver of `bench/solvers.py` did for each seed."""
    command = [sys.executable, "-m", "bench.solvers", name, str(n)]
    outputs = [subprocess.run([*command, str(seed)], check=True, capture_output=True).stdout for seed in seeds]
    return [json.loads(each) for each in outputs]


def _ratios(one: Found, other: Found) -> list[float]:
    return [a["seconds"] / b["seconds"] for a, b in zip(one, other, strict=True)]


def _told(work: str, subject: str, found: Found, what: str, unit: str, **more: Any) -> dict[str, Any]:
    return row("matching", work, subject, [each[what] for each in found], unit, **more)


def assignments() -> Iterator[dict[str, Any]]:
    """One assignment beside flows, a sparse solver and greedy choice; in seconds of processor time, as all below."""
    tell = partial(_told, "100,000 mentees × 30 candidates, room for 105,000")
    ours, flow, sparse = solved("kith", 100_000), solved("ortools", 100_000), solved("scipy", 100_000, (1,))
    for one, other in zip(ours + ours[:1], flow + sparse, strict=True):
        assert (one["matched"], round(one["total"], 4)) == (other["matched"], round(other["total"], 4))
    greedy = solved("greedy", 100_000)
    for each, best in zip(greedy, ours, strict=True):
        each |= {"left": best["matched"] - each["matched"], "part": each["total"] / best["total"]}
    yield tell("OR-tools, flow of least cost, exact", flow, "seconds", "s")
    yield tell("scipy, sparse matching, exact", sparse, "seconds", "s")
    yield tell("greedy: the best pair that is free, and the next", greedy, "seconds", "s")
    yield tell("greedy, left without a mentor though there is one", greedy, "left", "mentees")
    yield tell("greedy, total", greedy, "part", "of the best")
    yield tell("kith, exact and proven", ours, "seconds", "s", ratio=statistics.median(_ratios(ours, flow)))
    shares = [{"share": each} for each in _ratios(ours, flow)]
    yield tell("kith to OR-tools", shares, "share", "×", aim="at most 1.1", at_most=1.1)
    shares = [{"share": each} for each in _ratios(ours[:1], sparse)]
    yield tell("kith to scipy", shares, "share", "×", aim="at most 0.2", at_most=0.2)
    yield tell("kith, gap to the bound", ours, "gap", "of the total", aim="0", at_most=0)
    yield tell("kith, memory of the process", ours, "memory", "MiB", aim="at most 500", at_most=500)
    yield tell("OR-tools, memory of the process", flow, "memory", "MiB")
    soon = solved("early", 100_000)
    yield tell("kith, good enough", soon, "seconds", "s", aim="under 1 s", at_most=1)
    yield tell("kith, good enough, gap to the bound", soon, "gap", "of the total", aim="at most 1e-4", at_most=1e-4)


def assigned_again() -> Iterator[dict[str, Any]]:
    for n in (10_000, 100_000):
        anew = [each | {"share": each["seconds"] / each["fresh"]} for each in solved("again", n)]
        work = f"{n:,} mentees solved again after ten edits"
        aim: dict[str, Any] = {"aim": "at most 0.3", "at_most": 0.3} if n == 10_000 else {}
        yield _told(work, "kith, to a fresh solution", anew, "share", "×", **aim)


def introductions() -> Iterator[dict[str, Any]]:
    for n in (1000, 3000, 10_000):
        tell = partial(_told, f"one round of pairs, {n:,} people, 40 whom each may meet")
        seeds = SEEDS if n <= 3000 else SEEDS[:1]  # minutes
        pairs, peer = solved("rounds", n), solved("rustwork", n, seeds)
        yield tell("rustworkx, exact", peer, "seconds", "s")
        if n == 1000:  # a larger one takes it many minutes
            yield tell("networkx, exact", solved("blossoms", n), "seconds", "s")
        losses = [{"loss": 1 - a["total"] / b["total"]} for a, b in zip(pairs, peer, strict=False)]
        aim: dict[str, Any] = {"aim": "0", "at_most": 1e-9} if n <= 3000 else {"aim": "at most 0.001", "at_most": 0.001}
        yield tell("kith, below the best", losses, "loss", "of the total", **aim)
        yield tell("kith", pairs, "seconds", "s", ratio=statistics.median(_ratios(pairs[: len(peer)], peer)))
        yield tell("kith, gap to the bound", pairs, "gap", "of the total", aim="at most 0.001", at_most=0.001)
    tell, whole = partial(_told, "5,000 people, 52 rounds"), solved("year", 5000, (1,))
    yield tell("kith", whole, "seconds", "s")
    yield tell("met twice", whole, "repeats", "pairs", aim="0", at_most=0)
    yield tell("left out twice in a row", whole, "waited_twice", "people", aim="0", at_most=0)


def looks() -> Iterator[dict[str, Any]]:
    look, tell = (
        solved("first_look", 100_000, (1,)),
        partial(_told, "the thirty best of 100,000 mentees among 20,000 mentors"),
    )
    yield tell("kith, whole process", look, "clock", "s", aim="at most 60", at_most=60)
    yield tell("kith, of the truly best, found or as good", look, "recall", "of 200 mentees'", aim="1")
    every, tell = (
        solved("on_all", 3000),
        partial(_told, "3,000 mentees and 3,000 mentors, beside all pairs assigned at once"),
    )
    yield tell("kith, total below it", every, "proven", "of it", aim="at most 0.005", at_most=0.005)
    yield tell("the thirty best of each alone, matched below it", every, "few", "of them")


async def measure() -> list[dict[str, Any]]:
    solvers = [*assignments(), *assigned_again(), *introductions(), *looks()]
    return solvers + await match_runs()


async def match_runs() -> list[dict[str, Any]]:
    if not PROFILES.exists():
        print("  skipped: the real profiles (shared/data/profiles) are not here")
        return []
    seconds, certificates = [], []
    for seed in range(1, ROUNDS + 1):
        text = json.dumps(problem(seed)).encode()
        began = time.monotonic()
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kith_matching.solve", stdin=pipe, stdout=pipe
        )
        output, _ = await child.communicate(text)
        seconds.append(time.monotonic() - began)
        certificates.append(json.loads(output)["certificate"])
    gaps = [each["gap"] for each in certificates]
    work = f"match run, {certificates[0]['mentees']:,} mentees × {certificates[0]['mentors']:,} mentors, seeds 1–5"
    return [
        row("matching", work, "whole process", seconds, "s", aim="under 10 s", at_most=10),
        row("matching", work, "gap to the proven bound", gaps, "score", aim="0", at_most=0),
        row("matching", work, "mentees matched", [each["matched"] for each in certificates], "people"),
        row("matching", work, "total score", [each["total"] for each in certificates], "score"),
    ]
