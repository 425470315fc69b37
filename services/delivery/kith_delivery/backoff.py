"""When an attempt that failed is made again. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Three days in all: long enough for a weekend in which nobody looks at the receiver.
DELAYS_SECONDS = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
LONGEST_RETRY_AFTER_SECONDS = 86_400.0
_SPREAD = 0.25


def delay_seconds(attempts: int, *, jitter: float, retry_after: float | None = None) -> float | None:
    """Seconds to wait after `attempts` (>= 1) attempts have failed; None when there were enough of them.

    jitter       0 up to 1, drawn anew each time: up to a quarter is added, so that retries of one outage spread out
    retry_after  what the receiver asked for, in seconds: never sooner than that
    """
    if attempts > len(DELAYS_SECONDS):
        return None
    delay = DELAYS_SECONDS[attempts - 1] * (1 + _SPREAD * jitter)
    return max(delay, retry_after or 0.0)


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """What a Retry-After header asks for (seconds or a date), between nothing and a day; None where it says nothing."""
    if header is None:
        return None
    value = header.strip()
    if value.isascii() and value.isdigit():
        # The length first: a number of a million digits takes seconds to read.
        seconds = float(value) if len(value) <= 9 else LONGEST_RETRY_AFTER_SECONDS  # noqa: PLR2004 -- 30 years
    else:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # a year of twenty digits is no ValueError
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
