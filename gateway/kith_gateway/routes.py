"""GraphQL over HTTP: POST JSON, or GET for a query by its hash. No batches, ten errors at most."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.http.ides import get_graphql_ide_html
from strawberry.types import ExecutionResult

from kith_chassis.errors import Invalid, NotFound, Problem, Unauthenticated, Unavailable
from kith_chassis.tokens import Principal, TokenVerifier
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out
from kith_gateway.guard import MAX_ERRORS
from kith_gateway.persisted import Persisted, is_hash
from kith_gateway.settings import Settings
from kith_gateway.upstream import UpstreamError

log = logging.getLogger(__name__)
router = APIRouter()
_SUGGESTION = re.compile(r" Did you mean .*\?", re.DOTALL)
_GRAPHQL = "application/graphql-response+json"


class NotJson(Problem):
    """Send the operation as JSON, with `Content-Type: application/json`."""

    status = 415
    code = "not_json"


class BadRequest(Invalid):
    """This is no GraphQL request: {"query": text, "variables": object, "operationName": text, "extensions": object}."""

    status = 400
    code = "bad_request"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: a text, the hash of one, or both."""

    text: str | None
    hashed: str | None
    variables: dict[str, Any] | None
    operation: str | None

    @classmethod
    def of(cls, found: Any) -> "Asked":
        """What is asked in JSON. Raises BadRequest."""
        if isinstance(found, list):
            raise BadRequest("Send one operation at a time; ask for more in one document.")
        if not isinstance(found, dict):
            raise BadRequest
        names = ("query", "variables", "operationName", "extensions")
        text, variables, operation, extensions = (found.get(name) for name in names)
        hashed = _hashed(extensions)
        if not isinstance(text, str | None) or (hashed is None if text is None else not text.strip()):
            raise BadRequest
        if not isinstance(variables, dict | None) or not isinstance(operation, str | None):
            raise BadRequest
        return cls(text, hashed, variables, operation)


def _hashed(extensions: Any) -> str | None:
    if not isinstance(extensions, dict | None):
        raise BadRequest
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1 or not is_hash(persisted.get("sha256Hash")):
        raise BadRequest('extensions.persistedQuery is {"version": 1, "sha256Hash": 64 digits of 0-9a-f}.')
    hashed: str = persisted["sha256Hash"]
    return hashed


@router.get("/graphql", include_in_schema=False)
async def read(request: Request) -> Response:
    """A query by its hash; without one GraphiQL, on a developer's machine only."""
    given = request.query_params
    if "extensions" in given:
        if "query" in given:
            raise BadRequest("Send texts with POST.")
        asked = {name: _json(given[name]) for name in ("variables", "extensions") if name in given}
        found = Asked.of(asked | {"operationName": given.get("operationName")})
        return await _answer(request, found, reading=True)
    if request.app.state.settings.environment != "local":
        raise NotFound("Send operations with POST.")
    return Response(get_graphql_ide_html("graphiql"), media_type="text/html")


async def graphql(request: Request) -> Response:
    """Answer one operation."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise NotJson
    return await _answer(request, Asked.of(_json(await request.body())), reading=False)


# Not a route of FastAPI's kind: there is nothing in it for FastAPI to read or write, and to find that out takes a tenth
# of a small operation.
router.add_route("/graphql", graphql, methods=["POST"], include_in_schema=False)


def _json(found: bytes | str) -> Any:
    try:
        return msgspec.json.decode(found)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("This is not JSON.") from None


async def _answer(request: Request, asked: Asked, *, reading: bool) -> Response:
    context = await _context(request, operation=asked.operation, reading=reading)
    persisted: Persisted = request.app.state.persisted
    try:
        context.pay(1)  # for having come: also what is refused is work
        text = persisted.text(asked.text, asked.hashed)
        result = await carry_out(context, text, asked.variables)
    except GraphQLError as error:
        result = ExecutionResult(data=None, errors=[error])
    else:
        if asked.hashed is not None and _executed(result):
            persisted.register(asked.hashed, text)
    response = _answered(result, context, accept=request.headers.get("accept", ""))
    if reading:
        response.headers["Cache-Control"] = "private, no-store"  # it is for one member
    return response


def _executed(result: ExecutionResult) -> bool:
    return result.data is not None or any(error.path for error in result.errors or ())


async def _context(request: Request, *, operation: str | None, reading: bool) -> Context:
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
        reading=reading,
        purse=request.app.state.budgets.purse(principal, request.client and request.client.host)
        if settings.budgets
        else None,
    )


def _answered(result: ExecutionResult, context: Context, *, accept: str) -> Response:
    errors = result.errors or []
    body: dict[str, Any] = {}
    executed = _executed(result)
    if executed:
        body["data"] = result.data
    if errors:
        body["errors"] = _shown(errors, suggesting=context.introspection)
    body["extensions"] = {"cost": _cost(context, executed=executed, errors=errors)}
    if len(errors) > MAX_ERRORS:
        body["extensions"]["errorsLeftOut"] = len(errors) - MAX_ERRORS
    modern = _GRAPHQL in accept
    # A client that asks for plain JSON gets 200 for whatever was well-formed HTTP, as such clients expect.
    status = 400 if modern and not executed else 200
    headers = {}
    for told in (error.extensions or {} for error in errors if not executed):
        if told.get("code") == "RATE_LIMITED":
            status, headers["Retry-After"] = HTTPStatus.TOO_MANY_REQUESTS, str(told["retryAfter"])
        elif told.get("code") == "METHOD_NOT_ALLOWED":
            status, headers["Allow"] = HTTPStatus.METHOD_NOT_ALLOWED, "POST"
    return Response(msgspec.json.encode(body), status, headers, _GRAPHQL if modern else "application/json")


def _cost(context: Context, *, executed: bool, errors: Sequence[GraphQLError]) -> dict[str, Any]:
    """What the operation was estimated to cost, what it did, and what the caller has left."""
    requested = max(context.cost, 1)
    actual = 1
    if executed:
        # Where something else than a service failed, what was asked when it did is chance.
        exact = all(isinstance(_origin(each), UpstreamError) for each in errors)
        actual = max(context.answered, 1) if exact else requested
    shown = {"requested": requested, "actual": actual, "limit": context.limits.cost}
    if context.purse is not None:
        context.purse.settle(actual if context.purse.paid else 0)
        shown |= context.purse.shown()
    return shown


def _origin(error: GraphQLError) -> Exception | None:
    """What a resolver raised, under all that was wrapped around it."""
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    return original


def _code(error: GraphQLError) -> str:
    """What kind of mistake in the document or its variables this is."""
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "BAD_USER_INPUT" if error.path or error.original_error else "GRAPHQL_VALIDATION_FAILED"


def _shown(errors: Sequence[GraphQLError], *, suggesting: bool) -> list[dict[str, Any]]:
    """The errors as clients see them: theirs in full, ours without a word of what happened inside."""
    shown = []
    for error in errors[:MAX_ERRORS]:
        formatted: dict[str, Any] = dict(error.formatted)
        original = _origin(error)
        if original is not None and not isinstance(original, UpstreamError | GraphQLError):
            log.error("a resolver failed", exc_info=original)
            formatted = {"message": "Something went wrong here.", "extensions": {"code": "INTERNAL"}}
            if error.path:
                formatted["path"] = error.path
        elif "code" not in (error.extensions or {}):
            formatted["extensions"] = {"code": _code(error)}
            if not suggesting:  # of variables graphql-core says more than of the document
                formatted["message"] = _SUGGESTION.sub("", error.message)
        shown.append(formatted)
    return shown
