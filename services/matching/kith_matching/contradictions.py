"""Which pins and prohibitions cannot hold together, as the smallest sets that cannot. Pure.

A pin fixes a pair altogether, so a set of wishes can be met unless a pin is prohibited, somebody is pinned to more than
they have room for, or a pin names somebody who does not take part. Each such set is minimal: without any one of its
wishes the others can be met.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Person = TypeVar("Person", bound=Hashable)


@dataclass(frozen=True)
class Contradiction(Generic[Person]):
    """Wishes that cannot all be met, though without any one of them they could.

    reason  `prohibited`, `mentor_full`, `mentee_full`, `oneself` or `not_taking_part`
    pins    (mentee, mentor) pairs that must be
    never   (mentee, mentor) pairs that must not be
    """

    reason: str
    pins: tuple[tuple[Person, Person], ...]
    never: tuple[tuple[Person, Person], ...] = ()

    @property
    def size(self) -> int:
        return len(self.pins) + len(self.never)


def contradictions(
    pins: Iterable[tuple[Person, Person]],
    prohibited: Iterable[tuple[Person, Person]],
    mentees: Mapping[Person, int],
    mentors: Mapping[Person, int],
) -> list[Contradiction[Person]]:
    """One minimal set for each thing that is wrong, the smallest first; none when all wishes can be met.

    mentees, mentors  who takes part on that side, with the room they have
    """
    wanted, never = list(dict.fromkeys(pins)), set(prohibited)
    found: list[Contradiction[Person]] = []
    possible = []
    for pin in wanted:
        if pin[0] == pin[1]:
            found.append(Contradiction("oneself", (pin,)))
        elif pin[0] not in mentees or pin[1] not in mentors:
            found.append(Contradiction("not_taking_part", (pin,)))
        elif mentees[pin[0]] < 1 or mentors[pin[1]] < 1:
            found.append(Contradiction("mentor_full" if mentees[pin[0]] > 0 else "mentee_full", (pin,)))
        else:
            possible.append(pin)
            if pin in never:
                found.append(Contradiction("prohibited", (pin,), (pin,)))
    for side, room, reason in ((0, mentees, "mentee_full"), (1, mentors, "mentor_full")):
        of: dict[Person, list[tuple[Person, Person]]] = {}
        for pin in possible:
            of.setdefault(pin[side], []).append(pin)
        found += [
            Contradiction(reason, tuple(some[: room[one] + 1])) for one, some in of.items() if len(some) > room[one]
        ]
    return sorted(found, key=lambda each: each.size)
