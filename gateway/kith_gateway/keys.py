"""The keys that verify access tokens, fetched as everything else the gateway asks for."""

from urllib.parse import urlsplit

from kith_chassis.tokens import TokenVerifier
from kith_gateway.connections import BrokenError, Connections, NotReachedError

_SECONDS = 5.0
_OK = 200


class Verifier(TokenVerifier):
    """Verifies access tokens, without a second HTTP client: httpx and what it loads take 4 MiB."""

    async def published(self) -> bytes:
        """The key set as it is published. Raises OSError when it cannot be had."""
        at = urlsplit(self.jwks_url)
        connections = Connections(f"{at.scheme}://{at.netloc}", headers={"Accept": "application/json"})
        target = f"{at.path or '/'}?{at.query}" if at.query else at.path or "/"
        try:
            status, content = await connections.ask(connections.written("GET", target, {}, None), seconds=_SECONDS)
        except (NotReachedError, BrokenError) as error:
            raise ConnectionError(str(error)) from error
        finally:
            connections.close()
        if status != _OK:
            raise ConnectionError(f"the keys were answered with {status}")
        return content
