"""Who leaves the community leaves its programs: what was open with them ends, and nobody waits for them any more.

The consumer keeps that they left, and a job does the rest: a table made anew from the log then ends nothing again.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.database import Database
from kith_chassis.events import Received, View, emit
from kith_matching import clock, programs, requests
from kith_matching.events import EnrollmentEnded, PairingDeclined
from kith_matching.help_queue.models import HelpRequest
from kith_matching.models import Enrollment, Pairing, Request
from kith_matching.open_calls.models import CallInvitation
from kith_matching.pairing_life import endings
from kith_matching.pairings import of


class MemberLeft(View, type="identity.member_left.v1"):
    member_id: UUID


_LEFT = text("""
INSERT INTO participants (community_id, member_id, left_at)
SELECT DISTINCT ON (c, m) c, m, t
FROM unnest(CAST(:communities AS uuid[]), CAST(:members AS uuid[]), CAST(:times AS timestamptz[])) AS r(c, m, t)
ORDER BY c, m, t
ON CONFLICT (community_id, member_id) DO UPDATE SET left_at = least(participants.left_at, EXCLUDED.left_at)
""")
_LEAVING = text("""
SELECT community_id, member_id FROM participants WHERE left_at IS NOT NULL AND parted_at IS NULL
ORDER BY left_at, member_id LIMIT 1
""")
_PARTED = text("UPDATE participants SET parted_at = now() WHERE community_id = :community AND member_id = :member")
# Theirs, and those of mentees who lose their mentor: in the order of their ids, as all who take several.
_LOCK = text("""
SELECT 1 FROM enrollments WHERE community_id = :community AND (member_id = :member OR side = 'mentee' AND EXISTS (
  SELECT FROM pairings p WHERE p.community_id = :community AND p.program_id = enrollments.program_id
    AND p.mentor_id = :member AND p.mentee_id = enrollments.member_id AND p.status IN ('proposed', 'accepted')))
ORDER BY id FOR UPDATE
""")


def listen(consumers: Consumers) -> None:
    """Have this handler told who left."""

    @consumers.on(MemberLeft)
    async def left(session: AsyncSession, events: Sequence[Received[MemberLeft]]) -> None:
        values = {
            "communities": [e.tenant for e in events],
            "members": [e.data.member_id for e in events],
            "times": [e.time for e in events],
        }
        await session.execute(_LEFT, values)


async def part(database: Database) -> None:
    """End what is open with those who have left; run as a job."""
    while await _part_one(database):
        pass


async def _part_one(database: Database) -> bool:
    """One pass over one who left; False when nobody is leaving.

    Only a pass that finds nothing is the last: what began while another went on is seen by the next, and without
    enrollments nothing begins any more. Locks in the order in which answers take them: requests, pairings, enrollments.
    """
    async with database.transaction() as session:
        leaving = (await session.execute(_LEAVING)).first()
        if leaving is None:
            return False
        place = {"community": leaving.community_id, "member": leaving.member_id}
        found = await _settle_requests(session, *leaving)
        found += await _end_pairings(session, place)
        found += await _end_enrollments(session, *leaving)
        found += await _leave_the_queue(session, *leaving)
        found += await _answer_no_call(session, *leaving)
        if not found:
            await session.execute(_PARTED, place)
    return True


async def _settle_requests(session: AsyncSession, community_id: UUID, member_id: UUID) -> int:
    """What they asked is taken back; what they were asked is a no, and the next choice is asked."""
    theirs = or_(Request.mentor_id == member_id, Request.mentee_id == member_id)
    unsettled = Request.status.in_(requests.UNSETTLED)
    statement = select(Request).where(Request.community_id == community_id, unsettled, theirs)
    found = (await session.scalars(statement.order_by(Request.id).with_for_update())).all()
    for request in found:
        own = member_id == (request.asked_by or request.mentee_id)
        await requests.close(session, request, to="withdrawn" if own else "declined")
    return len(found)


async def _end_pairings(session: AsyncSession, place: dict[str, Any]) -> int:
    member_id: UUID = place["member"]
    statement = select(Pairing).where(
        Pairing.community_id == place["community"], Pairing.status.in_(("proposed", "accepted")), of(member_id)
    )
    found = (await session.scalars(statement.order_by(Pairing.id).with_for_update())).all()
    await session.execute(_LOCK, place)
    for pairing in found:
        if pairing.status == "accepted":
            await endings.end(session, pairing, reason="member_left")
        else:
            pairing.status, pairing.settled_at = "declined", clock.now()
            ids = {"program_id": pairing.program_id, "mentor_id": pairing.mentor_id, "mentee_id": pairing.mentee_id}
            emit(session, PairingDeclined(pairing_id=pairing.id, **ids), tenant=pairing.community_id)
        if pairing.mentor_id == member_id:
            await programs.first_next_time(session, pairing.program_id, [pairing.mentee_id])
    return len(found)


async def _end_enrollments(session: AsyncSession, community_id: UUID, member_id: UUID) -> int:
    """Drafts lose who left by this: publishing looks at who is enrolled then."""
    gone = delete(Enrollment).where(Enrollment.community_id == community_id, Enrollment.member_id == member_id)
    returned = await session.execute(gone.returning(Enrollment.id, Enrollment.program_id, Enrollment.side))
    rows = returned.all()
    reason: Literal["member_left"] = "member_left"
    for row in rows:
        ended = EnrollmentEnded(
            enrollment_id=row.id, program_id=row.program_id, member_id=member_id, side=row.side, reason=reason
        )
        emit(session, ended, tenant=community_id)
    return len(rows)


async def _leave_the_queue(session: AsyncSession, community_id: UUID, member_id: UUID) -> int:
    """What they asked for needs nobody any more; what they had taken on is free again."""
    here, now = (HelpRequest.community_id == community_id, HelpRequest.status == "open"), clock.now()
    asked = update(HelpRequest).where(*here, HelpRequest.asked_by == member_id)
    asked = asked.values(status="withdrawn", settled_at=now).returning(HelpRequest.id)
    claimed = update(HelpRequest).where(*here, HelpRequest.claimed_by == member_id, HelpRequest.claimed_until > now)
    claimed = claimed.values(claimed_until=now).returning(HelpRequest.id)
    return sum([len((await session.execute(each)).all()) for each in (asked, claimed)])


async def _answer_no_call(session: AsyncSession, community_id: UUID, member_id: UUID) -> int:
    """Calls that asked them ask somebody else."""
    here = (CallInvitation.community_id == community_id, CallInvitation.member_id == member_id)
    lapsed = update(CallInvitation).where(*here, CallInvitation.status == "asked")
    lapsed = lapsed.values(status="lapsed", settled_at=clock.now()).returning(CallInvitation.id)
    return len((await session.execute(lapsed)).all())
