"""How long a request waits for a service that is away: a restart is waited out, an outage is answered at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

_FEW = 3
_FORGOTTEN_SECONDS = 60.0
_FREE = nullcontext()


class AwayError(Exception):
    """The service has been away for long, and somebody else is just trying whether it still is."""


class Outage:
    """What requests have found of one service lately.

    It is away for long when the last few tries failed, over at least `hold_seconds`. Until then requests may wait
    and try again; from then on they go one at a time, once, and the others learn at once that it is away. One answer
    ends the outage, and after a minute in which nobody asked, nothing is known.
    """

    def __init__(self, hold_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.hold_seconds = hold_seconds
        self._clock = clock
        self._failures = 0
        self._first_at = self._last_at = 0.0
        self._trying = False

    @property
    def is_long(self) -> bool:
        if self._failures < _FEW:
            return False
        self._forget()
        return self._failures >= _FEW and self._clock() - self._first_at >= self.hold_seconds

    def trial(self) -> AbstractContextManager[None]:
        """One try of a request; AwayError where it is better not made."""
        return self._alone() if self.is_long else _FREE

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._trying:
            raise AwayError
        self._trying = True
        try:
            yield
        finally:
            self._trying = False

    def answered(self) -> None:
        """The service has answered something that it meant."""
        self._failures = 0

    def failed(self) -> None:
        """A try came to nothing, or to an answer that asks for another one."""
        self._forget()
        self._last_at = self._clock()
        if self._failures == 0:
            self._first_at = self._last_at
        self._failures += 1

    def _forget(self) -> None:
        if self._clock() - self._last_at >= _FORGOTTEN_SECONDS:
            self._failures = 0
