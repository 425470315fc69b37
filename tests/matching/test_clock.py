"""Rules of matching ask one module what time it is, so that tests live through months."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import kith_matching
from kith_matching import clock

pytestmark = pytest.mark.unit
ASKING = re.compile(r"\b(datetime\.now|datetime\.utcnow|date\.today|datetime\.today|time\.time)\(")


def test_nobody_else_asks_the_machine_what_time_it_is():
    root = Path(kith_matching.__file__).parent
    asking = [path.name for path in root.rglob("*.py") if ASKING.search(path.read_text())]
    assert asking == ["clock.py"]


def test_now_is_a_moment_with_its_zone_that_does_not_go_back():
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
