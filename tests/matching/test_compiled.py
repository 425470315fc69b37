"""Compiled code is kept where nobody else can put theirs."""

import os
from pathlib import Path

import pytest

from kith_matching import compiled

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
