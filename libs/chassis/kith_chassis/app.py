"""The web half of the chassis: an ASGI application with errors, health, metrics, traces, logs and token checks.

Enough for a gateway; `service.create_service` adds database, bus and background work.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from kith_chassis.errors import PROBLEM_JSON, Invalid, Problem
from kith_chassis.settings import AppSettings
from kith_chassis.telemetry import Telemetry, configure_logging
from kith_chassis.tokens import TokenVerifier
from kith_tracing.spans import export_to

log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[None]]
"""Raises when the part it asks after is not usable."""
Resources = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Check]]]
"""Opens what the process needs while it runs and returns the readiness checks of it, by name."""


class InvalidRequest(Invalid):
    """The request does not have the shape this route takes."""

    code = "invalid_request"


def create_app(
    *,
    name: str,
    routers: Sequence[APIRouter] = (),
    settings: Callable[[], AppSettings] = AppSettings,
    resources: Resources | None = None,
    openapi: bool = True,
) -> FastAPI:
    """An application ready to serve. `settings` is read when it starts, not when it is imported."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if getattr(app.state, "settings", None) is None:
            app.state.settings = settings()
        configured: AppSettings = app.state.settings
        if configured.environment != "test":
            configure_logging(configured, service=name)
        app.state.tokens = TokenVerifier(jwks_url=configured.jwks_url, issuer=configured.token_issuer)
        async with AsyncExitStack() as stack:
            if configured.otlp_endpoint:
                stack.callback(export_to(configured.otlp_endpoint, service=name))
            app.state.checks = dict(await stack.enter_async_context(resources(app))) if resources else {}
            app.state.started = True
            log.info("started")
            yield
        log.info("stopped")

    app = FastAPI(
        title=f"Kith {name}",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if openapi else None,
        generate_unique_id_function=lambda route: f"{route.name}",
        # `Telemetry` does it, and without paths and queries, which hold ids and names.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.name, app.state.settings_type, app.state.settings = name, settings, None
    app.state.started = app.state.draining = False
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, answer_unexpected)
    app.include_router(_health())
    for each in routers:
        app.include_router(each)
    app.add_middleware(Telemetry)
    return app


def answer(problem: Problem) -> Response:
    """The RFC 9457 response of a problem."""
    return JSONResponse(problem.body(), problem.status, problem.headers, media_type=PROBLEM_JSON)


async def _answer_problem(_: Request, error: Any) -> Response:
    return answer(error)


async def _answer_invalid(_: Request, error: Any) -> Response:
    fields = [{"path": list(each["loc"]), "reason": each["msg"]} for each in error.errors()[:20]]
    where = ", ".join(".".join(map(str, field["path"])) for field in fields[:3])
    detail = f"Correct {where}: {fields[0]['reason']}." if fields else "Correct the request."
    return answer(InvalidRequest(detail, fields=fields))


async def _answer_http(_: Request, error: Any) -> Response:
    body = {
        "type": "about:blank", "title": str(error.detail), "status": error.status_code, "detail": str(error.detail),
        "code": {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "http"),
    }  # fmt: skip
    return JSONResponse(body, error.status_code, error.headers, media_type=PROBLEM_JSON)


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """A 500 that tells nothing, unless the application knows what the error means."""
    translate: Callable[[Exception], Problem | None] | None = getattr(request.app.state, "translate", None)
    known = translate(error) if translate else None
    if known is not None:
        return answer(known)
    log.error("unexpected error", exc_info=error, extra={"kind": type(error).__name__})
    return answer(Problem())


def _health() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health/startup")
    async def startup(request: Request) -> Response:
        return JSONResponse({"started": request.app.state.started}, 200 if request.app.state.started else 503)

    @router.get("/health/live")
    async def live() -> Response:
        return JSONResponse({"live": True})

    @router.get("/health/ready")
    async def ready(request: Request) -> Response:
        parts: dict[str, str] = {}
        for name, check in request.app.state.checks.items():
            try:
                await check()
                parts[name] = "ok"
            except Exception as error:  # noqa: BLE001 -- any failure means not ready, and says which
                parts[name] = type(error).__name__
        draining = request.app.state.draining
        fine = not draining and all(state == "ok" for state in parts.values())
        return JSONResponse({"ready": fine, "draining": draining, "parts": parts}, 200 if fine else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
