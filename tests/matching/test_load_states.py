"""What a mentor's load is."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith_matching.loads.states import FELL_APART, OVERDUE, Evidence, load_state

pytestmark = pytest.mark.unit
HEAVIER = ("fresh", "busy", "overloaded")
NOTHING = Evidence(paused=False, room=2, pairings=0, requests=0, late=0, overdue=0, silent=0, cancelled=0)
few = st.integers(0, 4)
seen = st.builds(
    Evidence, paused=st.booleans(), room=few, pairings=few, requests=few, late=few, overdue=few, silent=few,
    cancelled=few,
)  # fmt: skip
COUNTS = [each.name for each in fields(Evidence) if each.name not in {"paused", "room"}]


@given(seen=seen, more=st.sampled_from(COUNTS))
def test_more_evidence_never_makes_a_load_lighter(seen, more):
    before, after = load_state(seen), load_state(replace(seen, **{more: getattr(seen, more) + 1}))
    if before == "on_break":
        assert after == "on_break" or (more == "pairings" and seen.room == 0 and not seen.paused)
    else:
        assert HEAVIER.index(after) >= HEAVIER.index(before)


@given(seen=seen)
def test_who_answers_and_has_no_more_than_they_want_is_never_overloaded(seen):
    answered = replace(seen, late=0, overdue=0, pairings=min(seen.pairings, seen.room))
    assert load_state(answered) != "overloaded"


@given(seen=seen)
def test_who_paused_is_on_break_and_nobody_is_fresh_for_whom_somebody_waits(seen):
    assert load_state(replace(seen, paused=True)) == "on_break"
    if seen.late or seen.overdue:
        assert load_state(seen) != "fresh"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "fresh"),
        ({"pairings": 1}, "fresh"),
        ({"pairings": 1, "requests": 1}, "busy"),
        ({"pairings": 2}, "busy"),
        ({"pairings": 3}, "overloaded"),
        ({"late": 1}, "busy"),
        ({"late": 1, "overdue": 1}, "overloaded"),
        ({"overdue": OVERDUE}, "overloaded"),
        ({"silent": FELL_APART - 1}, "fresh"),
        ({"silent": 1, "cancelled": 1}, "busy"),
        ({"cancelled": 40}, "busy"),
        ({"room": 0}, "on_break"),
        ({"room": 0, "late": 5}, "on_break"),
        ({"room": 0, "pairings": 1}, "overloaded"),
        ({"paused": True, "pairings": 9, "late": 9}, "on_break"),
    ],
)
def test_the_thresholds_are_these(changes, state):
    assert load_state(replace(NOTHING, **changes)) == state
