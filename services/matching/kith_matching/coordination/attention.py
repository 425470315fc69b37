"""Who needs a coordinator, why, and what to do next: one query over a whole program."""

from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Text, Uuid, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_matching import clock, programs
from kith_matching.loads.states import LATE, OVERDUE
from kith_matching.pairing_life.standing import MILESTONES, WARNED
from kith_matching.training.gate import held_back

Kind = Literal["unmatched", "stuck", "unhappy", "overloaded", "untrained"]
Reason = Literal[
    "no_mentor", "waits_for_answer", "silent", "not_met", "no_agreement", "wants_help", "low_rating", "overdue",
    "more_than_wanted", "nobody_free", "training_open",
]  # fmt: skip
Action = Literal[
    "start_match_run", "remind_who_is_asked", "talk_to_who_is_awaited", "help_them_meet", "ask_for_agreement",
    "get_in_touch", "relieve", "find_mentors",
    "remind_of_training",
]  # fmt: skip
NEXT: dict[Reason, Action] = {
    "no_mentor": "start_match_run",
    "waits_for_answer": "remind_who_is_asked",
    "silent": "talk_to_who_is_awaited",
    "not_met": "help_them_meet",
    "no_agreement": "ask_for_agreement",
    "wants_help": "get_in_touch",
    "low_rating": "get_in_touch",
    "overdue": "relieve",
    "more_than_wanted": "relieve",
    "nobody_free": "find_mentors",
    "training_open": "remind_of_training",
}
LOW_RATING = 2

_ATTENTION = text(f"""
WITH taken AS (
  SELECT mentor_id, mentee_id FROM pairings
  WHERE community_id = :community AND program_id = :program AND status IN ('proposed', 'accepted') AND NOT private
), asked AS (
  SELECT mentor_id, mentee_id, asked_at, coalesce(asked_by, mentee_id) AS asked_by FROM requests
  WHERE community_id = :community AND program_id = :program AND status = 'pending' AND NOT held
), living AS (
  SELECT p.*, c.move_id, c.since, c.climbed FROM pairings p JOIN contacts c ON c.pairing_id = p.id
  WHERE p.community_id = :community AND p.program_id = :program
), reached AS (
  SELECT l.id,
    EXISTS (SELECT FROM touchpoints t WHERE t.pairing_id = l.id AND t.kind = 'met') AS met,
    EXISTS (SELECT FROM agreements a WHERE a.pairing_id = l.id
            AND a.mentor_accepted_at IS NOT NULL AND a.mentee_accepted_at IS NOT NULL) AS agreed
  FROM living l
), said AS (
  SELECT DISTINCT ON (u.pairing_id, u.member_id) u.* FROM pulses u JOIN living l ON l.id = u.pairing_id
  WHERE u.answered_at IS NOT NULL AND (u.member_id = :actor OR :actor NOT IN (l.mentor_id, l.mentee_id))
  ORDER BY u.pairing_id, u.member_id, u.answered_at DESC
), waiting AS (
  SELECT member_id, count(*) AS people, min(since) AS since FROM (
    SELECT move_id AS member_id, since FROM living WHERE climbed > 0
    UNION ALL SELECT mentor_id, asked_at FROM asked WHERE asked_by <> mentor_id AND asked_at <= :waits_since
  ) w GROUP BY member_id
)
SELECT 'unmatched' AS kind, e.id AS subject_id, e.member_id, CAST(NULL AS uuid) AS pairing_id,
  greatest(e.enrolled_at, (SELECT max(p.ended_at) FROM pairings p WHERE p.community_id = :community
    AND p.program_id = :program AND p.mentee_id = e.member_id)) AS since,
  CASE WHEN {held_back("e")} THEN 'training_open' WHEN EXISTS (SELECT FROM asked r WHERE r.mentee_id = e.member_id)
    THEN 'waits_for_answer'
    WHEN EXISTS (SELECT FROM programs g WHERE g.id = :program AND g.automatic_pairing) AND NOT EXISTS (
      SELECT FROM enrollments m WHERE m.community_id = :community AND m.program_id = :program AND m.side = 'mentor'
        AND NOT m.paused AND m.max_pairings > (SELECT count(*) FROM taken t WHERE t.mentor_id = m.member_id)
    ) THEN 'nobody_free' ELSE 'no_mentor' END AS reason
FROM enrollments e
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentee' AND NOT e.paused
  AND e.max_pairings > 0 AND NOT EXISTS (SELECT FROM taken t WHERE t.mentee_id = e.member_id)
UNION ALL
SELECT 'stuck', l.id, CASE WHEN l.climbed >= :warned THEN l.move_id ELSE l.mentee_id END, l.id,
  CASE WHEN l.climbed >= :warned THEN l.since
       WHEN NOT r.met AND l.settled_at <= CAST(:now AS timestamptz) - CAST(:to_meet AS interval)
         THEN l.settled_at + CAST(:to_meet AS interval)
       ELSE l.settled_at + CAST(:to_agree AS interval) END,
  CASE WHEN l.climbed >= :warned THEN 'silent'
       WHEN NOT r.met AND l.settled_at <= CAST(:now AS timestamptz) - CAST(:to_meet AS interval) THEN 'not_met'
       ELSE 'no_agreement' END
FROM living l JOIN reached r ON r.id = l.id
WHERE l.climbed >= :warned
  OR (NOT r.met AND l.settled_at <= CAST(:now AS timestamptz) - CAST(:to_meet AS interval))
  OR (NOT r.agreed AND l.settled_at <= CAST(:now AS timestamptz) - CAST(:to_agree AS interval))
UNION ALL
SELECT 'unhappy', s.id, s.member_id, s.pairing_id, s.answered_at,
  CASE WHEN s.wants_help THEN 'wants_help' ELSE 'low_rating' END
FROM said s WHERE s.wants_help OR s.rating <= :low
UNION ALL
SELECT 'untrained', e.id, e.member_id, NULL,
  greatest(e.enrolled_at, (SELECT min(m.added_at) FROM training_modules m WHERE m.program_id = :program)),
  'training_open'
FROM enrollments e
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentor' AND NOT e.paused
  AND {held_back("e")}
UNION ALL
SELECT 'overloaded', e.id, e.member_id, NULL, coalesce(w.since, e.enrolled_at),
  CASE WHEN w.people >= :overdue THEN 'overdue' ELSE 'more_than_wanted' END
FROM enrollments e LEFT JOIN waiting w ON w.member_id = e.member_id
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentor'
  AND (w.people >= :overdue OR (SELECT count(*) FROM taken t WHERE t.mentor_id = e.member_id) > e.max_pairings)
""").columns(kind=Text, subject_id=Uuid, member_id=Uuid, pairing_id=Uuid, since=TIMESTAMP(timezone=True), reason=Text)


async def attention(
    session: AsyncSession, *, actor_id: UUID, program_id: UUID, kind: Kind | None, first: int, after: str | None
) -> tuple[list[Any], str | None]:
    """Everything in a program that needs somebody, or what of it is of one kind; who waits longest comes first.

    `subject_id` is the enrollment, pairing or pulse it is about, each at most once. What the other of a pair says, a
    coordinator who is in that pair does not learn here either. Raises NoSuchProgram.
    """
    await programs.found(session, program_id)
    now = clock.now()
    values = {
        "community": tenant_of(session),
        "program": program_id,
        "actor": actor_id,
        "now": now,
        "warned": WARNED,
        "to_agree": MILESTONES["no_agreement"],
        "to_meet": MILESTONES["not_met"],
        "waits_since": now - LATE,
        "low": LOW_RATING,
        "overdue": OVERDUE,
    }
    row = _ATTENTION.bindparams(**values).subquery("attention").c
    statement = select(row.kind, row.subject_id, row.member_id, row.pairing_id, row.since, row.reason)
    if kind is not None:
        statement = statement.where(row.kind == kind)
    return await paginate(session, statement, by=[row.since, row.subject_id], first=first, after=after)
