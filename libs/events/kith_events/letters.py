"""Dead letters: events a service gave up on, kept in its own database; looked at, applied after all, or discarded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.database import Database
from kith_chassis.events import received

_LIST = text("""
SELECT event_id, type, reason, attempts, buried_at, payload FROM dead_letters
WHERE CAST(:ids AS uuid[]) IS NULL OR event_id = ANY(:ids) ORDER BY buried_at, event_id LIMIT :limit
""")
_TAKE = text("SELECT type, payload FROM dead_letters WHERE event_id = :id FOR UPDATE")
_MARK = text("INSERT INTO inbox (event_id) VALUES (:id) ON CONFLICT DO NOTHING RETURNING event_id")
_REMOVE = text("DELETE FROM dead_letters WHERE event_id = :id RETURNING event_id")
_REMEMBER = text("UPDATE dead_letters SET reason = :reason, attempts = attempts + 1 WHERE event_id = :id")


@dataclass(frozen=True)
class Letter:
    """A dead letter. `payload` is what stood on the stream, as it came."""

    event_id: UUID
    type: str
    reason: str
    attempts: int
    buried_at: datetime
    payload: bytes


async def letters(database: Database, *, ids: Sequence[UUID] | None = None, limit: int = 100) -> list[Letter]:
    """The oldest dead letters, or these."""
    async with database.transaction() as session:
        rows = await session.execute(_LIST, {"ids": list(ids) if ids is not None else None, "limit": limit})
        return [Letter(*row) for row in rows]


class NoSuchLetter(Exception):  # noqa: N818 -- a noun, as all that can go wrong
    """There is no dead letter of this event."""

    def __init__(self, event_id: UUID) -> None:
        super().__init__(f"there is no dead letter {event_id}")


async def replay(database: Database, consumers: Consumers, event_id: UUID) -> str | None:
    """Apply a dead letter now; the reason when it fails again, None when it is done. Raises NoSuchLetter.

    Effect, inbox mark and the letter's end are one transaction.
    """
    try:
        async with database.transaction() as session:
            await _apply(session, consumers, event_id)
    except NoSuchLetter:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever a handler raises is what the letter says from now on
        reason = f"{type(error).__name__}: {error}"[:2000]
        async with database.transaction() as session:
            await session.execute(_REMEMBER, {"id": event_id, "reason": reason})
        return reason
    return None


async def _apply(session: AsyncSession, consumers: Consumers, event_id: UUID) -> None:
    row = (await session.execute(_TAKE, {"id": event_id})).one_or_none()
    if row is None:
        raise NoSuchLetter(event_id)
    known = consumers.of(row.type)
    if known is None:
        raise ValueError(f"this service has no handler for {row.type}")
    view, handler = known
    event = received(row.payload, view)
    if (await session.execute(_MARK, {"id": event_id})).first() is not None:
        await handler(session, [event])
    await session.execute(_REMOVE, {"id": event_id})


async def discard(database: Database, event_id: UUID) -> None:
    """Give an event up for good: it counts as dealt with. Raises NoSuchLetter."""
    async with database.transaction() as session:
        if (await session.execute(_REMOVE, {"id": event_id})).first() is None:
            raise NoSuchLetter(event_id)
        await session.execute(_MARK, {"id": event_id})
