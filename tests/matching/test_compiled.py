"""Compiled code is kept where nobody else can put theirs."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from kith_matching import compiled
from kith_matching.solve import default_settings, solve

pytestmark = pytest.mark.unit


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """A machine on which the source cannot be written to."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_where_the_source_cannot_be_written_a_private_directory_is_used_again_and_again(elsewhere):
    compiled._home()
    chosen = os.environ["NUMBA_CACHE_DIR"]
    assert chosen.startswith(str(elsewhere))
    assert Path(chosen).stat().st_mode & 0o777 == 0o700
    del os.environ["NUMBA_CACHE_DIR"]
    compiled._home()
    assert os.environ["NUMBA_CACHE_DIR"] == chosen
    del os.environ["NUMBA_CACHE_DIR"]


@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_directory_that_others_may_have_prepared_is_not_used(elsewhere, kind):
    prepared = elsewhere / f"kith-compiled-{os.getuid()}"
    if kind == "open":
        prepared.mkdir()
        prepared.chmod(0o777)
    else:
        (elsewhere / "theirs").mkdir(mode=0o700)
        prepared.symlink_to(elsewhere / "theirs")
    compiled._home()
    chosen = os.environ["NUMBA_CACHE_DIR"]
    del os.environ["NUMBA_CACHE_DIR"]
    assert chosen != str(prepared)
    assert Path(chosen).stat().st_mode & 0o777 == 0o700


def test_what_the_operator_says_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled._home()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path)


@pytest.mark.parametrize("mode", ["best_total", "fair", "stable"])
def test_a_small_cohort_is_solved_alike_interpreted_and_compiled(mode):
    """Which of the two a run takes depends on its size alone."""
    chance = random.Random(mode)

    def person(number):
        return {
            "member_id": str(UUID(int=number)), "interests": [], "languages": [], "experience_years": None,
            "skills": [{"tag": chance.choice("abcdef"), "level": chance.randint(1, 5)} for _ in range(3)],
            "time_zone": None, "availability": [], "capacity": chance.randint(1, 3),
        }  # fmt: skip

    people = [person(number) for number in range(1, 71)]
    problem = {
        "seed": 3, "mode": mode, "week": "2026-03-02", "mentees": people[:40], "mentors": people[40:],
        **default_settings(),
    }  # fmt: skip
    child = subprocess.run(
        [sys.executable, "-m", "kith_matching.solve"],
        input=json.dumps(problem), env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    interpreted, found = json.loads(child.stdout), json.loads(json.dumps(solve(problem)))
    for each in (interpreted, found):
        assert each["certificate"].pop("scoring_seconds") >= 0
        assert each["certificate"].pop("solving_seconds") >= 0
    assert interpreted["certificate"]["matched"] > 20
    assert interpreted == found
