"""Metrics, traces and logs of every process; none of the three carries personal data.

One ASGI middleware wraps every request: it continues the caller's trace (W3C Trace Context), counts and times by
route template (never by path, which may hold an id), refuses oversized bodies and writes one log line.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Self

from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import Counter, Gauge, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kith_chassis.errors import TooLarge
from kith_chassis.settings import AppSettings
from kith_tracing.spans import carried, spanned, trace_id

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
        if known := trace_id():
            entry["trace_id"] = known
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


class served:  # noqa: N801 -- it is used as a function
    """Trace, measure and log the answering of a request, which continues the trace its headers name.

    Whoever answers sets `route` and `status`.
    """

    __slots__ = ("_method", "_path", "_span", "_started", "_traced", "route", "status")

    def __init__(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        self._method, self._path, self._started = method, path, time.perf_counter()
        self._traced = spanned(method, carried(headers), SpanKind.SERVER)
        self.route, self.status = "unmatched", 500

    def __enter__(self) -> Self:
        self._span = self._traced.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._span.is_recording():
            self._span.update_name(f"{self._method} {self.route}")
            if self.status >= 500:  # noqa: PLR2004 -- server errors begin here
                self._span.set_status(Status(StatusCode.ERROR))
        seconds = time.perf_counter() - self._started
        _seconds(self._method, self.route, str(self.status)).observe(seconds)
        if log.isEnabledFor(logging.INFO) and not self._path.startswith(_QUIET):
            fields = {"method": self._method, "route": self.route, "status": self.status}
            log.info("request", extra=fields | {"milliseconds": round(seconds * 1000, 2)})
        self._traced.__exit__(kind, error, traceback)


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
