"""A year of a community, lived through the real service: people come, ask nothing, are paired, meet, go quiet, part.

Nothing is written past GraphQL; the calendar is turned, not the database. Who answers, who goes quiet and who does not
get on is drawn by a seed, and not from profiles: what people have in common foretells little of it. YEAR_MEMBERS for
another size.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator

from bench.rows import row
from bench.town import Town, town
from kith_local.client import GraphQLError
from kith_local.imports import BATCH
from kith_testkit.probe import eventually

MEMBERS, SEED = int(os.environ.get("YEAR_MEMBERS", "5000")), 1
AT_ONCE = 8  # members who act at the same time
WEEKS, FOUNDERS = 52, 0.2  # part of the members who are there in the first week
MENTORS, MENTEES, PEERS = 0.15, 0.4, 0.2  # parts of the members; the others take part in nothing
TAGS = [f"skill-{n}" for n in range(60)]
SAYS_YES, GOES_QUIET, ANSWERS_SURVEYS, GETS_ON = 0.88, 0.08, 0.6, 0.85
NAMES = """query ($first: Int!, $after: String) { members(first: $first, after: $after) {
  edges { node { id displayName } } pageInfo { hasNextPage endCursor } } }"""
ENROLL = "result { enrolled errors { code } }"
FORECAST = "query ($of: ID!) { waitForecast(programId: $of) { weeks } }"
RUN = """query ($id: ID!) { matchRun(id: $id) {
  status failure certificate { gap }
} }"""
PAIRINGS = """query ($of: ID!, $first: Int!, $after: String) { pairings(programId: $of, first: $first, after: $after) {
  edges { node {
    id status endReason wentQuiet { id } mentor { id } mentee { id }
    nudges(first: 10) { id } pulses(first: 20) { id answeredAt member { id } }
  } } pageInfo { hasNextPage endCursor } } }"""
ATTENTION = """query ($of: ID!, $first: Int!, $after: String) {
  attention(programId: $of, first: $first, after: $after) {
  edges { node { kind } } pageInfo { hasNextPage endCursor } } }"""
ROUNDS = """query ($of: ID!, $first: Int!, $after: String) {
  introductionRounds(programId: $of, first: $first, after: $after) {
  edges { node { id status } } pageInfo { hasNextPage endCursor } } }"""
MET = """query ($of: ID!, $first: Int!, $after: String) { introductions(roundId: $of, first: $first, after: $after) {
  edges { node { members { id } } } pageInfo { hasNextPage endCursor } } }"""


@dataclass
class Person:
    number: int
    side: str
    week: int
    replies: float
    """The chance that they do on a day what is theirs to do."""
    room: int
    id: str = ""

    @property
    def name(self) -> str:
        return f"Person {self.number}"


@dataclass
class Pair:
    """What two people do with their pairing."""

    mentor: Person
    mentee: Person
    proposed: float
    gets_on: bool
    quiet: Person | None
    goes_quiet: float
    stays: int
    rng: Generator
    """What happens by chance between the two is theirs alone: it does not depend on who acts first."""
    open_to: list[Person] = field(default_factory=list)
    """Who has not answered yet."""
    agreement: str | None = None
    agreed: bool = False
    move: Person | None = None
    due: float = 0.0
    ends: float = float("inf")

    def acts(self, who: Person, day: float) -> bool:
        """Whether somebody does today what is theirs."""
        return not (who is self.quiet and day >= self.goes_quiet) and self.rng.random() < who.replies


async def _all_of(acts: Iterable[Awaitable[None]]) -> None:
    """Some at a time."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(act: Awaitable[None]) -> None:
        async with free:
            await act

    async with asyncio.TaskGroup() as group:
        for act in acts:
            group.create_task(one(act))


class Year:
    """One run through the calendar, and what was seen."""

    def __init__(self, there: Town, members: int, seed: int) -> None:
        self.there, self.rng, self.day = there, np.random.default_rng(seed), 0.0
        self.people = self._people(members)
        self.open: dict[str, Pair] = {}
        self.quiet: dict[str, str | None] = {}
        self.seen = Counter[str]()
        self.forecasts: dict[str, float] = {}
        self.gaps: list[float] = []
        self.waits: dict[str, float] = {}
        self.errors: list[float] = []

    def _people(self, members: int) -> list[Person]:
        rng, people = self.rng, []
        weeks = np.where(rng.random(members) < FOUNDERS, 0, rng.integers(1, WEEKS, members))
        for number in range(members):
            luck = rng.random()
            upto = {"MENTOR": MENTORS, "MENTEE": MENTORS + MENTEES, "PEER": MENTORS + MENTEES + PEERS}
            side = next((each for each, most in upto.items() if luck < most), "")
            room = int(rng.integers(1, 4)) if side == "MENTOR" else 1
            people.append(Person(number, side, int(weeks[number]), float(rng.beta(6, 4)), room))
        return people

    async def live(self) -> None:
        """All weeks."""
        opened = {"name": "Mentoring", "kind": "MENTORING", "acceptance": "BOTH"}
        self.program = (await self.there.do("openProgram", "program { id }", **opened))["program"]["id"]
        opened = {"name": "Coffee", "kind": "INTRODUCTION"}
        self.coffee = (await self.there.do("openProgram", "program { id }", **opened))["program"]["id"]
        start = self.there.now().date().isoformat()
        await self.there.do(
            "scheduleIntroductions", programId=self.coffee, every="WEEK", startsOn=start, at="09:00", timeZone="UTC",
            automatic=True,
        )  # fmt: skip
        for week in range(WEEKS):
            await self._arrive([each for each in self.people if each.week == week])
            await self._match()
            for _ in range(7):
                await self.there.turn(days=1)
                self.day += 1
                await _all_of([self._live_a_day(*each) for each in self.open.items()])
            await self._look(week)

    async def _arrive(self, people: Sequence[Person]) -> None:
        for start in range(0, len(people), BATCH):
            await self._import(people[start : start + BATCH])
        forecast = (await self.there.ask(FORECAST, of=self.program))["waitForecast"]["weeks"]
        for program, sides in ((self.program, {"MENTOR", "MENTEE"}), (self.coffee, {"PEER"})):
            wanted = [each for each in people if each.side in sides]
            self.forecasts |= {each.id: forecast for each in wanted if forecast is not None}
            for start in range(0, len(wanted), 200):
                await self._enroll(program, wanted[start : start + 200])

    async def _import(self, people: Sequence[Person]) -> None:
        rows = []
        for line, each in enumerate(people, 1):
            tags = self.rng.choice(TAGS, 4, replace=False)
            skills = [{"tag": str(tag), "level": int(self.rng.integers(1, 6))} for tag in tags]
            offers, wants = each.side != "MENTEE", each.side != "MENTOR"
            rows.append(
                {
                    "line": line, "external_id": each.name, "display_name": each.name, "languages": ["en"],
                    "skills_offered": skills if offers else [], "skills_wanted": skills if wants else [],
                    "experience_years": float(self.rng.integers(8, 30) if offers else self.rng.integers(0, 8)),
                }
            )  # fmt: skip
        await self.there.do("importMembers", "imported { created }", rows=rows)
        ids = {each["displayName"]: each["id"] for each in await self.there.all(NAMES, first=500)}
        for each in people:
            each.id = ids[each.name]

    async def _enroll(self, program: str, people: Sequence[Person]) -> None:
        rows = [{"memberId": each.id, "side": each.side, "maxPairings": each.room} for each in people]

        async def enrolled() -> bool:
            done = await self.there.do("enrollMembers", ENROLL, programId=program, enrollments=rows)
            return not done["result"]["errors"]

        await eventually(enrolled, what="matching hearing of all of them", seconds=60)

    async def _match(self) -> None:
        run = (await self.there.do("startMatchRun", "matchRun { id }", programId=self.program))["matchRun"]["id"]
        found = await eventually(lambda: self._solved(run), what="solving", seconds=300)
        if found["status"] != "SOLVED":
            self.seen[f"run {found['failure']}"] += 1
            return
        self.gaps.append(found["certificate"]["gap"])
        await self.there.do("publishMatchRun", "matchRun { status }", runId=run)
        await self._learn()

    async def _solved(self, run: str) -> dict[str, Any] | None:
        found: dict[str, Any] = (await self.there.ask(RUN, id=run))["matchRun"]
        return None if found["status"] in {"QUEUED", "SOLVING"} else found

    async def _learn(self) -> None:
        """Hear of new pairings, of pulses to answer, and of what ended without anybody."""
        by_id = {each.id: each for each in self.people if each.id}
        pairings = await self.there.all(PAIRINGS, of=self.program, first=100)
        busy = Counter(each["mentor"]["id"] for each in pairings if each["status"] in {"PROPOSED", "ACCEPTED"})
        self.seen["mentors over their room"] += sum(count > by_id[of].room for of, count in busy.items())
        for each in pairings:
            if each["status"] == "PROPOSED" and each["id"] not in self.open:
                pair = self._begun(by_id[each["mentor"]["id"]], by_id[each["mentee"]["id"]])
                self.open[each["id"]], self.quiet[each["id"]] = pair, pair.quiet and pair.quiet.id
            elif each["status"] in {"ENDED", "DECLINED"}:
                self.open.pop(each["id"], None)
        open_ = [each for each in pairings if each["id"] in self.open]
        await _all_of([self._feel(self.open[each["id"]], each["pulses"]) for each in open_])

    async def _feel(self, pair: Pair, pulses: Sequence[dict[str, Any]]) -> None:
        for pulse in pulses:
            if pulse["answeredAt"] is None and pair.rng.random() < ANSWERS_SURVEYS:
                rating = 4 if pair.gets_on else 2
                with suppress(GraphQLError):
                    await self.there.do("answerPulse", by=pulse["member"]["id"], pulseId=pulse["id"], rating=rating)

    def _begun(self, mentor: Person, mentee: Person) -> Pair:
        rng = np.random.default_rng([SEED, mentor.number, mentee.number])
        quiet = (mentor, mentee)[int(rng.integers(2))] if rng.random() < GOES_QUIET else None
        gets_on, stays = bool(rng.random() < GETS_ON), int(rng.integers(10, 25))
        goes_quiet = self.day + float(rng.uniform(7, 60))
        return Pair(mentor, mentee, self.day, gets_on, quiet, goes_quiet, stays, rng, open_to=[mentor, mentee])

    async def _live_a_day(self, key: str, pair: Pair) -> None:
        try:
            if pair.open_to:
                await self._answer(key, pair)
            elif not pair.agreed:
                await self._agree(key, pair)
            elif not pair.gets_on and pair.rng.random() < 0.01:
                await self._part(key, pair, "NO_FAULT")
            elif self.day >= pair.ends:
                await self._part(key, pair, "COMPLETED")
            if pair.move is not None and key in self.open and self.day >= pair.due:
                await self._touch(key, pair, pair.move)
        except GraphQLError as error:  # it ended meanwhile, by itself
            self.seen[f"refused {error.code}"] += 1
            self.open.pop(key, None)

    async def _answer(self, key: str, pair: Pair) -> None:
        for who in [each for each in pair.open_to if pair.acts(each, self.day)]:
            if pair.rng.random() >= SAYS_YES:
                await self.there.do("declinePairing", by=who.id, pairingId=key)
                del self.open[key]
                return
            await self.there.do("acceptPairing", by=who.id, pairingId=key)
            pair.open_to.remove(who)
        if not pair.open_to:
            pair.move, pair.due = pair.mentee, self.day + 2
            waited = (pair.proposed - 7 * pair.mentee.week) / 7
            forecast = self.forecasts.pop(pair.mentee.id, None)
            if forecast is not None:
                self.errors.append(waited - forecast)
            self.waits.setdefault(pair.mentee.id, waited)  # until the first mentor

    async def _agree(self, key: str, pair: Pair) -> None:
        if pair.agreement is None and pair.acts(pair.mentee, self.day):
            pair.ends = self.day + 7 * pair.stays
            given = {"support": "Career", "channel": "VIDEO", "everyDays": 14}
            made = await self.there.do("proposeAgreement", "agreement { id }", pair.mentee.id, pairingId=key, **given)
            pair.agreement = made["agreement"]["id"]
        elif pair.agreement is not None and pair.acts(pair.mentor, self.day):
            await self.there.do("acceptAgreement", by=pair.mentor.id, agreementId=pair.agreement)
            pair.agreed = True

    async def _touch(self, key: str, pair: Pair, who: Person) -> None:
        if not pair.acts(who, self.day):
            return
        met = pair.rng.random() < 0.7
        when = self.there.now().isoformat()
        given = {"kind": "MET" if met else "REACHED_OUT", "channel": "VIDEO", "happenedAt": when}
        await self.there.do("recordTouchpoint", by=who.id, pairingId=key, **given)
        other = pair.mentor if who is pair.mentee else pair.mentee
        pair.move, pair.due = (pair.mentee, self.day + pair.rng.integers(9, 16)) if met else (other, self.day + 1)

    async def _part(self, key: str, pair: Pair, reason: str) -> None:
        who = pair.mentee
        if not pair.acts(who, self.day):
            return
        await self.there.do("endPairing", by=who.id, pairingId=key, reason=reason)
        del self.open[key]
        for each in (pair.mentor, pair.mentee):
            if pair.rng.random() < ANSWERS_SURVEYS:
                rating = 5 if pair.gets_on else 2
                answer = {"rating": rating, "goalsMet": pair.gets_on}
                await self.there.do("answerClosingSurvey", by=each.id, pairingId=key, **answer)

    async def _look(self, week: int) -> None:
        """What the coordinator sees at the end of a week."""
        kinds = Counter(each["kind"] for each in await self.there.all(ATTENTION, of=self.program, first=200))
        if week % 4 == 0:
            told = ", ".join(f"{kind.lower()} {count}" for kind, count in sorted(kinds.items()))
            print(f"    week {week:2}: {len(self.open):,} pairings open; {told}", flush=True)


async def measure() -> list[dict[str, Any]]:
    began = time.monotonic()
    async with town() as there:
        year = Year(there, MEMBERS, SEED)
        await year.live()
        pairings = await there.all(PAIRINGS, of=year.program, first=100)
        rounds = [each for each in await there.all(ROUNDS, of=year.coffee, first=100) if each["status"] == "PUBLISHED"]
        met = Counter[frozenset[str]]()
        for each in rounds:
            for one in await there.all(MET, of=each["id"], first=500):
                ids = [member["id"] for member in one["members"]]
                met.update(frozenset({a, b}) for a in ids for b in ids if a < b)
    return _rows(year, pairings, rounds, met, time.monotonic() - began)


def _rows(
    year: Year, pairings: list[dict[str, Any]], rounds: list[dict[str, Any]], met: Counter[frozenset[str]], took: float
) -> list[dict[str, Any]]:
    work = f"{MEMBERS:,} members, {WEEKS} weeks, seed {SEED}"
    mentees = sum(each.side == "MENTEE" for each in year.people)
    had = {each["mentee"]["id"] for each in pairings if each["status"] in {"ACCEPTED", "ENDED"}}
    ends = Counter(each["endReason"] for each in pairings if each["status"] == "ENDED")
    twice = Counter((each["mentor"]["id"], each["mentee"]["id"]) for each in pairings if each["status"] != "DECLINED")
    pulses = [pulse for each in pairings for pulse in each["pulses"]]
    waits, peers = list(year.waits.values()), sum(each.side == "PEER" for each in year.people)
    # Who has met everybody meets somebody again; in a community of thousands that is not in a year.
    never = {"aim": "none", "at_most": 0} if peers > 5 * WEEKS else {}
    silent = [each for each in pairings if each["endReason"] == "SILENCE" and year.quiet.get(each["id"])]
    named = sum(each["wentQuiet"]["id"] == year.quiet[each["id"]] for each in silent)

    def told(subject: str, value: float, unit: str, **aim: Any) -> dict[str, Any]:
        return row("year", work, subject, [value], unit, **aim)

    return [
        told("lived in", took / 60, "minutes"),
        told("acts of members and coordinator, none past GraphQL", year.there.acts, "mutations"),
        told("match runs published", len(year.gaps), "runs"),
        told("their largest gap, which is what priority costs at most", max(year.gaps), "score"),
        told("mentees who had a mentor", len(had) / mentees, "of all"),
        told("weeks until then, median", float(np.median(waits)), "weeks"),
        told("weeks until then, longest tenth", float(np.quantile(waits, 0.9)), "weeks"),
        told("the wait forecast was off by, mean", float(np.mean(np.abs(year.errors))), "weeks"),
        told("it was too low by, mean (below 0: too high)", float(np.mean(year.errors)), "weeks"),
        told("pairings proposed", len(pairings), "pairings"),
        *(told(f"ended: {str(reason).lower()}", count, "pairings") for reason, count in sorted(ends.items())),
        told("of those who went quiet for good, named when it ended", named / max(len(silent), 1), "of all"),
        told("reminders sent", sum(len(each["nudges"]) for each in pairings), "reminders"),
        told("pulses answered", sum(each["answeredAt"] is not None for each in pulses) / max(len(pulses), 1), "of all"),
        told("mentors over their room, ever", year.seen["mentors over their room"], "", aim="none", at_most=0),
        told("two who parted and were paired again", sum(n > 1 for n in twice.values()), "", aim="none", at_most=0),
        told("rounds of introductions", len(rounds), "rounds"),
        told("introductions of two who had met before", sum(n > 1 for n in met.values()), "", **never),
        *(
            told(what, count, "times")
            for what, count in sorted(year.seen.items())
            if "refused" in what or "run " in what
        ),
    ]
