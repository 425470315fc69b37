"""The story itself, chapter by chapter."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from kith_local.client import Client, GraphQLError
from kith_local.errors import LocalError
from kith_local.imports import import_members, rejected_path
from kith_local.member_files import open_members
from kith_local.rows import Row
from kith_local.story import documents as ask
from kith_local.story.people import Person, chance, complete
from kith_local.story.receiver import Receiver
from kith_local.story.telling import Telling

BATCH = 500
CIRCLE_POOL = 2000
DEADLINE_SECONDS = 240.0


class Story:
    """One telling: a new community in a running system, from its member list to its health report."""

    def __init__(
        self, client: Client, receiver: Receiver, telling: Telling, *, members: Path, seed: int, voices: int
    ) -> None:
        self.anonymous, self.receiver, self.telling = client, receiver, telling
        self.members, self.seed, self.voices = members, seed, voices
        self.owner = client
        self.people: list[Person] = []
        self.by_id: dict[str, Person] = {}
        self.endpoint = ""

    async def tell(self) -> None:
        await self.found()
        await self.bring_members()
        program, enrolled = await self.open_program()
        run = await self.match(program)
        pairings = await self.publish(program, run)
        voices = await self.give_voice(pairings)
        await self.accept(pairings, voices)
        sessions = await self.form_circles()
        await self.talk(voices)
        await self.recognise()
        await self.report()
        await self.listen(enrolled=enrolled, pairings=len(pairings), sessions=sessions)

    async def found(self) -> None:
        """A community, its owner signed in, and an app that wants to hear of everything."""
        with self.telling.step("found", "Founding a community"):
            slug, password = f"story-{secrets.token_hex(4)}", secrets.token_urlsafe(18)
            email = f"owner@{slug}.example"
            owner = {"email": email, "password": password, "displayName": "Olga"}
            mission = "Developers who help each other grow."
            await self.anonymous.mutate(ask.FOUND, {"name": "Story", "slug": slug, "mission": mission, "owner": owner})
            self.owner = await self.anonymous.signed_in(community=slug, email=email, password=password)
            wanted = {"url": self.receiver.url, "eventTypes": ["*"], "description": "Hears everything"}
            endpoint = (await self.owner.mutate(ask.WEBHOOK, wanted))["webhookEndpoint"]
            self.endpoint, self.receiver.secret = endpoint["id"], endpoint["secret"]

    async def bring_members(self) -> None:
        with open_members(self.members) as file:
            total = sum(1 for _ in file)
        with open_members(self.members) as file, self.telling.step("import", "Importing members", total=total) as bar:
            result = await import_members(
                self.owner, file, rejected_path=rejected_path(self.members), advance=bar, prepare=self._complete
            )
        self.telling.note(rows=total, members=result.created, rejected=result.rejected)
        speed = result.created / max(self.telling.seconds["import"], 0.01)
        self.telling.say(f"{result.created:,} members, {speed:,.0f} a second; {result.rejected} rows refused")
        if result.rejected_file:
            self.telling.say(f"to correct and import again: {result.rejected_file}")
        with self.telling.step("read", "Reading them back", total=result.created) as bar:
            async for node in self.owner.pages(ask.MEMBERS, first=500):
                bar(1)
                person = Person(
                    node["id"],
                    node["displayName"],
                    node["experienceYears"],
                    bool(node["skillsOffered"]),
                    bool(node["skillsWanted"]),
                )
                self.people.append(person)
        self.by_id = {person.id: person for person in self.people}

    def _complete(self, row: Row) -> None:
        complete(row, seed=self.seed)

    async def open_program(self) -> tuple[str, int]:
        """A mentoring program with everyone who can teach or wants to learn."""
        given = {"name": "Mentoring", "kind": "MENTORING", "objectives": "Grow together"}
        program = (await self.owner.mutate(ask.OPEN_PROGRAM, given))["program"]["id"]
        rows = [
            {"memberId": person.id, "side": "MENTOR" if person.mentors else "MENTEE"}
            | ({"maxPairings": 2} if person.mentors else {})
            for person in self.people
            if person.mentors or person.learns
        ]
        with self.telling.step("enroll", "Opening a mentoring program", total=len(rows)) as bar:
            enrolled = 0
            for batch in _batches(rows):
                enrolled += await self._enroll(program, batch)
                bar(len(batch))
        mentors = sum(1 for row in rows if row["side"] == "MENTOR")
        self.telling.note(mentors=mentors, mentees=len(rows) - mentors, enrolled=enrolled)
        self.telling.say(f"{mentors:,} mentors with room for two, {len(rows) - mentors:,} mentees")
        return program, enrolled

    async def _enroll(self, program: str, rows: list[dict[str, Any]]) -> int:
        """Enroll all of these; whom the matching service has not heard of yet is asked for again."""
        enrolled, ends = 0, time.monotonic() + DEADLINE_SECONDS
        while rows:
            result = (await self.owner.mutate(ask.ENROLL, {"programId": program, "enrollments": rows}))["result"]
            enrolled += result["enrolled"]
            rows = [rows[error["index"]] for error in result["errors"]]
            if rows and time.monotonic() > ends:
                raise LocalError(f"{len(rows)} members could not be enrolled: {result['errors'][0]['reason']}")
            if rows:
                await asyncio.sleep(0.5)
        return enrolled

    async def match(self, program: str) -> str:
        with self.telling.step("match", "Matching the whole cohort at once"):
            started = await self.owner.mutate(ask.START_RUN, {"programId": program, "seed": self.seed})
            run: str = started["matchRun"]["id"]

            async def solved() -> dict[str, Any] | None:
                found: dict[str, Any] = (await self.owner.query(ask.RUN, id=run))["matchRun"]
                return found if found["status"] in {"SOLVED", "FAILED"} else None

            found = await eventually(solved, "the match run")
            if found["status"] == "FAILED":
                raise LocalError(f"The match run failed: {found['failure']}")
        proof = found["certificate"]
        self.telling.note(
            matched=proof["matched"], total=proof["total"], bound=proof["bound"], gap=proof["gap"],
            candidates=proof["candidates"], run_seconds=proof["scoringSeconds"] + proof["solvingSeconds"],
        )  # fmt: skip
        self.telling.say(
            f"{proof['matched']:,} of {proof['mentees']:,} mentees matched, total {proof['total']:,.3f}, "
            f"proven bound {proof['bound']:,.3f}, gap {proof['gap']:g}"
        )
        preview = await self.owner.query(ask.PREVIEW, id=run)
        for edge in preview["matchSuggestions"]["edges"]:
            node = edge["node"]
            other = f"; next best {node['nextBest']['displayName']}" if node["nextBest"] else ""
            self.telling.say(
                f"{node['mentee']['displayName']} with {node['mentor']['displayName']}: {node['score']:.2f}, "
                f"shares {', '.join(node['sharedSkills'][:3]) or 'no skill'}{other}"
            )
        return run

    async def publish(self, program: str, run: str) -> list[dict[str, Any]]:
        with self.telling.step("publish", "Publishing the pairings"):
            await self.owner.mutate(ask.PUBLISH, {"runId": run})
            pairings = [node async for node in self.owner.pages(ask.PAIRINGS, first=500, program=program)]
        self.telling.note(pairings=len(pairings))
        return pairings

    async def give_voice(self, pairings: Sequence[dict[str, Any]]) -> dict[str, Client]:
        """Some members come themselves, with the invitation they were sent: member id to their client."""
        chosen = sorted(pairings, key=lambda each: chance(self.seed, "voice", self._name(each["mentee"]["id"])))
        ids = list(dict.fromkeys(each[side]["id"] for each in chosen[: self.voices] for side in ("mentor", "mentee")))
        voices: dict[str, Client] = {}
        with self.telling.step("voices", "Members sign in with their invitation", total=len(ids)) as bar:
            if ids:
                invited = (await self.owner.mutate(ask.INVITE, {"memberIds": ids}))["invitations"]

                async def come(invitation: dict[str, str]) -> None:
                    login = (await self.anonymous.mutate(ask.REDEEM, {"token": invitation["token"]}))["login"]
                    voices[login["memberId"]] = self.anonymous.with_token(login["accessToken"])
                    bar(1)

                await _at_once(8, [partial(come, each) for each in invited])
        return {member_id: voices[member_id] for member_id in ids}

    async def accept(self, pairings: Sequence[dict[str, Any]], voices: dict[str, Client]) -> None:
        """Those who came accept themselves, both sides; for the others the coordinator records that they agreed."""
        own = [each for each in pairings if each["mentor"]["id"] in voices and each["mentee"]["id"] in voices]
        rest = [each["id"] for each in pairings if each not in own]
        with self.telling.step("accept", "Pairs accept", total=len(pairings)) as bar:

            async def both(pairing: dict[str, Any]) -> None:
                for side in ("mentee", "mentor"):
                    await voices[pairing[side]["id"]].mutate(ask.ACCEPT, {"pairingId": pairing["id"]})
                bar(1)

            await _at_once(8, [partial(both, each) for each in own])
            for batch in _batches(rest):
                await self.owner.mutate(ask.ACCEPT_ALL, {"pairingIds": batch})
                bar(len(batch))
        self.telling.note(accepted_by_members=len(own), accepted_by_coordinator=len(rest))
        self.telling.say(f"{len(own)} by the two themselves, {len(rest):,} recorded by the coordinator")

    async def form_circles(self) -> int:
        """Circles of newcomers, a more experienced member in each, and a first session with attendance."""
        newcomers = [person for person in self.people if person.is_new] or self.people
        newcomers = sorted(newcomers, key=lambda each: chance(self.seed, "newcomer", each.name))[:CIRCLE_POOL]
        taken = {person.id for person in newcomers}
        hosts = sorted(
            (person for person in self.people if person.mentors and person.id not in taken),
            key=lambda each: chance(self.seed, "host", each.name),
        )[: len(newcomers) // 10]
        pool = {
            "memberIds": [person.id for person in (*newcomers, *hosts)],
            "facilitatorIds": [person.id for person in hosts],
        }
        with self.telling.step("circles", "Forming circles"):
            formed = await _once_known(self.owner, ask.FORM, {"pool": pool, "seed": self.seed})
        groups, left = formed["formation"]["groups"], formed["formation"]["left"]
        sizes = [len(group["memberships"]) for group in groups]
        self.telling.note(circles=len(groups), in_circles=sum(sizes), left_out=len(left))
        self.telling.say(
            f"{len(groups)} circles of {min(sizes, default=0)} to {max(sizes, default=0)}, {len(left)} left to wait"
        )
        with self.telling.step("sessions", "Holding a first session each", total=len(groups)) as bar:
            present: list[int] = []
            for batch in _batches(groups, 200):
                present += await self._meet(batch)
                bar(len(batch))
        met = sum(1 for each in present if each > 1)
        self.telling.note(sessions=len(groups), attendances=sum(present), met=met)
        return len(groups)

    async def _meet(self, groups: Sequence[dict[str, Any]]) -> list[int]:
        """Enter a session of each that was just held, record who came, and say how many that was."""
        starts_at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        new = [{"groupId": group["id"], "startsAt": starts_at, "title": "First session"} for group in groups]
        sessions = (await self.owner.mutate(ask.SCHEDULE, {"sessions": new}))["sessions"]
        came = []
        for session, group in zip(sessions, groups, strict=True):
            members = [membership["member"] for membership in group["memberships"]]
            present = [each["id"] for each in members if chance(self.seed, "came", each["displayName"]) < 0.85]  # noqa: PLR2004
            came.append({"sessionId": session["id"], "presentIds": present})
        await self.owner.mutate(ask.ATTENDANCE, {"sessions": came})
        return [len(each["presentIds"]) for each in came]

    async def talk(self, voices: dict[str, Client]) -> None:
        """Questions in the welcome space, answers, acceptance, and kudos for who helped."""
        ids = sorted(voices, key=lambda each: chance(self.seed, "talk", self._name(each)))
        askers, helpers = ids[::2], ids[1::2]
        talks = list(zip(askers, helpers, strict=False))
        with self.telling.step("talk", "Questions, answers, kudos", total=len(talks)) as bar:

            async def welcome() -> str | None:
                edges = (await self.owner.query(ask.SPACES))["spaces"]["edges"]
                return next((edge["node"]["id"] for edge in edges if edge["node"]["key"] == "welcome"), None)

            space = await eventually(welcome, "the welcome space")

            async def one(asker: str, helper: str) -> None:
                question = {"spaceId": space, "kind": "QUESTION", "title": "Where do I start?"}
                body = "I would like to learn something new. What helped you most?"
                opened = await voices[asker].mutate(ask.THREAD, question | {"body": body})
                thread = opened["thread"]["id"]
                answer = {"threadId": thread, "body": "Build something small with somebody who knows it."}
                post = (await voices[helper].mutate(ask.POST, answer))["post"]["id"]
                await voices[asker].mutate(ask.ACCEPT_ANSWER, {"threadId": thread, "postId": post})
                thanks = {"receiverId": helper, "message": "Thank you, that helped!", "value": "generosity"}
                await _once_known(voices[asker], ask.KUDOS, thanks)
                bar(1)

            await _at_once(8, [partial(one, *pair) for pair in talks])
        self.telling.note(threads=len(talks), posts=2 * len(talks), kudos=len(talks))

    async def recognise(self) -> None:
        did = self.telling.figures
        # Two of each pair that accepted itself, who came, who wrote, whose answer helped, who thanked, who was thanked.
        earned = 2 * did["accepted_by_members"] + did["attendances"] + did["posts"] + did["threads"] + 2 * did["kudos"]
        with self.telling.step("recognise", "Points, badges and a leaderboard"):

            async def all_recognised() -> dict[str, int] | None:
                totals: dict[str, int] = (await self.owner.query(ask.TOTALS))["recognitionTotals"]
                return totals if totals["entries"] >= earned else None

            totals = await eventually(all_recognised, f"recognition of {earned:,} things")
            leaders = (await self.owner.query(ask.LEADERS))["leaderboard"]
        self.telling.note(points=totals["points"], ledger_entries=totals["entries"], badges=totals["badges"])
        for row in leaders[:3]:
            badges = ", ".join(award["badgeKey"] for award in row["member"]["badges"])
            self.telling.say(f"{row['rank']}. {row['member']['displayName']}: {row['points']} points ({badges})")

    async def report(self) -> None:
        did = self.telling.figures
        wanted = {"pairing": did["accepted_by_members"], "session": did["met"]}
        wanted |= dict.fromkeys(("reply", "answer", "kudos"), did["threads"])
        with self.telling.step("report", "A health report"):

            async def complete() -> dict[str, Any] | None:
                """Events take a moment to metrics: a report that does not know all of them yet is made again."""
                made = await self.owner.mutate(ask.REPORT, {"windowDays": 28, "graceDays": 0})
                found: dict[str, Any] = await self.owner.query(ask.HEALTH, id=made["report"]["id"])
                figures = found["report"]["figures"]
                known = dict.fromkeys(wanted, 0) | {each["source"]: each["count"] for each in figures["interactions"]}
                return found if known == wanted and figures["members"] == did["members"] + 1 else None

            health = await eventually(complete, "a report that knows of everything", every=1.0)
        figures = health["report"]["figures"]
        self.telling.note(
            connected=figures["connected"], never_connected=figures["neverConnected"], activated=figures["activated"],
            named=figures["named"],
        )  # fmt: skip
        self.telling.say(
            f"{figures['members']:,} members: {figures['connected']:,} connected to somebody, "
            f"{figures['activated']:,} have contributed, {figures['named']:,} named as isolated"
        )
        for edge in health["isolatedMembers"]["edges"]:
            node = edge["node"]
            self.telling.say(
                f"{node['member']['displayName']}  {node['score']:.2f}  {', '.join(node['reasons'])} → {node['step']}"
            )

    async def listen(self, *, enrolled: int, pairings: int, sessions: int) -> None:
        """Every event of the story has reached the app, signed, and each was counted once."""
        expected = {  # not member_joined: the owner joined before there was an endpoint to hear of it
            "identity.profile_changed.v1": self.telling.figures["members"],
            "matching.member_enrolled.v1": enrolled,
            "matching.pairing_proposed.v1": pairings,
            "matching.pairing_accepted.v1": pairings,
            "groups.group_formed.v1": sessions,
            "groups.attendance_recorded.v1": sessions,
            "groups.answer_accepted.v1": self.telling.figures["threads"],
            "recognition.kudos_given.v1": self.telling.figures["kudos"],
            "recognition.points_awarded.v1": self.telling.figures["ledger_entries"],
            "recognition.badge_awarded.v1": self.telling.figures["badges"],
        }
        with self.telling.step("webhooks", "Webhooks, all of them", total=sum(expected.values())) as bar:
            shown = 0

            async def complete_() -> bool:
                nonlocal shown
                counts = (await self.owner.query(ask.DELIVERIES, id=self.endpoint))["webhookEndpoint"]["deliveryCounts"]
                bar(len(self.receiver.seen) - shown)
                shown = len(self.receiver.seen)
                here = all(self.receiver.types[type_] >= n for type_, n in expected.items())
                return here and counts["pending"] == 0

            await eventually(complete_, "the webhooks", every=0.5)
        off = {t: (n, self.receiver.types[t]) for t, n in expected.items() if self.receiver.types[t] != n}
        self.telling.note(
            events=sum(expected.values()), events_by_type=dict(sorted(expected.items())),
            forged=self.receiver.forged, unexpected={t: list(pair) for t, pair in off.items()},
        )  # fmt: skip
        self.telling.say(
            f"{len(self.receiver.seen):,} events, every signature right, {self.receiver.forged} forged; "
            f"{self.receiver.repeated} came more than once and were counted once"
        )
        for type_, (wanted, got) in off.items():
            self.telling.say(f"{type_}: expected {wanted:,}, received {got:,}")

    def _name(self, member_id: str) -> str:
        person = self.by_id.get(member_id)
        return person.name if person else member_id


def _batches(items: Sequence[Any], size: int = BATCH) -> list[list[Any]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


async def _at_once(most: int, acts: Sequence[Callable[[], Awaitable[None]]]) -> None:
    room = asyncio.Semaphore(most)

    async def one(act: Callable[[], Awaitable[None]]) -> None:
        async with room:
            await act()

    async with asyncio.TaskGroup() as group:
        for act in acts:
            group.create_task(one(act))


async def _once_known(client: Client, document: str, given: dict[str, Any]) -> dict[str, Any]:
    """A mutation about members whom its service may not have heard of yet: events take a moment."""

    async def attempt() -> dict[str, Any] | None:
        try:
            return await client.mutate(document, given)
        except GraphQLError as error:
            if error.code not in {"NO_SUCH_MEMBER", "NO_SUCH_PARTICIPANT"}:
                raise
            return None

    found: dict[str, Any] = await eventually(attempt, "hearing of every member")
    return found


async def eventually(check: Callable[[], Awaitable[Any]], what: str, *, every: float = 0.25) -> Any:
    """Poll until `check` gives something true, and return that; LocalError when it takes too long."""
    ends = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < ends:
        if found := await check():
            return found
        await asyncio.sleep(every)
    raise LocalError(f"{what} took longer than {DEADLINE_SECONDS:.0f} s. The logs are in .kith/logs.")
