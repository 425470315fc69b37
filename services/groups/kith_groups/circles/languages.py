"""Which language people meet in, so that few are left without one that enough of them share. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from kith_groups.circles.people import Person, SizeBounds, sizes_of

Pools = dict[str | None, list[Person]]


def by_language(
    people: Sequence[Person], size: SizeBounds
) -> tuple[list[tuple[str | None, list[Person]]], list[Person]]:
    """People under a language of theirs, the largest pools first, and who is left: of these, too few share any.

    The language that most share takes all who speak it, then the one that most of the others share, and so on. A
    language that too few are left of gets whom it needs from pools that can spare them, if more have a seat by it. Who
    has told no language goes where most are; where they are enough for a group themselves, they are a pool (None).
    """
    pools: Pools = {}
    silent = [person for person in people if not person.languages]
    told = [person for person in people if person.languages]
    spoken = {person.member_id: person.languages for person in told}
    most, _ = _most_shared(told, spoken)
    if most is None or len(silent) >= size.smallest:
        pools |= {None: silent} if silent else {}
    else:
        spoken |= {person.member_id: frozenset({most}) for person in silent}
    waiting = [person for person in people if person.member_id in spoken]
    while (shared := _most_shared(waiting, spoken))[1] >= size.smallest:
        pools[shared[0]] = [person for person in waiting if shared[0] in spoken[person.member_id]]
        waiting = [person for person in waiting if shared[0] not in spoken[person.member_id]]
    for language in sorted({language for person in waiting for language in spoken[person.member_id]}):
        here = [person for person in waiting if language in spoken[person.member_id]]
        if here and (lent := _lent(pools, language, size.smallest - len(here), size)):
            moved = {person.member_id for person in lent}
            pools = {key: [each for each in pool if each.member_id not in moved] for key, pool in pools.items()}
            pools[language] = [*here, *lent]
            waiting = [person for person in waiting if language not in spoken[person.member_id]]
    return sorted(pools.items(), key=lambda item: (-len(item[1]), item[0] or "")), waiting


def _most_shared(people: Sequence[Person], spoken: Mapping[UUID, frozenset[str]]) -> tuple[str | None, int]:
    count = Counter(language for person in people for language in spoken[person.member_id])
    most = max(count, key=lambda each: (count[each], each), default=None)
    return most, count[most] if most else 0


def _lent(pools: Pools, language: str, needed: int, size: SizeBounds) -> list[Person]:
    """So many people of other pools who speak a language, none of a pool that needs them; [] where that seats fewer."""
    lent: list[Person] = []
    gain = size.smallest
    for pool in sorted(pools.values(), key=len, reverse=True):
        able = [person for person in pool if language in person.languages]
        some = able[: max(0, min(needed - len(lent), len(pool) - size.smallest))]
        gain += sum(sizes_of(len(pool) - len(some), size)) - sum(sizes_of(len(pool), size))
        lent += some
    return lent if len(lent) == needed and gain > 0 else []
