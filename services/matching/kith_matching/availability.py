"""Weekly availability in real minutes: wall-clock windows of a zone, laid on the UTC slots of one week. Pure.

The clock of the zone is read at every slot, so a skipped hour is nobody's, a repeated hour counts twice, and a
window that begins on Sunday evening in Los Angeles is found on the Monday where it happens.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

SLOT_MINUTES = 5
DAY = 1440
WEEK = 7 * DAY
SLOTS = WEEK // SLOT_MINUTES
BYTES = SLOTS // 8

Mask = NDArray[np.bool_]
Bits = NDArray[np.uint8]


def weekly_mask(zone: str, windows: Iterable[Mapping[str, int]], week: date) -> Mask:
    """Which five-minute slots of the UTC week that starts on `week` (a Monday) somebody is available.

    zone      IANA name; windows are in its wall-clock time, so daylight saving moves them
    windows   {"weekday" 0-6 from Monday, "start" 0-1439, "end" 0-1440, minutes of the day}; an `end` not after
              `start` lies on the next day
    Returns (2016,); a slot counts only when wholly inside a window.
    Raises ValueError for an unknown zone, a week that starts on another day, or a window out of range.
    """
    wall = np.zeros(SLOTS, dtype=np.bool_)
    for window in windows:
        weekday, start, end = window["weekday"], window["start"], window["end"]
        if not (0 <= weekday <= 6 and 0 <= start < DAY and 0 <= end <= DAY):  # noqa: PLR2004 - Sunday
            raise ValueError(
                f"a window needs a weekday 0-6, a start 0-{DAY - 1} and an end 0-{DAY} minutes, not {dict(window)}"
            )
        first = weekday * DAY + start
        last = first + (end - start if end > start else end - start + DAY)
        wall[np.arange(-(-first // SLOT_MINUTES), last // SLOT_MINUTES) % SLOTS] = True
    return wall[_wall_slots(zone, week)]


@lru_cache(maxsize=2048)  # members share zones
def _wall_slots(zone: str, week: date) -> NDArray[np.int64]:
    """(2016,) for each UTC slot of the week, the slot of the week that clocks in the zone show."""
    if week.weekday() != 0:
        raise ValueError(f"a week starts on a Monday, and {week} is none")
    try:
        tz = ZoneInfo(zone)
    except (LookupError, OSError, ValueError) as error:
        raise ValueError(f"{zone!r} is not a time zone; give an IANA name such as Europe/Berlin") from error
    monday = datetime.combine(week, datetime.min.time(), UTC)

    def offset(slot: int) -> int:
        shift = (monday + timedelta(minutes=slot * SLOT_MINUTES)).astimezone(tz).utcoffset()
        return int((shift or timedelta()).total_seconds() // 60)

    # Clocks change at most once a day: where they agree at both ends of a day they need not be read within.
    per_day = SLOTS // 7
    ends = [offset(day * per_day) for day in range(8)]
    minutes = np.repeat(np.array(ends[:7]), per_day)
    for day in range(7):
        if ends[day] != ends[day + 1]:
            slots = range(day * per_day, (day + 1) * per_day)
            minutes[slots.start : slots.stop] = [offset(slot) for slot in slots]
    found: NDArray[np.int64] = (np.arange(SLOTS) * SLOT_MINUTES + minutes) % WEEK // SLOT_MINUTES
    found.flags.writeable = False  # shared by everyone in the zone
    return found


def packed(masks: Sequence[Mask | None]) -> Bits:
    """(n, 252) the masks as bits, eight slots a byte; no availability at all for None."""
    bits = np.zeros((len(masks), BYTES), dtype=np.uint8)
    for row, mask in enumerate(masks):
        if mask is not None:
            bits[row] = np.packbits(mask)
    return bits


def overlap_minutes(one: Bits, other: Bits) -> NDArray[np.int64]:
    """Minutes a week both are available: packed masks (..., 252), shapes as numpy broadcasts them."""
    # 252 bytes are 63 words of 32 bits, which are counted four times as fast.
    both = np.ascontiguousarray(one).view(np.uint32) & np.ascontiguousarray(other).view(np.uint32)
    minutes: NDArray[np.int64] = np.bitwise_count(both).sum(axis=-1, dtype=np.int64) * SLOT_MINUTES
    return minutes
