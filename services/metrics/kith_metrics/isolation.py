"""Who is connected to nobody, why, and the smallest step that might help. Pure.

A sum of stated reasons rather than a learned score: everyone named in a report can be told why. What was offered (a
proposed pairing, a place in a circle) is not a connection, and counts only as a smaller reason to worry.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Step = Literal["reply_to_their_post", "invite_to_a_session", "confirm_the_pairing", "introduce_to_someone", "say_hello"]

COOLED = timedelta(days=60)
LONG = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of one member. Times are of the first such thing, None for never.

    partners     how many people who are still here there was any interaction with, in either direction
    last_tie_at  the last of them
    in_group     and the two after it: what stands now, not what ever was
    """

    joined_at: datetime | None
    partners: int
    last_tie_at: datetime | None
    posted_at: datetime | None
    replied_to_at: datetime | None
    in_group: bool
    pairing_proposed: bool
    pairing_accepted: bool


@dataclass(frozen=True, slots=True)
class Risk:
    """`score` is 0 (well connected) to 1; the reasons are codes, the heaviest first."""

    score: float
    reasons: tuple[str, ...]
    step: Step | None

    @property
    def never_connected(self) -> bool:
        return "never_connected" in self.reasons


# What alone is worth a look weighs 0.25: from there on members are named.
WEIGHTS = {
    "never_connected": 0.5,
    "one_tie_only": 0.25,
    "ties_have_cooled": 0.25,
    "no_reply_to_first_post": 0.25,
    "not_in_a_group": 0.1,
    "in_a_group_but_met_nobody": 0.05,
    "no_pairing": 0.1,
    "pairing_not_accepted": 0.05,
    "joined_long_ago": 0.1,
}


def risk(of: Signals, *, now: datetime, grace: timedelta = timedelta(days=3)) -> Risk:
    """How isolated a member is at `now`.

    Nobody is isolated on the day they join: inside `grace` nothing counts but a first post that nobody answered.
    """
    since = now - of.joined_at if of.joined_at else LONG
    reasons: list[str] = []
    if of.partners == 0 and of.posted_at and not of.replied_to_at:
        reasons.append("no_reply_to_first_post")
    if since >= grace:
        reasons += _without_ties(of, since) if of.partners == 0 else _with_few(of, now)
    reasons.sort(key=lambda each: -WEIGHTS[each])
    score = min(1.0, sum(WEIGHTS[each] for each in reasons))
    return Risk(round(score, 3), tuple(reasons), _step(reasons))


def _without_ties(of: Signals, since: timedelta) -> list[str]:
    reasons = ["never_connected", "in_a_group_but_met_nobody" if of.in_group else "not_in_a_group"]
    if not of.pairing_accepted:
        reasons.append("pairing_not_accepted" if of.pairing_proposed else "no_pairing")
    if since >= LONG:
        reasons.append("joined_long_ago")
    return reasons


def _with_few(of: Signals, now: datetime) -> list[str]:
    """Both may be true: a tie that cooled is worth no more for being the only one."""
    reasons = []
    if of.last_tie_at is not None and now - of.last_tie_at > COOLED:
        reasons.append("ties_have_cooled")
    if of.partners == 1:
        reasons.append("one_tie_only")
    return reasons


def _step(reasons: list[str]) -> Step | None:
    """The smallest thing one person could do about it."""
    steps: tuple[tuple[str, Step], ...] = (
        ("no_reply_to_first_post", "reply_to_their_post"),
        ("in_a_group_but_met_nobody", "invite_to_a_session"),
        ("pairing_not_accepted", "confirm_the_pairing"),
        ("never_connected", "introduce_to_someone"),
        ("ties_have_cooled", "say_hello"),
        ("one_tie_only", "introduce_to_someone"),
    )
    return next((step for reason, step in steps if reason in reasons), None)
