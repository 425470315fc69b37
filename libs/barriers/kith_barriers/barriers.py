"""Barriers: what keeps two members apart because one of them said so to identity, with a block or a report.

A barrier stands from the moment its event arrives. A block is lifted by who made it; a report stays for ever.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from kith_chassis.consumers import Consumers
from kith_chassis.database import tenant_of
from kith_chassis.events import Received, View


class BarrierColumns:
    """What one said of another; `sequence` is the number it was said with, `lifted` says that it no longer holds."""

    __tablename__ = "barriers"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint, ...]:  # noqa: N805 -- of the class it is mixed into
        return (
            CheckConstraint("one_id < other_id", name="order"),
            CheckConstraint("source IN ('block', 'report')", name="source"),
        )

    community_id: Mapped[UUID] = mapped_column(primary_key=True)
    one_id: Mapped[UUID] = mapped_column(primary_key=True)
    other_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    raised_by: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    lifted: Mapped[bool]


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

_BETWEEN = text("""
SELECT DISTINCT one_id, other_id FROM barriers WHERE community_id = :community AND NOT lifted
  AND (one_id = ANY(:some) AND other_id = ANY(:others) OR one_id = ANY(:others) AND other_id = ANY(:some))
ORDER BY 1, 2
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


async def between(session: AsyncSession, some: Collection[UUID], others: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """The pairs of one of `some` and one of `others` who are kept apart, each once; whoever of them said so."""
    place = {"community": tenant_of(session), "some": list(some), "others": list(others)}
    return [(row.one_id, row.other_id) for row in await session.execute(_BETWEEN, place)]
