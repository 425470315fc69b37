import csv
import random

import pytest
import pytest_asyncio

from kith_local.layout import Installation
from kith_local.up import running

SKILLS = ["python", "sql", "design", "rust", "teaching", "writing"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(tmp_path_factory, worker_id):
    """The whole system in processes of its own, as `make run` starts it."""
    place = int(worker_id.removeprefix("gw") or 0) if worker_id != "master" else 0
    installation = Installation(tmp_path_factory.mktemp("system") / ".kith", 18_400 + 100 * place)
    async with running(installation) as system:
        yield system


@pytest.fixture(scope="session")
def member_list(tmp_path_factory):
    """Two hundred members with skills, years and countries."""
    rng = random.Random(3)
    path = tmp_path_factory.mktemp("members") / "members.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "skills", "wants", "experience_years", "country"])
        for number in range(200):
            offered, wanted = ";".join(rng.sample(SKILLS, 2)), ";".join(rng.sample(SKILLS, 2))
            country = rng.choice(["Austria", "Poland", "Portugal"])
            writer.writerow([number, f"Person {number}", offered, wanted, rng.choice([0.5, 1, 3, 9, 13]), country])
    return path
