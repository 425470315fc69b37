"""Who has had to do with whom, learned from what other services tell: replies, accepted answers, meetings, thanks."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.events import Received, View

TOGETHER = 12  # more people than that in one session have not met each other


class AttendanceRecorded(View, type="groups.attendance_recorded.v1"):
    present_ids: list[UUID]
    starts_at: datetime | None = None


class PostWritten(View, type="groups.post_written.v1"):
    author_id: UUID
    reply_to_id: UUID | None


class AnswerAccepted(View, type="groups.answer_accepted.v1"):
    answerer_id: UUID
    accepted_by: UUID
    asker_id: UUID | None = None


class KudosGiven(View, type="recognition.kudos_given.v1"):
    giver_id: UUID
    receiver_id: UUID


_KEEP = text("""
INSERT INTO ties (community_id, one_id, other_id, last_at)
SELECT community_id, least(one, other), greatest(one, other), max(at)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, one uuid, other uuid, at timestamptz)
WHERE one <> other GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (community_id, one_id, other_id) DO UPDATE SET last_at = EXCLUDED.last_at
WHERE ties.last_at < EXCLUDED.last_at
""")


# Somebody said that another helped them.
_THANK = text("""
INSERT INTO thanks (community_id, helper_id, helped_id, last_at)
SELECT community_id, one, other, max(at)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, one uuid, other uuid, at timestamptz)
WHERE one <> other GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (community_id, helper_id, helped_id) DO UPDATE SET last_at = EXCLUDED.last_at
WHERE thanks.last_at < EXCLUDED.last_at
""")


def listen(consumers: Consumers) -> None:
    """Have these handlers told of what the views above name."""

    @consumers.on(AttendanceRecorded)
    async def attended(session: AsyncSession, events: Sequence[Received[AttendanceRecorded]]) -> None:
        small = [e for e in events if len(e.data.present_ids) <= TOGETHER]
        met = ((e, two) for e in small for two in combinations(e.data.present_ids, 2))
        await _keep(session, ((e.tenant, *two, e.data.starts_at or e.time) for e, two in met))

    @consumers.on(PostWritten)
    async def replied(session: AsyncSession, events: Sequence[Received[PostWritten]]) -> None:
        await _keep(
            session,
            ((e.tenant, e.data.author_id, e.data.reply_to_id, e.time) for e in events if e.data.reply_to_id),
        )

    @consumers.on(AnswerAccepted)
    async def answered(session: AsyncSession, events: Sequence[Received[AnswerAccepted]]) -> None:
        helped = [(e.tenant, e.data.answerer_id, e.data.asker_id or e.data.accepted_by, e.time) for e in events]
        await _keep(session, helped)
        await _keep(session, helped, _THANK)

    @consumers.on(KudosGiven)
    async def thanked(session: AsyncSession, events: Sequence[Received[KudosGiven]]) -> None:
        helped = [(e.tenant, e.data.receiver_id, e.data.giver_id, e.time) for e in events]
        await _keep(session, helped)
        await _keep(session, helped, _THANK)


async def _keep(
    session: AsyncSession, found: Iterable[tuple[UUID, UUID, UUID, datetime]], statement: TextClause = _KEEP
) -> None:
    rows = [
        {"community_id": str(tenant), "one": str(one), "other": str(other), "at": at.isoformat()}
        for tenant, one, other, at in found
    ]
    if rows:
        await session.execute(statement, {"rows": json.dumps(rows)})
