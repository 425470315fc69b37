"""The keys that verify access tokens, fetched as everything else the gateway asks for."""

from functools import cached_property
from urllib.parse import urlsplit

from kith_chassis.tokens import TokenVerifier
from kith_gateway.connections import BrokenError, Connections, NotReachedError

_SECONDS = 5.0
_OK = 200


class Verifier(TokenVerifier):
    """Verifies access tokens, without a second HTTP client: httpx and what it loads take 4 MiB."""

    @cached_property
    def _connections(self) -> Connections:
        at = urlsplit(self.jwks_url)
        return Connections(f"{at.scheme}://{at.netloc}", headers={"Accept": "application/json"}, keep_seconds=0)

    async def published(self) -> bytes:
        """The key set as it is published. Raises OSError when it cannot be had."""
        at = urlsplit(self.jwks_url)
        target = f"{at.path or '/'}?{at.query}" if at.query else at.path or "/"
        request = self._connections.written("GET", target, {}, None)
        try:
            status, content = await self._connections.ask(request, seconds=_SECONDS)
        except (NotReachedError, BrokenError) as error:
            raise ConnectionError(str(error)) from error
        if status != _OK:
            raise ConnectionError(f"the keys were answered with {status}")
        return content
