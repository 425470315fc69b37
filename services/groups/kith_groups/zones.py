"""Which names of time zones there are."""

import zoneinfo
from functools import cache


@cache
def time_zones() -> frozenset[str]:
    """The IANA zones this system knows; without `localtime`, which is another zone on every machine."""
    return frozenset(zoneinfo.available_timezones() - {"localtime"})
