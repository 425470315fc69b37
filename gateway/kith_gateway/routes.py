"""GraphQL over HTTP: JSON by POST, queries also by GET. No batches; ten errors at most; refusals in GraphQL's shape.

Subscriptions come over a WebSocket to the same address.
"""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request, Response
from graphql import GraphQLError
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket
from strawberry.http.ides import get_graphql_ide_html
from strawberry.types import ExecutionResult

from kith_chassis.errors import NotFound, Problem, Unauthenticated, Unavailable
from kith_chassis.telemetry import served
from kith_chassis.tokens import Principal, TokenVerifier
from kith_front.shortway import Answer, NotPlain, refusal
from kith_gateway.answers import answered, executed, not_asked
from kith_gateway.context import Context
from kith_gateway.executors import carry_out
from kith_gateway.live.hub import Hub
from kith_gateway.negotiation import Asked, addressed, posted, wants_graphql
from kith_gateway.resources import Resources

router = APIRouter()


async def graphql(request: Request) -> Response:
    """Answer one operation."""
    reads = request.method == "GET"
    if reads and _for_a_browser(request):
        return Response(get_graphql_ide_html("graphiql"), media_type="text/html")
    modern = wants_graphql(request.headers.get("accept", ""))
    try:
        if reads:
            asked = addressed(request.query_params)
        else:
            asked = posted(request.headers.get("content-type", ""), await request.body())
    except (Problem, HTTPException) as refused:
        given = not_asked(refused, modern=modern)
    else:
        result, context = await _carried_out(request.app.state.resources, await _caller(request), asked, reads=reads)
        given = answered(result, context, modern=modern)
    response = Response(given.body, given.status)
    response.raw_headers.extend(given.headers)
    return response


# Not a route of FastAPI's kind: there is nothing in it for FastAPI to read or write, and to find that out takes a tenth
# of a small operation.
router.add_route("/graphql", graphql, methods=["GET", "POST"], include_in_schema=False)


async def listen(websocket: WebSocket) -> None:
    """Answer one connection that listens."""
    hub: Hub = websocket.app.state.hub
    await hub.serve(websocket)


router.add_websocket_route("/graphql", listen)


def _for_a_browser(request: Request) -> bool:
    """Whether to show GraphiQL: on a developer's machine only."""
    local = request.app.state.settings.environment == "local"
    if not request.query_params.keys() & {"query", "extensions"}:
        if not local:
            raise NotFound("Send operations with POST.")
        return True
    return local and "text/html" in request.headers.get("accept", "")


@dataclass(slots=True)
class _Caller:
    """Who asks, as far as the gateway can tell."""

    authorization: str | None
    principal: Principal | None
    refusal: Problem | None = None
    address: str | None = None
    """Where nobody is known to come from."""


async def _caller(request: Request) -> _Caller:
    authorization = request.headers.get("authorization")
    principal: Principal | None = None
    refusal: Problem | None = None
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        verifier: TokenVerifier = request.app.state.tokens
        try:
            principal = await verifier.verify(token.strip() if scheme.lower() == "bearer" else "")
        except Unauthenticated as error:
            # Not the end: with an expired token one can still refresh the session or log in.
            refusal = error
        except Unavailable:
            pass  # without keys the gateway cannot tell; the services verify the same token themselves
    return _Caller(authorization, principal, refusal, request.client and request.client.host)


async def _carried_out(
    resources: Resources, caller: _Caller, asked: Asked, *, reads: bool = False
) -> tuple[ExecutionResult, Context]:
    context = resources.context(
        caller.authorization,
        caller.principal,
        refusal=caller.refusal,
        operation=asked.operation,
        reads=reads,
        purse=resources.purse(caller.principal, caller.address),
    )
    hashed, persisted = asked.hashed, resources.persisted
    try:
        context.pay(1)  # for having come: also what is refused is work
        text = persisted.text(asked.text, hashed)
        result = await carry_out(context, text, asked.variables)
    except GraphQLError as error:
        return ExecutionResult(data=None, errors=[error]), context
    if hashed is not None and executed(result):
        persisted.register(hashed, text)
    return result, context


@dataclass(frozen=True, slots=True)
class KnownCallers:
    """Operations of callers who are known: they go the short way in."""

    app: FastAPI
    method: str = "POST"
    pattern: re.Pattern[str] = re.compile(r"/graphql\Z")

    def begin(self, _: re.Match[str], headers: Mapping[bytes, bytes], body: bytes) -> Awaitable[Answer]:
        """The answer to come. Raises NotPlain."""
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        scheme, token = authorization.partition(" ")[::2]
        principal = self.app.state.tokens.known(token) if scheme == "Bearer" else None
        if principal is None or (b"origin" in headers and self.app.state.settings.allowed_origins):
            raise NotPlain  # whether a page of another origin may read the answer, a middleware says
        return self._answer(_Caller(authorization, principal), headers, body)

    async def _answer(self, caller: _Caller, headers: Mapping[bytes, bytes], body: bytes) -> Answer:
        with served(self.method, "/graphql", _trace(headers)) as told:
            told.route = "/graphql"
            modern = wants_graphql(headers.get(b"accept", b"").decode("latin-1"))
            try:
                asked = posted(headers.get(b"content-type", b"").decode("latin-1"), body)
                result, context = await _carried_out(self.app.state.resources, caller, asked)
                given = answered(result, context, modern=modern)
            except Problem as refused:
                given = not_asked(refused, modern=modern)
            except Exception as error:  # noqa: BLE001 -- answered as the ordinary way would
                given = await refusal(self.app, error)
            told.status = given.status
            return given


def _trace(headers: Mapping[bytes, bytes]) -> Mapping[str, str]:
    """The headers that say which trace a request belongs to."""
    if b"traceparent" not in headers:
        return {}
    names = ("traceparent", "tracestate")
    return {name: headers[name.encode()].decode("latin-1") for name in names if name.encode() in headers}
