"""The drill in short: the faults that no other test makes, once each under load."""

import pytest
from drill.__main__ import FAULTS, drill
from rich.console import Console

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.timeout(600)]


SHORT = [
    "SIGSTOP of a leader",
    "broker's store lost",
    "power loss, NATS syncing as it does by itself",
    "rolling restart",
]


@pytest.mark.parametrize("name", SHORT)
async def test_nothing_is_lost_or_doubled(name, worker_id, monkeypatch):
    monkeypatch.setenv("KITH_CONSUMER_LEASE_SECONDS", "10")
    place = int(worker_id.removeprefix("gw") or 0) if worker_id != "master" else 0
    chosen = [fault for fault in FAULTS if fault.name == name]
    quiet, port = Console(quiet=True), 20_400 + 100 * place
    *before, row = await drill(chosen, rounds=1, seed=1, console=quiet, port=port, progress=100)
    if row.not_run:
        pytest.skip(row.verdict)
    assert row.acknowledged > 50
    assert row.verdict == "clean"
    assert row.recovery_seconds is not None
    assert all(each.lost > 0 for each in before)  # the fault is one: without mending, something is missing
