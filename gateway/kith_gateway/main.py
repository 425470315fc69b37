from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from kith_chassis.app import Check, create_app
from kith_front.shortway import stand_before
from kith_gateway import doors, routes
from kith_gateway.budgets import Budget, Budgets
from kith_gateway.context import Limits
from kith_gateway.live.bus import listening
from kith_gateway.live.protocol import options
from kith_gateway.origins import OtherOrigins
from kith_gateway.persisted import Persisted
from kith_gateway.settings import Settings
from kith_gateway.upstream import Upstream


@asynccontextmanager
async def services(app: FastAPI) -> AsyncIterator[Mapping[str, Check]]:
    """The way to the services, open while the gateway runs.

    Readiness does not ask after them: with a service away, the gateway still answers what the others serve.
    """
    settings: Settings = app.state.settings
    app.state.limits = Limits.of(settings)
    app.state.persisted = Persisted.of(settings)
    app.state.upstream = Upstream(settings)
    app.state.budgets = Budgets(
        Budget(settings.member_burst, settings.member_per_second, settings.member_per_day),
        Budget(settings.community_burst, settings.community_per_second, settings.community_per_day),
        Budget(settings.address_burst, settings.address_per_second, settings.address_per_day),
        most=settings.max_buckets,
    )
    try:
        async with listening(app):
            yield {}
    finally:
        await app.state.upstream.close()


app = create_app(
    name="gateway", routers=[routes.router, doors.router], settings=Settings, resources=services, openapi=False
)
app.add_middleware(OtherOrigins)
stand_before(app, [routes.KnownCallers(app)], lambda: options(max_message_bytes=Settings().max_message_bytes))
