"""`kith up` as a person meets it: started, interrupted, killed, started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import asyncpg
import httpx
import psutil
import pytest

from kith_local import layout
from kith_local.credentials import Credentials
from kith_local.errors import LocalError
from kith_local.layout import Installation
from kith_local.up import running
from kith_testkit.servers import nats_server, postgres_server

from .conftest import processes_of, until

pytestmark = pytest.mark.integration
ONE = ("up", "--only", "identity")


def ready(process, output):
    until(lambda: "ready; Ctrl-C stops" in output() or process.poll() is not None, "it is ready", seconds=120)
    assert process.poll() is None, output()


def pid_of(installation, part):
    """The process with `part` in its command line; for PostgreSQL the head of the family, of others none of that."""
    if part == "postgres":
        return int((installation.postgres / "postmaster.pid").read_text().split()[0])
    lines = {each.pid: " ".join(each.cmdline()) for each in processes_of(installation.home)}
    return next(pid for pid, line in lines.items() if part in line and not line.startswith("postgres"))


def nothing_left(installation):
    until(lambda: not processes_of(installation.home), "everything has ended", seconds=30)


def test_a_run_comes_back_from_every_death_and_the_next_one_from_its_own(kith, installation):
    process, output = kith(*ONE)
    ready(process, output)
    credentials = Credentials(installation.home / "secrets.json")._secrets
    for name in ("postgres", "nats", "identity"):
        os.kill(pid_of(installation, name), signal.SIGKILL)
        until(lambda name=name: f"{name} is back" in output(), f"{name} is back")
    health = httpx.get(f"{installation.url('identity')}/health/ready", trust_env=False)
    assert health.status_code == 200

    process.kill()
    process.wait()
    assert processes_of(installation.home)  # they run on; nobody could tell them
    again, said = kith(*ONE)
    ready(again, said)
    assert "ended what an earlier run had left running: nats-server, python" in said()
    assert "creating the data directory" not in said()
    assert Credentials(installation.home / "secrets.json")._secrets == credentials

    third, refused = kith(*ONE)
    assert third.wait(30) == 1
    assert f"already runs in {installation.home} (process {again.pid})" in " ".join(refused().split())
    stopping, told = kith("stop")
    assert stopping.wait(60) == 0, told()
    assert again.wait(5) == 0
    nothing_left(installation)


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        ("PostgreSQL", signal.SIGINT),
        ("databases", signal.SIGTERM),
        ("migrations", signal.SIGINT),
        ("services", signal.SIGINT),
    ],
)
def test_an_interruption_at_any_moment_of_the_start_stops_everything(kith, installation, moment, how):
    process, output = kith(*ONE)
    until(lambda: f"… {moment}" in output(), f"it has come to {moment}")
    process.send_signal(how)
    assert process.wait(60) == 130, output()
    assert "Traceback" not in output()
    nothing_left(installation)


def test_a_run_killed_while_it_creates_its_data_directory_blocks_nothing(kith, installation):
    process, _ = kith(*ONE)
    until((installation.home / "postgres.new").exists, "it creates the data directory")
    process.kill()
    process.wait()
    again, output = kith(*ONE, "--no-wait")
    assert again.wait(120) == 0, output()
    nothing_left(installation)


def test_an_interruption_once_more_kills_what_takes_its_time(kith, installation):
    process, output = kith(*ONE)
    ready(process, output)
    frozen = psutil.Process(pid_of(installation, "kith_identity"))
    frozen.suspend()  # it will not hear a polite request
    process.send_signal(signal.SIGINT)
    until(lambda: "stopping" in output(), "it stops")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert time.monotonic() - began < 15  # the polite way takes 30 s
    nothing_left(installation)


def names_of(processes):
    """What these are called; some of them may be gone by now."""
    names = set()
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            names.add(each.name())
    return names


def test_a_terminal_that_is_closed_stops_everything(installation):
    master, terminal = os.openpty()
    environment = os.environ | {"KITH_HOME": str(installation.home), "KITH_PORT": str(installation.base_port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "kith_local", *ONE],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, env=environment,
    )  # fmt: skip
    os.close(terminal)
    until(lambda: "postgres" in names_of(processes_of(installation.home)), "it has begun")
    os.close(master)
    process.send_signal(signal.SIGHUP)
    process.wait(60)
    nothing_left(installation)


def test_every_obstacle_is_one_message_and_nothing_stays_behind(kith, installation):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port("identity")))
        taken.listen()
        process, output = kith(*ONE)
        assert process.wait(30) == 1
    words = " ".join(output().split())
    assert f"port {installation.port('identity')} (identity) is in use by pid {os.getpid()}" in words
    assert f"KITH_PORT={installation.base_port + 100} make run" in words
    assert "Traceback" not in words

    installation.postgres.mkdir()
    (installation.postgres / "PG_VERSION").write_text("16\n")
    process, output = kith(*ONE)
    assert process.wait(30) == 1
    assert "was written by PostgreSQL 16; this is PostgreSQL 18" in " ".join(output().split())
    assert [each.name for each in installation.postgres.iterdir()] == ["PG_VERSION"]
    process, output = kith("up", "--only", "kitchen")
    assert process.wait(30) == 2
    assert "there is no kitchen" in output()
    nothing_left(installation)


async def test_outside_servers_are_used_and_none_are_brought(installation, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", f"outside-{os.getpid()}")
    with postgres_server() as database, nats_server(tmp_path) as bus:
        outside = Installation(installation.home, installation.base_port, database.admin_url, bus.url)
        async with running(outside, deployables=["identity"]) as system:
            assert list(system.supervisor.pids) == ["identity"]
            assert system.bus == {"KITH_NATS_URL": bus.url}
            connection = await asyncpg.connect(system.database_url("identity", "api"))
            assert await connection.fetchval("SELECT current_user") == "identity_api"
            await connection.close()
        assert not outside.postgres.exists()
        wrong = Installation(installation.home, installation.base_port, database.admin_url, "nats://127.0.0.1:1")
        with pytest.raises(LocalError, match="No NATS server answers at NATS_URL"):
            async with running(wrong, deployables=["identity"]):
                pass


async def test_a_full_disk_is_said_as_such_and_half_a_data_directory_is_not_left(installation, monkeypatch):
    monkeypatch.setattr("kith_local.up.is_full", lambda _: True)
    monkeypatch.setattr(layout, "_NEEDED_BYTES", 0)
    # Stands for a disk that fills up while the data directory is created: initdb refuses this name and fails.
    monkeypatch.setattr("kith_local.postgres.SUPERUSER", "pg_reserved")
    with pytest.raises(LocalError, match=r"The disk that holds .* is full"):
        async with running(installation, deployables=[]):
            pass
    assert not installation.postgres.exists()
    assert not list(installation.home.glob("postgres*"))


async def test_an_error_in_the_block_is_the_blocks_own_and_everything_is_stopped(installation):
    started = []

    async def fail_inside():
        async with running(installation, deployables=[]) as system:
            started.extend(system.supervisor.pids)
            raise ConnectionError("of the caller")

    with pytest.raises(ConnectionError, match="of the caller"):
        await fail_inside()
    assert started == ["postgres", "nats"]
    nothing_left(installation)


@pytest.mark.timeout(300)
def test_restarting_replaces_every_process_and_leaves_the_system_ready(kith, installation):
    idle, said = kith("restart")
    assert idle.wait(60) == 1
    assert "Nothing runs in" in said()
    process, output = kith(*ONE)
    ready(process, output)
    parts = {"identity": "kith_identity", "nats": "nats-server", "postgres": "postgres"}
    before = {name: pid_of(installation, part) for name, part in parts.items()}

    restarting, said = kith("restart")
    assert restarting.wait(300) == 0, said()
    after = {name: pid_of(installation, part) for name, part in parts.items()}
    assert not set(before.values()) & set(after.values())
    for name, pid in before.items():
        assert f"✓ {name}" in said()
        assert f"process {pid} → {after[name]}" in said()
    health = f"{installation.url('identity')}/health/ready"
    until(lambda: httpx.get(health, trust_env=False).is_success, "identity has found the new PostgreSQL")
    assert "identity was told to end; the next one starts while it finishes" in output()

    for arguments, status, words in (
        (["matching"], 1, "matching does not run in"),
        (["kitchen"], 2, "there is no kitchen"),
        (["../identity"], 2, "there is no ../identity"),
    ):
        refused, why = kith("restart", *arguments)
        assert refused.wait(60) == status
        assert words in " ".join(why().split())
    assert pid_of(installation, "kith_identity") == after["identity"]
    stopping, told = kith("stop")
    assert stopping.wait(60) == 0, told()
    nothing_left(installation)
