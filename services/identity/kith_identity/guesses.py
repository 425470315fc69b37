"""Guessing a password is slow: after a few wrong ones for an address each further try has to wait, longer each time.

An address counts whether or not anybody signs in with it, so that nobody learns who does; only its digest is kept. Who
is signed in stays so: others who guess cannot end that, but delay the next login by a minute at most.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_identity.errors import TooManyTries
from kith_identity.models import FailedLogin

FREE = 5
LONGEST_SECONDS = 60
FORGOTTEN = timedelta(hours=1)
"""After so long without a wrong password an address begins anew."""


class WrongGuess(Exception):  # noqa: N818 -- errors are nouns here
    """What a refusal that counts was raised from: somebody gave a password that is not the one of this address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address


def delay_seconds(failures: int) -> int:
    """How long after the last of so many wrong passwords the next may be tried."""
    return min(2 ** min(failures - FREE, 10), LONGEST_SECONDS) if failures >= FREE else 0


async def check(session: AsyncSession, address: str) -> None:
    """Raises TooManyTries while an address has to wait; before anything is hashed.

    As many tries pass at once as there are hashers in all processes together.
    """
    found = await session.get(FailedLogin, _digest(address))
    if found is None:
        return
    waited = (datetime.now(UTC) - found.failed_at).total_seconds()
    left = int(delay_seconds(found.failures) - waited + 1)
    if left > 0:
        raise TooManyTries(
            f"Too many wrong passwords for this address; try again in {left} s.", headers={"Retry-After": str(left)}
        )


async def count(session: AsyncSession, address: str) -> None:
    """Remember a wrong password; in a transaction of its own, as what it was given for is undone."""
    now = datetime.now(UTC)
    new = insert(FailedLogin).values(address_digest=_digest(address), failures=1, failed_at=now)
    recent = FailedLogin.failed_at > now - FORGOTTEN
    failures = case((recent, FailedLogin.failures + 1), else_=1)
    kept = new.on_conflict_do_update(
        index_elements=[FailedLogin.address_digest], set_={"failures": failures, "failed_at": now}
    )
    await session.execute(kept)


async def forget(session: AsyncSession, address: str) -> None:
    """The right password was given."""
    await session.execute(delete(FailedLogin).where(FailedLogin.address_digest == _digest(address)))


def _digest(address: str) -> bytes:
    return hashlib.sha256(address.encode()).digest()
