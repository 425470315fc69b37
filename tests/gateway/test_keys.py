"""The gateway fetches the keys of access tokens with its own client."""

import asyncio
import time
from uuid import UUID

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from kith_chassis.errors import Unauthenticated, Unavailable
from kith_chassis.tokens import ALGORITHM
from kith_gateway.keys import Verifier

pytestmark = pytest.mark.unit
KEY = OKPKey.generate_key("Ed25519", private=True)
KEY.ensure_kid()
KEYS = msgspec.json.encode({"keys": [KEY.as_dict(private=False)]})


def token():
    told = {"iss": "kith", "sub": str(UUID(int=1)), "tenant": str(UUID(int=2)), "permissions": ["a"]}
    told["exp"] = int(time.time()) + 60
    return jwt.encode({"alg": ALGORITHM, "kid": KEY.kid}, told, KEY, algorithms=[ALGORITHM])


async def verified(answer, path="/keys?of=kith"):
    asked = []

    async def serve(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode())
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await Verifier(jwks_url=f"http://127.0.0.1:{port}{path}", issuer="kith").verify(token())
    return found, asked


def answered(status, body):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


async def test_a_token_is_verified_by_the_keys_at_the_address_as_it_is_given():
    found, asked = await verified(answered(200, KEYS))
    assert (found.subject, found.permissions) == (UUID(int=1), {"a"})
    assert asked == ["/keys?of=kith"]
    assert (await verified(answered(200, KEYS), path=""))[1] == ["/"]


@pytest.mark.parametrize(
    "answer",
    [
        answered(500, KEYS),
        answered(302, b""),
        answered(200, b"<html>"),
        answered(200, b"[]"),
        answered(200, b"{}"),
        answered(200, KEYS)[:-5],
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
)
async def test_what_is_no_key_set_lets_nobody_in_and_is_not_the_callers_fault(answer):
    with pytest.raises(Unavailable):
        await verified(answer)


async def test_a_token_of_another_key_is_refused():
    other = OKPKey.generate_key("Ed25519", private=True)
    other.ensure_kid()
    with pytest.raises(Unauthenticated):
        await verified(answered(200, msgspec.json.encode({"keys": [other.as_dict(private=False)]})))


async def test_nobody_there_is_told_as_such():
    with pytest.raises(Unavailable):
        await Verifier(jwks_url="http://127.0.0.1:1/keys", issuer="kith").verify(token())
