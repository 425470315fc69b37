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


class Replay(Exception):  # noqa: N818 -- not an error: the first answer, on its way out
    """The answer that is stored for a key."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status, self.body = status, body

    def response(self) -> Response:
        return Response(self.body, self.status, {"Idempotent-Replay": "true"}, media_type="application/json")


class Claim:
    """The place a request's answer is kept at, and the seal on it. Raises InvalidKey."""

    def __init__(self, key: str, *, scope: str, method: str, path: str, body: bytes) -> None:
        if not (1 <= len(key) <= _MAX_KEY and key.isascii() and key.isprintable()):
            raise InvalidKey
        self.place = (scope, _sha256(key).hex())
        self.fingerprint = hashlib.sha256(f"{method} {path}\n".encode() + body).digest()
        self._seal = AESGCM(_sha256(f"{scope}\n{key}"))

    def sealed(self, body: bytes) -> bytes:
        return self._seal.encrypt(_NONCE, body, None)

    def first_answer(self, stored: Any) -> Exception:
        """What to raise for a row of this place: the first answer, or that the key was used for something else."""
        if stored.fingerprint != self.fingerprint:
            return KeyReused()
        return Replay(stored.status, self._seal.decrypt(_NONCE, stored.body, None))


async def claim_key(request: Request, session: AsyncSession, *, scope: str) -> None:
    """Claim the request's key for this transaction, or answer with what was stored for it."""
    key = request.headers.get(_HEADER)
    if key is None or request.method in {"GET", "HEAD"}:
        return
    claim = Claim(key, scope=scope, method=request.method, path=request.url.path, body=await request.body())
    place = {"scope": claim.place[0], "key": claim.place[1]}
    if (await session.execute(_CLAIM, place | {"fingerprint": claim.fingerprint})).first() is not None:
        request.state.claimed = (session, place, claim)
        return
    raise claim.first_answer((await session.execute(_RECALL, place)).one())


def _sha256(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


class _IdempotentRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def run(request: Request) -> Response:
            try:
                response = await handle(request)
            except Replay as first:
                return first.response()
            claimed = getattr(request.state, "claimed", None)
            if claimed is not None:  # the transaction is still open here: it ends when this function has returned
                session, place, claim = claimed
                sealed = claim.sealed(bytes(response.body))
                await session.execute(_REMEMBER, place | {"status": response.status_code, "body": sealed})
            return response

        return run


def router(*, prefix: str = "", tags: list[str] | None = None) -> APIRouter:
    """The router every service uses: its writes honour `Idempotency-Key`."""
    return APIRouter(prefix=prefix, tags=list(tags or []), route_class=_IdempotentRoute)
