"""Programs of Node's that tests run, with the packages they need under build/clients, which git does not keep."""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("clients")
PLACE = Path(__file__).parents[2] / "build" / "clients"
_SECONDS = 300


def installed():
    """The directory with the packages and the programs; skips where Node or the packages cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("clients from npm are left out: there is no Node here")
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes, one installation
        wanted = (SOURCE / "package-lock.json").read_text()
        stamp = PLACE / "node_modules" / ".installed"
        shutil.copytree(SOURCE, PLACE, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        if not stamp.exists() or stamp.read_text() != wanted:
            try:
                subprocess.run(["npm", "ci"], cwd=PLACE, check=True, capture_output=True, timeout=_SECONDS)
            except subprocess.SubprocessError as error:
                pytest.skip(f"clients from npm are left out, their packages cannot be had: {error}")
            stamp.write_text(wanted)
    return PLACE


async def run(*command, place=PLACE, **environment):
    """What a program prints, read as JSON; it must end well, and in time."""
    started = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=place,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(started.communicate(), 120)
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
    assert started.returncode == 0, f"{out.decode()}\n{err.decode()}"
    return json.loads(out)
