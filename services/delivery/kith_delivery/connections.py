"""Outgoing connections: to checked addresses only, no redirects, no proxies, no cookies.

The address is checked where the socket is made, whatever the URL or the name server said before, so a name that
resolves to something else a moment later (rebinding) changes nothing. Names are looked up without threads: these are
few, and a few name servers that are silent would have them all.
"""

import asyncio
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import AsyncResolver, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from kith_delivery.addresses import is_allowed
from kith_delivery.errors import UnusableUrl
from kith_delivery.settings import Settings

_LOOKUP_SECONDS = 3.0
_LONGEST_URL = 2000


class AddressRefused(OSError):  # noqa: N818 -- errors are nouns here
    """This address is not one a webhook may reach."""


class CheckedResolver(AbstractResolver):
    """Resolves names; a name with even one address that may not be reached is refused as a whole."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback
        self._inner = AsyncResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(is_allowed(each["host"], allow_loopback=self._allow_loopback) for each in found):
            raise AddressRefused("the name leads to an address that webhooks may not reach")
        return found

    async def close(self) -> None:
        await self._inner.close()


def open_client(settings: Settings) -> ClientSession:
    """A client for deliveries; close it. Its timeout covers everything up to the last byte of the body."""
    allow_loopback = settings.allow_loopback_webhooks

    def checked_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not is_allowed(str(target[0]), allow_loopback=allow_loopback):
            raise AddressRefused("webhooks may not reach this address")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    connector = TCPConnector(
        limit=settings.webhook_concurrency,
        resolver=CheckedResolver(allow_loopback=allow_loopback),
        socket_factory=checked_socket,  # also sees literal addresses, which no resolver is asked for
        ttl_dns_cache=10,
        keepalive_timeout=15,
    )
    return ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=settings.webhook_timeout_seconds, sock_connect=5),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,  # a few bytes could unpack to gigabytes
        trust_env=False,
    )


async def check_url(url: str, *, allow_loopback: bool) -> None:
    """Raises UnusableUrl unless deliveries may be sent to `url`.

    A name that does not resolve right now passes: it may be set up later, and each connection is checked again.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnusableUrl("This is not a URL.") from None
    if len(url) > _LONGEST_URL or not (url.isascii() and url.isprintable()) or set(url) & set(' \\"<>'):
        raise UnusableUrl("Give a URL of at most 2,000 characters, with everything but plain ASCII percent-encoded.")
    if not host or "%" in host or parts.username is not None or parts.password is not None or parts.fragment:
        raise UnusableUrl("Give a URL with a host, without user name, password and fragment.")
    if parts.scheme not in {"https", "http"}:
        raise UnusableUrl("Give a URL that starts with https://.")
    addresses = await _addresses(host, port or 443)
    if not all(is_allowed(each, allow_loopback=allow_loopback) for each in addresses):
        raise UnusableUrl("This host leads into a private network; webhooks reach public addresses only.")
    local = bool(addresses) and not any(is_allowed(each) for each in addresses)
    if parts.scheme == "http" and not local:
        raise UnusableUrl("Give a URL that starts with https://.")


async def _addresses(host: str, port: int) -> list[str]:
    with suppress(OSError):
        return [socket.inet_ntoa(socket.inet_aton(host))]  # 0x0a000001 and 10.1 are addresses too, in some eyes
    resolver = AsyncResolver()
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await resolver.resolve(host, port, socket.AF_UNSPEC)
    except (OSError, UnicodeError):  # TimeoutError is an OSError
        return []
    finally:
        await resolver.close()
    return [each["host"] for each in found]
