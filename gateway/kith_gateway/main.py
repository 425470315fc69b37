from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from kith_chassis.app import Check, create_app
from kith_front.shortway import stand_before
from kith_gateway import doors, routes
from kith_gateway.keys import Verifier
from kith_gateway.live.bus import listening
from kith_gateway.live.protocol import options
from kith_gateway.origins import OtherOrigins
from kith_gateway.resources import Resources
from kith_gateway.settings import Settings


@asynccontextmanager
async def services(app: FastAPI) -> AsyncIterator[Mapping[str, Check]]:
    """The way to the services, open while the gateway runs.

    Readiness does not ask after them: with a service away, the gateway still answers what the others serve.
    """
    settings: Settings = app.state.settings
    app.state.resources = Resources.of(settings)
    app.state.tokens = Verifier(jwks_url=settings.jwks_url, issuer=settings.token_issuer)
    try:
        async with listening(app):
            yield {}
    finally:
        await app.state.resources.upstream.close()


app = create_app(
    name="gateway", routers=[routes.router, doors.router], settings=Settings, resources=services, openapi=False
)
app.add_middleware(OtherOrigins)
stand_before(app, [routes.KnownCallers(app)], lambda: options(max_message_bytes=Settings().max_message_bytes))
