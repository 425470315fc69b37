"""GraphQL over HTTP: POST JSON only, and over a WebSocket: subscriptions only.

No GET (a mutation could hide behind a link), no batches, ten errors at most.
"""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.websockets import WebSocket
from strawberry.http.ides import get_graphql_ide_html
from strawberry.types import ExecutionResult

from kith_chassis.errors import Invalid, NotFound, Problem, Unauthenticated, Unavailable
from kith_chassis.tokens import Principal, TokenVerifier
from kith_gateway.answers import shown
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out
from kith_gateway.guard import MAX_ERRORS
from kith_gateway.live.hub import Hub
from kith_gateway.settings import Settings

router = APIRouter()
_GRAPHQL = "application/graphql-response+json"


class NotJson(Problem):
    """Send the operation as JSON, with `Content-Type: application/json`."""

    status = 415
    code = "not_json"


class BadRequest(Invalid):
    """This is not a GraphQL request: {"query": text, "variables": object, "operationName": text}."""

    status = 400
    code = "bad_request"


@router.get("/graphql", include_in_schema=False)
async def graphiql(request: Request) -> Response:
    """GraphiQL, on a developer's machine only."""
    if request.app.state.settings.environment != "local":
        raise NotFound("Send operations with POST.")
    return Response(get_graphql_ide_html("graphiql"), media_type="text/html")


async def graphql(request: Request) -> Response:
    """Answer one operation."""
    asked = _asked(request.headers.get("content-type", ""), await request.body())
    context = await _context(request, operation=asked.get("operationName"))
    result = await carry_out(context, asked["query"], asked.get("variables"))
    return _answered(result, context, accept=request.headers.get("accept", ""))


# Not a route of FastAPI's kind: there is nothing in it for FastAPI to read or write, and to find that out takes a tenth
# of a small operation.
router.add_route("/graphql", graphql, methods=["POST"], include_in_schema=False)


async def listen(websocket: WebSocket) -> None:
    """Answer one connection that listens."""
    hub: Hub = websocket.app.state.hub
    await hub.serve(websocket)


router.add_websocket_route("/graphql", listen)


def _asked(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise NotJson
    try:
        asked = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if isinstance(asked, list):
        raise BadRequest("Send one operation at a time; ask for more in one document.")
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str) or not asked["query"].strip():
        raise BadRequest
    if not isinstance(asked.get("variables"), dict | None) or not isinstance(asked.get("operationName"), str | None):
        raise BadRequest
    return asked


async def _context(request: Request, *, operation: str | None) -> Context:
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
    )


def _answered(result: ExecutionResult, context: Context, *, accept: str) -> Response:
    errors = result.errors or []
    body: dict[str, Any] = {}
    executed = result.data is not None or any(error.path for error in errors)
    if executed:
        body["data"] = result.data
    if errors:
        body["errors"] = shown(errors)
    body["extensions"] = {"cost": {"asked": context.cost, "limit": context.limits.cost}}
    if len(errors) > MAX_ERRORS:
        body["extensions"]["errorsLeftOut"] = len(errors) - MAX_ERRORS
    modern = _GRAPHQL in accept
    # A client that asks for plain JSON gets 200 for whatever was well-formed HTTP, as such clients expect.
    status = 400 if modern and not executed else 200
    return Response(msgspec.json.encode(body), status, media_type=_GRAPHQL if modern else "application/json")
