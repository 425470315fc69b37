"""Who is in a pool, and how many people a group may have. Pure."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Person:
    """Someone in the pool. `zone_offset_minutes` is east of UTC; None and empty mean unknown."""

    member_id: UUID
    languages: frozenset[str] = frozenset()
    zone_offset_minutes: int | None = None
    experience_years: float | None = None
    interests: frozenset[str] = frozenset()
    may_facilitate: bool = False


@dataclass(frozen=True)
class SizeBounds:
    """How many people a group may have."""

    smallest: int = 8
    largest: int = 12

    def __post_init__(self) -> None:
        if not 2 <= self.smallest <= self.largest <= 50:  # noqa: PLR2004 -- the range the message names
            raise ValueError("sizes go from 2 to 50, the smallest not above the largest")


def sizes_of(n: int, size: SizeBounds) -> list[int]:
    """Sizes within the bounds, as even as can be, that seat the most of n people; [] when not even one group can be."""
    fewest, most = -(-n // size.largest), n // size.smallest
    if most == 0:
        return []
    if fewest > most:  # e.g. 13 to 15 people for groups of 8 to 12: fill what there can be
        return [size.largest] * most
    middle = round(n / ((size.smallest + size.largest) / 2))
    groups = min(max(middle, fewest), most)
    return [n // groups + (1 if place < n % groups else 0) for place in range(groups)]
