"""How long somebody who asks now would wait, told before they ask."""

import math
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_matching import clock, programs
from kith_matching.training.gate import held_back
from kith_matching.waits import REMEMBERED_WEEKS, expected_wait

# Who waits: mentees who take part, have room and have nobody yet. A place: what a mentor who takes part has left.
_NOW = text(f"""
WITH taken AS (
  SELECT e.id, e.side, e.max_pairings - count(p.id) AS room, count(p.id) AS pairings
  FROM enrollments e LEFT JOIN pairings p ON p.community_id = e.community_id AND p.program_id = e.program_id
    AND p.status IN ('proposed', 'accepted') AND NOT p.private
    AND (CASE WHEN e.side = 'mentee' THEN p.mentee_id ELSE p.mentor_id END) = e.member_id
  WHERE e.community_id = :community AND e.program_id = :program AND NOT e.paused AND NOT {held_back("e")} GROUP BY e.id
), lately AS (
  SELECT count(*) AS accepted FROM pairings
  WHERE community_id = :community AND program_id = :program AND status IN ('accepted', 'ended') AND NOT private
    AND settled_at > CAST(:now AS timestamptz) - make_interval(weeks => :weeks)
)
SELECT coalesce(count(*) FILTER (WHERE side = 'mentee' AND room > 0 AND pairings = 0), 0) AS ahead,
       coalesce(sum(greatest(room, 0)) FILTER (WHERE side = 'mentor'), 0) AS free,
       (SELECT accepted FROM lately) AS accepted
FROM taken
""")


@dataclass(frozen=True)
class Forecast:
    """weeks is None where nothing moved for weeks and no place is free: then nobody knows."""

    program_id: UUID
    ahead: int
    free: int
    paired_a_week: float
    weeks: float | None


async def wait(session: AsyncSession, *, program_id: UUID) -> Forecast:
    """How many wait, how many places there are, and for how long somebody more would wait at the recent rate."""
    await programs.found(session, program_id)
    place = {"community": tenant_of(session), "program": program_id, "now": clock.now(), "weeks": REMEMBERED_WEEKS}
    now = (await session.execute(_NOW, place)).one()
    rate = int(now.accepted) / REMEMBERED_WEEKS
    weeks = expected_wait(int(now.ahead), int(now.free), rate)
    return Forecast(program_id, int(now.ahead), int(now.free), rate, round(weeks, 1) if math.isfinite(weeks) else None)
