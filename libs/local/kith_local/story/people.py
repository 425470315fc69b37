"""Who does what in the story, decided by the file and the seed alone, so that two runs are the same story."""

import hashlib
import random
from dataclasses import dataclass
from typing import Any

from kith_local.geography import zone_of
from kith_local.rows import Row

MENTOR_YEARS = 8.0
NEWCOMER_YEARS = 2.0
EVENINGS = ((1080, 1200), (1140, 1260), (720, 780), (480, 540))


@dataclass(frozen=True)
class Person:
    """A member as the story needs them."""

    id: str
    name: str
    years: float | None
    offers: bool
    wants: bool

    @property
    def mentors(self) -> bool:
        return self.offers and self.years is not None and self.years >= MENTOR_YEARS

    @property
    def learns(self) -> bool:
        return self.wants and not self.mentors

    @property
    def is_new(self) -> bool:
        return self.years is not None and self.years < NEWCOMER_YEARS


def chance(seed: int, *what: Any) -> float:
    """A number from 0 to 1 that depends on nothing but its arguments."""
    digest = hashlib.sha256(repr((seed, *what)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def complete(row: Row, *, seed: int) -> None:
    """Fill what a list of real people leaves open: zone from the country, availability drawn at random.

    There is no real data on when people have time; what is drawn here says so wherever the story reports it.
    """
    fields = row.fields
    country = fields.get("country")
    if "time_zone" not in fields and country and (zone := zone_of(country)):
        fields["time_zone"] = zone
    who = fields.get("external_id") or fields.get("email") or str(row.line)
    if "time_zone" in fields and "availability" not in fields:
        rng = random.Random(f"{seed}:{who}")  # noqa: S311 -- repeatable, not secret
        fields["availability"] = [
            {"weekday": day, "start": start, "end": end}
            for day, (start, end) in zip(rng.sample(range(7), 3), rng.choices(EVENINGS, k=3), strict=True)
        ]
    fields.setdefault("languages", ["en"])
