"""What is worth points and which badges follow: facts, rules, caps, thresholds. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

Place = tuple[UUID, str, date] | tuple[UUID, str, UUID, date]


def week_of(day: date) -> date:
    """The Monday of the week a day is in."""
    return day - timedelta(days=day.weekday())


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a member did or received, known from an event.

    other_id  with whom: who thanks or is thanked, who asked, who is paired with them
    thing_id  what it is about, where several events may tell the same of it: it counts once
    """

    community_id: UUID
    member_id: UUID
    kind: str
    event_id: UUID
    at: datetime
    other_id: UUID | None = None
    thing_id: UUID | None = None

    @property
    def day(self) -> date:
        return self.at.astimezone(UTC).date()

    @property
    def places(self) -> list[Place]:
        """Where it is counted: by its day and, where somebody else is in it, by them and its week."""
        return places(self.member_id, self.kind, self.day, self.other_id)


def places(member_id: UUID, kind: str, day: date, other_id: UUID | None) -> list[Place]:
    of_the_day: list[Place] = [(member_id, kind, day)]
    return of_the_day if other_id is None else [*of_the_day, (member_id, kind, other_id, week_of(day))]


@dataclass(frozen=True, slots=True)
class Rule:
    """Points for each fact of a kind, at most `daily_cap` times a day and member, and `pair_cap` times a week from
    the same other: two friends alone do not get far.
    """

    points: int
    daily_cap: int
    pair_cap: int = 3

    @property
    def caps(self) -> tuple[int, int]:
        return self.daily_cap, self.pair_cap


# What counts until a community says otherwise: what others confirm weighs more than what one can repeat alone.
DEFAULT_RULES: Mapping[str, Rule] = {
    "kudos_received": Rule(5, 5),
    "kudos_given": Rule(1, 3),
    "answer_accepted": Rule(15, 5),
    "post_written": Rule(1, 5),
    "session_attended": Rule(3, 3),
    "pairing_accepted": Rule(5, 3),
    "micro_task_completed": Rule(2, 10),
}


@dataclass(frozen=True, slots=True)
class Earned:
    fact: Fact
    points: int


def earned(facts: Sequence[Fact], rules: Mapping[str, Rule], taken: Mapping[Place, int]) -> list[Earned]:
    """The points of these facts in order, caps respected.

    taken  how often was earned before in each of the facts' places
    """
    counts = Counter(dict(taken))
    result = []
    for fact in facts:
        rule = rules.get(fact.kind)
        if rule is None or rule.points == 0:
            continue
        if any(counts[place] >= cap for place, cap in zip(fact.places, rule.caps, strict=False)):
            continue
        counts.update(fact.places)
        result.append(Earned(fact, rule.points))
    return result


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge by rule: given once when a member's count of `kind` reaches `at`, from as many people as `givers`."""

    key: str
    name: str
    description: str
    kind: str
    at: int
    givers: int = 0


DEFAULT_BADGES: tuple[Badge, ...] = (
    Badge("first_post", "First words", "Wrote a first post", "post_written", 1),
    Badge("first_thanks", "Gave thanks", "Thanked somebody for the first time", "kudos_given", 1),
    Badge("first_kudos", "Was thanked", "Received kudos for the first time", "kudos_received", 1),
    Badge("first_answer", "Had the answer", "Gave an answer that was accepted", "answer_accepted", 1),
    Badge("first_session", "Was there", "Came to a first session", "session_attended", 1),
    Badge("paired", "Found each other", "Accepted a first pairing", "pairing_accepted", 1),
    Badge("helper", "Helper", "Received ten kudos from at least five people", "kudos_received", 10, givers=5),
    Badge("regular", "Regular", "Came to ten sessions", "session_attended", 10),
)


def reached(before: int, after: int, kind: str) -> list[Badge]:
    """The badges whose threshold lies between two counts of a kind; those that ask for several givers need a look."""
    return [b for b in DEFAULT_BADGES if b.kind == kind and (before < b.at <= after or (b.givers and b.at <= after))]
