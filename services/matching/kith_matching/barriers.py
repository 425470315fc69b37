"""Barriers: what keeps two members apart because one of them said so to identity, with a block or a report.

A barrier stands from the moment the event arrives: whatever brings two together asks for it in its own transaction
(`introducing/apart.py`). What the two share already is parted right after, by a job: what began before the barrier is
committed by then, and what begins after sees it. A block is lifted by who made it; a report stays for ever.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.database import Database
from kith_chassis.events import Received, View, emit
from kith_matching import clock, requests
from kith_matching.events import PairingDeclined
from kith_matching.help_queue.models import HelpRequest
from kith_matching.introducing import apart
from kith_matching.introducing.models import Barrier
from kith_matching.models import Pairing, Request
from kith_matching.pairing_life import endings


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
INSERT INTO barriers AS b (community_id, one_id, other_id, source, raised_by, raised_at, sequence, lifted, parted)
SELECT DISTINCT ON (community_id, by, other)
  community_id, least(by, other), greatest(by, other), :source, by, at, sequence, :lifted, :lifted
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS r(community_id uuid, by uuid, other uuid, at timestamptz, sequence bigint)
WHERE by <> other
ORDER BY community_id, by, other, sequence DESC
ON CONFLICT (community_id, one_id, other_id, source, raised_by) DO UPDATE
SET sequence = EXCLUDED.sequence, lifted = EXCLUDED.lifted, raised_at = EXCLUDED.raised_at,
    parted = EXCLUDED.lifted OR (b.parted AND NOT b.lifted)
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
    for community_id in sorted({event.tenant for event, _ in said}):
        await apart.change(session, community_id)
    rows = [
        {
            "community_id": str(event.tenant),
            "by": str(event.data.member_id),
            "other": str(other_id),
            "at": event.time.isoformat(),
            "sequence": event.sequence,
        }
        for event, other_id in said
    ]
    await session.execute(_SAY, {"rows": json.dumps(rows), "source": source, "lifted": lifted})


async def part_next(database: Database) -> bool:
    """End what the two at one new barrier share; False when there is none."""
    async with database.transaction() as session:
        new = select(Barrier).where(Barrier.parted.is_(False)).order_by(Barrier.raised_at).limit(1)
        barrier = (await session.scalars(new.with_for_update(skip_locked=True))).first()
        if barrier is None:
            return False
        barrier.parted = True
        await _part(session, barrier)
        return True


async def _part(session: AsyncSession, barrier: Barrier) -> None:
    """Nothing of it names a fault or a cause.

    A request by who raised the barrier is withdrawn; one to them is held: its asker sees it go unanswered, and they
    see it no more. A proposed pairing is declined, one that goes on ends as when two do not fit. A claim in the help
    queue is given back.
    """
    one, other, community = barrier.one_id, barrier.other_id, barrier.community_id
    two = or_(
        and_(Request.mentor_id == one, Request.mentee_id == other),
        and_(Request.mentor_id == other, Request.mentee_id == one),
    )
    unsettled = Request.status.in_(requests.UNSETTLED)
    waiting = select(Request).where(Request.community_id == community, unsettled, two)
    for request in await session.scalars(waiting.order_by(Request.id).with_for_update()):
        if (request.asked_by or request.mentee_id) == barrier.raised_by and not request.held:
            await requests.close(session, request, to="withdrawn")
        else:
            request.held = True
    two = or_(
        and_(Pairing.mentor_id == one, Pairing.mentee_id == other),
        and_(Pairing.mentor_id == other, Pairing.mentee_id == one),
    )
    shared = select(Pairing).where(Pairing.community_id == community, Pairing.status.in_(("proposed", "accepted")), two)
    for pairing in await session.scalars(shared.order_by(Pairing.id).with_for_update()):
        if pairing.status == "accepted":
            await endings.end(session, pairing, reason="no_fault")
            continue
        pairing.status, pairing.settled_at = "declined", clock.now()
        declined = PairingDeclined(
            pairing_id=pairing.id,
            program_id=pairing.program_id,
            mentor_id=pairing.mentor_id,
            mentee_id=pairing.mentee_id,
        )
        emit(session, declined, tenant=community)
    claimed = select(HelpRequest).where(
        HelpRequest.community_id == community,
        HelpRequest.status == "open",
        func.least(HelpRequest.asked_by, HelpRequest.claimed_by) == one,
        func.greatest(HelpRequest.asked_by, HelpRequest.claimed_by) == other,
    )
    for wanted in await session.scalars(claimed.order_by(HelpRequest.id).with_for_update()):
        wanted.claimed_by = wanted.claimed_until = None
