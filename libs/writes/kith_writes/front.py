"""Grouped writes go the short way in (`kith_front`).

stand_before(app, routers=[routes])
"""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from kith_front import shortway
from kith_writes.signatures import compiled


def stand_before(app: FastAPI, *, routers: Sequence[APIRouter]) -> None:
    """Serve the grouped routes of these routers by the short way, wherever uvicorn serves this application.

    Raises TypeError for a grouped route with a signature the short way cannot serve.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    shortway.stand_before(app, [each for route in routes if (each := compiled(app, route)) is not None])
