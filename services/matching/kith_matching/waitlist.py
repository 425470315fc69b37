"""Waiting in line for a mentor who has no room: whoever comes first is asked for when a place is free.

And not being let in where the wait would be longer than a program lets anybody wait.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_matching import clock, programs, queries, requests
from kith_matching.errors import AdmissionClosed
from kith_matching.events import RequestMade
from kith_matching.loads import evidence
from kith_matching.models import Enrollment, Request
from kith_matching.previewing import forecasts
from kith_matching.programs import NewEnrollment

# Who was left out before comes first, then who has waited longest. A request that reaches nobody, as the two are kept
# apart, stands in line as any other, or its asker could tell.
_LINE = """
SELECT r.id, r.community_id, r.program_id, r.mentor_id, r.mentee_id, r.asked_by,
  row_number() OVER (
    PARTITION BY r.community_id, r.program_id, r.mentor_id ORDER BY m.priority DESC, r.asked_at, r.id
  ) AS place
FROM requests r JOIN enrollments m ON m.community_id = r.community_id AND m.program_id = r.program_id
  AND m.member_id = r.mentee_id AND m.side = 'mentee'
WHERE r.status = 'waitlisted'
"""
# As many are asked for as there are places that nobody is asked for already.
_NEXT = text(f"""
WITH line AS ({_LINE} AND NOT m.paused AND m.max_pairings > (
  SELECT count(*) FROM pairings t WHERE t.community_id = r.community_id AND t.program_id = r.program_id
    AND t.mentee_id = r.mentee_id AND t.status IN ('proposed', 'accepted') AND NOT t.private))
SELECT l.id, l.community_id, l.program_id, l.mentor_id FROM line l
JOIN programs g ON g.id = l.program_id AND g.status IN ('open', 'running')
JOIN enrollments e ON e.community_id = l.community_id AND e.program_id = l.program_id AND e.member_id = l.mentor_id
  AND e.side = 'mentor' AND NOT e.paused
WHERE l.place <= e.max_pairings - (
  SELECT count(*) FROM pairings p WHERE p.community_id = e.community_id AND p.program_id = e.program_id
    AND p.mentor_id = e.member_id AND p.status IN ('proposed', 'accepted') AND NOT p.private
) - (
  SELECT count(*) FROM requests q WHERE q.community_id = e.community_id AND q.program_id = e.program_id
    AND q.mentor_id = e.member_id AND q.status = 'pending' AND NOT q.held
    AND coalesce(q.asked_by, q.mentee_id) <> q.mentor_id
)
ORDER BY l.community_id, l.program_id, l.mentor_id, l.place
""")
_PLACES = text(f"""
WITH line AS ({_LINE} AND r.community_id = :community AND (r.program_id, r.mentor_id) IN (
  SELECT program_id, mentor_id FROM requests WHERE community_id = :community AND id = ANY(:requests)))
SELECT id, place FROM line WHERE id = ANY(:requests) AND coalesce(asked_by, mentee_id) = :actor
""")


async def enroll(session: AsyncSession, *, program_id: UUID, new: NewEnrollment) -> Enrollment:
    """`programs.enroll_oneself`, for mentees where they would not wait too long; else AdmissionClosed."""
    program = await programs.found(session, program_id)
    most = program.longest_wait_weeks
    if new.side == "mentee" and most is not None:
        [there] = await queries.enrollments_of(session, [program_id], member_id=new.member_id)
        if any(each.side == "mentee" for each in there):
            return await programs.enroll_oneself(session, program_id=program_id, new=new)
        weeks = (await forecasts.wait(session, program_id=program_id)).weeks
        if weeks is None or weeks > most:
            how_long = "for longer than anybody can tell" if weeks is None else f"{weeks:g} weeks"
            raise AdmissionClosed(
                f"You would wait {how_long} for a mentor now, and in this program nobody is to wait longer than {most}"
                " weeks. Ask in the help queue, join a circle, or come again when there is more room."
            )
    return await programs.enroll_oneself(session, program_id=program_id, new=new)


async def move_up(database: Database) -> None:
    """Ask mentors who have room again for those who are first in line; run as a job."""
    async with database.transaction() as session:
        rows = (await session.execute(_NEXT)).all()
    lines: dict[tuple[UUID, UUID], list[Any]] = {}
    for row in rows:
        lines.setdefault((row.community_id, row.program_id), []).append(row)
    for (community_id, program_id), waiting in lines.items():
        async with database.transaction(tenant=community_id) as session:
            await _ask(session, community_id, program_id, waiting)


async def _ask(session: AsyncSession, community_id: UUID, program_id: UUID, waiting: Sequence[Any]) -> None:
    program = await programs.found(session, program_id)
    mentors = list({each.mentor_id for each in waiting})
    loads = await evidence.burdened(session, community_id=community_id, program_id=program_id, among=mentors)
    ids = [each.id for each in waiting if each.mentor_id not in loads.spared]
    statement = select(Request).where(Request.id.in_(ids), Request.status == "waitlisted").order_by(Request.id)
    now = clock.now()
    for request in await session.scalars(statement.with_for_update(skip_locked=True)):
        request.status, request.asked_at = "pending", now
        request.expires_at = now + timedelta(days=program.request_expiry_days)
        requests.tell(session, RequestMade, request)


async def places(session: AsyncSession, request_ids: Sequence[UUID], *, actor_id: UUID) -> list[int | None]:
    """Where each request stands in line, 1 for the first; None for what does not, or is not the caller's."""
    asked = {"community": tenant_of(session), "requests": list(request_ids), "actor": actor_id}
    found = {row.id: int(row.place) for row in await session.execute(_PLACES, asked)}
    return [found.get(each) for each in request_ids]
