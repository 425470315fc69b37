"""Which tier a mentor stands on, by what came of their pairings. Pure.

A tier is kept by a lower bar than it is earned by, and lost, to the next whose bar is met, only after GRACE below it: a
mean that wavers between the two bars changes nothing, and neither does one bad month.

What mentees say is private. Their ratings count only from LEAST_ANSWERING of them on, one mean each, so that a tier
tells of nobody in particular; and because of the grace no single answer is followed by a loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Tier = Literal["proven", "senior", "lead"]
NAMES: Sequence[Tier] = ("proven", "senior", "lead")
Role = Literal["moderator", "coordinator"]
OPENS: Mapping[Tier, Sequence[Role]] = {"proven": (), "senior": ("moderator",), "lead": ("moderator", "coordinator")}
"""The roles of the community a tier makes somebody a candidate for. Nobody is given one by it: an owner grants it."""
LEAST_ANSWERING = 5
GRACE = timedelta(days=60)
REMEMBERED = timedelta(days=730)
"""How long an answer counts."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of somebody's pairings as mentor.

    completed    different mentees with whom a pairing came to its end as agreed, or completed
    tenure_days  since the first one was accepted
    answering    mentees who rated one, lately
    rating       mean over these mentees of the mean of each one's ratings, 1 to 5; 0 when there are none
    """

    completed: int = 0
    tenure_days: int = 0
    answering: int = 0
    rating: float = 0.0


@dataclass(frozen=True, slots=True)
class Bar:
    """The least of each; `rating` is None where it does not count."""

    completed: int
    tenure_days: int
    rating: float | None


EARNED: Sequence[Bar] = (Bar(1, 60, None), Bar(4, 240, 4.0), Bar(10, 540, 4.4))
KEPT: Sequence[Bar] = (Bar(1, 60, None), Bar(4, 240, 3.5), Bar(10, 540, 4.0))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands: 0 for no tier, else 1 + its place in NAMES; since when; since when below its lower bar."""

    rank: int = 0
    since: datetime | None = None
    below_since: datetime | None = None

    @property
    def tier(self) -> Tier | None:
        return NAMES[self.rank - 1] if self.rank else None

    @property
    def next(self) -> tuple[Tier, Bar] | None:
        """The tier above and what earns it; None at the top."""
        return (NAMES[self.rank], EARNED[self.rank]) if self.rank < len(NAMES) else None


def judged(standing: Standing, outcomes: Outcomes, *, now: datetime) -> Standing:
    """Where somebody stands now. Judged again with the same outcomes at the same time, nothing changes."""
    earned = _highest(EARNED, outcomes, known=True)
    if earned > standing.rank:
        return Standing(earned, now)
    if standing.rank == 0 or _meets(KEPT[standing.rank - 1], outcomes, known=False):
        return Standing(standing.rank, standing.since)
    below_since = standing.below_since or now
    if now - below_since < GRACE:
        return Standing(standing.rank, standing.since, below_since)
    return Standing(_highest(KEPT[: standing.rank - 1], outcomes, known=False), now)


def _highest(bars: Sequence[Bar], outcomes: Outcomes, *, known: bool) -> int:
    return max((place for place, bar in enumerate(bars, 1) if _meets(bar, outcomes, known=known)), default=0)


def _meets(bar: Bar, outcomes: Outcomes, *, known: bool) -> bool:
    """`known`: whether a rating must be known; where it need not, too few answers are no reason to lose anything."""
    if outcomes.completed < bar.completed or outcomes.tenure_days < bar.tenure_days:
        return False
    if bar.rating is None:
        return True
    if outcomes.answering < LEAST_ANSWERING:
        return not known
    return outcomes.rating >= bar.rating
