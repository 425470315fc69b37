"""What one GraphQL request carries: who calls, the loaders of its joins, and the way to the services."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from strawberry.dataloader import DataLoader

from kith_chassis.errors import Problem, Unauthenticated, Unavailable
from kith_chassis.tokens import Principal
from kith_gateway.settings import Settings
from kith_gateway.upstream import Upstream, UpstreamError


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one operation may be: tokens of its text, fields inside each other, things asked of the services."""

    tokens: int
    depth: int
    cost: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(settings.max_tokens, settings.max_depth, settings.max_cost)


MAX_KEYS = 1000
"""As many keys as a batched read of a service takes at once."""


class Context:
    """One per request; nothing in it outlives the request."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        authorization: str | None,
        principal: Principal | None,
        refusal: Problem | None = None,
        limits: Limits,
        operation: str | None = None,
        introspection: bool = False,
    ) -> None:
        self.upstream = upstream
        self.authorization = authorization
        self.principal = principal
        self.refusal = refusal
        self.limits = limits
        self.operation = operation
        self.introspection = introspection
        self.cost = 0
        self._loaders: dict[tuple[str, str, int | None], DataLoader[Any, Any]] = {}

    def caller(self) -> Principal:
        """Who calls; UpstreamError: UNAUTHENTICATED for nobody, UNAVAILABLE while nobody can tell."""
        if self.principal is None:
            self.credentials()
            raise refused(Unavailable())
        return self.principal

    def loader(self, service: str, route: str, first: int | None) -> DataLoader[Any, Any]:
        """The loader of one batched read with one set of arguments: everything asked of it in one step is one call."""
        at = (service, route, first)
        if at not in self._loaders:

            async def load(keys: list[Any]) -> Any:
                body = {"keys": keys} if first is None else {"keys": keys, "first": first}
                return await self.ask(service, "POST", route, body=body)

            self._loaders[at] = DataLoader(load_fn=load, max_batch_size=MAX_KEYS)
        return self._loaders[at]

    async def ask(
        self,
        service: str,
        method: str,
        route: str,
        *,
        values: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Any:
        """Read from a service as the caller."""
        return await self.upstream.call(
            service, method, route, values=values, query=query, body=body, authorization=self.credentials()
        )

    async def tell(
        self,
        service: str,
        method: str,
        route: str,
        *,
        values: Mapping[str, Any],
        body: Any,
        key: str | None,
        public: bool,
    ) -> Any:
        """Write to a service; `public` writes need no login. What was read before is forgotten.

        Without a `key` it gets one of its own, so that sending it again here does nothing twice. Nobody else will
        ever know that one, and with it the answer that the service keeps sealed.
        """
        if key is None:
            key = secrets.token_urlsafe(24)
        elif public:
            # All callers before login share one scope, so a key is told apart by what it is for.
            content = msgspec.json.encode([key, route, body], order="deterministic")
            key = hashlib.sha256(content).hexdigest()
        try:
            return await self.upstream.call(
                service,
                method,
                route,
                values=values,
                body=body,
                authorization=None if public else self.credentials(),
                idempotency_key=key,
                reading=False,
            )
        finally:
            self._loaders.clear()

    def credentials(self) -> str:
        """What a service is shown of who calls; UpstreamError (UNAUTHENTICATED) for nobody."""
        if self.refusal is not None or self.authorization is None:
            raise refused(self.refusal or Unauthenticated())
        return self.authorization


def refused(problem: Problem) -> UpstreamError:
    """A problem the gateway itself found, in the form of a service's."""
    return UpstreamError("gateway", problem.status, problem.body())
