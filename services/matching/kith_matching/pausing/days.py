"""When a day is over for somebody. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIRST_ENDS = timedelta(hours=14)
"""How long before midnight in UTC a day is over where it is over first."""


def over_at(day: date, zone: str | None) -> datetime:
    """The instant a day ends on the wall clock of a zone; of UTC where the zone is unknown, or is none.

    Where clocks are put forward at midnight the next day begins later, and where they are put back over midnight it
    begins twice: then the first time counts.
    """
    return datetime.combine(day + timedelta(days=1), time(), _zone(zone)).astimezone(UTC)


def today(zone: str | None, now: datetime) -> date:
    """Which day it is for somebody."""
    return now.astimezone(_zone(zone)).date()


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # what names a directory, or leads out of it
        return ZoneInfo("UTC")
