"""GraphQL over HTTP: JSON by POST, queries also by GET. No batches; ten errors at most; refusals in GraphQL's shape.

Subscriptions come over a WebSocket to the same address.
"""

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from graphql import GraphQLError
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket
from strawberry.http.ides import get_graphql_ide_html
from strawberry.types import ExecutionResult

from kith_chassis.errors import NotFound, Problem, TooLarge, Unauthenticated, Unavailable
from kith_chassis.tokens import Principal, TokenVerifier
from kith_gateway.answers import cost, executed, shown
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out
from kith_gateway.guard import MAX_ERRORS
from kith_gateway.live.hub import Hub
from kith_gateway.negotiation import GRAPHQL, JSON, Asked, addressed, posted, wants_graphql
from kith_gateway.operations import WRITES_BY_GET
from kith_gateway.persisted import Persisted
from kith_gateway.settings import Settings

router = APIRouter()


async def graphql(request: Request) -> Response:
    """Answer one operation."""
    reads = request.method == "GET"
    if reads and _for_a_browser(request):
        return Response(get_graphql_ide_html("graphiql"), media_type="text/html")
    modern = wants_graphql(request.headers.get("accept", ""))
    try:
        if reads:
            asked = Asked.of(addressed(request.query_params))
        else:
            asked = Asked.of(posted(request.headers.get("content-type", ""), await request.body()))
    except (Problem, HTTPException) as refused:
        return _not_asked(refused, modern=modern)
    context = await _context(request, operation=asked.operation, reads=reads)
    result = await _carried_out(context, request.app.state.persisted, asked)
    return _answered(result, context, modern=modern)


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


async def _context(request: Request, *, operation: str | None, reads: bool) -> Context:
    settings: Settings = request.app.state.settings
    authorization = request.headers.get("authorization")
    principal: Principal | None = None
    refused: Problem | None = None
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        verifier: TokenVerifier = request.app.state.tokens
        try:
            principal = await verifier.verify(token.strip() if scheme.lower() == "bearer" else "")
        except Unauthenticated as error:
            # Not the end: with an expired token one can still refresh the session or log in.
            refused = error
        except Unavailable:
            pass  # without keys the gateway cannot tell; the services verify the same token themselves
    purse = request.app.state.budgets.purse(principal, request.client and request.client.host)
    return Context(
        request.app.state.upstream,
        authorization=authorization,
        principal=principal,
        refusal=refused,
        limits=Limits.of(settings),
        operation=operation,
        introspection=settings.environment != "production",
        plans=settings.plans,
        reads=reads,
        purse=purse if settings.budgets else None,
    )


async def _carried_out(context: Context, persisted: Persisted, asked: Asked) -> ExecutionResult:
    try:
        context.pay(1)  # for having come: also what is refused is work
        text = persisted.text(asked.text, asked.hashed)
        result = await carry_out(context, text, asked.variables)
    except GraphQLError as error:
        return ExecutionResult(data=None, errors=[error])
    if asked.hashed is not None and executed(result):
        persisted.register(asked.hashed, text)
    return result


def _answered(result: ExecutionResult, context: Context, *, modern: bool) -> Response:
    errors = result.errors or []
    body: dict[str, Any] = {}
    if executed(result):
        body["data"] = result.data
    if errors:
        body["errors"] = shown(errors, suggesting=context.introspection)
    body["extensions"] = {"cost": cost(context, result)}
    if len(errors) > MAX_ERRORS:
        body["extensions"]["errorsLeftOut"] = len(errors) - MAX_ERRORS
    # A client that asks for plain JSON gets 200 for whatever was well-formed HTTP, as such clients expect.
    status, headers = 400 if modern and not executed(result) else 200, dict[str, str]()
    for told in (error.extensions or {} for error in errors if not executed(result)):
        if told.get("code") == "RATE_LIMITED":
            status, headers["Retry-After"] = HTTPStatus.TOO_MANY_REQUESTS, str(told["retryAfter"])
        elif told.get("code") == WRITES_BY_GET:
            status, headers["Allow"] = HTTPStatus.METHOD_NOT_ALLOWED, "POST"
    return _response(body, status, modern=modern, headers=headers)


def _not_asked(refused: Problem | HTTPException, *, modern: bool) -> Response:
    """What is no GraphQL request at all, in the shape in which clients of GraphQL look for errors."""
    problem = refused if isinstance(refused, Problem) else TooLarge()
    error = {"message": problem.detail, "extensions": {"code": problem.code.upper()}}
    return _response({"errors": [error]}, problem.status, modern=modern, headers={})


def _response(body: dict[str, Any], status: int, *, modern: bool, headers: dict[str, str]) -> Response:
    # What the caller may see is nobody else's: a cache that ignores Authorization must not keep the answer to a GET.
    private = {"Cache-Control": "no-store", "Vary": "Accept"} | headers
    media_type = f"{GRAPHQL if modern else JSON}; charset=utf-8"
    return Response(msgspec.json.encode(body), status, private, media_type=media_type)
