"""Small groups out of a pool: diverse yet compatible, within size bounds, everyone accounted for. Pure.

The core is the maximally diverse grouping problem: split people into groups so that the sum of pair values inside
groups is largest. It is searched by best-improvement swaps on a people-by-groups table of sums (Gallego, Laguna, Martí
and Duarte 2013 use the same neighbourhood), with a fixed number of passes, so the same seed gives the same groups.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kith_groups.circles.languages import by_language
from kith_groups.circles.people import Person, SizeBounds, sizes_of

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Booleans = NDArray[np.bool_]

PASSES = 60
POOL = 2000  # people searched together: bounds the table of pair values to 16 MB
WORDS = 1024  # interests looked at together: bounds the table of who cares for what to 8 MB
NO_ROOM, TOO_FEW = "no_room_within_the_sizes", "too_few_share_a_language"  # why somebody is left
WAKING_MINUTES = 14 * 60  # 8:00 to 22:00
TOGETHER, APART, REPEAT = 50.0, -50.0, -2.0  # beside ordinary pair values of at most 3


@dataclass(frozen=True)
class Formed:
    """One group and why it fits: a language all of them share (None: nobody's is known), the hours of the day all of
    them are awake, and the spread of experience in years.
    """

    members: tuple[UUID, ...]
    facilitator: UUID | None
    language: str | None
    waking_overlap_minutes: int | None
    experience_spread: float | None


@dataclass(frozen=True)
class Formation:
    """The groups, who is left and why, and the sum of pair values inside groups."""

    groups: tuple[Formed, ...]
    left: dict[UUID, str] = field(default_factory=dict)
    value: float = 0.0


def form(
    people: Sequence[Person],
    *,
    size: SizeBounds | None = None,
    together: Sequence[tuple[UUID, UUID]] = (),
    apart: Sequence[tuple[UUID, UUID]] = (),
    met_before: Sequence[tuple[UUID, UUID]] = (),
    seed: int = 0,
) -> Formation:
    """Groups of people who share a language and waking hours, mixed in experience, with a facilitator where possible.

    Everyone is in exactly one group or in `left` with a reason: too_few_share_a_language, no_room_within_the_sizes.
    No two of `apart` are in one group. Pairs of `together` weigh more than anything else; `met_before` are avoided
    where possible.
    Raises ValueError for somebody twice in the pool and for a pair that must be both together and apart.
    """
    size = size or SizeBounds()
    if len({person.member_id for person in people}) != len(people):
        raise ValueError("somebody is in the pool twice")
    if contradiction := {frozenset(pair) for pair in together} & {frozenset(pair) for pair in apart}:
        raise ValueError(f"{len(contradiction)} pair(s) must be both together and apart")
    rng = np.random.default_rng(seed)
    groups: list[Formed] = []
    left: dict[UUID, str] = {}
    total = 0.0
    pools, alone = by_language(people, size)
    left.update((person.member_id, TOO_FEW) for person in alone)
    for language, speakers in pools:
        for pool in _pools(speakers, size):
            values = _values(pool, together=together, apart=apart, met_before=met_before)
            labels = _seat(pool, values, _pairs(pool, apart), size=size, rng=rng)
            reason = NO_ROOM if len(pool) >= size.smallest else TOO_FEW
            left.update((pool[place].member_id, reason) for place in np.flatnonzero(labels < 0))
            total += _inside(values, labels)
            groups.extend(
                _formed([pool[place] for place in np.flatnonzero(labels == label)], language)
                for label in range(labels.max(initial=-1) + 1)
            )
    return Formation(tuple(groups), left, round(total, 4))


def without(formation: Formation, people: Sequence[Person], gone: Mapping[UUID, str], *, size: SizeBounds) -> Formation:
    """The formation without some of its people, left for these reasons, and without the groups too small by it.

    `people` are those it was formed from; its value stays that of what was found.
    """
    by_id = {person.member_id: person for person in people}
    groups: list[Formed] = []
    left = {**formation.left, **gone}
    for group in formation.groups:
        rest = [by_id[member_id] for member_id in group.members if member_id not in gone]
        if len(rest) >= size.smallest:
            groups.append(group if len(rest) == len(group.members) else _formed(rest, group.language))
        else:
            left |= dict.fromkeys((person.member_id for person in rest), NO_ROOM)
    return Formation(tuple(groups), left, formation.value)


def _seat(
    pool: Sequence[Person], values: Floats, apart: Booleans, *, size: SizeBounds, rng: np.random.Generator
) -> Labels:
    """Labels 0, 1 … of who is in one group, -1 for who is in none. Only who may facilitate surely has a seat.

    Where two kept apart are still together, one of them is taken out and all others are seated anew.
    """
    labels = np.full(len(pool), -1, dtype=np.int64)
    kinds = np.array([person.may_facilitate for person in pool])
    here = np.arange(len(pool))
    while sizes := sizes_of(len(here), size):
        order = here
        if surplus := len(here) - sum(sizes):  # the first of a seeded order wait for the next formation
            order = rng.permutation(here)
            order = order[np.argsort(kinds[order], kind="stable")]
        seated = np.sort(order[surplus:])
        both = np.ix_(seated, seated)
        found = group_by_value(values[both], sizes, seed=int(rng.integers(2**31)), kinds=kinds[seated])
        clashing = _clashing(found, apart[both], kinds[seated])
        if not clashing:
            labels[seated] = found
            break
        here = np.setdiff1d(here, seated[clashing])
    return labels


def _clashing(labels: Labels, apart: Booleans, kinds: Booleans) -> list[int]:
    """Whom to take out so that no two kept apart are in one group: who is apart from the most, facilitators last."""
    clash = apart & (labels[:, None] == labels[None, :])
    count = clash.sum(axis=1) * 2
    out = []
    while count.any():
        one = int(np.where(count > 0, count - kinds, 0).argmax())
        out.append(one)
        count -= 2 * clash[one]
        count[one] = 0
        clash[:, one] = False
    return out


def group_by_value(values: Floats, sizes: Sequence[int], *, seed: int = 0, kinds: Booleans | None = None) -> Labels:
    """Labels that make the sum of `values` inside groups large.

    values  (n, n) symmetric; a diagonal is ignored
    sizes   how many people each group takes; they sum to n
    kinds   (n,) people dealt out evenly over the groups (facilitators), who are swapped only among themselves
    Returns (n,) labels 0 … len(sizes)-1. Deterministic under a seed; ends at a local optimum or after 60 passes.
    """
    n, k = len(values), len(sizes)
    if sum(sizes) != n:
        raise ValueError(f"sizes sum to {sum(sizes)}, but there are {n} people")
    kinds = np.zeros(n, dtype=np.bool_) if kinds is None else kinds
    rng = np.random.default_rng(seed)
    values = values.astype(np.float64)
    np.fill_diagonal(values, 0)
    labels = _deal(kinds, sizes)
    table = np.stack([values[:, labels == label].sum(axis=1) for label in range(k)], axis=1)
    for _ in range(PASSES):
        improved = False
        for one in rng.permutation(n).tolist():
            mine = labels[one]
            own = table[np.arange(n), labels]
            gains = table[one, labels] + table[:, mine] - own[one] - own - 2 * values[one]
            gains[(labels == mine) | (kinds != kinds[one])] = -np.inf
            other = int(gains.argmax())
            if gains[other] <= 1e-9:  # noqa: PLR2004 -- rounding, not a gain
                continue
            theirs = labels[other]
            change = values[:, other] - values[:, one]
            table[:, mine] += change
            table[:, theirs] -= change
            labels[one], labels[other] = theirs, mine
            improved = True
        if not improved:
            break
    return labels


def _deal(kinds: Booleans, sizes: Sequence[int]) -> Labels:
    """A first split: facilitators one by one over the groups, the others in their order, neighbours together."""
    labels = np.full(len(kinds), -1, dtype=np.int64)
    room = list(sizes)
    label = 0
    for place in np.flatnonzero(kinds):
        while room[label % len(room)] == 0:
            label += 1
        labels[place] = label % len(room)
        room[label % len(room)] -= 1
        label += 1
    labels[labels < 0] = np.repeat(np.arange(len(room)), room)
    return labels


def _inside(values: Floats, labels: Labels) -> float:
    same = (labels[:, None] == labels[None, :]) & (labels >= 0)
    return float(np.triu(np.where(same, values, 0), 1).sum())


def _pools(people: list[Person], size: SizeBounds) -> list[list[Person]]:
    """People in the order of their zones, in parts small enough to be searched as one."""
    ordered = sorted(
        people, key=lambda each: (each.zone_offset_minutes or 0, each.experience_years or 0, each.member_id)
    )
    parts = -(-len(ordered) // POOL)
    cuts = [round(part * len(ordered) / parts) for part in range(parts + 1)] if parts else []
    pools = [ordered[start:end] for start, end in itertools.pairwise(cuts)]
    return [pool for pool in pools if pool] if len(ordered) >= size.smallest else [ordered]


def _values(
    pool: Sequence[Person],
    *,
    together: Sequence[tuple[UUID, UUID]],
    apart: Sequence[tuple[UUID, UUID]],
    met_before: Sequence[tuple[UUID, UUID]],
) -> Floats:
    """What it is worth to have two people in one group: shared waking hours and interests, different experience.

    Summed in place, in single precision: of a pool of 2000 each table takes 16 MB.
    """
    values = _waking(np.array([np.nan if p.zone_offset_minutes is None else p.zone_offset_minutes for p in pool]))
    years = np.array([np.nan if p.experience_years is None else p.experience_years for p in pool], dtype=np.float32)
    spread = np.subtract.outer(years, years)
    np.abs(spread, out=spread)
    spread /= 10
    np.minimum(spread, 1, out=spread)
    np.nan_to_num(spread, copy=False, nan=0.5)
    spread *= 0.5
    values += spread
    del spread
    values += _alike(pool)
    for pairs, worth in ((together, TOGETHER), (apart, APART), (met_before, REPEAT)):
        values[_pairs(pool, pairs)] += worth
    return values


def _alike(pool: Sequence[Person]) -> Floats:
    """The share of their interests that two people have in common, (n, n); 0 where neither has told any."""
    count = Counter(word for person in pool for word in person.interests)
    words = {word: place for place, word in enumerate(sorted(word for word in count if count[word] > 1))}
    told = [(row, words[each]) for row, person in enumerate(pool) for each in person.interests if each in words]
    row, word = np.array(told, dtype=np.int64).reshape(-1, 2).T
    shared = np.zeros((len(pool), len(pool)), dtype=np.float32)
    for start in range(0, len(words), WORDS):
        here = (word >= start) & (word < start + WORDS)
        cares = np.zeros((len(pool), WORDS), dtype=np.float32)
        cares[row[here], word[here] - start] = 1
        shared += cares @ cares.T
    own = np.array([len(person.interests) for person in pool], dtype=np.float32)
    either = np.add.outer(own, own)
    either -= shared
    np.divide(shared, either, out=shared, where=either > 0)
    return shared


def _pairs(pool: Sequence[Person], pairs: Sequence[tuple[UUID, UUID]]) -> Booleans:
    """Which two of the pool are such a pair, (n, n)."""
    place = {person.member_id: row for row, person in enumerate(pool)}
    found = np.zeros((len(pool), len(pool)), dtype=np.bool_)
    for one, other in pairs:
        if one in place and other in place and one != other:
            found[place[one], place[other]] = found[place[other], place[one]] = True
    return found


def _waking(offsets: NDArray[np.float64]) -> Floats:
    """Share of the waking day two zones have in common, (n, n); 0.5 where one is unknown."""
    east = offsets.astype(np.float32)
    shared = np.subtract.outer(east, east)
    np.abs(shared, out=shared)
    shared %= 1440
    np.minimum(shared, 1440 - shared, out=shared)
    shared /= -WAKING_MINUTES
    shared += 1
    np.maximum(shared, 0, out=shared)
    return np.nan_to_num(shared, copy=False, nan=0.5)


def _formed(people: Sequence[Person], language: str | None) -> Formed:
    known = [person.zone_offset_minutes for person in people if person.zone_offset_minutes is not None]
    years = [person.experience_years for person in people if person.experience_years is not None]
    facilitators = [person for person in people if person.may_facilitate]
    leader = max(facilitators, key=lambda each: (each.experience_years or 0, each.member_id), default=None)
    return Formed(
        members=tuple(person.member_id for person in people),
        facilitator=leader.member_id if leader else None,
        language=language,
        waking_overlap_minutes=max(0, WAKING_MINUTES - _span(known)) if known else None,
        experience_spread=round(max(years) - min(years), 1) if years else None,
    )


def _span(offsets: Sequence[int]) -> int:
    """The smallest arc of the day that holds all these offsets, in minutes."""
    places = sorted(offset % 1440 for offset in offsets)
    gaps = [after - before for before, after in itertools.pairwise(places)]
    return 1440 - max([*gaps, places[0] + 1440 - places[-1]])
