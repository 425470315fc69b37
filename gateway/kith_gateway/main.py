from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from kith_chassis.app import Check, create_app
from kith_gateway import routes
from kith_gateway.settings import Settings
from kith_gateway.upstream import Upstream


@asynccontextmanager
async def services(app: FastAPI) -> AsyncIterator[Mapping[str, Check]]:
    """The way to the services, open while the gateway runs.

    Readiness does not ask after them: with a service away, the gateway still answers what the others serve.
    """
    app.state.upstream = Upstream(app.state.settings)
    try:
        yield {}
    finally:
        await app.state.upstream.close()


app = create_app(name="gateway", routers=[routes.router], settings=Settings, resources=services, openapi=False)
