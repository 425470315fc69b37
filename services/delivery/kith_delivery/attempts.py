"""One attempt: the request, what came back, and what that means for the delivery and for its endpoint."""

import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientResponse,
    ClientSession,
    ServerDisconnectedError,
)

from kith_delivery import signing
from kith_delivery.backoff import delay_seconds, retry_after_seconds
from kith_delivery.connections import AddressRefused

log = logging.getLogger(__name__)

Error = Literal["status", "timeout", "connection", "certificate", "address_refused"]
Status = Literal["pending", "delivered", "failed"]

_READ_BYTES = 16 * 1024
_KEPT_BYTES = 500
_PAUSE_SECONDS = 5.0
_GONE = 410
_OVERLOADED = frozenset({429, 502, 503, 504})
_UNREACHABLE = frozenset({"timeout", "connection", "certificate", "address_refused"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send and with which keys to sign."""

    endpoint_id: UUID
    community_id: UUID
    url: str
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. `answer` is the start of the body, as text; `retry_after` in seconds."""

    attempted_at: datetime
    milliseconds: int
    status_code: int | None = None
    error: Error | None = None
    answer: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an outcome means: the delivery's next status and, while pending, in how many seconds it is due again;
    for its endpoint, for how many seconds nothing more is sent there, and whether it is disabled.
    """

    status: Status
    delay: float = 0.0
    pause: float = 0.0
    gone: bool = False


def judge(outcome: Outcome, *, attempts: int, jitter: float) -> Verdict:
    """The verdict on the attempt that makes it `attempts` in all. Pure."""
    if outcome.error is None:
        return Verdict("delivered")
    if outcome.status_code == _GONE:
        return Verdict("failed", gone=True)
    # Whoever is overloaded or away is left alone for a moment as a whole, so that its other deliveries wait in line
    # instead of spending their attempts on the same outage.
    overloaded = outcome.status_code in _OVERLOADED
    pause = max(_PAUSE_SECONDS, outcome.retry_after or 0) if overloaded or outcome.error in _UNREACHABLE else 0.0
    delay = delay_seconds(attempts, jitter=jitter, retry_after=outcome.retry_after if overloaded else None)
    return Verdict("failed", pause=pause) if delay is None else Verdict("pending", delay=delay, pause=pause)


def draw_jitter() -> float:
    return random.random()  # noqa: S311 -- spreads load, guards nothing


async def attempt(client: ClientSession, target: Target, *, webhook_id: str, body: bytes) -> Outcome:
    """Send once; every way this can end is an outcome and not an exception."""
    started, now = time.perf_counter(), datetime.now(UTC)
    try:
        try:
            status, answer, asked = await _post(client, target, webhook_id=webhook_id, body=body, now=now)
        except ServerDisconnectedError:  # the receiver closed an idle connection just as we took it up again
            status, answer, asked = await _post(client, target, webhook_id=webhook_id, body=body, now=now)
        kind: Error | None = None if 200 <= status < 300 else "status"  # noqa: PLR2004 -- HTTP's range of success
        return Outcome(now, _milliseconds(started), status, kind, answer, retry_after_seconds(asked, now=now))
    except Exception as error:  # whatever a receiver makes a parser say, the lane goes on
        if not isinstance(error, ClientError | OSError | ValueError):
            log.exception("unexpected end of an attempt", extra={"reason": type(error).__name__})
        return Outcome(now, _milliseconds(started), error=_kind(error))


async def _post(
    client: ClientSession, target: Target, *, webhook_id: str, body: bytes, now: datetime
) -> tuple[int, str, str | None]:
    timestamp = int(now.timestamp())
    headers = {
        "content-type": "application/cloudevents+json",
        "user-agent": "Kith-Webhooks/1",
        "accept-encoding": "identity",
        signing.ID: webhook_id,
        signing.TIMESTAMP: str(timestamp),
        signing.SIGNATURE: signing.signature(target.keys, webhook_id=webhook_id, timestamp=timestamp, body=body),
    }
    async with client.post(target.url, data=body, headers=headers, allow_redirects=False) as response:
        return response.status, await _start_of(response), response.headers.get("retry-after")


async def _start_of(response: ClientResponse) -> str:
    """The first bytes of the body as text that PostgreSQL can hold. A longer body costs the connection, not memory."""
    read = b""
    while len(read) < _READ_BYTES and (chunk := await response.content.read(_READ_BYTES - len(read))):
        read += chunk
    if not response.content.at_eof():
        response.close()
    return read[:_KEPT_BYTES].decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _kind(error: Exception) -> Error:
    """A word for the log that tells the owner what to look at, and nobody what our network looks like."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ClientConnectorCertificateError | ClientConnectorSSLError):
        return "certificate"
    if isinstance(error, ClientConnectorError) and isinstance(error.os_error, AddressRefused):
        return "address_refused"
    return "connection"


def _milliseconds(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
