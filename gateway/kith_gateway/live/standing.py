"""Who may go on listening: logins that ended, members who left and apps that were revoked, as identity tells it.

An access token stays good for minutes after its login ended. What listens with one is closed when the event comes, and
is not let in again.
"""

import base64
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kith_chassis.tokens import Principal
from kith_gateway.live.log import Happened

SESSION_ENDED = "identity.session_ended.v1"
MEMBER_LEFT = "identity.member_left.v1"
APP_REVOKED = "identity.app_revoked.v1"
TYPES = (SESSION_ENDED, MEMBER_LEFT, APP_REVOKED)
_TOKENS_LAST_SECONDS = 3700.0
"""Longer than identity lets any access token last."""
_claims = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens, by a token that was verified."""

    principal: Principal
    authorization: str
    session_id: str | None
    issued_at: float

    @property
    def tenant(self) -> str:
        return str(self.principal.tenant)

    @property
    def member(self) -> str:
        return str(self.principal.subject)

    @classmethod
    def of(cls, principal: Principal, token: str) -> "Listener":
        """From a token that has been verified: its signature is not looked at again."""
        middle = token.split(".")[1]
        claims = _claims(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return cls(principal, f"Bearer {token}", claims.get("sid"), float(claims.get("iat") or 0))


@dataclass
class Standing:
    """What the events have told so far."""

    _ended: dict[str, float] = field(default_factory=dict)
    _left: dict[tuple[str, str], float] = field(default_factory=dict)

    def learn(self, event: Happened) -> None:
        """Take note of an event of `TYPES`."""
        now = time.time()
        if event.type == SESSION_ENDED:
            _note(self._ended, str(event.data.get("session_id")), now)
        elif event.type == APP_REVOKED:
            _note(self._ended, str(event.data.get("app_id")), now)  # an app's tokens name it as their login
        elif event.type == MEMBER_LEFT:
            _note(self._left, (event.tenant, str(event.data.get("member_id"))), now)

    def allows(self, listener: Listener) -> bool:
        """Whether neither the login has ended, nor its member left since the token was made."""
        if listener.session_id in self._ended:
            return False
        left_at = self._left.get((listener.tenant, listener.member))
        return left_at is None or left_at < listener.issued_at


def _note(known: dict[Any, float], what: Any, now: float) -> None:
    known.pop(what, None)
    known[what] = now
    while known and next(iter(known.values())) < now - _TOKENS_LAST_SECONDS:
        del known[next(iter(known))]
