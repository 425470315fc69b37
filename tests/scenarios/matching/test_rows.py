"""Every row of matching has a story, named by its key."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit
TOLD = re.compile(r"^async def test_m(\d+)_\w+\(", re.MULTILINE)
LAST = 45
PLACES = (Path(__file__).parent, Path(__file__).parents[2] / "gateway/matching")


def test_every_row_of_matching_is_told():
    files = [path for place in PLACES for path in place.glob("test_*.py")]
    told = {f"M{key}" for path in files for key in TOLD.findall(path.read_text())}
    assert told == {f"M{key}" for key in range(1, LAST + 1)}
