"""What share of people something has happened to by a time, when not all were watched for that long. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waits:
    """People with one story, in whole days: watched for `seen`, and it happened after `waited`, or None: not yet."""

    seen: int
    waited: int | None
    people: int = 1


def share_by(days: int, waits: Sequence[Waits]) -> float | None:
    """The share it happened to within so many days, estimated by Kaplan and Meier (1958); None when nobody was watched
    for so long.

    Who was watched for less counts for as long as they were: of a program that grows, the plain share would look worse
    than it is. Equal to the plain share where all were watched for long enough.
    """
    if not any(each.seen >= days for each in waits):
        return None
    remain = 1.0
    for day in sorted({each.waited for each in waits if each.waited is not None and each.waited <= days}):
        at_risk = sum(each.people for each in waits if (each.seen if each.waited is None else each.waited) >= day)
        remain *= 1 - sum(each.people for each in waits if each.waited == day) / at_risk
    return 1 - remain


def median_wait(waits: Sequence[Waits]) -> int | None:
    """Half of those it happened to waited for so many days or fewer; None when it happened to nobody."""
    found = sorted((each.waited, each.people) for each in waits if each.waited is not None)
    left = sum(people for _, people in found) / 2
    for waited, people in found:
        left -= people
        if left <= 0:
            return waited
    return None
