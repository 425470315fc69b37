"""How many mentees become mentors: the headline number of a program that lasts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_matching import clock, programs
from kith_matching.becoming.shares import Waits, median_wait, share_by

YEAR = 365
# A mentee has finished when a first pairing came to a good end, and mentors from a first accepted pairing on. Who had
# mentored before they began as a mentee has nothing to become, and is left out.
_STORIES = text("""
WITH learned AS (
  SELECT mentee_id AS member_id, min(coalesce(settled_at, proposed_at)) AS began_at,
    min(ended_at) FILTER (WHERE end_reason IN ('completed', 'agreed_end')) AS finished_at
  FROM pairings
  WHERE community_id = :community AND status IN ('accepted', 'ended') AND NOT private
    AND (CAST(:program AS uuid) IS NULL OR program_id = :program)
  GROUP BY mentee_id
), taught AS (
  SELECT mentor_id AS member_id, min(coalesce(settled_at, proposed_at)) AS mentored_at FROM pairings
  WHERE community_id = :community AND status IN ('accepted', 'ended') AND NOT private GROUP BY mentor_id
), told AS (
  SELECT l.*, t.mentored_at,
    EXISTS (SELECT FROM enrollments e WHERE e.community_id = :community AND e.member_id = l.member_id
      AND e.side = 'mentor') AS enrolled
  FROM learned l LEFT JOIN taught t ON t.member_id = l.member_id
  WHERE l.finished_at >= :since AND l.finished_at <= :now AND (t.mentored_at IS NULL OR t.mentored_at > l.began_at)
)
SELECT CAST(date_trunc('quarter', finished_at AT TIME ZONE 'UTC') AS date) AS quarter,
  CAST(extract(day FROM CAST(:now AS timestamptz) - finished_at) AS bigint) AS seen,
  CASE WHEN mentored_at IS NOT NULL
    THEN CAST(extract(day FROM greatest(mentored_at - finished_at, interval '0')) AS bigint) END AS waited,
  enrolled OR mentored_at IS NOT NULL AS enrolled, count(*) AS people
FROM told GROUP BY 1, 2, 3, 4
""")


@dataclass(frozen=True)
class Quarter:
    """Mentees who finished in the quarter that begins at `starts_on` (UTC), and how many of them mentor since."""

    starts_on: date
    finished: int
    mentored: int


@dataclass(frozen=True)
class Conversion:
    """What became of the mentees who finished since a moment.

    finished           mentees whose first pairing that ended as agreed, or completed, did so since then
    enrolled           those of them who are enrolled as mentors, or were mentors
    mentored           those who have had a mentee of their own
    share              mentored of finished so far; None when nobody finished
    share_in_a_year    how many are mentors a year after they finished, where all had had that year (see `share_by`);
                       None when nobody finished so long ago
    median_days        half of those who did became mentors within so many days
    quarters           the same by when they finished, the newest first
    """

    finished: int
    enrolled: int
    mentored: int
    share: float | None
    share_in_a_year: float | None
    median_days: int | None
    quarters: Sequence[Quarter]


async def counted(session: AsyncSession, *, program_id: UUID | None, since: datetime) -> Conversion:
    """Of one program's mentees or of all; where they mentor does not matter. Raises NoSuchProgram."""
    if program_id is not None:
        await programs.found(session, program_id)
    values = {"community": tenant_of(session), "program": program_id, "since": since, "now": clock.now()}
    rows = (await session.execute(_STORIES, values)).all()
    finished, mentored = (_by_quarter(rows, only_mentors=only) for only in (False, True))
    everybody, converted = sum(finished.values()), sum(mentored.values())
    waits = [Waits(int(each.seen), None if each.waited is None else int(each.waited), each.people) for each in rows]
    return Conversion(
        finished=everybody,
        enrolled=sum(each.people for each in rows if each.enrolled),
        mentored=converted,
        share=converted / everybody if everybody else None,
        share_in_a_year=share_by(YEAR, waits),
        median_days=median_wait(waits),
        quarters=[Quarter(each, finished[each], mentored[each]) for each in sorted(finished, reverse=True)],
    )


def _by_quarter(rows: Sequence[Any], *, only_mentors: bool) -> Mapping[date, int]:
    found: dict[date, int] = defaultdict(int)
    for each in rows:
        if not only_mentors or each.waited is not None:
            found[each.quarter] += each.people
    return found
