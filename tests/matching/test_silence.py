"""Whose move it is, and what a silence leads to, whatever happened in whatever order."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith_matching.pairing_life.silence import LADDER, Touch, Turn, due_at, step_due, turn
from kith_matching.pairing_life.standing import Facts, stuck

pytestmark = pytest.mark.unit
MENTOR, MENTEE = UUID(int=1), UUID(int=2)
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
touches = st.lists(
    st.builds(
        Touch,
        kind=st.sampled_from(["met", "reached_out"]),
        by=st.sampled_from([MENTOR, MENTEE]),
        happened_at=st.integers(0, 100).map(lambda day: BEGAN + timedelta(days=day)),
    ),
    max_size=12,
    unique_by=lambda touch: touch.happened_at,
)


def whose(happened):
    return turn(happened, mentor_id=MENTOR, mentee_id=MENTEE, began_at=BEGAN)


@given(touches, st.randoms())
def test_the_order_of_recording_changes_nothing(happened, chance):
    shuffled = chance.sample(happened, len(happened))
    assert whose(shuffled) == whose(happened)


@given(touches)
def test_after_a_meeting_nothing_before_it_matters(happened):
    met = Touch("met", MENTOR, BEGAN + timedelta(days=101))
    assert whose([*happened, met]) == Turn(MENTEE, met.happened_at)


@given(touches)
def test_reaching_out_again_gives_the_other_no_more_time_and_an_answer_passes_the_move(happened):
    first = whose(happened)
    other = MENTOR if first.member_id == MENTEE else MENTEE
    again = Touch("reached_out", other, BEGAN + timedelta(days=101))
    assert whose([*happened, again]) == first
    reply = Touch("reached_out", first.member_id, BEGAN + timedelta(days=102))
    assert whose([*happened, again, reply]) == Turn(other, reply.happened_at)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 90))
def test_however_rarely_somebody_looks_nothing_ends_without_a_warning_a_week_before(waits, every_days):
    now, climbed, done, due = BEGAN, 0, [], due_at(0, BEGAN, now=BEGAN, every_days=every_days)
    for wait in waits:
        now += timedelta(days=wait)
        if due is None or now < due:
            continue
        place = step_due(climbed, now - BEGAN, every_days=every_days)
        assert place is not None
        done.append((LADDER[place][0], now))
        climbed = place + 1
        due = due_at(climbed, BEGAN, now=now, every_days=every_days)
        assert due is None or due > now
    kinds = [kind for kind, _ in done]
    assert kinds == sorted(kinds, key=["reminder", "warning", "closing"].index)
    assert kinds.count("closing") <= kinds.count("warning") <= 1
    if "closing" in kinds:
        (_, warned), (_, closed) = done[-2:]
        assert closed - warned >= timedelta(days=7)
        assert closed - BEGAN >= timedelta(days=35 + max(0, every_days - 7))


@pytest.mark.parametrize(
    ("day", "agreed", "met", "climbed", "reasons"),
    [
        (13, None, None, 0, []),
        (14, None, None, 0, ["no_agreement"]),
        (21, None, None, 2, ["no_agreement", "not_met"]),
        (21, BEGAN, None, 3, ["not_met"]),
        (60, BEGAN, BEGAN, 3, []),
        (60, BEGAN, BEGAN, 4, ["silent"]),
    ],
)
def test_a_pairing_is_stuck_by_milestone_or_by_silence(day, agreed, met, climbed, reasons):
    assert stuck(Facts(BEGAN, agreed, met, climbed), now=BEGAN + timedelta(days=day)) == reasons
