"""Answers as clients see them: errors, theirs in full and ours without a word of what happened inside; and the cost."""

import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLSyntaxError
from starlette.exceptions import HTTPException
from strawberry.types import ExecutionResult

from kith_chassis.errors import Problem, TooLarge
from kith_front.shortway import Answer, Headers
from kith_gateway.context import Context
from kith_gateway.guard import MAX_ERRORS
from kith_gateway.negotiation import GRAPHQL, JSON
from kith_gateway.operations import WRITES_BY_GET
from kith_gateway.upstream import UpstreamError

log = logging.getLogger(__name__)
_SUGGESTION = re.compile(r" Did you mean .*\?", re.DOTALL)
_MAX_MESSAGE = 500
_MAX_LOCATIONS = 5
BYTES_FOR_ONE = 10_000
"""Of an answer's data, that cost as much as a thing a service is asked about."""
# What the caller may see is nobody else's: a cache that ignores Authorization must not keep the answer to a GET.
_PRIVATE: Headers = ((b"cache-control", b"no-store"), (b"vary", b"Accept"))
_HEADERS: dict[bool, Headers] = {
    modern: (*_PRIVATE, (b"content-type", f"{GRAPHQL if modern else JSON}; charset=utf-8".encode()))
    for modern in (True, False)
}


def answered(result: ExecutionResult, context: Context, *, modern: bool) -> Answer:
    """The answer to an operation; `modern` when the client knows GraphQL's own media type."""
    errors = result.errors or []
    body: dict[str, Any] = {}
    data, done = b"", executed(result)
    if done:
        data = msgspec.json.encode(result.data)
        body["data"] = msgspec.Raw(data)
    if errors:
        body["errors"] = shown(errors, suggesting=context.introspection)
    body["extensions"] = {"cost": cost(context, result, len(data))}
    if len(errors) > MAX_ERRORS:
        body["extensions"]["errorsLeftOut"] = len(errors) - MAX_ERRORS
    # A client that asks for plain JSON gets 200 for whatever was well-formed HTTP, as such clients expect.
    status, headers = 400 if modern and not done else 200, _HEADERS[modern]
    for told in [] if done else [error.extensions or {} for error in errors]:
        if told.get("code") == "RATE_LIMITED":
            status = HTTPStatus.TOO_MANY_REQUESTS
            headers = (*headers, (b"retry-after", str(told["retryAfter"]).encode()))
        elif told.get("code") == WRITES_BY_GET:
            status, headers = HTTPStatus.METHOD_NOT_ALLOWED, (*headers, (b"allow", b"POST"))
    return Answer(msgspec.json.encode(body), status, headers)


def not_asked(refused: Problem | HTTPException, *, modern: bool) -> Answer:
    """What is no GraphQL request at all, in the shape in which clients of GraphQL look for errors."""
    problem = refused if isinstance(refused, Problem) else TooLarge()
    error = {"message": problem.detail, "extensions": {"code": problem.code.upper()}}
    return Answer(msgspec.json.encode({"errors": [error]}), problem.status, _HEADERS[modern])


def executed(result: ExecutionResult) -> bool:
    """Whether anything of the operation was carried out."""
    return result.data is not None or any(error.path for error in result.errors or ())


def cost(context: Context, result: ExecutionResult, size: int) -> dict[str, Any]:
    """What the operation was estimated to cost, what it did, and what the caller has left; settles what was paid.

    size  bytes of its data: what is read once and shown a thousand times costs too
    """
    requested = max(context.cost, 1)
    actual = 1
    if executed(result):
        # Where something else than a service failed, what was asked when it did is chance.
        exact = not result.errors or all(isinstance(_origin(each), UpstreamError) for each in result.errors)
        actual = (max(context.answered, 1) if exact else requested) + size // BYTES_FOR_ONE
    told = {"requested": requested, "actual": actual, "limit": context.limits.cost}
    if context.purse is not None:
        context.purse.settle(actual if context.purse.paid else 0)
        told |= context.purse.shown()
    return told


def shown(errors: Sequence[GraphQLError], *, suggesting: bool) -> list[dict[str, Any]]:
    """Ten errors at most. `suggesting`: whether they may say what else there is in the schema."""
    return [_shown(error, suggesting) for error in errors[:MAX_ERRORS]]


def _shown(error: GraphQLError, suggesting: bool) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    original = _origin(error)
    if original is not None and not isinstance(original, UpstreamError | GraphQLError):
        log.error("a resolver failed", exc_info=original)
        formatted = {"message": "Something went wrong here.", "extensions": {"code": "INTERNAL"}}
        if error.path:
            formatted["path"] = error.path
        return formatted
    if "code" not in (error.extensions or {}):
        formatted["extensions"] = {"code": _code(error)}
        if not suggesting:  # of variables graphql-core says more than of the document
            formatted["message"] = _SUGGESTION.sub("", error.message)
    if len(formatted["message"]) > _MAX_MESSAGE:
        formatted["message"] = f"{formatted['message'][:_MAX_MESSAGE]}…"  # it quotes the document
    if "locations" in formatted:
        formatted["locations"] = formatted["locations"][:_MAX_LOCATIONS]
    return formatted


def _code(error: GraphQLError) -> str:
    """What kind of mistake in the document or its variables this is."""
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "BAD_USER_INPUT" if error.path or error.original_error else "GRAPHQL_VALIDATION_FAILED"


def _origin(error: GraphQLError) -> Exception | None:
    """What a resolver raised, under all that was wrapped around it."""
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    return original
