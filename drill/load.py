"""Load whose every command can be found again: members answer threads, each answer numbered.

A command is acknowledged when the gateway has answered it without error; until then it is sent again with the same
`clientMutationId`. Every answer must then be one row in groups, one interaction in metrics and one more in the tally
of recognition.
"""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from kith_local.client import Client, connect
from kith_local.errors import LocalError
from kith_local.layout import GATEWAY
from kith_local.story import documents as ask
from kith_local.story.tell import eventually
from kith_local.up import System

VOICES, THREADS = 24, 16
_PASSWORD = "a password for drilling"
_JOIN = ask.mutation("join", "joining { memberId }")


@dataclass
class Seen:
    """What the databases say, in answers."""

    stored: int
    distinct: int
    in_metrics: int
    in_recognition: int
    dead: int

    @property
    def is_settled(self) -> bool:
        return self.stored == self.distinct == self.in_metrics == self.in_recognition


class Load:
    """Answers being written until told to stop."""

    def __init__(
        self, system: System, asker: Client, voices: list[Client], threads: list[str], *, progress: int
    ) -> None:
        self.system = system
        self.progress = progress
        self.acknowledged = 0
        self.sent = 0
        self.failed: list[str] = []
        self.poison: set[UUID] = set()
        """Events that are to become dead letters."""
        self.notes: list[str] = []
        self.restarting = "nothing"
        self.asker = asker
        self.voices = voices
        self.threads = threads
        self._mark = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._baseline = 0

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write as fast as answers come while the block runs; ends when the last command is acknowledged."""
        going = asyncio.Event()
        going.set()

        async def write(voice: Client) -> None:
            while going.is_set():
                try:
                    await voice.mutate(ask.POST, self.answer())
                    self.acknowledged += 1
                except LocalError as error:
                    self.failed.append(str(error))

        tasks = [asyncio.create_task(write(voice)) for voice in self.voices]
        try:
            yield
        finally:
            going.clear()
            await asyncio.gather(*tasks)

    def answer(self) -> dict[str, str]:
        """The next answer to a thread, which is to be sent."""
        number = next(self._numbers)
        self.sent += 1
        return {"threadId": self.threads[number % THREADS], "body": f"drill {self._mark} {number}"}

    async def goes_on(self, commands: int | None = None) -> None:
        """Return when so many more are acknowledged: enough to be under load again, where it is not said."""
        wanted = self.acknowledged + (self.progress if commands is None else commands)

        async def reached() -> bool:
            return self.acknowledged >= wanted

        await eventually(reached, f"{commands} commands")

    async def seen(self) -> Seen:
        stored, distinct = await self._ask(
            "groups", "SELECT count(*), count(DISTINCT body) FROM posts WHERE body LIKE $1", f"drill {self._mark} %"
        )
        (ties,) = await self._ask("metrics", "SELECT count(*) FROM interactions WHERE source = 'reply'")
        (tally,) = await self._ask(
            "recognition", "SELECT coalesce(sum(count), 0) FROM tallies WHERE kind = 'post_written'"
        )
        dead = 0
        for service in ("groups", "metrics", "recognition"):
            dead += len(await self.buried(service) - self.poison)
        return Seen(stored, distinct, ties, int(tally) - self._baseline, dead)

    async def buried(self, service: str) -> set[UUID]:
        """The events a service has given up."""
        (ids,) = await self._ask(service, "SELECT coalesce(array_agg(event_id), '{}') FROM dead_letters")
        return set(ids)

    async def remember(self) -> None:
        """What recognition has counted before the first answer."""

        async def heard() -> bool:
            self._baseline = THREADS
            return (await self.seen()).in_recognition == 0

        await eventually(heard, "recognition hearing of the threads")

    async def _ask(self, service: str, sql: str, *values: object) -> tuple[Any, ...]:
        connection = await asyncpg.connect(self.system.database_url(service, "worker"))
        try:
            row = await connection.fetchrow(sql, *values)
        finally:
            await connection.close()
        assert row is not None
        return tuple(row)


@dataclass(frozen=True)
class Community:
    """One with people in it, and with threads for them to answer. All ids are global ones."""

    id: str
    asker: Client
    voices: list[Client]
    space: str
    threads: list[str]


async def founded(anonymous: Client, slug: str, *, voices: int, threads: int) -> Community:
    """Found a community; its owner asks, and so many others are signed in."""
    owner = f"owner@{slug}.example"
    login = {"email": owner, "password": _PASSWORD, "displayName": "Olga"}
    made = await anonymous.mutate(ask.FOUND, {"name": slug.title(), "slug": slug, "mission": "", "owner": login})
    asker = await anonymous.signed_in(community=slug, email=owner, password=_PASSWORD)
    people = []
    for number in range(voices):
        email = f"voice-{number}@{slug}.example"
        given = {"community": slug, "email": email, "password": _PASSWORD, "displayName": f"Voice {number}"}
        await anonymous.mutate(_JOIN, given)
        people.append(await anonymous.signed_in(community=slug, email=email, password=_PASSWORD))

    async def welcome() -> str | None:
        edges = (await asker.query(ask.SPACES))["spaces"]["edges"]
        return next((edge["node"]["id"] for edge in edges if edge["node"]["key"] == "welcome"), None)

    space = await eventually(welcome, "the welcome space")
    opened = []
    for number in range(threads):
        question = {"spaceId": space, "kind": "QUESTION", "title": f"Question {number}", "body": "What helped?"}
        opened.append((await asker.mutate(ask.THREAD, question))["thread"]["id"])
    return Community(made["founding"]["communityId"], asker, people, space, opened)


@asynccontextmanager
async def prepared(system: System, *, progress: int) -> AsyncIterator[Load]:
    """A load on a community of its own, of which so many commands are to be acknowledged between two faults."""
    async with connect(f"{system.url(GATEWAY)}/graphql") as anonymous:
        there = await founded(anonymous, "drill", voices=VOICES, threads=THREADS)
        load = Load(system, there.asker, there.voices, there.threads, progress=progress)
        await load.remember()
        yield load
