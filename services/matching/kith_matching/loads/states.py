"""What a mentor's load is, told by what happened. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

LoadState = Literal["fresh", "busy", "overloaded", "on_break"]

OVERDUE = 2
"""So many people waiting for one mentor are too many: reminders sent, or requests unanswered for `LATE`."""
LATE = timedelta(days=3)
FELL_APART = 2  # pairings that came to nothing within `LATELY`
LATELY = timedelta(days=90)


@dataclass(frozen=True)
class Evidence:
    """What shows how much a mentor carries in one program.

    paused     they said that they want nobody now
    room       pairings they want at most
    pairings   open ones
    requests   people who asked them and wait for an answer
    late       those of them who wait for `LATE` or longer
    overdue    pairings in which they are awaited and were reminded
    silent     pairings that ended within `LATELY` because they went quiet
    cancelled  pairings that ended within `LATELY` without fault, before they were completed
    """

    paused: bool
    room: int
    pairings: int
    requests: int
    late: int
    overdue: int
    silent: int
    cancelled: int


def load_state(seen: Evidence) -> LoadState:
    """On break: they paused, or want nobody and have nobody. Overloaded: `OVERDUE` people wait for them, or they have
    more pairings than they want. Busy: somebody waits, or they would be full if they said yes to all who ask, or
    `FELL_APART` pairings did lately. Else fresh.

    What is over makes nobody overloaded: who answers those who wait, and has no more pairings than they want, is not.
    """
    waiting = seen.late + seen.overdue
    if seen.paused or seen.room == seen.pairings == 0:
        return "on_break"
    if waiting >= OVERDUE or seen.pairings > seen.room:
        return "overloaded"
    fell_apart = seen.silent + seen.cancelled >= FELL_APART
    return "busy" if waiting or seen.pairings + seen.requests >= seen.room or fell_apart else "fresh"
