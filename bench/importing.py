"""Importing members end to end."""

import csv
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench.rows import own_system, row
from kith_local.client import Client, connect
from kith_local.demo import OWNER, SLUG
from kith_local.imports import import_members
from kith_local.layout import GATEWAY
from kith_local.member_files import open_members
from kith_local.story import documents as ask

SKILLS = ["python", "sql", "design", "rust", "teaching", "writing", "go", "java", "statistics", "gardening"]


def write(path: Path, *, start: int, count: int) -> None:
    rng = random.Random(start)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "email", "name", "skills", "wants", "languages", "experience_years", "time_zone"])
        for number in range(start, start + count):
            offered, wanted = ";".join(rng.sample(SKILLS, 3)), ";".join(rng.sample(SKILLS, 2))
            address = f"p{number}@example.org"
            writer.writerow(
                [number, address, f"Person {number}", offered, wanted, "en;de", rng.randint(0, 30), "Europe/Vienna"]
            )


async def measure() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "members.csv"
        async with own_system() as system, connect(f"{system.url(GATEWAY)}/graphql") as anonymous:
            password = "a password for measuring"
            owner = {"email": OWNER, "password": password, "displayName": "Olga"}
            await anonymous.mutate(ask.FOUND, {"name": "Bench", "slug": SLUG, "mission": "", "owner": owner})
            client = await anonymous.signed_in(community=SLUG, email=OWNER, password=password)
            speeds = []
            for turn in range(5):
                write(path, start=turn * 10_000, count=10_000)
                speeds.append(10_000 / await _import(client, path))
            write(path, start=0, count=10_000)
            again = 10_000 / await _import(client, path)
            here, identity = psutil.Process(), psutil.Process(system.supervisor.pids["identity"])
            before = here.memory_info().rss, identity.memory_info().rss
            write(path, start=100_000, count=100_000)
            large = await _import(client, path)
            grown = (here.memory_info().rss - before[0]) / 2**20, (identity.memory_info().rss - before[1]) / 2**20
    return [
        row("import", "10,000 new rows", "members", speeds, "a second", aim="at least 1,500 a second", at_least=1500),
        row("import", "the same 10,000 rows again", "members", [again], "a second"),
        row("import", "100,000 new rows in one file", "members", [100_000 / large], "a second"),
        row("import", "memory grown by 100,000 rows", "the importing process", [grown[0]], "MiB", aim="constant"),
        row("import", "memory grown by 100,000 rows", "identity", [grown[1]], "MiB", aim="constant"),
    ]


async def _import(client: Client, path: Path) -> float:
    began = time.monotonic()
    with open_members(path) as members:
        result = await import_members(client, members, rejected_path=path.with_suffix(".rejected.csv"))
    assert result.rejected == 0, result.errors[:3]
    return time.monotonic() - began
