"""What all requests of a gateway's process share."""

import time
from dataclasses import dataclass
from typing import Any, Self

from kith_chassis.tokens import Principal
from kith_gateway.budgets import Budget, Budgets, Purse
from kith_gateway.context import Context, Limits
from kith_gateway.persisted import Persisted
from kith_gateway.settings import Settings
from kith_gateway.upstream import Upstream


@dataclass(slots=True)
class Resources:
    """The way to the services, what callers have left, what is remembered of operations, and the limits of one.

    Open it inside a running event loop.
    """

    limits: Limits
    persisted: Persisted
    upstream: Upstream
    budgets: Budgets | None
    introspection: bool
    plans: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        budgets = Budgets(
            Budget(settings.member_burst, settings.member_per_second, settings.member_per_day),
            Budget(settings.community_burst, settings.community_per_second, settings.community_per_day),
            Budget(settings.address_burst, settings.address_per_second, settings.address_per_day),
            most=settings.max_buckets,
        )
        return cls(
            Limits.of(settings),
            Persisted.of(settings),
            Upstream(settings),
            budgets if settings.budgets else None,
            settings.environment != "production",
            settings.plans,
        )

    def purse(self, caller: Principal | None, address: str | None = None) -> Purse:
        """What this caller pays from; one without buckets where nothing is paid."""
        return Purse([], time.time) if self.budgets is None else self.budgets.purse(caller, address)

    def context(self, authorization: str | None, principal: Principal | None, **asked: Any) -> Context:
        """The context of one request."""
        return Context(
            self.upstream,
            authorization=authorization,
            principal=principal,
            limits=self.limits,
            introspection=self.introspection,
            plans=self.plans,
            **asked,
        )
