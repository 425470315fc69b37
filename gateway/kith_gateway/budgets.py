"""What callers may spend: one bucket for each member, each community, and each address of callers nobody knows.

A bucket refills steadily up to its burst, and gives no more than so much on one day of UTC. What an operation may cost
is taken before it runs, and what it did not cost is given back after. Buckets are this process's own and bounded in
number: the one unused for longest is forgotten, and its caller begins anew with a full one.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from operator import attrgetter
from typing import Any, Literal

from graphql import GraphQLError
from prometheus_client import Counter

from kith_chassis.tokens import Principal

RATE_LIMITED = Counter("graphql_rate_limited", "Requests refused because a bucket was empty.", ["bucket"])
Kind = Literal["member", "community", "address"]
_DAY = 86_400
_IPV6_SITE = 64


@dataclass(frozen=True, slots=True)
class Budget:
    """Cost a caller of this kind may spend at once, how fast that comes back, and the most of one day."""

    burst: int
    per_second: float
    per_day: int


class Bucket:
    """What one caller has left. Below zero when answers held more than was estimated: that is owed."""

    __slots__ = ("_at", "_day", "budget", "kind", "left", "today")

    def __init__(self, kind: Kind, budget: Budget, now: float) -> None:
        self.kind, self.budget = kind, budget
        self.left, self.today = float(budget.burst), budget.per_day
        self._at, self._day = now, now // _DAY

    def refill(self, now: float) -> None:
        if now > self._at:  # a clock may be set back
            self.left = min(self.left + (now - self._at) * self.budget.per_second, self.budget.burst)
        if now // _DAY > self._day:
            self.today, self._day = self.budget.per_day, now // _DAY
        self._at = now

    def seconds_until(self, cost: int) -> float:
        """How long until this much can be taken; 0.0 when it can be now."""
        if cost > self.today:
            return (self._day + 1) * _DAY - self._at
        return max(cost - self.left, 0.0) / self.budget.per_second

    def give(self, cost: int) -> None:
        """Give a cost back, never more than there may be; one below zero is taken."""
        self.left = min(self.left + cost, self.budget.burst)
        self.today = min(self.today + cost, self.budget.per_day)

    @property
    def available(self) -> int:
        return int(max(min(self.left, self.today), 0))


class Purse:
    """The buckets one request is paid from, all of them or none."""

    __slots__ = ("_buckets", "_clock", "paid")

    def __init__(self, buckets: list[Bucket], clock: Callable[[], float]) -> None:
        self._buckets, self._clock = buckets, clock
        self.paid = 0

    def pay(self, cost: int) -> None:
        """Have paid this much in all. Raises GraphQLError: RATE_LIMITED, or TOO_COSTLY for what no wait would help."""
        more = cost - self.paid
        if more <= 0:
            return
        for each in self._buckets:
            if more > each.left or more > each.today:
                raise self._refusal(cost, more)
        for each in self._buckets:
            each.left -= more
            each.today -= more
        self.paid = cost

    def _refusal(self, cost: int, more: int) -> GraphQLError:
        most = min(min(each.budget.burst, each.budget.per_day) for each in self._buckets)
        if cost > most:
            message = f"This operation costs {cost}; this caller may spend {most} at once. Ask for smaller pages."
            return GraphQLError(message, extensions={"code": "TOO_COSTLY", "cost": cost, "limit": most})
        slowest = max(self._buckets, key=lambda each: each.seconds_until(more))
        wait = ceil(slowest.seconds_until(more))
        RATE_LIMITED.labels(slowest.kind).inc()
        message = f"Too much was asked in a short time; try again in {wait} seconds."
        return GraphQLError(message, extensions={"code": "RATE_LIMITED", "retryAfter": wait, "bucket": slowest.kind})

    def settle(self, actual: int) -> None:
        """Give back what an operation did not cost, or take what it cost beside."""
        now = self._clock()
        for each in self._buckets:
            each.refill(now)
            each.give(self.paid - actual)
        self.paid = actual

    def shown(self) -> dict[str, Any]:
        """What is left where least is, for `extensions.cost`; nothing where nothing is paid."""
        if not self._buckets:
            return {}
        least = min(self._buckets, key=_available)
        budget = least.budget
        return {
            "bucket": least.kind,
            "remaining": least.available,
            "burst": budget.burst,
            "restoreRate": budget.per_second,
            "perDay": budget.per_day,
        }


_available = attrgetter("available")


class Budgets:
    """All buckets of this process, `most` of each kind: strangers, who can be many, push out strangers alone."""

    def __init__(
        self, member: Budget, community: Budget, address: Budget, *, most: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._budgets: dict[Kind, Budget] = {"member": member, "community": community, "address": address}
        self._known: dict[Kind, OrderedDict[Any, Bucket]] = {kind: OrderedDict() for kind in self._budgets}
        self._most, self._clock = most, clock

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def purse(self, caller: Principal | None, address: str | None) -> Purse:
        """What a request of this caller is paid from; `address` is where it comes from, as far as that is known."""
        now = self._clock()
        if caller is None:
            return Purse([self._bucket("address", _network(address), now)], self._clock)
        tenant = caller.tenant.int  # numbers are looked up faster than UUIDs
        member = self._bucket("member", (tenant, caller.subject.int), now)
        return Purse([member, self._bucket("community", tenant, now)], self._clock)

    def _bucket(self, kind: Kind, key: Any, now: float) -> Bucket:
        known = self._known[kind]
        found = known.get(key)
        if found is None:
            found = known[key] = Bucket(kind, self._budgets[kind], now)
            if len(known) > self._most:
                known.popitem(last=False)
        else:
            known.move_to_end(key)
            found.refill(now)
        return found


def _network(address: str | None) -> Any:
    """What one household or server holds: an IPv4 address, or the first half of an IPv6 address."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None  # all of these share one
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or int(found) >> _IPV6_SITE
    return found
