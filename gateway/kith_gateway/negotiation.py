"""What GraphQL over HTTP leaves to headers and addresses: how a request is written, and how an answer is wanted."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from kith_chassis.errors import Invalid, Problem, TooLarge
from kith_gateway.persisted import is_hash

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
MAX_COMMAS = 100_000
"""Of a request, those in texts included."""
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^\s;"]*)""", re.IGNORECASE)
_T = TypeVar("_T")
_QUALITY = re.compile(r";\s*q\s*=\s*([0-9.]{1,5})", re.IGNORECASE)


class NotJson(Problem):
    """Send the operation as JSON in UTF-8, with `Content-Type: application/json`."""

    status = 415
    code = "not_json"


class BadRequest(Invalid):
    """This is no GraphQL request: {"query": text, "operationName": text, "variables": object, "extensions": object}."""

    status = 400
    code = "bad_request"


@lru_cache(64)
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


@lru_cache(64)
def _is_json(content_type: str) -> bool:
    """Whether a body is JSON in UTF-8: not what a browser sends to anyone without asking first (a form, plain text)."""
    charset = _CHARSET.search(content_type)
    utf8 = charset is None or charset[1].lower() in {"utf-8", "utf8"}
    return content_type.partition(";")[0].strip().lower() == JSON and utf8


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for: a text, the hash of one, or both. Raises BadRequest when it is neither."""

    text: str | None = msgspec.field(default=None, name="query")
    variables: dict[str, Any] | None = None
    operation: str | None = msgspec.field(default=None, name="operationName")
    extensions: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        hashed = self.hashed
        if hashed is None if self.text is None else (not self.text or self.text.isspace()):
            raise BadRequest

    @property
    def hashed(self) -> str | None:
        """The hash of a persisted operation."""
        persisted = self.extensions.get("persistedQuery") if self.extensions else None
        if persisted is None:
            return None
        if not isinstance(persisted, dict) or persisted.get("version") != 1 or not is_hash(persisted.get("sha256Hash")):
            raise BadRequest('extensions.persistedQuery is {"version": 1, "sha256Hash": 64 digits of 0-9a-f}.')
        hashed: str = persisted["sha256Hash"]
        return hashed

    @classmethod
    def of(cls, found: Any) -> "Asked":
        """What JSON that was read before asks for; BadRequest for what has another shape."""
        try:
            return msgspec.convert(found, cls)
        except msgspec.ValidationError:
            raise BadRequest from None


_asked = msgspec.json.Decoder(Asked)


def posted(content_type: str, body: bytes) -> Asked:
    """What a body asks for."""
    if not _is_json(content_type):
        raise NotJson
    if body.lstrip()[:1] == b"[":
        raise BadRequest("Send one operation at a time; ask for more in one document.")
    return _decoded(body, _asked)


def addressed(parameters: Mapping[str, str]) -> Asked:
    """What the parameters of an address ask for."""
    asked: dict[str, Any] = {name: parameters[name] for name in ("query", "operationName") if parameters.get(name)}
    for name in ("variables", "extensions"):
        if parameters.get(name):
            asked[name] = _decoded(parameters[name].encode(), _anything)
    return Asked.of(asked)


_anything = msgspec.json.Decoder()


def _decoded(text: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    # A number and its comma are two bytes and become fifty: millions are counted sooner than made.
    if text.count(b",") > MAX_COMMAS:
        raise TooLarge("There are too many values in this; send them in parts.")
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise BadRequest from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("This is not JSON.") from None
