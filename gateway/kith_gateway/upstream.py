"""Calls to the services: kept connections, a deadline, patience with restarts, problems turned into typed errors.

Guarantees: a write that may have arrived is sent again only with an idempotency key; nothing is sent after the
deadline; who waits for a service to come back is one of a bounded number and waits a bounded time.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from prometheus_client import Counter, Histogram
from strawberry.utils.str_converters import to_camel_case

from kith_chassis.errors import Invalid, NotFound
from kith_gateway.connections import BrokenError, Connections, NotReachedError
from kith_gateway.outages import AwayError, Outage
from kith_gateway.settings import Settings
from kith_tracing.spans import carry

UPSTREAM_SECONDS = Histogram("upstream_seconds", "Time a service took to answer.", ["service", "route", "status"])
UPSTREAM_REPEATS = Counter("upstream_repeats", "Requests sent again after a pause.", ["service"])
_seconds = cache(UPSTREAM_SECONDS.labels)
_encode = msgspec.json.Encoder().encode
_GONE = frozenset({502, 503, 504})
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.5
_MAX_WAITING = 500
"""Requests that wait for services to come back; a further one is answered that they are away."""
_KEEP_SECONDS = 4.0
"""How long an unused connection is kept: less than a service that is told to end serves on (`stop_grace_seconds`), so
that each one is either told by an answer not to come again, or closed here. A request sent on a connection just when
the other side closes it would be lost."""
MAX_IN_ADDRESS = 2000
"""Characters of a value that goes into the address of a request: longer addresses no server takes."""


class TooLong(Invalid):
    """A value is too long."""

    code = "bad_user_input"


class UpstreamError(Exception):
    """What a service answered instead of data. `extensions` is what a GraphQL client can switch on."""

    def __init__(self, service: str, status: int, problem: Mapping[str, Any]) -> None:
        self.service, self.status, self.problem = service, status, problem
        self.code = str(problem.get("code", "internal")).upper()
        super().__init__(str(problem.get("detail") or problem.get("title") or "Something went wrong."))
        self.extensions: dict[str, Any] = {"code": self.code, "service": service, "detail": str(self)}
        if "fields" in problem:
            self.extensions["fields"] = problem["fields"]


class ServiceUnavailableError(UpstreamError):
    """A service that could not be reached, or not in time."""

    def __init__(self, service: str, reason: str) -> None:
        detail = f"The {service} service {reason}; the rest was answered. Try again shortly."
        super().__init__(service, 503, {"code": "service_unavailable", "detail": detail})


class Upstream:
    """The services as the gateway sees them. Open it inside a running event loop and close it at the end."""

    def __init__(self, settings: Settings) -> None:
        self.urls = {name: url.rstrip("/") for name, url in settings.service_urls().items()}
        self._read_seconds, self._write_seconds = settings.read_seconds, settings.write_seconds
        self._hold_seconds = settings.hold_seconds
        self._outages = {name: Outage(settings.hold_seconds) for name in self.urls}
        self._waiting = 0
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        self._connections = {
            name: Connections(url, headers=headers, keep_seconds=_KEEP_SECONDS) for name, url in self.urls.items()
        }

    async def close(self) -> None:
        for each in self._connections.values():
            each.close()

    async def call(
        self,
        service: str,
        method: str,
        route: str,
        *,
        values: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        authorization: str | None = None,
        idempotency_key: str | None = None,
        reading: bool = True,
        raw: bool = False,
    ) -> Any:
        """The JSON a service answers; None for an empty answer. With `raw` the bytes of it, whatever they are.

        `route` is a template whose {names} are filled from `values`. Raises UpstreamError for a problem the service
        reports and ServiceUnavailableError when it cannot be reached in time.
        """
        headers: dict[str, str] = {}
        if authorization is not None:
            headers["Authorization"] = authorization
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        carry(headers)
        target = _filled(service, route, values) if "{" in route else route
        if query:
            for name, value in query.items():
                _check_length(name, value)
            target = f"{target}?{urlencode(query)}"
        data = None if body is None else _encode(body)
        request = self._connections[service].written(method, target, headers, data)
        ends = time.monotonic() + (self._read_seconds if reading else self._write_seconds)
        harmless = reading or idempotency_key is not None
        status, content = await self._patiently(service, route, request, ends, harmless=harmless)
        return content if raw and 200 <= status < 300 else decoded(service, status, content)  # noqa: PLR2004 -- HTTP

    async def _patiently(
        self, service: str, route: str, request: bytes, ends: float, *, harmless: bool
    ) -> tuple[int, bytes]:
        """Status and content of the first answer, waiting while the service restarts; ServiceUnavailableError.

        What is not `harmless` when done twice is sent again only if nothing arrived.
        """
        outage, pause, held_until = self._outages[service], _FIRST_PAUSE_SECONDS, None
        while True:
            try:
                with outage.trial():
                    status, content = await self._measured(service, route, request, ends - time.monotonic())
                if status not in _GONE:
                    outage.answered()
                    return status, content
                repeatable, reason = harmless, "cannot answer right now"
            except AwayError:
                raise ServiceUnavailableError(service, "cannot be reached") from None
            except NotReachedError:
                repeatable, reason = True, "cannot be reached"
            except TimeoutError:
                repeatable, reason = False, "did not answer in time"
            except BrokenError:
                repeatable, reason = harmless, "cannot be reached"
            outage.failed()
            now = time.monotonic()
            held_until = held_until or min(now + self._hold_seconds, ends)
            if not repeatable or outage.is_long or now + pause > held_until or self._waiting >= _MAX_WAITING:
                raise ServiceUnavailableError(service, reason)
            self._waiting += 1
            try:
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- not a secret
            finally:
                self._waiting -= 1
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            UPSTREAM_REPEATS.labels(service).inc()

    async def _measured(self, service: str, route: str, request: bytes, seconds: float) -> tuple[int, bytes]:
        started, outcome = time.perf_counter(), "unreachable"
        try:
            answer = await self._connections[service].ask(request, seconds=seconds)
            outcome = str(answer[0])
            return answer
        finally:
            _seconds(service, route, outcome).observe(time.perf_counter() - started)


def _filled(service: str, route: str, values: Mapping[str, Any] | None) -> str:
    """The path of a route. What would step out of its place in it (`..`, a slash) names nothing: 404."""
    plain = {name: str(value) for name, value in (values or {}).items() if f"{{{name}}}" in route}
    for name, value in plain.items():
        _check_length(name, value)
    if any("/" in value or not value.strip(".") for value in plain.values()):
        raise UpstreamError(service, NotFound.status, NotFound().body())
    return route.format_map({name: quote(value, safe="") for name, value in plain.items()})


def _check_length(name: str, value: str) -> None:
    if len(value) > MAX_IN_ADDRESS:
        reason = f"{to_camel_case(name)} is longer than {MAX_IN_ADDRESS:,} characters."
        problem = TooLong(reason, fields=[{"path": [name], "reason": reason}])
        raise UpstreamError("gateway", problem.status, problem.body())


def decoded(service: str, status: int, content: bytes) -> Any:
    """What an answer says. Raises UpstreamError for a problem, and for what is no answer of a service."""
    try:
        found = msgspec.json.decode(content) if content else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found, status = None, 502  # not one of our services, or not a whole answer
    if 200 <= status < 300:  # noqa: PLR2004 -- HTTP
        return found
    problem = found if isinstance(found, dict) else {}
    if status in _GONE or status < 400:  # noqa: PLR2004 -- HTTP; the services redirect nobody
        raise ServiceUnavailableError(service, "cannot answer right now")
    raise UpstreamError(service, status, problem)
