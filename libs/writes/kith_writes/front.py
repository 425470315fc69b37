"""The short way in for grouped writes: what FastAPI does for each request, compiled once for a route.

        stand_before(app, routers=[routes])

A route whose signature holds a `Group`, path parameters, one body and the caller is served from here: the same
validators, the same endpoint, the same answer. Whatever is not plain sailing (no token, no permission, a body that is
not valid, another content type) goes to the ordinary way, with the body as it came, and is answered there.
"""

import inspect
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import APIRouter, FastAPI, Request
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kith_chassis.app import answer, answer_unexpected
from kith_chassis.errors import Problem
from kith_chassis.idempotency import Claim, Replay
from kith_chassis.telemetry import HTTP_SECONDS
from kith_chassis.tokens import Principal, caller
from kith_writes.grouped import Writer, commits_of, scope_of, writer

_JSON = b"application/json"


class NotPlain(Exception):  # noqa: N818 -- what it is
    """The ordinary way answers this one."""


@dataclass(frozen=True)
class _Fast:
    """A grouped route, compiled."""

    route: APIRoute
    pattern: re.Pattern[str]
    path: Mapping[str, TypeAdapter[Any]]
    body: tuple[str, TypeAdapter[Any]] | None
    actor: str | None
    permission: str | None
    group: str
    answer: TypeAdapter[Any]

    async def arguments(self, scope: Scope, found: re.Match[str], body: bytes | None) -> dict[str, Any]:
        """What the endpoint is called with; `body` is None when not all of it is here. Raises NotPlain."""
        headers = dict(reversed(scope["headers"]))  # the first of a name counts
        state = scope["app"].state
        if body is None or headers.get(b"content-type", b"").partition(b";")[0] != _JSON:
            raise NotPlain
        try:
            given = {name: kind.validate_strings(found[name]) for name, kind in self.path.items()}
            if self.body is not None:
                given[self.body[0]] = self.body[1].validate_json(body)
            scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            if scheme.lower() != "bearer":
                raise NotPlain
            principal: Principal = await state.tokens.verify(token.strip())
            if self.permission is not None and not principal.may(self.permission):
                raise NotPlain
            given[self.group] = self._writer(scope, headers, principal, body)
        except (ValidationError, Problem) as error:
            raise NotPlain from error
        if self.actor is not None:
            given[self.actor] = principal
        return given

    def _writer(self, scope: Scope, headers: Mapping[bytes, bytes], principal: Principal, body: bytes) -> Writer:
        key, claim = headers.get(b"idempotency-key"), None
        if key is not None:
            plain, where = key.decode("latin-1"), scope_of(principal)
            claim = Claim(plain, scope=where, method=scope["method"], path=scope["path"], body=body)
        traceparent = headers.get(b"traceparent", b"").decode("latin-1") or None
        return Writer(commits_of(scope["app"].state), principal, self.route.status_code or 200, claim, traceparent)


class Front:
    """See the module's first lines. It also counts and times what it serves."""

    def __init__(self, app: ASGIApp, *, routers: Sequence[APIRouter]) -> None:
        self.app = app
        self._fast: dict[str, list[_Fast]] = {}
        for route in (route for router in routers for route in router.routes):
            compiled = _compiled(route) if isinstance(route, APIRoute) else None
            for method in compiled.route.methods or () if compiled else ():
                self._fast.setdefault(method, []).append(compiled)  # type: ignore[arg-type]  # not None: see above

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for each in self._fast.get(scope["method"], ()):
                found = each.pattern.match(scope["path"])
                if found is not None:
                    await self._serve(each, found, scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _serve(self, fast: _Fast, found: re.Match[str], scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        messages = [await receive()]
        size, most = len(messages[0].get("body", b"")), scope["app"].state.settings.max_body_bytes
        while messages[-1].get("more_body") and size <= most:
            messages.append(await receive())
            size += len(messages[-1].get("body", b""))
        whole = size <= most and messages[-1]["type"] == "http.request"
        try:
            body = b"".join(each.get("body", b"") for each in messages) if whole else None
            given = await fast.arguments(scope, found, body)
        except NotPlain:
            await self.app(scope, _again(messages, receive), send)
            return
        status = 500
        try:
            made = fast.answer.dump_json(await fast.route.endpoint(**given))
            status = fast.route.status_code or 200
            head = [(b"content-type", _JSON), (b"content-length", b"%d" % len(made))]
            await send({"type": "http.response.start", "status": status, "headers": head})
            await send({"type": "http.response.body", "body": made})
        except Exception as error:  # noqa: BLE001 -- answered as the ordinary way would
            if isinstance(error, Replay):
                response = error.response()
            elif isinstance(error, Problem):
                response = answer(error)
            else:
                response = await answer_unexpected(Request(scope), error)
            status = response.status_code
            await response(scope, receive, send)
        finally:
            route = fast.route.path
            HTTP_SECONDS.labels(scope["method"], route, str(status)).observe(time.perf_counter() - began)


def stand_before(app: FastAPI, *, routers: Sequence[APIRouter]) -> None:
    """Serve the grouped routes of these routers by the short way: outside of every middleware, also the built-in ones.

    Raises TypeError for a grouped route with a signature the short way cannot serve.
    """
    front, build = Front(app, routers=routers), app.build_middleware_stack

    def built() -> ASGIApp:
        front.app = build()
        return front

    app.build_middleware_stack = built  # type: ignore[method-assign]


def _again(taken: Sequence[Message], receive: Receive) -> Receive:
    """`receive`, with the messages that were taken from it in front."""
    waiting = deque(taken)

    async def receiving() -> Message:
        return waiting.popleft() if waiting else await receive()

    return receiving


def _compiled(route: APIRoute) -> _Fast | None:
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
    if others or route.dependencies:
        raise TypeError(
            f"{route.endpoint.__name__}: a grouped route takes a path, a body, the caller, a Group; {others}"
        )
    return _Fast(route, route.path_regex, path, body, actor, permission, group, TypeAdapter(hints["return"]))


def _depends(hint: Any) -> Any:
    """The dependency of an annotated parameter; None where there is none."""
    if get_origin(hint) is not Annotated:
        return None
    return next((each.dependency for each in get_args(hint)[1:] if isinstance(each, Depends)), None)
