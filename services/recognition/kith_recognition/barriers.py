"""Barriers: what keeps two members apart because one of them said so to identity, with a block or a report.

A barrier stands from the moment the event arrives. A block is lifted by who made it; a report stays for ever.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.database import tenant_of
from kith_chassis.events import Received, View
from kith_recognition.models import Barrier


class MemberBlocked(View, type="identity.member_blocked.v1"):
    member_id: UUID
    blocked_id: UUID


class MemberUnblocked(View, type="identity.member_unblocked.v1"):
    member_id: UUID
    blocked_id: UUID


class MemberReported(View, type="identity.member_reported.v1"):
    member_id: UUID
    reported_id: UUID


# What was said last holds, in whatever order it comes: also that a block is lifted is kept, with its number.
_SAY = text("""
INSERT INTO barriers AS b (community_id, one_id, other_id, source, raised_by, sequence, lifted)
SELECT DISTINCT ON (community_id, by, other)
  community_id, least(by, other), greatest(by, other), :source, by, sequence, :lifted
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, by uuid, other uuid, sequence bigint)
WHERE by <> other
ORDER BY community_id, by, other, sequence DESC
ON CONFLICT (community_id, one_id, other_id, source, raised_by) DO UPDATE
SET sequence = EXCLUDED.sequence, lifted = EXCLUDED.lifted
WHERE b.sequence < EXCLUDED.sequence
""")


def listen(consumers: Consumers) -> None:
    """Have these handlers told of what the views above name."""

    @consumers.on(MemberBlocked)
    async def blocked(session: AsyncSession, events: Sequence[Received[MemberBlocked]]) -> None:
        await _say(session, "block", [(event, event.data.blocked_id) for event in events])

    @consumers.on(MemberReported)
    async def reported(session: AsyncSession, events: Sequence[Received[MemberReported]]) -> None:
        await _say(session, "report", [(event, event.data.reported_id) for event in events])

    @consumers.on(MemberUnblocked)
    async def unblocked(session: AsyncSession, events: Sequence[Received[MemberUnblocked]]) -> None:
        await _say(session, "block", [(event, event.data.blocked_id) for event in events], lifted=True)


async def _say(
    session: AsyncSession, source: str, said: Sequence[tuple[Received[Any], UUID]], *, lifted: bool = False
) -> None:
    rows = [
        {
            "community_id": str(event.tenant),
            "by": str(event.data.member_id),
            "other": str(other_id),
            "sequence": event.sequence,
        }
        for event, other_id in said
    ]
    await session.execute(_SAY, {"rows": json.dumps(rows), "source": source, "lifted": lifted})


async def between(session: AsyncSession, one: UUID, other: UUID) -> bool:
    """Whether a barrier stands between two, whoever of them raised it."""
    standing = select(Barrier.raised_by).where(
        Barrier.community_id == tenant_of(session),
        Barrier.one_id == min(one, other),
        Barrier.other_id == max(one, other),
        Barrier.lifted.is_(False),
    )
    return await session.scalar(standing.limit(1)) is not None
