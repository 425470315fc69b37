"""The whole system on this machine, from nothing to ready and back.

    async with running(Installation.from_environment()) as system:
        ...                                     # system.url("gateway"), system.supervisor.pids, …

Everything started is ended when the block is left, however it is left, also while it is still being entered.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx

from kith_local import environments, postgres
from kith_local.accounts import account_for
from kith_local.credentials import Credentials
from kith_local.databases import login_url, prepare
from kith_local.errors import LocalError, disk_full, explain, is_full
from kith_local.layout import GATEWAY, HOST, SERVICES, Installation
from kith_local.nats import Nats, greeting
from kith_local.postgres import Cluster
from kith_local.processes import Command, Ready, StartError, Supervisor, take_over
from kith_local.steps import Steps

EVERYTHING = (*SERVICES, GATEWAY)


@dataclass(frozen=True)
class System:
    """A running installation: where things are, and the supervisor that keeps them running."""

    installation: Installation
    credentials: Credentials
    supervisor: Supervisor
    admin_url: str
    """PostgreSQL, as the one who may do everything."""

    def url(self, name: str) -> str:
        """Where `gateway` or a service answers HTTP."""
        return self.installation.url(name)

    def database_url(self, service: str, role: str = "worker") -> str:
        """A service's database, as `owner`, `api` or `worker`."""
        return login_url(self.admin_url, service, role, environments.password(self.credentials, service, role))

    @property
    def bus(self) -> dict[str, str]:
        """`KITH_NATS_URL` and, for the embedded server, `KITH_NATS_USER` and `KITH_NATS_PASSWORD`."""
        return environments.bus(self.installation, self.credentials)


@asynccontextmanager
async def running(
    installation: Installation, steps: Steps | None = None, *, deployables: Sequence[str] = EVERYTHING
) -> AsyncIterator[System]:
    """Start servers, databases, migrations and `deployables`, in this order, and end them with the block.

    LocalError, with nothing left running, when something is in the way. Cancelled while it stops, it kills.
    """
    steps = steps or Steps()
    with installation.locked():
        supervisor = Supervisor(installation.home, steps.note)
        client = httpx.AsyncClient(trust_env=False, timeout=5)
        try:
            try:
                system = await _start(installation, supervisor, client, steps, deployables)
            except StartError as error:
                # A full disk often has no room for the words that would say so.
                if is_full(installation.home) or "no space left on device" in error.tail.lower():
                    raise disk_full(installation.home) from error
                raise
            except OSError as error:
                raise explain(error, installation.home) from error
            yield system
        finally:
            await _stop(supervisor, steps)
            await client.aclose()


async def _start(
    installation: Installation,
    supervisor: Supervisor,
    client: httpx.AsyncClient,
    steps: Steps,
    deployables: Sequence[str],
) -> System:
    installation.check_space()
    credentials = Credentials(installation.home / "secrets.json")
    # One account per data directory, found before anything is created in it.
    cluster = Cluster(
        installation.postgres,
        installation.port("postgres"),
        credentials["postgres"],
        account=None if installation.database_url else account_for(installation.postgres),
    )
    await _take_over(installation, steps)
    embedded = [] if installation.database_url else ["postgres"]
    embedded += [] if installation.nats_url else ["nats", "nats health"]
    installation.check_ports([*deployables, *embedded])

    await _start_postgres(installation, cluster, supervisor, steps)
    admin_url = installation.database_url or cluster.url
    await _start_nats(installation, credentials, supervisor, steps)
    services = [name for name in deployables if name != GATEWAY]
    with steps.step("databases") as step:
        await prepare(admin_url, services, lambda role: credentials[f"database {role}"], say=step.say)
        step.say(", ".join(services))
    with steps.step("migrations") as step:
        await _migrate(admin_url, credentials, services, supervisor)
        step.say("up to date")
    system = System(installation, credentials, supervisor, admin_url)
    await _serve(system, services, client, steps, "services")
    if GATEWAY in deployables:
        await _serve(system, [GATEWAY], client, steps, "gateway")
    return system


async def _stop(supervisor: Supervisor, steps: Steps) -> None:
    """End everything in order, or at once when this is cancelled while it lasts; returns when all is gone."""
    stopping = asyncio.create_task(supervisor.stop())
    if supervisor.pids:
        with suppress(OSError), steps.step("stopping") as step:  # the terminal may be what went away
            step.say(f"{len(supervisor.pids)} processes; Ctrl-C once more kills them")
            await _finished(stopping, supervisor)
            step.say("")
    await _finished(stopping, supervisor)


async def _finished(stopping: asyncio.Task[None], supervisor: Supervisor) -> None:
    while not stopping.done():
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            supervisor.hurry()


async def _take_over(installation: Installation, steps: Steps) -> None:
    left = await asyncio.to_thread(take_over, installation.home)
    if installation.database_url is None and await asyncio.to_thread(postgres.take_over, installation.postgres):
        left.append("postgres")
    if left:
        steps.note(f"ended what an earlier run had left running: {', '.join(left)}")


async def _start_postgres(installation: Installation, cluster: Cluster, supervisor: Supervisor, steps: Steps) -> None:
    if installation.database_url is not None:
        return  # whether it answers, and as what, shows when the databases are made
    with steps.step("PostgreSQL") as step:
        for directory in await asyncio.to_thread(cluster.admit):
            steps.note(
                f"PostgreSQL runs as user {cluster.account and cluster.account.name}, who may now pass {directory}"
            )
        if not cluster.exists():
            step.say("creating the data directory")
            with cluster.creating() as argv:
                await supervisor.run("initdb", argv, postgres.ENVIRONMENT, cluster.account)
        step.say("starting")

        async def ready() -> bool:
            return cluster.ready()

        await supervisor.start(
            Command(
                "postgres",
                cluster.argv,
                postgres.ENVIRONMENT,
                ready,
                stop_signal=signal.SIGINT,
                account=cluster.account,
            ),
            seconds=300,  # after a power cut it first replays its log
        )
        step.say(f"{postgres.VERSION} on 127.0.0.1:{cluster.port}")


async def _start_nats(
    installation: Installation, credentials: Credentials, supervisor: Supervisor, steps: Steps
) -> None:
    with steps.step("NATS") as step:
        if installation.nats_url is not None:
            info = await greeting(installation.nats_url)
            if info is None or not info.get("jetstream"):
                trouble = "No NATS server answers" if info is None else "JetStream is not enabled on the NATS server"
                raise LocalError(f"{trouble} at NATS_URL. Correct it, or unset it to use the embedded server.")
            step.say(f"{info.get('version')} at NATS_URL")
            return
        port, health = installation.port("nats"), installation.port("nats health")
        server = Nats(installation.nats, port, environments.NATS_USER, credentials["nats"], health)
        await supervisor.start(
            Command("nats", server.configure(), _plain(), server.ready, alive=server.alive), seconds=60
        )
        step.say(f"on 127.0.0.1:{server.port}")


async def _migrate(admin_url: str, credentials: Credentials, services: Sequence[str], supervisor: Supervisor) -> None:
    room = asyncio.Semaphore(os.cpu_count() or 1)

    async def migrate(name: str) -> None:
        async with room:
            environment = environments.migration(credentials, admin_url, name)
            argv = [sys.executable, "-m", "kith_chassis.migrations", "upgrade", f"kith_{name}"]
            await supervisor.run(f"migrate-{name}", argv, environment)

    tasks = [asyncio.create_task(migrate(name)) for name in services]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(system: System, names: Sequence[str], client: httpx.AsyncClient, steps: Steps, title: str) -> None:
    with steps.step(title) as step:
        waiting = list(names)
        step.say(", ".join(waiting))

        def came(name: str) -> None:
            waiting.remove(name)
            step.say(", ".join(waiting))

        await system.supervisor.start(*(_command(system, name, client) for name in names), came=came)
        step.say(", ".join(f"{name} :{system.installation.port(name)}" for name in names))


def _command(system: System, name: str, client: httpx.AsyncClient) -> Command:
    if name == GATEWAY:
        environment = environments.gateway(system.installation, system.credentials)
    else:
        environment = environments.service(system.installation, system.credentials, system.admin_url, name)
    argv = [sys.executable, "-m", "kith_chassis.serve", f"kith_{name}.main:app"]
    return Command(
        name,
        argv,
        environment,
        answers(client, f"{system.url(name)}/health/ready"),
        stop_signal=signal.SIGINT,  # without the grace that SIGTERM gives to those who would come back
        listen=(HOST, system.installation.port(name)),
    )


def answers(client: httpx.AsyncClient, url: str) -> Ready:
    """A readiness check: whether a GET of `url` is answered with 200."""

    async def ready() -> bool:
        try:
            # A connection that was kept would lead to the process before.
            return (await client.get(url, headers={"Connection": "close"})).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return ready


def _plain() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}
