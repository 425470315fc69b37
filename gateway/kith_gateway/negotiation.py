"""What GraphQL over HTTP leaves to headers and addresses: how a request is written, and how an answer is wanted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kith_chassis.errors import Invalid, Problem, TooLarge
from kith_gateway.persisted import is_hash

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
MAX_COMMAS = 100_000
"""Of a request, those in texts included."""
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^\s;"]*)""", re.IGNORECASE)
_QUALITY = re.compile(r";\s*q\s*=\s*([0-9.]{1,5})", re.IGNORECASE)


class NotJson(Problem):
    """Send the operation as JSON in UTF-8, with `Content-Type: application/json`."""

    status = 415
    code = "not_json"


class BadRequest(Invalid):
    """This is no GraphQL request: {"query": text, "operationName": text, "variables": object, "extensions": object}."""

    status = 400
    code = "bad_request"


def wants_graphql(accept: str) -> bool:
    """Whether a client knows GraphQL's own media type, and likes it no less than plain JSON."""
    wanted = {}
    for each in accept.split(",")[:50]:
        quality = _QUALITY.search(each)
        try:
            wanted[each.partition(";")[0].strip().lower()] = float(quality[1]) if quality else 1.0
        except ValueError:
            continue
    return wanted.get(GRAPHQL, 0.0) > 0 and wanted[GRAPHQL] >= wanted.get(JSON, 0.0)


def posted(content_type: str, body: bytes) -> Any:
    """The JSON of a body. What a browser sends to anyone without asking first (a form, plain text) is refused."""
    charset = _CHARSET.search(content_type)
    utf8 = charset is None or charset[1].lower() in {"utf-8", "utf8"}
    if content_type.partition(";")[0].strip().lower() != JSON or not utf8:
        raise NotJson
    if body.lstrip()[:1] == b"[":
        raise BadRequest("Send one operation at a time; ask for more in one document.")
    return _decoded(body)


def addressed(parameters: Mapping[str, str]) -> dict[str, Any]:
    """What the parameters of an address ask for, as a body would say it."""
    asked: dict[str, Any] = {name: parameters[name] for name in ("query", "operationName") if parameters.get(name)}
    for name in ("variables", "extensions"):
        if parameters.get(name):
            asked[name] = _decoded(parameters[name].encode())
    return asked


def _decoded(text: bytes) -> Any:
    # A number and its comma are two bytes and become fifty: millions are counted sooner than made.
    if text.count(b",") > MAX_COMMAS:
        raise TooLarge("There are too many values in this; send them in parts.")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("This is not JSON.") from None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: a text, the hash of one, or both."""

    text: str | None
    hashed: str | None
    variables: dict[str, Any] | None
    operation: str | None

    @classmethod
    def of(cls, found: Any) -> "Asked":
        """What a request of the shape GraphQL takes asks for; BadRequest for any other."""
        if not isinstance(found, dict):
            raise BadRequest
        text, variables, operation = (found.get(name) for name in ("query", "variables", "operationName"))
        hashed = _hashed(found.get("extensions"))
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
