"""The best pairs of one side, proven: the prices of a cover leave few pairs open, and blossoms settle those. Pure.

Half of what two people are worth in a cover (`introductions.py`) bounds the score of their pair. What a pair falls
short of that (its loss) is lost to every round it is part of; so a pair that loses more than the bound exceeds the
round at hand is in no better one. What is left falls apart into small pieces. Only pieces in which something is lost
are solved, by Edmonds' blossoms (1965; rustworkx), with pairs of small losses first: the better the round, the fewer
are open.
"""

from dataclasses import dataclass

import numpy as np
import rustworkx
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FIRST_LOSS = 1_000  # units: a thousandth of the highest score
GROWTH = 4


@dataclass(frozen=True)
class Open:
    """Pairs, each once, and what the cover says of them.

    one, other  (pairs,) people
    value       (pairs,) score in units
    worth       (people,) what each is worth as a row and as a column, in grains: a pair at most half
    scale       grains in a unit
    person      what one more person counts, in grains
    wanted      (people,) who shall be in the round before any score counts
    """

    one: Ints
    other: Ints
    value: Ints
    worth: Ints
    scale: int
    person: int
    wanted: Flags

    @property
    def bonus(self) -> int:
        """What one of those wanted counts, in units: more than any total."""
        return len(self.worth) * int(self.value.max(initial=0)) + 1

    @property
    def losses(self) -> Ints:
        """(pairs,) in double grains, from 0."""
        found: Ints = self.worth[self.one] + self.worth[self.other] - 2 * (self.value * self.scale + self.person)
        return found

    def over(self, partner: Ints) -> int:
        """How much a round of as many people could be better, in double grains, by the prices alone."""
        matched = partner >= 0
        extra = 2 * self.bonus * self.scale
        whole = self.worth + np.where(self.wanted, extra, 0)
        outside = np.sort(whole)[: int((~matched).sum())]
        lost: int = sum(whole[~matched].tolist()) - sum(outside.tolist())
        of_pairs: list[int] = self.losses[self.chosen(partner)].tolist()
        return lost + sum(of_pairs)

    def chosen(self, partner: Ints) -> Flags:
        found: Flags = partner[self.one] == self.other
        return found


def settled(pairs: Open, partner: Ints, *, full: bool, most_pairs: int) -> tuple[Ints, bool]:
    """The best round, and whether it is proven to be: most people, then most of those wanted, then the highest total.

    partner     (people,) a round; its pairs are among `pairs`
    full        whether no round has more people, which is proven elsewhere; else all pairs are looked at
    most_pairs  in one piece, beyond which it is left as it is: blossoms take as long as people times pairs
    """
    losses, unit = pairs.losses, 2 * pairs.scale
    least = FIRST_LOSS * unit
    while True:
        over = pairs.over(partner)
        if full and over < unit:  # totals are whole units
            return partner, True
        everything = not full or least >= over - unit or over >= pairs.bonus * unit
        keep = np.ones(len(losses), dtype=np.bool_) if not full or over >= pairs.bonus * unit else losses <= least
        keep |= pairs.chosen(partner)
        partner, done = _pieces(pairs, keep, partner, most_pairs)
        if everything or not done:
            return partner, done
        least = max(GROWTH * least, 1)


def _pieces(pairs: Open, keep: Flags, partner: Ints, most_pairs: int) -> tuple[Ints, bool]:
    """The best round of these pairs, piece by piece; False when a piece was too large."""
    n, at = len(partner), np.flatnonzero(keep)
    one, other = pairs.one[at], pairs.other[at]
    count, label = connected_components(csr_array((np.ones(len(at)), (one, other)), shape=(n, n)), directed=False)
    lost = np.zeros(count, dtype=np.bool_)
    lost[label[partner < 0]] = True
    lost[label[one[pairs.chosen(partner)[at] & (pairs.losses[at] > 0)]]] = True
    sizes = np.bincount(label[one], minlength=count)
    mine = lost[label[one]] & (sizes[label[one]] <= most_pairs)
    order = at[mine][np.argsort(label[one[mine]], kind="stable")]
    partner = partner.copy()
    for piece in np.split(order, np.flatnonzero(np.diff(label[pairs.one[order]])) + 1):
        _solve(pairs, piece, partner)
    return partner, not (lost & (sizes > most_pairs)).any()


def _solve(pairs: Open, piece: Ints, partner: Ints) -> None:
    """The best round of one piece, written into `partner`."""
    one, other = pairs.one[piece], pairs.other[piece]
    people, place = np.unique(np.concatenate([one, other]), return_inverse=True)
    waited = pairs.wanted[one].astype(np.int64) + pairs.wanted[other]
    weight = [v + pairs.bonus * w for v, w in zip(pairs.value[piece].tolist(), waited.tolist(), strict=True)]
    graph: rustworkx.PyGraph[None, int] = rustworkx.PyGraph()
    graph.add_nodes_from([None] * len(people))
    graph.add_edges_from(list(zip(place[: len(one)].tolist(), place[len(one) :].tolist(), weight, strict=True)))
    found = rustworkx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    partner[people] = -1
    for i, j in found:
        partner[people[i]], partner[people[j]] = people[j], people[i]
