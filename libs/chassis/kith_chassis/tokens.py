"""Who is calling: access tokens (JWT signed with Ed25519, RFC 9864) verified by published keys, and named permissions.

Guarantees: a token is accepted only with a known key, our issuer and an expiry in the future; a key that is published
no more lets nobody in after minutes. Keys that were never fetched let nobody in: the answer is 503, not a guess.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from kith_chassis.errors import Forbidden, Unauthenticated, Unavailable

ALGORITHM = "Ed25519"
_REFETCH_SECONDS = 10.0  # an attacker's unknown key ids must not make us hammer the key server
_RENEWED_SECONDS = 300.0
_REMEMBERED_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: `subject`, person or app, acts inside `tenant`, holds `permissions` until `expires_at` (Unix time)."""

    subject: UUID
    tenant: UUID
    permissions: frozenset[str]
    expires_at: float
    app: bool = False

    def may(self, permission: str) -> bool:
        return permission in self.permissions


class TokenVerifier:
    """Verifies access tokens; keys are fetched on first use, when an unknown key id appears, and anew after a while."""

    def __init__(self, *, jwks_url: str, issuer: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.jwks_url, self._issuer, self._transport = jwks_url, issuer, transport
        self._keys: KeySet | None = None
        self._published, self._fetched_at, self._renew_at = b"", float("-inf"), float("inf")
        self._verified: OrderedDict[str, Principal] = OrderedDict()

    def known(self, token: str) -> Principal | None:
        """The principal of a token that was verified before and has not expired since. Never waits for new keys."""
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + _REFETCH_SECONDS
            # Where it fails, the keys of before serve until it goes well.
            self._renewal = asyncio.gather(self._fetch(), return_exceptions=True)
        found = self._verified.get(token)
        return found if found is not None and found.expires_at > time.time() else None

    async def verify(self, token: str) -> Principal:
        """The principal a token stands for. Raises Unauthenticated, or Unavailable when no key could be had."""
        if (known := self.known(token)) is not None:
            return known
        found = await self._decode(token)
        if found.expires_at <= time.time():
            raise Unauthenticated("The access token has expired; refresh it.")
        self._verified[token] = found
        if len(self._verified) > _REMEMBERED_TOKENS:
            self._verified.popitem(last=False)
        return found

    async def _decode(self, token: str) -> Principal:
        claims = self._claims(token)
        if claims is None and time.monotonic() - self._fetched_at >= _REFETCH_SECONDS:  # or keys have been rotated
            await self._fetch()
            claims = self._claims(token)
        try:
            if claims is None or claims["iss"] != self._issuer:
                raise Unauthenticated
            return Principal(
                subject=UUID(claims["sub"]),
                tenant=UUID(claims["tenant"]),
                permissions=frozenset(map(str, claims["permissions"])),
                expires_at=float(claims["exp"]),
                app=claims.get("app") is True,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unauthenticated from error

    def _claims(self, token: str) -> dict[str, Any] | None:
        """What a token says; None when it is signed with a key nobody knows, or none were fetched yet."""
        try:
            return dict(jwt.decode(token, self._keys, algorithms=[ALGORITHM]).claims) if self._keys else None
        except InvalidKeyIdError:
            return None
        except (JoseError, ValueError, TypeError) as error:  # whatever a hostile token makes a parser say
            raise Unauthenticated from error

    async def published(self) -> bytes:
        """The key set as it is published (RFC 7517). Raises OSError or httpx.HTTPError when it cannot be had."""
        tls = self.jwks_url.startswith("https:")  # to load what verifies certificates takes 20 ms
        async with httpx.AsyncClient(transport=self._transport, timeout=5.0, verify=tls) as client:
            answer = await client.get(self.jwks_url)
            return answer.raise_for_status().content

    async def _fetch(self) -> None:
        try:
            published = await self.published()
            self._keys = KeySet.import_key_set(json.loads(published))
        except (httpx.HTTPError, OSError, ValueError, TypeError, LookupError, AttributeError, JoseError) as error:
            raise Unavailable("Access tokens cannot be verified right now; try again shortly.") from error
        if published != self._published:
            self._verified.clear()  # what a withdrawn key signed is not to be remembered
        self._published, self._fetched_at = published, time.monotonic()
        self._renew_at = self._fetched_at + _RENEWED_SECONDS


async def caller(request: Request) -> Principal:
    """The principal of this request, from its `Authorization: Bearer` header."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    verifier: TokenVerifier = request.app.state.tokens
    return await verifier.verify(token.strip())


Caller = Annotated[Principal, Depends(caller)]


def permitted(permission: str | None, *, reading: str | None = None) -> Callable[[Request, Principal], Principal]:
    """A dependency that lets only holders of the named permission pass; None: any person.

    Where nothing is changed (GET, `/read/`) an app passes with the scope `reading` as well.
    Use it in a route's signature: `actor: Annotated[Principal, Depends(permitted("things:manage"))]`.
    """

    def check(request: Request, principal: Caller) -> Principal:
        reads = request.method == "GET" or request.scope["path"].startswith("/read/")
        scope = reading if principal.app and reads else None
        allowed = principal.may(permission) if permission else not principal.app
        if not allowed and not (scope and principal.may(scope)):
            needed = scope or permission or "of a person"
            raise Forbidden(f"This needs the permission {needed}.", permission=needed)
        return principal

    check.permission, check.reading = permission, reading  # type: ignore[attr-defined]  # read to list all permissions
    return check
