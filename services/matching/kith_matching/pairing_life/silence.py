"""Whose move it is in a pairing, and what a silence leads to. Pure.

The one whose move it is hears of it after 7, 14 and 21 days; after 28 they are warned, and after 35 the pairing ends.
Two who agreed to be in contact less often than weekly have that much longer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

TouchKind = Literal["met", "reached_out"]
Step = Literal["reminder", "warning", "closing"]
LADDER: tuple[tuple[Step, int], ...] = (
    ("reminder", 7),
    ("reminder", 14),
    ("reminder", 21),
    ("warning", 28),
    ("closing", 35),
)
"""What happens after how many days without a move."""
WARNED_DAYS = 7
"""How long a warning stands before the pairing ends, however late the warning was."""
USUAL_DAYS = 7


@dataclass(frozen=True, slots=True)
class Touch:
    """A contact that happened: the two met, or one of them reached out to the other."""

    kind: TouchKind
    by: UUID
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose move it is, since when."""

    member_id: UUID
    since: datetime


def turn(touches: Iterable[Touch], *, mentor_id: UUID, mentee_id: UUID, began_at: datetime) -> Turn:
    """Whose move it is after what happened, in whatever order it was recorded.

    The mentee begins, and goes on after a meeting: who wants to learn asks. Who reaches out passes the move to the
    other. Reaching out once more while the other is awaited does not give them more time.
    """
    now = Turn(mentee_id, began_at)
    for touch in sorted(touches, key=lambda each: each.happened_at):
        if touch.kind == "met":
            now = Turn(mentee_id, touch.happened_at)
        elif touch.by == now.member_id:
            now = Turn(mentee_id if touch.by == mentor_id else mentor_id, touch.happened_at)
    return now


def step_due(climbed: int, silent: timedelta, *, every_days: int = USUAL_DAYS) -> int | None:
    """The place in LADDER of what is to be done now, None for nothing.

    climbed  how many steps of the ladder were taken, or passed over
    silent   how long nobody moved

    Of several that are due the last one is done, as after an outage; but nothing ends without a warning.
    """
    reached = [place for place in range(climbed, len(LADDER)) if after(place, every_days=every_days) <= silent]
    if not reached:
        return None
    last = len(LADDER) - 1
    return last - 1 if reached[-1] == last and climbed < last else reached[-1]


def due_at(climbed: int, since: datetime, *, now: datetime, every_days: int = USUAL_DAYS) -> datetime | None:
    """When the next step is due; None when there is none."""
    if climbed >= len(LADDER):
        return None
    at = since + after(climbed, every_days=every_days)
    return max(at, now + timedelta(days=WARNED_DAYS)) if LADDER[climbed][0] == "closing" else at


def after(place: int, *, every_days: int = USUAL_DAYS) -> timedelta:
    """How long a silence is when a step of the ladder is due."""
    return timedelta(days=LADDER[place][1] + max(0, every_days - USUAL_DAYS))
