"""GraphQL over HTTP: JSON by POST, queries also by GET. No batches; ten errors at most; refusals in GraphQL's shape."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from graphql import GraphQLError, GraphQLSyntaxError
from starlette.exceptions import HTTPException
from strawberry.http.ides import get_graphql_ide_html
from strawberry.types import ExecutionResult

from kith_chassis.errors import NotFound, Problem, TooLarge, Unauthenticated, Unavailable
from kith_chassis.tokens import Principal, TokenVerifier
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out
from kith_gateway.guard import MAX_ERRORS
from kith_gateway.negotiation import GRAPHQL, JSON, addressed, checked, posted, wants_graphql
from kith_gateway.operations import WRITES_BY_GET
from kith_gateway.settings import Settings
from kith_gateway.upstream import UpstreamError

log = logging.getLogger(__name__)
router = APIRouter()
_MAX_MESSAGE = 500
_MAX_LOCATIONS = 5


async def graphql(request: Request) -> Response:
    """Answer one operation."""
    reads = request.method == "GET"
    if reads and _for_a_browser(request):
        return Response(get_graphql_ide_html("graphiql"), media_type="text/html")
    modern = wants_graphql(request.headers.get("accept", ""))
    try:
        if reads:
            asked = checked(addressed(request.query_params))
        else:
            asked = checked(posted(request.headers.get("content-type", ""), await request.body()))
    except (Problem, HTTPException) as refused:
        return _not_asked(refused, modern=modern)
    context = await _context(request, operation=asked.get("operationName"), reads=reads)
    result = await carry_out(context, asked["query"], asked.get("variables"))
    return _answered(result, context, modern=modern)


# Not a route of FastAPI's kind: there is nothing in it for FastAPI to read or write, and to find that out takes a tenth
# of a small operation.
router.add_route("/graphql", graphql, methods=["GET", "POST"], include_in_schema=False)


def _for_a_browser(request: Request) -> bool:
    """Whether to show GraphiQL: on a developer's machine only."""
    local = request.app.state.settings.environment == "local"
    if "query" not in request.query_params:
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
    )


def _answered(result: ExecutionResult, context: Context, *, modern: bool) -> Response:
    errors = result.errors or []
    body: dict[str, Any] = {}
    executed = result.data is not None or any(error.path for error in errors)
    if executed:
        body["data"] = result.data
    if errors:
        body["errors"] = _shown(errors)
    body["extensions"] = {"cost": {"asked": context.cost, "limit": context.limits.cost}}
    if len(errors) > MAX_ERRORS:
        body["extensions"]["errorsLeftOut"] = len(errors) - MAX_ERRORS
    # A client that asks for plain JSON gets 200 for whatever was well-formed HTTP, as such clients expect.
    status = 400 if modern and not executed else 200
    if any((error.extensions or {}).get("code") == WRITES_BY_GET for error in errors):
        status = 405
    return _response(body, status, modern=modern, headers={"Allow": "POST"} if status == 405 else None)  # noqa: PLR2004 -- HTTP


def _not_asked(refused: Problem | HTTPException, *, modern: bool) -> Response:
    """What is no GraphQL request at all, in the shape in which clients of GraphQL look for errors."""
    problem = refused if isinstance(refused, Problem) else TooLarge()
    error = {"message": problem.detail, "extensions": {"code": problem.code.upper()}}
    return _response({"errors": [error]}, problem.status, modern=modern)


def _response(body: dict[str, Any], status: int, *, modern: bool, headers: dict[str, str] | None = None) -> Response:
    # What the caller may see is nobody else's: a cache that ignores Authorization must not keep the answer to a GET.
    private = {"Cache-Control": "no-store", "Vary": "Accept"} | (headers or {})
    media_type = f"{GRAPHQL if modern else JSON}; charset=utf-8"
    return Response(msgspec.json.encode(body), status, private, media_type=media_type)


def _code(error: GraphQLError) -> str:
    """What kind of mistake in the document or its variables this is."""
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "BAD_USER_INPUT" if error.path or error.original_error else "GRAPHQL_VALIDATION_FAILED"


def _shown(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """The errors as clients see them: theirs in full, ours without a word of what happened inside."""
    shown = []
    for error in errors[:MAX_ERRORS]:
        formatted: dict[str, Any] = dict(error.formatted)
        if len(error.message) > _MAX_MESSAGE:
            formatted["message"] = f"{error.message[:_MAX_MESSAGE]}…"  # it quotes the document
        if "locations" in formatted:
            formatted["locations"] = formatted["locations"][:_MAX_LOCATIONS]
        original = error.original_error
        while isinstance(original, GraphQLError) and original.original_error is not None:
            original = original.original_error
        if original is not None and not isinstance(original, UpstreamError | GraphQLError):
            log.error("a resolver failed", exc_info=original)
            formatted = {"message": "Something went wrong here.", "extensions": {"code": "INTERNAL"}}
            if error.path:
                formatted["path"] = error.path
        elif "code" not in (error.extensions or {}):
            formatted["extensions"] = {"code": _code(error)}
        shown.append(formatted)
    return shown
