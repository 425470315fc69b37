"""Why a pairing is stuck, by what it has reached and how long it is silent. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kith_matching.pairing_life.silence import LADDER

Stuck = Literal["no_agreement", "not_met", "silent"]
MILESTONES: dict[Stuck, timedelta] = {"no_agreement": timedelta(days=14), "not_met": timedelta(days=21)}
"""How long after it began a pairing should have an agreement, and have met."""
WARNED = [kind for kind, _ in LADDER].index("warning") + 1
"""Steps of the ladder of silence that were taken when somebody was warned."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pairing has reached. `climbed`: steps of the ladder of silence that were taken."""

    began_at: datetime
    agreed_at: datetime | None
    met_at: datetime | None
    climbed: int


def stuck(facts: Facts, *, now: datetime) -> list[Stuck]:
    """The reasons, the gravest last; none for a pairing that is well."""
    missed = {"no_agreement": facts.agreed_at is None, "not_met": facts.met_at is None}
    found = [name for name, within in MILESTONES.items() if missed[name] and now - facts.began_at >= within]
    return [*found, "silent"] if facts.climbed >= WARNED else found
