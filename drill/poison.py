"""Events that cannot be read, cannot be applied, or take very long, on the stream among all others."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg
import nats

from drill.faults import Fault
from drill.load import Load
from kith_local.errors import LocalError
from kith_local.layout import Installation
from kith_local.story.tell import eventually
from kith_local.up import System

_SLOW_SECONDS = 15.0  # longer than the bus waits for an answer
_POSTED, _COMPLETED = "groups.post_written.v1", "identity.micro_task_completed.v1"
_UNREADABLE = (b"\xff\xfe", b"", b"null", b"[" * 100_000, b'{"id": 1}', b"\x00" * 1_000, b'{"id": "\\ud800"}')
_REFUSE = "ALTER TABLE tallies ADD CONSTRAINT drill CHECK (member_id <> '{}') NOT VALID"
_REFUSE_NO_MORE = "ALTER TABLE tallies DROP CONSTRAINT IF EXISTS drill"
_HOLD = "INSERT INTO tallies (community_id, member_id, kind, count) VALUES ($1, $2, 'micro_task_completed', 0)"


@asynccontextmanager
async def hasty(installation: Installation) -> AsyncIterator[Installation]:
    """Services that give an event up after seconds."""
    with patch.dict(os.environ, {"PYTHONPATH": str(Path(__file__).parent / "hasty")}):
        yield installation


async def _poison(system: System, load: Load, _: random.Random) -> None:
    await load.goes_on()
    told = system.bus
    client = await nats.connect(told["KITH_NATS_URL"], user=told["KITH_NATS_USER"], password=told["KITH_NATS_PASSWORD"])
    database = await asyncpg.connect(system.database_url("recognition", "owner"))
    try:
        community, refused, slow = uuid4(), uuid4(), uuid4()

        async def publish(type_: str, event_id: UUID, body: bytes) -> UUID:
            await client.jetstream().publish(f"kith.{type_}", body, headers={"Nats-Msg-Id": str(event_id)})
            return event_id

        async def completed(member: UUID) -> UUID:
            event_id = uuid4()
            return await publish(_COMPLETED, event_id, _envelope(event_id, community, {"member_id": str(member)}))

        await database.execute(_REFUSE.format(refused))
        unreadable = {await publish(_POSTED, uuid4(), body) for body in _UNREADABLE}
        poison = {await completed(refused), *unreadable}
        load.poison |= poison
        applied = (await load.seen()).in_recognition
        await _within(load, "recognition going on", lambda: _applied(load, applied + load.progress))
        await _set_aside(load, "recognition", poison)
        await _set_aside(load, "metrics", unreadable)
        async with _held(database, community, slow):
            await completed(slow)
            await asyncio.sleep(_SLOW_SECONDS)
        await load.goes_on()
    finally:
        await client.close()
        await database.execute(_REFUSE_NO_MORE)
        await database.close()


def _envelope(event_id: UUID, community: UUID, data: dict[str, str]) -> bytes:
    head = {"specversion": "1.0", "id": str(event_id), "source": "/drill", "type": _COMPLETED}
    place = {"subject": str(uuid4()), "tenant": str(community), "sequence": 1, "time": datetime.now(UTC).isoformat()}
    return json.dumps(head | place | {"data": data}).encode()


async def _set_aside(load: Load, service: str, wanted: set[UUID]) -> None:
    async def buried() -> bool:
        return await load.buried(service) >= wanted

    await _within(load, f"{service} setting {len(wanted)} events aside", buried)


async def _applied(load: Load, count: int) -> bool:
    return (await load.seen()).in_recognition >= count


async def _within(load: Load, what: str, check: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it; what does not come in time is unexpected, and the drill goes on."""
    try:
        await eventually(check, what)
    except LocalError as error:
        load.failed.append(str(error))


@asynccontextmanager
async def _held(database: asyncpg.Connection, community: UUID, member: UUID) -> AsyncIterator[None]:
    """As long as the block lasts, who counts for this member waits."""
    transaction = database.transaction()
    await transaction.start()
    await database.execute(_HOLD, community, member)
    try:
        yield
    finally:
        await transaction.rollback()


FAULTS = (Fault("poison among the events", _poison, share=0.1, ground=hasty),)
