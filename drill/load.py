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

    def __init__(self, system: System, asker: Client, voices: list[Client], threads: list[str], community: str) -> None:
        self.system = system
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
        self._community = community
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

    async def goes_on(self, commands: int) -> None:
        """Return when so many more are acknowledged."""
        wanted = self.acknowledged + commands

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


@asynccontextmanager
async def prepared(system: System) -> AsyncIterator[Load]:
    """A community with threads to answer and people to do so."""
    slug, owner = "drill", "owner@drill.example"
    async with connect(f"{system.url(GATEWAY)}/graphql") as anonymous:
        login = {"email": owner, "password": _PASSWORD, "displayName": "Olga"}
        founded = await anonymous.mutate(ask.FOUND, {"name": "Drill", "slug": slug, "mission": "", "owner": login})
        asker = await anonymous.signed_in(community=slug, email=owner, password=_PASSWORD)
        voices = []
        for number in range(VOICES):
            email = f"voice-{number}@drill.example"
            given = {"community": slug, "email": email, "password": _PASSWORD, "displayName": f"Voice {number}"}
            await anonymous.mutate(_JOIN, given)
            voices.append(await anonymous.signed_in(community=slug, email=email, password=_PASSWORD))

        async def welcome() -> str | None:
            edges = (await asker.query(ask.SPACES))["spaces"]["edges"]
            return next((edge["node"]["id"] for edge in edges if edge["node"]["key"] == "welcome"), None)

        space = await eventually(welcome, "the welcome space")
        threads = []
        for number in range(THREADS):
            question = {"spaceId": space, "kind": "QUESTION", "title": f"Question {number}", "body": "What helped?"}
            threads.append((await asker.mutate(ask.THREAD, question))["thread"]["id"])
        load = Load(system, asker, voices, threads, founded["founding"]["communityId"])
        await load.remember()
        yield load
