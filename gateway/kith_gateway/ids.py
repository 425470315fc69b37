"""Global ids (Relay): base64 of `Type:key`, so that a client can refetch anything by its id alone."""

import binascii
import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from kith_chassis.errors import Invalid
from kith_gateway.context import refused

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""As the services write it."""


class InvalidId(Invalid):
    """This is not a global id."""

    code = "invalid_id"


def encode_id(of: str, key: Any) -> str:
    """The global id of the thing of type `of` with this key."""
    return binascii.b2a_base64(f"{of}:{key}".encode(), newline=False).decode()


def plain_ids(of: str, keys: Iterable[str | None]) -> list[bytes | None]:
    """The global ids of many things of one type before they are base64, which msgspec makes of bytes in an answer."""
    start = f"{of}:"
    return [None if key is None else (start + key).encode() for key in keys]


def split_id(found: Any) -> tuple[str, str]:
    """The type and the key in a global id; UpstreamError (INVALID_ID) for anything else."""
    try:
        of, _, key = binascii.a2b_base64(str(found), strict_mode=True).decode().partition(":")
        # One malformed key would make a service refuse the whole batch it is in.
        return of, key if _UUID.fullmatch(key) else str(UUID(key))
    except (binascii.Error, ValueError):
        raise refused(InvalidId("This is not a global id; use the `id` of something.")) from None


def decode_id(found: Any, of: str, name: str) -> str:
    """The key in a global id of the type `of`; UpstreamError (INVALID_ID) for another type's."""
    kind, key = split_id(found)
    if kind != of:
        raise refused(InvalidId(f"{name} takes the id of a {of}; this is the id of a {kind}.", path=name))
    return key
