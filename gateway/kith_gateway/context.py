"""What one GraphQL request carries: who calls, the loaders of its joins, and the way to the services."""

import asyncio
import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from strawberry.dataloader import DataLoader
from strawberry.exceptions import WrongNumberOfResultsReturned

from kith_chassis.errors import Problem, Unauthenticated, Unavailable
from kith_chassis.tokens import Principal
from kith_gateway.budgets import Purse
from kith_gateway.settings import Settings
from kith_gateway.upstream import Upstream, UpstreamError, decoded


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """How much one operation may be: tokens of its text, fields inside each other, things asked of the services.

    `remembered` is how many characters the documents of all remembered operations may have.
    """

    tokens: int
    depth: int
    cost: int
    remembered: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(settings.max_tokens, settings.max_depth, settings.max_cost, settings.max_remembered)


MAX_KEYS = 1000
"""As many keys as a batched read of a service takes at once."""


_At = tuple[str, str, int | None]


class Kept:
    """What the services answered to one request, problems included.

    When a plan has to give an operation up, the ordinary executor runs it over these: no service is asked the same
    again, and one that is away is not waited for twice.
    """

    def __init__(self) -> None:
        self.fetched: dict[Any, bytes | UpstreamError] = {}
        self.batches: list[tuple[_At, list[str], bytes | UpstreamError]] = []

    def prime(self, loader: DataLoader[Any, Any], at: _At) -> Iterator[list[str]]:
        """Tell a new loader what is known, problems and misaligned answers in the same way as it finds them itself.

        Yields the keys of each batch a service answered about.
        """
        for known, keys, content in self.batches:
            if known != at:
                continue
            found: Sequence[Any]
            try:
                found = list(_said(at[0], content))
                yield keys
                if len(found) != len(keys):
                    raise WrongNumberOfResultsReturned(expected=len(keys), received=len(found))  # noqa: TRY301
            except Exception as error:  # noqa: BLE001 -- whatever it is, it belongs to each of the keys
                found = [error] * len(keys)
            for key, value in zip(keys, found, strict=True):
                loader.cache_map.set(key, _settled(value))


def _said(service: str, content: bytes | UpstreamError) -> Any:
    if isinstance(content, UpstreamError):
        raise content
    return decoded(service, HTTPStatus.OK, content)


def _settled(value: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if isinstance(value, Exception):
        future.set_exception(value)
        future.exception()  # whoever awaits it gets it; if nobody does, that is no error
    else:
        future.set_result(value)
    return future


def _address(service: str, route: str, values: Mapping[str, Any], query: Mapping[str, str]) -> Any:
    named = tuple((name, str(value)) for name, value in values.items() if f"{{{name}}}" in route)
    return service, route, named, tuple(query.items())


class Context:
    """One per request; nothing in it outlives the request. `reads`: it may change nothing, as it came with GET."""

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
        plans: bool = True,
        purse: Purse | None = None,
        reads: bool = False,
    ) -> None:
        self.upstream = upstream
        self.authorization = authorization
        self.principal = principal
        self.refusal = refusal
        self.limits = limits
        self.operation = operation
        self.introspection = introspection
        self.plans = plans
        self.purse = purse
        self.reads = reads
        self.looked_over: Any = None
        self.cost = 0
        self._spent = 0
        self._answered: dict[_At, list[list[Any]]] = defaultdict(list)
        self._fetched: set[Any] = set()
        self._kept = Kept()
        self._loaders: dict[tuple[str, str, int | None], DataLoader[Any, Any]] = {}

    def caller(self) -> Principal:
        """Who calls; UpstreamError: UNAUTHENTICATED for nobody, UNAVAILABLE while nobody can tell."""
        if self.principal is None:
            self.credentials()
            raise refused(Unavailable())
        return self.principal

    @property
    def answered(self) -> int:
        """What the operation did cost: things the services answered about, each once, and the cost of its writes.

        Both executors find the same, unless an answer broke a rule of the schema: then the ordinary one stops midway.
        """
        found = self._spent + len(self._fetched)
        for keys in self._answered.values():
            found += len(keys[0]) if len(keys) == 1 else len(set().union(*keys))
        return found

    def begin_again(self) -> None:
        """What a plan was answered counts when the ordinary executor finds it to be an answer."""
        self._answered.clear()
        self._fetched.clear()

    def pay(self, cost: int) -> None:
        """Have paid this much, at the most, for the request. Raises GraphQLError (RATE_LIMITED, TOO_COSTLY)."""
        if self.purse is not None:
            self.purse.pay(cost)

    def loader(self, service: str, route: str, first: int | None) -> DataLoader[Any, Any]:
        """The loader of one batched read with one set of arguments: everything asked of it in one step is one call."""
        at = (service, route, first)
        if at not in self._loaders:

            async def load(keys: list[Any]) -> Any:
                body = {"keys": keys} if first is None else {"keys": keys, "first": first}
                found = await self.ask(service, "POST", route, body=body)
                self._answered[at].append(keys)
                return found

            self._loaders[at] = DataLoader(load_fn=load, max_batch_size=MAX_KEYS)
            self._answered[at] += self._kept.prime(self._loaders[at], at)
        return self._loaders[at]

    async def batch(self, service: str, route: str, first: int | None, keys: list[str]) -> bytes:
        """What a batched read answers, as it came; a loader made after it knows it. No key comes twice."""
        body = {"keys": keys} if first is None else {"keys": keys, "first": first}
        at = service, route, first
        content: bytes
        try:
            content = await self.upstream.call(
                service, "POST", route, body=body, authorization=self.credentials(), raw=True
            )
        except UpstreamError as error:
            self._kept.batches.append((at, keys, error))
            raise
        self._kept.batches.append((at, keys, content))
        self._answered[at].append(keys)
        return content

    async def fetch(self, service: str, route: str, values: Mapping[str, Any], query: Mapping[str, str]) -> bytes:
        """What one `GET` answers, as it came; `ask` knows it afterwards."""
        at = _address(service, route, values, query)
        content: bytes
        try:
            content = await self.upstream.call(
                service, "GET", route, values=values, query=query, authorization=self.credentials(), raw=True
            )
        except UpstreamError as error:
            self._kept.fetched[at] = error
            raise
        self._kept.fetched[at] = content
        self._fetched.add(at)
        return content

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
        at = _address(service, route, values or {}, query or {}) if method == "GET" else None
        known = self._kept.fetched.get(at)
        if known is not None:
            found = _said(service, known)
        else:
            found = await self.upstream.call(
                service, method, route, values=values, query=query, body=body, authorization=self.credentials()
            )
        if at is not None:
            self._fetched.add(at)
        return found

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
        cost: int,
    ) -> Any:
        """Write to a service; `public` writes need no login. What was read before is forgotten.

        Without a `key` it gets one of its own, so that sending it again here does nothing twice. Nobody else will
        ever know that one, and with it the answer that the service keeps sealed.
        """
        self._spent += cost
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
