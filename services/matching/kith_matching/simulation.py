"""A year of a community under a policy, before the policy goes live. Pure.

Weeks go by: people come, places become free, who waited too long leaves, a run pairs who waits with who has room, and
some say no. What happens to a person by chance is drawn for the person and not for the policy (common random numbers;
Conway 1963), so that two policies meet the same year and differ by what they do.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kith_matching.modes import assigned
from kith_matching.waits import REMEMBERED_WEEKS, expected_wait

TRAITS = 6
OFFERS = 64  # answers drawn for each mentee

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Community:
    """What is assumed of a community; where it was not measured, compare policies and believe no number alone.

    mentees, mentors  who come in a week, on average
    founders          mentors who are there in the first week
    room              pairings a mentor takes at a time
    says_yes          the part of suggested pairs that both accept
    stays, patience   weeks that a pairing lasts, and that somebody waits, on average
    """

    weeks: int = 52
    mentees: float = 8.0
    mentors: float = 1.0
    founders: int = 30
    room: int = 2
    says_yes: float = 0.8
    stays: float = 12.0
    patience: float = 10.0

    def __post_init__(self) -> None:
        numbers = (self.weeks, self.mentees, self.mentors, self.founders, self.room, self.stays, self.patience)
        if not all(np.isfinite(each) and each >= 0 for each in numbers) or not 0 <= self.says_yes <= 1:
            raise ValueError("a community has numbers from 0, and says yes with a chance from 0 to 1")
        if self.stays < 1 or self.patience < 1:
            raise ValueError("people stay and wait for a week at least")


@dataclass(frozen=True)
class Policy:
    """When runs are made, and what they make best; `first_come` gives each in turn the best mentor left."""

    every_weeks: int = 1
    mode: Literal["best_total", "fair", "stable", "first_come"] = "best_total"

    def __post_init__(self) -> None:
        if self.every_weeks < 1:
            raise ValueError("a run is made every so many weeks, at least 1")


@dataclass(frozen=True)
class Year:
    """What became of everyone who came.

    matched, left, waiting    mentees; together as many as came
    mean_wait, longest_tenth  weeks those waited who were matched: on average, and at least, the longest-waiting tenth
    mean_score, worst_score   of the pairs
    forecast_error            weeks by which the forecast was off, on average, and whether it is usually too low
    forecast_bias             (positive) or too high; of those who were matched
    overfull                  mentors who ever had more than their room: 0, or something is wrong
    """

    matched: int
    left: int
    waiting: int
    mean_wait: float
    longest_tenth: float
    mean_score: float
    worst_score: float
    forecast_error: float
    forecast_bias: float
    overfull: int


def simulate(community: Community, policy: Policy, *, seed: int = 0) -> Year:
    """One year, week by week. The same seed gives the same people and the same chances, whatever the policy."""
    weeks = community.weeks
    came = _arrivals(community.mentees, weeks, [seed, 1])
    mentor_came = np.concatenate([
        np.zeros(community.founders, dtype=np.int64), _arrivals(community.mentors, weeks, [seed, 2]),
    ])  # fmt: skip
    n, m = len(came), len(mentor_came)
    chance = np.random.default_rng([seed, 3])
    answers = chance.random((n, OFFERS)) < community.says_yes
    stay = chance.geometric(1 / community.stays, n)
    patience = chance.geometric(1 / community.patience, n)
    scores = _scores(n, m, seed)
    begun, mentor, asked = np.full(n, -1), np.full(n, -1), np.zeros(n, dtype=np.int64)
    forecast = np.full(n, np.nan)
    overfull = 0
    for week in range(weeks):
        now = np.flatnonzero((begun >= 0) & (begun + stay > week))
        room = np.where(mentor_came <= week, community.room, 0) - np.bincount(mentor[now], minlength=m)
        overfull += int((room < 0).sum())
        waits = np.flatnonzero((came <= week) & (begun < 0) & (came + patience > week))
        ended = np.where(begun >= 0, begun, came + patience)
        lately = ((ended >= max(week - REMEMBERED_WEEKS, 0)) & (ended < week)).sum() / min(week or 1, REMEMBERED_WEEKS)
        fresh = waits[came[waits] == week]
        for place, one in enumerate(fresh):
            ahead = len(waits) - len(fresh) + place
            forecast[one] = expected_wait(ahead, int(room.sum()), float(lately), policy.every_weeks)
        if week % policy.every_weeks:
            continue
        given = _paired(policy, scores[waits], room, seed=seed + week)
        yes = (given >= 0) & answers[waits, asked[waits] % OFFERS]
        asked[waits[given >= 0]] += 1
        mentor[waits[yes]], begun[waits[yes]] = given[yes], week
    return _year(community, came, begun, came + patience, scores, mentor, forecast, overfull)


def _year(
    community: Community,
    came: Ints,
    begun: Ints,
    leaves: Ints,
    scores: Floats,
    mentor: Ints,
    forecast: Floats,
    over: int,
) -> Year:
    got = np.flatnonzero(begun >= 0)
    wait, value = (begun - came)[got].astype(np.float64), scores[got, mentor[got]]
    off = (wait - forecast[got])[np.isfinite(forecast[got])]
    left = int(((begun < 0) & (leaves < community.weeks)).sum())
    return Year(
        matched=len(got),
        left=left,
        waiting=len(came) - len(got) - left,
        mean_wait=float(wait.mean()) if len(got) else 0.0,
        longest_tenth=float(np.quantile(wait, 0.9)) if len(got) else 0.0,
        mean_score=float(value.mean()) if len(got) else 0.0,
        worst_score=float(value.min()) if len(got) else 0.0,
        forecast_error=float(np.abs(off).mean()) if len(off) else 0.0,
        forecast_bias=float(off.mean()) if len(off) else 0.0,
        overfull=over,
    )


def _arrivals(a_week: float, weeks: int, seed: list[int]) -> Ints:
    """(people,) the week in which each comes."""
    return np.repeat(np.arange(weeks), np.random.default_rng(seed).poisson(a_week, weeks))


def _scores(n: int, m: int, seed: int) -> Floats:
    """(mentees, mentors) from 0 to 1: how much of what each wants each offers, of made-up traits."""
    rng = np.random.default_rng([seed, 4])
    wants = rng.dirichlet(np.full(TRAITS, 0.5), n)
    found: Floats = wants @ rng.random((m, TRAITS)).T
    return found


def _paired(policy: Policy, scores: Floats, room: Ints, *, seed: int) -> Ints:
    """(waiting,) a mentor for each, -1 for none."""
    room = np.maximum(room, 0)
    if policy.mode != "first_come":
        open_ = np.flatnonzero(room)
        given = assigned(policy.mode, csr_array(scores[:, open_] + 1e-6), room[open_], seed=seed)
        found: Ints = np.append(open_, -1)[given]
        return found
    left, found = room.copy(), np.full(len(scores), -1)
    for one in range(len(scores)):
        if not left.any():
            break
        found[one] = int(np.argmax(np.where(left > 0, scores[one], -1)))
        left[found[one]] -= 1
    return found
