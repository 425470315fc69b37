"""Calls to the services: kept connections, a deadline, one retry where it is safe, problems turned into typed errors.

Guarantees: a write is sent twice only with an idempotency key; nothing is retried after its deadline. aiohttp is the
client because it costs a fifteenth of the processor time of httpx per call.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from opentelemetry.propagate import inject
from prometheus_client import Histogram
from strawberry.utils.str_converters import to_camel_case

from kith_chassis.errors import Invalid, NotFound
from kith_gateway.settings import Settings

UPSTREAM_SECONDS = Histogram("upstream_seconds", "Time a service took to answer.", ["service", "route", "status"])
_GONE = frozenset({502, 503, 504})
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
        self._read = aiohttp.ClientTimeout(total=settings.read_seconds, sock_connect=2.0)
        self._write = aiohttp.ClientTimeout(total=settings.write_seconds, sock_connect=2.0)
        # Cookies would leak from one caller to the next; the services set none, and none would be kept.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=64, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )

    async def close(self) -> None:
        await self._session.close()

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
        headers: dict[str, str] = {"Content-Type": "application/json", "Accept": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        inject(headers)
        path = _filled(service, route, values or {})
        for name, value in (query or {}).items():
            _check_length(name, value)
        data = None if body is None else msgspec.json.encode(body)
        may_repeat = reading or idempotency_key is not None
        for attempt in (1, 2):
            last = attempt == 2 or not may_repeat  # noqa: PLR2004 -- the second of two
            try:
                status, content = await self._send(service, method, route, path, query, data, headers, reading=reading)
            except TimeoutError:
                raise ServiceUnavailableError(service, "did not answer in time") from None
            except aiohttp.ClientError as error:
                if last:
                    raise ServiceUnavailableError(service, "cannot be reached") from error
                continue
            if status in _GONE and not last:
                continue
            return content if raw and 200 <= status < 300 else decoded(service, status, content)  # noqa: PLR2004 -- HTTP
        raise AssertionError  # pragma: no cover -- the last attempt returns or raises

    async def _send(
        self,
        service: str,
        method: str,
        route: str,
        path: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
        *,
        reading: bool,
    ) -> tuple[int, bytes]:
        started, outcome = time.perf_counter(), "unreachable"
        try:
            async with self._session.request(
                method,
                f"{self.urls[service]}{path}",
                params=query,
                data=data,
                headers=headers,
                allow_redirects=False,
                timeout=self._read if reading else self._write,
            ) as response:
                content = await response.read()
                outcome = str(response.status)
                return response.status, content
        finally:
            UPSTREAM_SECONDS.labels(service, route, outcome).observe(time.perf_counter() - started)


def _filled(service: str, route: str, values: Mapping[str, Any]) -> str:
    """The path of a route. What would step out of its place in it (`..`, a slash) names nothing: 404."""
    plain = {name: str(value) for name, value in values.items() if f"{{{name}}}" in route}
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
