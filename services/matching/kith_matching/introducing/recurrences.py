"""When recurring rounds are due: a first day, a wall-clock time in a zone, and how often. Pure."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Every = Literal["week", "two_weeks", "month"]
_DAYS: dict[str, int] = {"week": 7, "two_weeks": 14}


@dataclass(frozen=True)
class Recurrence:
    """Weekly and biweekly rounds come on the weekday of the first one; monthly ones on its day, or the month's last.

    zone  IANA name; the time is what the clock on the wall there says, summer and winter
    """

    starts_on: date
    at: time
    zone: str
    every: Every

    def day(self, number: int) -> date:
        """The day of the round with this number, from 0."""
        if self.every in _DAYS:
            return self.starts_on + timedelta(days=_DAYS[self.every] * number)
        month = self.starts_on.month - 1 + number
        year, month = self.starts_on.year + month // 12, month % 12 + 1
        return date(year, month, min(self.starts_on.day, calendar.monthrange(year, month)[1]))

    def moment(self, number: int) -> datetime:
        """When it is due. A time the clock skips in spring is that much later, one it shows twice is the first."""
        wall = datetime.combine(self.day(number), self.at, ZoneInfo(self.zone))
        return wall.astimezone(UTC)

    def next_after(self, now: datetime) -> int:
        """The number of the first round that is due after `now`."""
        days = (now.date() - self.starts_on).days
        number = max(days // _DAYS.get(self.every, 31) - 1, 0)
        while self.moment(number) <= now:
            number += 1
        return number
