"""When a day is over for somebody, wherever they are."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kith_matching.pausing.days import FIRST_ENDS, over_at, today

pytestmark = pytest.mark.unit
ZONES = sorted(available_timezones() - {"localtime", "Factory"})


@settings(deadline=None)
@given(day=some.dates(date(2000, 1, 1), date(2099, 12, 31)), zone=some.sampled_from(ZONES))
def test_a_day_is_over_when_the_wall_clock_shows_the_next_and_not_before(day, zone):
    ends = over_at(day, zone)
    assert today(zone, ends) > day
    assert today(zone, ends - timedelta(seconds=1)) <= day
    assert ends >= datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) - FIRST_ENDS


def test_the_day_clocks_change_is_as_long_as_it_is():
    spring, autumn = date(2027, 3, 28), date(2027, 10, 31)
    begin = [datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Vienna")) for day in (spring, autumn)]
    lengths = [
        over_at(day, "Europe/Vienna") - at.astimezone(UTC) for day, at in zip((spring, autumn), begin, strict=True)
    ]
    assert lengths == [timedelta(hours=23), timedelta(hours=25)]


@pytest.mark.parametrize("zone", [None, "", "Moon/Base", "../../etc/passwd", "Europe", "/etc/localtime"])
def test_without_a_zone_that_exists_it_is_utc(zone):
    assert over_at(date(2027, 1, 1), zone) == datetime(2027, 1, 2, tzinfo=UTC)
