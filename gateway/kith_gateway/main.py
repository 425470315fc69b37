import gc
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
    if app.state.settings.environment != "test":
        # The schema is a hundred thousand objects that never become garbage; to look through them again and again
        # held up requests for a tenth of a second each time.
        gc.collect()
        gc.freeze()
    try:
        yield {}
    finally:
        await app.state.upstream.close()


app = create_app(name="gateway", routers=[routes.router], settings=Settings, resources=services, openapi=False)
