import os
import random
import socket
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from kith_local.layout import SERVICES, Installation


def free_base():
    """A base port above which the whole range of an installation is free."""
    # Below the ports that outgoing connections are given, which come and go.
    while True:
        base = random.randrange(20_000, 32_000)
        installation = Installation(home=None, base_port=base)
        with suppress(OSError):
            for name in (*SERVICES, "gateway", "nats", "nats health", "postgres"):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", installation.port(name)))
            return base


def until(true, what, seconds=60.0):
    """Poll until `true()` is, and return that."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def processes_of(home):
    """The processes that work for an installation, by name, whoever their parent is."""
    found = []
    for each in psutil.process_iter(["pid", "name"]):
        with suppress(psutil.Error, OSError):
            if each.pid == os.getpid() or each.status() == psutil.STATUS_ZOMBIE:
                continue
            ours = each.environ().get("KITH_INSTALLATION") == str(home) or str(home) in " ".join(each.cmdline())
            if ours and "KITH_TEST_DRIVER" not in each.environ():
                found.append(each)
    return found


@pytest.fixture
def installation(tmp_path):
    """A fresh directory and free ports; whatever still works for it when the test ends is a failure."""
    made = Installation(tmp_path / "kith", free_base())
    yield made
    left = processes_of(made.home)
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    assert not left


@pytest.fixture
def kith(installation, tmp_path):
    """Start the command `kith` with these arguments; returns (process, function that reads its output so far)."""
    started = []

    def start(*arguments, **environment):
        path = tmp_path / f"out-{len(started)}"
        with path.open("w") as out:
            one = subprocess.Popen(
                [sys.executable, "-m", "kith_local", *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={
                    **{name: value for name, value in os.environ.items() if not name.endswith("_URL")},
                    "KITH_HOME": str(installation.home),
                    "KITH_PORT": str(installation.base_port),
                    "COLUMNS": "200",
                    **environment,
                },
            )
        started.append(one)
        return one, path.read_text

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.wait()
