"""What the containers run, run: migrations on empty databases, then every process, asked and ended as Kubernetes would.

Only what a test must change is changed: it listens on loopback at a free port, has the logins of the test servers and
one node of NATS. Images are not built here; the commands are those of the manifests.
"""

import asyncio
import os
import secrets
import signal
import socket
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
import pytest_asyncio

from kith_testkit.databases import empty
from kith_testkit.kustomize import pod_spec
from kith_testkit.probe import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]
HELD = ("KITH_HTTP_HOST", "KITH_HTTP_PORT", "KITH_JWKS_URL", "KITH_NATS_URL", "KITH_STREAM_REPLICAS")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest_asyncio.fixture(loop_scope="session")
async def databases(servers, production):
    """An empty database for each service that production has one for."""
    names = [each["spec"]["name"] for each in production if each["kind"] == "Database"]
    return {
        service: await empty(servers.admin_url, service, suffix=servers.worker, directory=servers.directory)
        for service in (name.removeprefix("kith_") for name in names)
    }


class Running:
    """The process of one container, with the environment its manifest gives it."""

    def __init__(self, resource, databases, given):
        self.name = resource["metadata"]["name"]
        self.spec = pod_spec(resource)
        self.container = self.spec["containers"][0]
        self.databases, self.given = databases, given

    def environment(self):
        told = {}
        for each in self.container.get("env", []):
            name = each["name"]
            if name in HELD:
                if name in self.given:
                    told[name] = self.given[name]
            elif name.endswith("_URL") and "value" in each:
                told[name] = self.given[each["value"]]
            elif "value" in each:
                told[name] = each["value"]
            else:
                told[name] = self.secret(**each["valueFrom"]["secretKeyRef"])
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **told}

    def secret(self, name, key):
        if name.endswith("-database"):
            return self.databases[name.removesuffix("-database")].url(key.removesuffix("-url"))
        return self.given[name]

    async def start(self, log):
        with log.open("wb") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self.container["args"], env=self.environment(), stdout=out, stderr=out, cwd="/"
            )
        self.log = log

    async def asked(self, client, probe):
        path = self.container[f"{probe}Probe"]["httpGet"]["path"]
        try:
            return (await client.get(f"http://127.0.0.1:{self.given['KITH_HTTP_PORT']}{path}")).status_code
        except httpx.TransportError:
            return None


@asynccontextmanager
async def started(resources, databases, servers, directory, *, probe):
    ports = {each["metadata"]["name"]: free_port() for each in resources}
    shared = {"KITH_HTTP_HOST": "127.0.0.1", "KITH_NATS_URL": servers.nats_url, "nats-login": "x", "nats-gateway": "x"}
    shared["identity-signing-key"] = secrets.token_urlsafe(32)
    shared["KITH_JWKS_URL"] = f"http://127.0.0.1:{ports.get('identity-api')}/.well-known/jwks.json"
    shared |= {f"http://{each}:8000": f"http://127.0.0.1:{ports.get(f'{each}-api')}" for each in databases}
    processes = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        for each in resources:
            name = each["metadata"]["name"]
            one = Running(each, databases, shared | {"KITH_HTTP_PORT": str(ports[name])})
            await one.start(directory / f"{name}.log")
            stack.push_async_callback(_ended, one.process)
            processes.append(one)
        for one in processes if probe else ():

            async def ready(one=one):
                assert one.process.returncode is None, f"{one.name} ended:\n{one.log.read_text()[-2000:]}"
                return await one.asked(client, "readiness") == 200

            await eventually(ready, what=f"{one.name} being ready", seconds=120)
        yield client, processes


async def _ended(process):
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_migrations_then_every_process_as_the_manifests_run_them(servers, databases, production, tmp_path):
    jobs = [each for each in production if each["kind"] == "Job"]
    async with started(jobs, databases, servers, tmp_path, probe=False) as (_, migrations):
        for one in migrations:
            assert await asyncio.wait_for(one.process.wait(), 120) == 0, one.log.read_text()
            assert f"kith_{one.name.removesuffix('-migration')}: " in one.log.read_text()

    deployments = [each for each in production if each["kind"] == "Deployment"]
    async with started(deployments, databases, servers, tmp_path, probe=True) as (client, processes):
        for one in processes:
            assert [await one.asked(client, each) for each in ("startup", "liveness")] == [200, 200], one.name
        [gateway] = [one for one in processes if one.name == "gateway"]
        answer = await client.post(
            f"http://127.0.0.1:{gateway.given['KITH_HTTP_PORT']}/graphql", json={"query": "{ me { id } }"}
        )
        assert answer.status_code == 200
        assert "errors" in answer.json()  # nobody is signed in, and that is what it says

        for one in processes:
            one.process.send_signal(signal.SIGTERM)
        for one in processes:  # first forgotten, still answering
            assert await eventually(lambda one=one: _is_draining(one, client), what=f"{one.name} draining"), one.name
        for one in processes:
            patience = one.spec["terminationGracePeriodSeconds"]
            status = await asyncio.wait_for(one.process.wait(), patience)
            assert status in {0, -signal.SIGTERM}, one.name  # the server passes on the signal when it is done
            assert '"event": "stopped"' in one.log.read_text(), one.name


async def _is_draining(one, client):
    ready, live = await one.asked(client, "readiness"), await one.asked(client, "liveness")
    return (ready, live) == (503, 200)
