"""Weekly availability in real minutes: wall-clock windows of a zone, laid on the UTC slots of one week. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

SLOT_MINUTES = 15
SLOTS = 7 * 24 * 60 // SLOT_MINUTES
DAY = 1440


def weekly_mask(zone: str | None, windows: Iterable[Mapping[str, int]], week: date) -> NDArray[np.bool_] | None:
    """Which quarter hours of the UTC week that starts on `week` (a Monday) somebody is available.

    zone      IANA name; windows are in its wall-clock time, so daylight saving moves them
    windows   {"weekday" 0-6 from Monday, "start", "end" in minutes}; an `end` not after `start` crosses midnight
    Returns (672,) booleans, or None when nothing is known. A quarter hour counts only when wholly inside a window.
    """
    known = list(windows)
    if not zone or not known:
        return None
    mask = np.zeros(SLOTS, dtype=np.bool_)
    for window in known:
        for start, end in _intervals(zone, window["weekday"], window["start"], window["end"], week):
            first, last = -(-start // SLOT_MINUTES), end // SLOT_MINUTES
            mask[np.arange(first, max(first, last)) % SLOTS] = True
    return mask


@lru_cache(maxsize=50_000)  # members share zones and usual hours
def _intervals(zone: str, weekday: int, start: int, end: int, week: date) -> tuple[tuple[int, int], ...]:
    """UTC minutes from the start of the week, wrapped at its end by the caller."""
    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ()
    midnight = datetime.combine(week + timedelta(days=weekday), datetime.min.time())
    length = (end - start) % DAY or DAY
    monday = datetime.combine(week, datetime.min.time(), UTC)
    begins = (midnight + timedelta(minutes=start)).replace(tzinfo=tz)
    ends = (midnight + timedelta(minutes=start + length)).replace(tzinfo=tz)
    first, last = (int((each.astimezone(UTC) - monday).total_seconds() // 60) for each in (begins, ends))
    return ((first, last),) if last > first else ()
