"""What FastAPI does for each request of a grouped route, compiled once from the route's signature.

The same validators, the same endpoint, the same answer. Whatever is not plain sailing (a token not met before, no
permission, a body that is not valid, another content type) is for the ordinary way.
"""

import inspect
import logging
import re
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from kith_chassis.errors import Problem
from kith_chassis.idempotency import Claim, Replay
from kith_chassis.telemetry import HTTP_SECONDS
from kith_chassis.tokens import Principal, caller
from kith_front.shortway import Answer, NotPlain, refusal
from kith_writes.grouped import Writer, commits_of, scope_of, writer

log = logging.getLogger("kith.access")
JSON = b"application/json"


@dataclass(frozen=True)
class GroupedRoute:
    """A route with a `Group`, compiled."""

    app: FastAPI
    route: APIRoute
    pattern: re.Pattern[str]
    path: Mapping[str, TypeAdapter[Any]]
    body: tuple[str, TypeAdapter[Any]] | None
    actor: str | None
    permission: str | None
    group: str
    answer: TypeAdapter[Any]

    def begin(self, found: re.Match[str], headers: Mapping[bytes, bytes], body: bytes) -> Awaitable[Answer]:
        """The answer to come. Raises NotPlain."""
        return self._answer(self._arguments(found, headers, body))

    async def _answer(self, given: Mapping[str, Any]) -> Answer:
        began, seconds = time.perf_counter(), self.seconds
        try:
            made = Answer(self.answer.dump_json(await self.route.endpoint(**given)), self.status)
        except Exception as error:  # noqa: BLE001 -- answered as the ordinary way would
            made = Answer.of(error.response()) if isinstance(error, Replay) else await refusal(self.app, error)
            seconds = self.seconds_of(made.status)
            if made.status >= HTTPStatus.BAD_REQUEST:
                self._tell_of(made.status, began)
        seconds.observe(time.perf_counter() - began)
        return made

    def _tell_of(self, status: int, began: float) -> None:
        """What went wrong is in the access log, like any request; what is done, only with its group."""
        milliseconds = round((time.perf_counter() - began) * 1000, 2)
        entry = {"method": self.method, "route": self.route.path, "status": status, "milliseconds": milliseconds}
        log.info("request", extra=entry)

    @property
    def status(self) -> int:
        """Of a write that is done."""
        return self.route.status_code or 200

    def _arguments(self, found: re.Match[str], headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Any]:
        """What the endpoint is called with. Raises NotPlain."""
        if headers.get(b"content-type", b"").partition(b";")[0] != JSON:
            raise NotPlain
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        principal: Principal | None = self.app.state.tokens.known(token) if scheme == "Bearer" else None
        if principal is None or (self.permission is not None and not principal.may(self.permission)):
            raise NotPlain
        try:
            given = {name: kind.validate_strings(found[name]) for name, kind in self.path.items()}
            if self.body is not None:
                given[self.body[0]] = self.body[1].validate_json(body)
            given[self.group] = self._writer(found.string, headers, principal, body)
        except (ValidationError, Problem) as error:
            raise NotPlain from error
        if self.actor is not None:
            given[self.actor] = principal
        return given

    def _writer(self, path: str, headers: Mapping[bytes, bytes], principal: Principal, body: bytes) -> Writer:
        key, claim = headers.get(b"idempotency-key"), None
        if key is not None:
            plain, where = key.decode("latin-1"), scope_of(principal)
            claim = Claim(plain, scope=where, method=self.method, path=path, body=body)
        traceparent = headers.get(b"traceparent", b"").decode("latin-1") or None
        return Writer(commits_of(self.app.state), principal, self.status, claim, traceparent)

    @cached_property
    def method(self) -> str:
        return next(iter(self.route.methods or ()))

    @cached_property
    def seconds(self) -> Any:
        """The time that writes take which are done."""
        return self.seconds_of(self.status)

    def seconds_of(self, status: int) -> Any:
        return HTTP_SECONDS.labels(self.method, self.route.path, str(status))


def compiled(app: FastAPI, route: APIRoute) -> GroupedRoute | None:
    """The short way for a route; None when it has no Group. Raises TypeError for a signature it cannot serve."""
    hints = get_type_hints(route.endpoint, include_extras=True)
    path: dict[str, TypeAdapter[Any]] = {}
    body: tuple[str, TypeAdapter[Any]] | None = None
    actor = permission = group = None
    others = list[str]()
    for name in inspect.signature(route.endpoint).parameters:
        hint = hints[name]
        depends = _depends(hint)
        if depends is writer:
            group = name
        elif depends is caller or hasattr(depends, "permission"):
            actor, permission = name, getattr(depends, "permission", None)
        elif depends is None and name in route.param_convertors:
            path[name] = TypeAdapter(hint)
        elif inspect.isclass(hint) and issubclass(hint, BaseModel):
            body = (name, TypeAdapter(hint))
        else:
            others.append(name)
    if group is None:
        return None
    if others or route.dependencies or len(route.methods or ()) != 1:
        raise TypeError(
            f"{route.endpoint.__name__}: a grouped route has one method and takes a path, a body, the caller, a Group; "
            f"it takes {others}"
        )
    answer = TypeAdapter[Any](hints["return"])
    return GroupedRoute(app, route, route.path_regex, path, body, actor, permission, group, answer)


def _depends(hint: Any) -> Any:
    """The dependency of an annotated parameter; None where there is none."""
    if get_origin(hint) is not Annotated:
        return None
    return next((each.dependency for each in get_args(hint)[1:] if isinstance(each, Depends)), None)
