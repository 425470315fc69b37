"""The supervisor, with small programs in the place of services."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import httpx
import psutil
import pytest
import pytest_asyncio

from kith_local.processes import Command, StartError, Supervisor, take_over
from kith_local.up import answers

from .conftest import free_base, processes_of, until

pytestmark = pytest.mark.integration

WEB = """
import http.server, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
WITH_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"


@pytest_asyncio.fixture
async def supervisor(tmp_path):
    said = []
    one = Supervisor(tmp_path / "kith", said.append)
    one.said = said
    yield one
    await one.stop()
    assert not processes_of(tmp_path / "kith")


@pytest_asyncio.fixture
async def client():
    async with httpx.AsyncClient(trust_env=False, timeout=5) as one:
        yield one


async def soon(true, what, seconds=30.0):
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, what
        await asyncio.sleep(0.02)


async def at_once():
    return True


async def never():
    return False


def python(name, code, *arguments, ready=at_once, **given):
    environment = {"PATH": os.environ["PATH"]}
    return Command(name, [sys.executable, "-c", code, *map(str, arguments)], environment, ready, **given)


def web(name, client):
    port = free_base()
    return python(name, WEB, port, ready=answers(client, f"http://127.0.0.1:{port}/health/ready"))


async def test_what_dies_is_started_again_and_both_are_said(supervisor, client):
    command = web("groups", client)
    await supervisor.start(command)
    first = supervisor.pids["groups"]
    os.kill(first, signal.SIGKILL)
    await soon(lambda: any("is back" in line for line in supervisor.said), "it comes back")
    assert supervisor.pids["groups"] != first
    assert await command.ready()
    assert "groups was ended by SIGKILL; starting it again in 0.2 s" in supervisor.said[0]


async def test_one_that_dies_again_and_again_is_given_longer_and_longer_pauses(supervisor):
    await supervisor.start(python("brief", "import time; time.sleep(0.1)"))
    await soon(lambda: sum("starting it again" in line for line in supervisor.said) >= 3, "three deaths")
    pauses = [line.split(" in ")[1].split(" s")[0] for line in supervisor.said if "starting it again" in line]
    assert pauses[:3] == ["0.2", "0.4", "0.8"]


async def test_one_that_ends_before_it_is_ready_fails_the_start_with_its_last_words(supervisor, client):
    failing = python("broken", "import sys; print('no such table'); sys.exit(3)", ready=never)
    with pytest.raises(StartError, match=r"(?s)broken ended with status 3.*broken\.log.*no such table"):
        await supervisor.start(web("fine", client), failing)
    await supervisor.stop()
    assert not processes_of(supervisor.mark)


async def test_one_that_is_never_ready_fails_the_start_in_time(supervisor):
    with pytest.raises(StartError, match="was not ready within 1 s"):
        await supervisor.start(python("mute", "import time; time.sleep(600)", ready=never), seconds=1)


async def test_a_program_that_cannot_be_found_fails_the_start(supervisor):
    with pytest.raises(FileNotFoundError):
        await supervisor.start(Command("absent", ["/no/such/program"], {}, at_once))


async def test_a_start_that_is_cancelled_leaves_what_stop_can_end(supervisor):
    starting = asyncio.create_task(supervisor.start(python("mute", "import time; time.sleep(600)", ready=never)))
    await soon(lambda: supervisor.pids, "it is started")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await supervisor.stop()
    assert not processes_of(supervisor.mark)


async def test_one_that_ignores_the_request_to_end_is_killed_at_its_deadline(supervisor):
    await supervisor.start(python("stubborn", STUBBORN, stop_seconds=0.5))
    await soon(lambda: "up" in supervisor.log("stubborn").read_text(), "it ignores SIGTERM")
    await supervisor.stop()
    assert "stubborn did not end within 0 s; killed" in supervisor.said


async def test_the_latest_started_is_ended_first(supervisor):
    ended = "import signal, sys, time\ndef end(*_):\n  print(time.monotonic(), flush=True)\n  sys.exit()\n"
    code = f"{ended}signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)"
    for name in ("database", "service"):
        await supervisor.start(python(name, code))
        await soon(lambda name=name: "up" in supervisor.log(name).read_text(), f"{name} is up")
    await supervisor.stop()
    times = [float(supervisor.log(name).read_text().split()[1]) for name in ("service", "database")]
    assert times == sorted(times)


async def test_children_of_one_that_is_killed_do_not_outlive_it(supervisor):
    await supervisor.start(python("parent", WITH_CHILD))
    parent = psutil.Process(supervisor.pids["parent"])
    await soon(parent.children, "it has a child")
    child = parent.children()[0]
    parent.kill()
    await soon(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child is gone")


async def test_logs_of_earlier_runs_are_kept_and_bounded(tmp_path):
    for run in range(6):
        one = Supervisor(tmp_path)
        await one.run("job", [sys.executable, "-c", f"print('run {run}')"], {})
        await one.stop()
    found = {path.name: path.read_text().strip() for path in one.logs.iterdir()}
    assert found == {"job.log": "run 5", "job.1.log": "run 4", "job.2.log": "run 3", "job.3.log": "run 2"}


async def test_what_a_killed_supervisor_left_is_found_and_ended(tmp_path):
    code = f"""
import asyncio, sys
from pathlib import Path
from kith_local.processes import Command, Supervisor
async def ready(): return True
async def main():
    one = Supervisor(Path({str(tmp_path)!r}))
    await one.start(Command("left", [sys.executable, "-c", "import time; time.sleep(600)"], {{}}, ready))
    await asyncio.sleep(600)
asyncio.run(main())
"""
    environment = {**os.environ, "KITH_TEST_DRIVER": "1"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as driver:  # noqa: ASYNC220 -- our own code
        left = await asyncio.to_thread(until, lambda: processes_of_mark(tmp_path), "it has started one")
        driver.kill()
    assert [each.is_running() for each in left] == [True]
    assert await asyncio.to_thread(take_over, tmp_path)
    assert not processes_of_mark(tmp_path)
    assert await asyncio.to_thread(take_over, tmp_path) == []


SERVED = """
from fastapi import APIRouter
from kith_chassis.app import create_app
import os

router = APIRouter()

@router.get("/who")
async def who():
    return os.getpid()

app = create_app(name="small", routers=[router])
"""
LINGERING = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.close(int(os.environ["KITH_DRAIN_FD"])))
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("up", flush=True)
while True:
    time.sleep(600)
"""


@pytest.fixture
def service(tmp_path, client):
    """A small service, as up.py would start it, and where it answers."""
    (tmp_path / "small.py").write_text(SERVED)
    port = free_base()
    told = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "KITH_STOP_GRACE_SECONDS": "600"}
    argv = [sys.executable, "-m", "kith_chassis.serve", "small:app"]
    url = f"http://127.0.0.1:{port}"
    ready = answers(client, f"{url}/health/ready")
    return Command("small", argv, told, ready, stop_signal=signal.SIGINT, listen=("127.0.0.1", port)), url


async def test_told_to_end_from_outside_a_service_is_replaced_and_no_request_fails(supervisor, service, monkeypatch):
    monkeypatch.setattr("kith_local.processes._DRAIN_SECONDS", 0.5)
    command, url = service
    await supervisor.start(command)
    seen, going = [], True

    async def ask():
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            while going:
                seen.append((await client.get("/who")).json())

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    pids = [supervisor.pids["small"]]
    await soon(lambda: pids[0] in seen, "the first answers")
    for _ in range(2):
        os.kill(pids[-1], signal.SIGTERM)
        await soon(lambda: supervisor.pids["small"] != pids[-1], "the next is started")
        assert psutil.pid_exists(pids[-1])  # while it serves on
        pids.append(supervisor.pids["small"])
        await soon(lambda: pids[-1] in seen, "the next answers", seconds=60)
        await soon(lambda: not psutil.pid_exists(pids[-2]), "the one before is gone")
    going = False
    await asyncio.gather(*asking)
    assert set(seen) == set(pids)
    assert not any("starting it again" in line for line in supervisor.said)


async def test_who_asks_while_a_killed_service_is_away_is_answered_by_the_next(supervisor, service):
    command, url = service
    await supervisor.start(command)
    killed = supervisor.pids["small"]
    os.kill(killed, signal.SIGKILL)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        found = (await client.get("/who")).json()
    assert found == supervisor.pids["small"] != killed
    assert "small was ended by SIGKILL; starting it again" in supervisor.said[0]


async def test_one_that_says_it_will_end_and_does_not_is_killed(supervisor, monkeypatch):
    monkeypatch.setattr("kith_local.processes._LEAVING_SECONDS", 0.5)
    await supervisor.start(python("lingering", LINGERING, listen=("127.0.0.1", free_base())))
    await soon(lambda: "up" in supervisor.log("lingering").read_text(), "it is up")
    first = supervisor.pids["lingering"]
    os.kill(first, signal.SIGTERM)
    await soon(lambda: supervisor.pids["lingering"] != first, "the next is started")
    await soon(lambda: not psutil.pid_exists(first), "it is killed")
    assert "lingering did not end within 0 s; killed" in supervisor.said


async def test_stop_ends_also_who_is_about_to_end(supervisor):
    await supervisor.start(python("lingering", LINGERING, listen=("127.0.0.1", free_base()), stop_seconds=0.5))
    await soon(lambda: "up" in supervisor.log("lingering").read_text(), "it is up")
    first = supervisor.pids["lingering"]
    os.kill(first, signal.SIGTERM)
    await soon(lambda: supervisor.pids["lingering"] != first, "the next is started")
    await supervisor.stop()
    assert not processes_of_mark(supervisor.mark)


def processes_of_mark(home):
    return [each for each in psutil.process_iter() if _mark(each) == str(home)]


def _mark(process):
    try:
        return process.environ().get("KITH_INSTALLATION")
    except (psutil.Error, OSError):
        return None


async def test_one_that_runs_and_does_not_work_is_ended_and_started_again(supervisor):
    ill, asked = True, 0

    async def alive():
        nonlocal asked
        asked += 1
        return not ill

    await supervisor.start(python("ill", "import time; time.sleep(600)", alive=alive))
    first = supervisor.pids["ill"]
    await soon(lambda: supervisor.pids["ill"] != first, "it is another process")
    assert asked == 3
    assert "ill does not work; ending it" in supervisor.said[0]
    ill, second = False, supervisor.pids["ill"]
    await soon(lambda: asked >= 6, "it is asked again")
    assert supervisor.pids["ill"] == second
