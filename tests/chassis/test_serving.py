"""How a process ends: what it says, whom it still answers, and that nobody is cut off. Real processes, real sockets."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
import pytest_asyncio

from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
APP = """
import asyncio, os
from pathlib import Path
from fastapi import APIRouter
from kith_chassis.app import create_app

router = APIRouter()

@router.get("/now")
async def now():
    return os.getpid()

@router.get("/held")
async def held(until: Path):
    until.with_suffix(".asked").touch()
    while not until.exists():
        await asyncio.sleep(0.01)
    return os.getpid()

app = create_app(name="small", routers=[router])
"""
FOR_EVER = 600


class Served:
    """A small application in a process of its own, on a socket that is ours."""

    def __init__(self, directory):
        (directory / "small.py").write_text(APP)
        self.directory = directory
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.started = []

    def start(self, *, grace=FOR_EVER):
        """The process, and the file descriptor at which is seen that it drains."""
        ours, theirs = os.pipe()
        told = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.directory),
            "KITH_HTTP_FD": str(self.listener.fileno()),
            "KITH_DRAIN_FD": str(theirs),
            "KITH_STOP_GRACE_SECONDS": str(grace),
        }
        argv = [sys.executable, "-m", "kith_chassis.serve", "small:app"]
        with (self.directory / "log").open("a") as log:
            process = subprocess.Popen(
                argv, env=told, pass_fds=(self.listener.fileno(), theirs), stdout=log, stderr=subprocess.STDOUT
            )
        os.close(theirs)
        self.started.append((process, ours))
        return process, ours

    async def comes(self, process):
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60) as client:

            async def there():
                answer = await client.get("/now", headers={"Connection": "close"})
                return answer.json() == process.pid

            await eventually(there, what="its answer")

    async def file(self, name):
        await eventually(lambda: _true((self.directory / name).exists()), what=name)


@pytest_asyncio.fixture
async def served(tmp_path):
    one = Served(tmp_path)
    yield one
    for process, ours in one.started:
        process.kill()
        process.wait()
        os.close(ours)
    one.listener.close()


@pytest_asyncio.fixture
async def client(served):
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as one:
        yield one


async def ended(process):
    await eventually(lambda: _true(process.poll() is not None), what="its end")
    return process.returncode


@contextmanager
def refusing():
    with pytest.raises(BlockingIOError):
        yield


async def test_from_sigterm_on_every_answer_ends_its_connection_and_new_ones_are_taken(served, client):
    process, drains = served.start()
    await served.comes(process)
    assert "connection" not in (await client.get("/now")).headers  # kept
    os.set_blocking(drains, False)
    with refusing():
        os.read(drains, 1)
    process.send_signal(signal.SIGTERM)

    async def draining():
        async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as probe:
            answer = await probe.get("/health/ready")
        return answer.status_code == 503 and answer.json()["draining"]

    await eventually(draining, what="draining")
    assert os.read(drains, 1) == b""  # closed: the next one may be started
    for _ in range(3):
        answer = await client.get("/now")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    process.send_signal(signal.SIGTERM)  # a second one is for now
    await ended(process)


@pytest.mark.parametrize(("how", "grace"), [(signal.SIGINT, FOR_EVER), (signal.SIGTERM, 0), (signal.SIGTERM, 0.2)])
async def test_what_is_open_is_finished_before_the_end(served, client, how, grace):
    process, _ = served.start(grace=grace)
    await served.comes(process)
    asking = asyncio.create_task(client.get("/held", params={"until": str(served.directory / "go")}))
    await served.file("go.asked")
    process.send_signal(how)

    async def takes_nobody():
        with socket.create_connection(served.listener.getsockname()) as one:  # it waits in the queue: that is ours
            one.settimeout(0.3)
            one.sendall(b"GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            try:
                await asyncio.to_thread(one.recv, 100)
            except TimeoutError:
                return True
            except ConnectionResetError:  # taken at the last moment: only after SIGTERM does one get to ask then
                assert how == signal.SIGINT or grace == 0
            return False

    await eventually(takes_nobody, what="that it takes no more connections")
    assert process.poll() is None
    (served.directory / "go").touch()
    assert (await asking).json() == process.pid
    await ended(process)


async def test_clients_of_a_process_and_the_next_on_its_socket_see_neither_go(served):
    """Each request is sent once: half of the clients keep their connections, half open one for each request."""
    process, drains = served.start(grace=1)
    await served.comes(process)
    answers, going = [], True

    async def ask(kept):
        headers = {} if kept else {"Connection": "close"}
        async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60, headers=headers) as client:
            while going:
                answers.append((await client.get("/now")).json())

    tasks = [asyncio.create_task(ask(kept=bool(number % 2))) for number in range(8)]
    await eventually(lambda: _true(len(answers) > 100), what="the first answers")
    for _ in range(3):
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(os.read, drains, 1)
        following, drains = served.start(grace=1)
        await served.comes(following)
        await ended(process)
        process = following
    going = False
    await asyncio.gather(*tasks)
    assert set(answers) == {each.pid for each, _ in served.started}


async def test_who_connects_while_no_process_is_there_is_answered_by_the_next(served, client):
    process, _ = served.start()
    await served.comes(process)
    process.kill()
    process.wait()
    asking = asyncio.create_task(client.get("/now"))
    following, _ = served.start()
    assert (await asking).json() == following.pid


async def _true(found):
    return found
