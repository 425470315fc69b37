"""What is worth points and which badges follow: facts, rules, caps, thresholds. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a member did or received, known from an event."""

    community_id: UUID
    member_id: UUID
    kind: str
    event_id: UUID
    at: datetime

    @property
    def day(self) -> date:
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Rule:
    """Points for each fact of a kind, at most `daily_cap` times a day and member."""

    points: int
    daily_cap: int


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


def earned(
    facts: Sequence[Fact], rules: Mapping[str, Rule], taken: Mapping[tuple[UUID, str, date], int]
) -> list[Earned]:
    """The points of these facts in order, caps respected.

    taken  how often (member, kind, day) has earned before
    """
    counts = Counter(dict(taken))
    result = []
    for fact in facts:
        rule = rules.get(fact.kind)
        if rule is None or rule.points == 0:
            continue
        place = (fact.member_id, fact.kind, fact.day)
        if counts[place] >= rule.daily_cap:
            continue
        counts[place] += 1
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


def facts_of(community_id: UUID, event_id: UUID, at: datetime, who: Iterable[tuple[UUID, str]]) -> list[Fact]:
    return [Fact(community_id, member_id, kind, event_id, at) for member_id, kind in who]
