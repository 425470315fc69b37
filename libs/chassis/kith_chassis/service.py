"""The whole chassis: an application with a database, a place on the bus and work in the background.

        app = create_service(name="orders", routers=[...], consumers=consumers, jobs=[...])

is the whole `main.py` of a service. The role (`KITH_ROLE`) says which half runs: `api` answers requests, `worker`
runs relay, consumers and jobs beside the health routes, `all` both in one process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import SQLAlchemyError

from kith_chassis.app import Check, answer_unexpected, create_app
from kith_chassis.bus import Bus, open_bus
from kith_chassis.consumers import Consumers, consume
from kith_chassis.database import Database, translated
from kith_chassis.errors import Problem, Unavailable
from kith_chassis.jobs import Job, ended, lead
from kith_chassis.outbox import relay
from kith_chassis.settings import ServiceSettings

Extra = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_service(
    *,
    name: str,
    routers: Sequence[APIRouter] = (),
    consumers: Consumers | None = None,
    jobs: Sequence[Job] = (),
    settings: Callable[[], ServiceSettings] = ServiceSettings,
    extra: Sequence[Extra] = (),
) -> FastAPI:
    """An application ready to serve.

    `settings` is read at start. Each of `extra` opens what else the service needs while it runs (a client, a pool);
    it is called with the app, where `state.database` is the API's database and `state.worker_database` the worker's.
    """

    @asynccontextmanager
    async def resources(app: FastAPI) -> AsyncIterator[Mapping[str, Check]]:
        configured: ServiceSettings = app.state.settings
        async with AsyncExitStack() as stack:
            database = Database(str(configured.database_url), pool_size=configured.database_pool, name=f"{name} api")
            stack.push_async_callback(database.close)
            bus = await stack.enter_async_context(open_bus(configured, name=name))
            wake = partial(bus.wake, name)
            database.on_commit = wake
            app.state.database, app.state.bus = database, bus
            checks: dict[str, Check] = {"database": database.ready}
            if configured.role != "api":
                worker = Database(
                    str(configured.worker_database_url or configured.database_url),
                    pool_size=configured.database_pool + len(jobs) + 4,  # each leader keeps one for its lock
                    name=f"{name} worker",
                )
                stack.push_async_callback(worker.close)
                worker.on_commit = wake
                app.state.worker_database = worker
                checks["bus"] = bus.ready
            for each in extra:
                await stack.enter_async_context(each(app))
            if configured.role != "api":
                await stack.enter_async_context(_working(name, app, consumers, jobs))
            yield checks

    app = create_app(name=name, routers=routers, settings=settings, resources=resources)
    app.state.translate = _translate
    app.state.consumers, app.state.jobs = consumers, tuple(jobs)
    for kind in (SQLAlchemyError, ConnectionError, TimeoutError):
        app.add_exception_handler(kind, answer_unexpected)
    return app


@asynccontextmanager
async def _working(name: str, app: FastAPI, consumers: Consumers | None, jobs: Sequence[Job]) -> AsyncIterator[None]:
    settings: ServiceSettings = app.state.settings
    database: Database = app.state.worker_database
    bus: Bus = app.state.bus
    relaying = partial(_relay, name, database, bus, settings)
    works = {f"{name} relay": relaying}
    if consumers is not None and consumers.handlers:
        batch, lease = settings.consumer_batch, settings.consumer_lease_seconds
        consuming = partial(consume, consumers, database, bus, name=name, batch=batch, lease_seconds=lease)
        works[f"{name} consumer"] = consuming
    for job in jobs:
        works[f"{name} job {job.name}"] = partial(job.run, database)
    tasks = [asyncio.create_task(lead(database, work, act), name=work) for work, act in works.items()]
    try:
        yield
    finally:
        await ended(*tasks)


async def _relay(name: str, database: Database, bus: Bus, settings: ServiceSettings) -> None:
    await bus.established.wait()
    wake = asyncio.Event()
    await bus.on_wake(name, wake.set)
    await relay(database, bus, wake=wake, poll_seconds=settings.relay_poll_seconds)


def _translate(error: Exception) -> Problem | None:
    if isinstance(error, SQLAlchemyError):
        return translated(error)
    return Unavailable() if isinstance(error, ConnectionError | TimeoutError) else None
