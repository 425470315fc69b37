"""Metrics, traces and logs of every process; none of the three carries personal data.

One ASGI middleware wraps every request: it continues the caller's trace (W3C Trace Context), counts and times by
route template (never by path, which may hold an id), refuses oversized bodies and writes one log line.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import Counter, Gauge, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kith_chassis.errors import TooLarge
from kith_chassis.settings import AppSettings

HTTP_SECONDS = Histogram("http_request_seconds", "Time to answer a request.", ["method", "route", "status"])
EVENTS_PUBLISHED = Counter("events_published", "Events the stream has acknowledged.")
EVENTS_CONSUMED = Counter("events_consumed", "Events by outcome.", ["type", "outcome"])
OUTBOX_DEPTH = Gauge("outbox_depth", "Events stored and not yet on the stream.")
OUTBOX_OLDEST = Gauge("outbox_oldest_seconds", "Age of the oldest of them.")
CONSUMER_PENDING = Gauge("consumer_pending", "Events on the stream this service has not finished.")
CONSUMER_BEHIND = Gauge("consumer_behind_seconds", "Age of the oldest event this service has not finished.")
CONSUMER_REDELIVERED = Gauge("consumer_redelivered", "Events delivered more than once that it has not finished.")
EVENTS_REDELIVERED = Counter("events_redelivered", "Deliveries beyond the first.")
DEAD_LETTERS_KEPT = Gauge("dead_letters_kept", "Events set aside and neither applied since nor given up.")
DEAD_LETTERS = Counter("dead_letters", "Events set aside after the last attempt.", ["type"])
LEADING = Gauge("leading", "1 where this process leads the named work.", ["work"])

_seconds = cache(HTTP_SECONDS.labels)
tracer = trace.get_tracer("kith")
log = logging.getLogger("kith.access")

_PERSONAL = {"email", "name", "display_name", "password", "token", "authorization", "cookie", "body", "query", "bio"}
_RECORD = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
_QUIET = ("/health/", "/metrics")
_MOST = 20  # exceptions behind one, and frames of each
_as_json = json.JSONEncoder(default=str).encode


class Lines(logging.Formatter):
    """Records as JSON lines with the trace id, without personal data; fast, as every request writes one."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        entry |= {"service": self.service, "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat()}
        for key in vars(record).keys() - _RECORD:
            entry[key] = "[withheld]" if key in _PERSONAL else getattr(record, key)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            entry["trace_id"] = f"{context.trace_id:032x}"
        if record.exc_info:
            entry["exception"] = _where(record.exc_info[1])
        return _as_json(entry)


def _where(error: BaseException | None) -> list[dict[str, Any]]:
    """What an exception is, and those behind it; neither words nor local variables, which hold what people wrote."""
    found: list[dict[str, Any]] = []
    while error is not None and len(found) < _MOST:
        frames = traceback.extract_tb(error.__traceback__, limit=-_MOST)  # the innermost
        told = [{"filename": each.filename, "lineno": each.lineno, "name": each.name} for each in frames]
        found.append({"exc_type": type(error).__name__, "frames": told})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def configure_logging(settings: AppSettings, *, service: str) -> None:
    """JSON lines on stdout for everything that logs in this process."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines(service))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("httpx", "httpcore", "uvicorn.access", "nats.aio.client"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def configure_tracing(settings: AppSettings, *, service: str) -> TracerProvider:
    """A tracer provider for this process; spans are exported when a collector is configured."""
    sampler = None if settings.otlp_endpoint else ALWAYS_OFF  # ids go on all the same, in events and logs
    provider = TracerProvider(sampler, Resource.create({"service.name": service}))
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- only where spans are exported

        exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    if not isinstance(trace.get_tracer_provider(), TracerProvider):  # set once per process; tests start several apps
        trace.set_tracer_provider(provider)
    return provider


@contextmanager
def continued(name: str, kind: SpanKind, traceparents: Iterable[str | None]) -> Iterator[None]:
    """A span for work that several asked for: within the first one's trace, linked to the next 31."""
    origins = (extract({"traceparent": each or ""}) for each in islice(traceparents, 32))
    with tracer.start_as_current_span(name, next(origins), kind=kind) as span:
        for each in origins if span.is_recording() else ():
            span.add_link(trace.get_current_span(each).get_span_context())
        yield


class Served:
    """What is told of a request when it is answered."""

    def __init__(self) -> None:
        self.route, self.status = "unmatched", 500


@contextmanager
def served(method: str, path: str, headers: Mapping[str, str]) -> Iterator[Served]:
    """Trace, measure and log the answering of a request, which continues the trace its headers name."""
    told, started = Served(), time.perf_counter()
    with tracer.start_as_current_span(method, extract(headers), kind=SpanKind.SERVER) as span:
        try:
            yield told
        finally:
            span.update_name(f"{method} {told.route}")
            if told.status >= 500:  # noqa: PLR2004 -- server errors begin here
                span.set_status(Status(StatusCode.ERROR))
            seconds = time.perf_counter() - started
            _seconds(method, told.route, str(told.status)).observe(seconds)
            if not path.startswith(_QUIET):
                fields = {"method": method, "route": told.route, "status": told.status}
                log.info("request", extra=fields | {"milliseconds": round(seconds * 1000, 2)})


class Telemetry:
    """The outermost middleware; see the module's first lines."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"] if k in _CARRIED}
        taken, declared = 0, int(headers.get("content-length") or 0)
        settings: AppSettings = scope["app"].state.settings

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.status = message["status"]
            await send(message)

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if max(taken, declared) > settings.max_body_bytes:
                raise HTTPException(TooLarge.status, TooLarge.title())
            return message

        with served(scope["method"], scope["path"], headers) as told:
            try:
                await self.app(scope, receiving, sending)
            finally:
                told.route = getattr(scope.get("route"), "path", None) or told.route


_CARRIED = (b"traceparent", b"tracestate", b"content-length")
