"""Standard Webhooks 1.0: secrets, signatures and their verification. Pure.

Signed is `<id>.<timestamp>.<body>` with HMAC-SHA256; the header carries `v1,<base64>` once per secret, separated by
spaces, so that a secret can be replaced without a moment in which neither side's is accepted.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping, Sequence

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_SHORTEST_KEY, _LONGEST_KEY, _NEW_KEY = 24, 64, 32  # bytes


class NotSigned(ValueError):  # noqa: N818 -- errors are nouns here
    """The message was not signed with this secret, was changed on the way, or is too old."""


def new_secret() -> str:
    """A signing secret: 32 random bytes as `whsec_<base64>`."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW_KEY)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret; the prefix may be missing. Raises ValueError unless it is base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a signing secret is whsec_ and base64") from error
    if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
        raise ValueError("a signing secret holds 24 to 64 bytes")
    return key


def signature(keys: Sequence[bytes], *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of the `webhook-signature` header: one signature per key. `timestamp` in Unix seconds."""
    signed = b"%b.%d.%b" % (webhook_id.encode(), timestamp, body)
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str:
    """The webhook id of a message signed with `secret` within five minutes of `now` (Unix seconds); else NotSigned.

    `headers` are looked up in lower case. Signatures of versions other than v1 are passed over.
    """
    try:
        webhook_id, timestamp, given = headers[ID], int(headers[TIMESTAMP]), headers[SIGNATURE]
    except (KeyError, ValueError):
        raise NotSigned("the headers webhook-id, webhook-timestamp and webhook-signature are needed") from None
    if abs(now - timestamp) > TOLERANCE_SECONDS:
        raise NotSigned("the timestamp is more than five minutes away")
    expected = signature([key_of(secret)], webhook_id=webhook_id, timestamp=timestamp, body=body).encode()
    if not any(hmac.compare_digest(expected, each.encode()) for each in given.split(" ")):
        raise NotSigned("no signature fits")
    return webhook_id
