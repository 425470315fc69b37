"""Every write may be retried: the answer to an `Idempotency-Key` is stored in the transaction that did the work.

A second request with the same key, caller, path and body gets the first answer; with another body it is refused. Two
at once: the second waits for the first. A request that failed left nothing, so its retry is carried out. Answers may
hold secrets: they are stored under the key's hash, sealed with the key (AES-GCM), for its holder alone to open.
"""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.errors import Conflict, Invalid

_HEADER = "idempotency-key"
_MAX_KEY = 200
_NONCE = bytes(12)  # each sealing key seals one answer
_CLAIM = text(
    "INSERT INTO idempotency_keys (scope, key, fingerprint) VALUES (:scope, :key, :fingerprint) "
    "ON CONFLICT (scope, key) DO NOTHING RETURNING key"
)
_RECALL = text("SELECT fingerprint, status, body FROM idempotency_keys WHERE scope = :scope AND key = :key")
_REMEMBER = text("UPDATE idempotency_keys SET status = :status, body = :body WHERE scope = :scope AND key = :key")


class InvalidKey(Invalid):
    """An Idempotency-Key is 1 to 200 printable ASCII characters."""

    code = "invalid_idempotency_key"


class KeyReused(Conflict):
    """This Idempotency-Key was used for a different request; make a new key for a new request."""

    code = "idempotency_key_reused"


class _Replay(Exception):  # noqa: N818 -- not an error: the first answer, on its way out
    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body


async def claim_key(request: Request, session: AsyncSession, *, scope: str) -> None:
    """Claim the request's key for this transaction, or answer with what was stored for it."""
    key = request.headers.get(_HEADER)
    if key is None or request.method in {"GET", "HEAD"}:
        return
    if not (1 <= len(key) <= _MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidKey
    asked = f"{request.method} {request.url.path}\n".encode() + await request.body()
    seal, place = AESGCM(_sha256(f"{scope}\n{key}")), {"scope": scope, "key": _sha256(key).hex()}
    claim = place | {"fingerprint": hashlib.sha256(asked).digest()}
    if (await session.execute(_CLAIM, claim)).first() is not None:
        request.state.claimed = (session, place, seal)
        return
    stored = (await session.execute(_RECALL, place)).one()
    if stored.fingerprint != claim["fingerprint"]:
        raise KeyReused
    raise _Replay(stored.status, seal.decrypt(_NONCE, stored.body, None))


def _sha256(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


class _IdempotentRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def run(request: Request) -> Response:
            try:
                response = await handle(request)
            except _Replay as first:
                headers = {"Idempotent-Replay": "true"}
                return Response(first.body, first.status, headers, media_type="application/json")
            claimed = getattr(request.state, "claimed", None)
            if claimed is not None:  # the transaction is still open here: it ends when this function has returned
                session, place, seal = claimed
                sealed = seal.encrypt(_NONCE, bytes(response.body), None)
                await session.execute(_REMEMBER, place | {"status": response.status_code, "body": sealed})
            return response

        return run


def router(*, prefix: str = "", tags: list[str] | None = None) -> APIRouter:
    """The router every service uses: its writes honour `Idempotency-Key`."""
    return APIRouter(prefix=prefix, tags=list(tags or []), route_class=_IdempotentRoute)
