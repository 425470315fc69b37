"""Errors as clients see them."""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError

from kith_gateway.guard import MAX_ERRORS
from kith_gateway.upstream import UpstreamError

log = logging.getLogger(__name__)


def _code(error: GraphQLError) -> str:
    """What kind of mistake in the document or its variables this is."""
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "BAD_USER_INPUT" if error.path or error.original_error else "GRAPHQL_VALIDATION_FAILED"


def shown(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """The errors as clients see them: theirs in full, ours without a word of what happened inside."""
    shown = []
    for error in errors[:MAX_ERRORS]:
        formatted: dict[str, Any] = dict(error.formatted)
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
