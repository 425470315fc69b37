"""Global ids (Relay): base64 of `Type:key`, so that a client can refetch anything by its id alone."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from kith_chassis.errors import Invalid
from kith_gateway.context import refused


class InvalidId(Invalid):
    """This is not a global id."""

    code = "invalid_id"


def encode_id(of: str, key: Any) -> str:
    """The global id of the thing of type `of` with this key."""
    return binascii.b2a_base64(f"{of}:{key}".encode(), newline=False).decode()


def encode_ids(of: str, keys: Iterable[str | None]) -> list[str | None]:
    """The global ids of many things of one type; None for none."""
    encode, start = binascii.b2a_base64, f"{of}:"
    return [None if key is None else encode((start + key).encode(), newline=False).decode() for key in keys]


def split_id(found: Any) -> tuple[str, str]:
    """The type and the key in a global id; UpstreamError (INVALID_ID) for anything else."""
    try:
        of, _, key = base64.b64decode(str(found), validate=True).decode().partition(":")
        # One malformed key would make a service refuse the whole batch it is in.
        return of, str(UUID(key))
    except (binascii.Error, ValueError):
        raise refused(InvalidId("This is not a global id; use the `id` of something.")) from None


def decode_id(found: Any, of: str, name: str) -> str:
    """The key in a global id of the type `of`; UpstreamError (INVALID_ID) for another type's."""
    kind, key = split_id(found)
    if kind != of:
        raise refused(InvalidId(f"{name} takes the id of a {of}; this is the id of a {kind}.", path=name))
    return key
