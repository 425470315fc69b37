"""Plain HTTP that must be public: the keys by which access tokens are verified, and access tokens for apps.

An app proves who it is with its id and secret and gets a token (RFC 6749, section 4.4). What is wrong is told as that
RFC has it (section 5.2), so that any OAuth client understands.
"""

import base64
import binascii
from urllib.parse import parse_qs, unquote_plus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from graphql import GraphQLError

from kith_gateway.upstream import ServiceUnavailableError, Upstream, UpstreamError

router = APIRouter()

_FORM = "application/x-www-form-urlencoded"
_LONGEST, _MOST_FIELDS = 4096, 20
_NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_KEPT = "public, max-age=300"
_COST = 50
"""What an attempt costs who makes it, like a read of fifty things: secrets are not to be guessed at leisure."""
_STATUS = {"invalid_client": 401, "slow_down": 429, "temporarily_unavailable": 503}


class _RefusedError(Exception):
    """An error code of RFC 6749, and what to do about it."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code


@router.get("/.well-known/jwks.json", include_in_schema=False)
async def key_set(request: Request) -> Response:
    """The keys of RFC 7517 that verify access tokens, for apps that are shown some."""
    upstream: Upstream = request.app.state.resources.upstream
    try:
        content = await upstream.call("identity", "GET", "/.well-known/jwks.json", raw=True)
    except UpstreamError as error:
        return JSONResponse({"code": error.code, "detail": str(error)}, error.status, {"Retry-After": "1"})
    return Response(content, media_type="application/json", headers={"Cache-Control": _KEPT})


@router.post("/oauth/token", include_in_schema=False)
async def app_token(request: Request) -> Response:
    """An access token for an app, by `grant_type=client_credentials`."""
    try:
        _pay(request)
        app_id, secret = _credentials(request.headers.get("authorization"), await _form(request))
        given = await _token(request.app.state.resources.upstream, app_id, secret)
    except _RefusedError as error:
        headers = dict(_NEVER_KEPT)
        if error.code == "invalid_client":
            headers["WWW-Authenticate"] = 'Basic realm="kith"'
        said = {"error": error.code, "error_description": str(error)}
        return JSONResponse(said, _STATUS.get(error.code, 400), headers)
    return Response(given, media_type="application/json", headers=_NEVER_KEPT)


def _pay(request: Request) -> None:
    purse = request.app.state.resources.purse(None, request.client and request.client.host)
    try:
        purse.pay(_COST)
    except GraphQLError as error:
        raise _RefusedError("slow_down", error.message) from None


async def _form(request: Request) -> dict[str, str]:
    """What the body says, each name once."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _RefusedError("invalid_request", f"Send a body of the type {_FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST:
            raise _RefusedError("invalid_request", f"Send {_LONGEST} bytes at most.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _RefusedError("invalid_request", "This body is no form.") from None
    if twice := [name for name, values in fields.items() if len(values) > 1]:
        raise _RefusedError("invalid_request", f"Send {twice[0][:60]} once.")
    form = {name: values[0] for name, values in fields.items()}
    if "grant_type" not in form:
        raise _RefusedError("invalid_request", "Send grant_type=client_credentials.")
    if form["grant_type"] != "client_credentials":
        raise _RefusedError("unsupported_grant_type", "Only the grant type client_credentials is known here.")
    return form


def _credentials(authorization: str | None, form: dict[str, str]) -> tuple[str, str]:
    """Id and secret of the app, from the header or from the body (RFC 6749, section 2.3.1), never both."""
    if authorization is not None:
        if "client_secret" in form:
            raise _RefusedError("invalid_request", "Send the secret in the header or in the body, not in both.")
        scheme, _, encoded = authorization.partition(" ")
        try:
            if scheme.lower() != "basic":
                raise ValueError(scheme)  # noqa: TRY301 -- as any header that cannot be read
            app_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise _RefusedError("invalid_client", "Send the app's id and secret by the scheme Basic.") from None
        return unquote_plus(app_id), unquote_plus(secret)
    if "client_id" not in form or "client_secret" not in form:
        raise _RefusedError("invalid_client", "Send the app's id and secret: client_id and client_secret.")
    return form["client_id"], form["client_secret"]


async def _token(upstream: Upstream, app_id: str, secret: str) -> bytes:
    body = {"app_id": app_id, "secret": secret}
    try:
        content: bytes = await upstream.call("identity", "POST", "/apps/token", body=body, raw=True)
    except ServiceUnavailableError as error:
        raise _RefusedError("temporarily_unavailable", "Nobody can tell right now; try again shortly.") from error
    except UpstreamError as error:
        if error.code in {"APP_REFUSED", "INVALID_REQUEST"}:  # also an id or a secret that is too long to be one
            what = "No app has this id and secret; it may have been revoked, or given another secret."
            raise _RefusedError("invalid_client", what) from error
        raise
    return content
