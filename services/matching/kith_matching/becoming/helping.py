"""Whom members helped, as those who were helped say it; shared by all who look for mentors."""

from datetime import timedelta

LATELY = timedelta(days=365)
"""What somebody did longer ago says little."""

HELPED = """
helped AS (
  SELECT helper_id AS member_id, helped_id AS other_id, 'thanked' AS how FROM thanks
  WHERE community_id = :community AND last_at > :lately
  UNION ALL SELECT mentor_id, mentee_id, 'mentored' FROM pairings
  WHERE community_id = :community AND end_reason IN ('completed', 'agreed_end') AND ended_at > :lately
  UNION ALL SELECT claimed_by, asked_by, 'served' FROM help_requests
  WHERE community_id = :community AND status = 'resolved' AND settled_at > :lately AND claimed_by IS NOT NULL
), counted AS (
  SELECT member_id, count(DISTINCT other_id) AS people,
    count(DISTINCT other_id) FILTER (WHERE how = 'thanked') AS thanked,
    count(DISTINCT other_id) FILTER (WHERE how = 'mentored') AS mentored,
    count(DISTINCT other_id) FILTER (WHERE how = 'served') AS served
  FROM helped WHERE member_id <> other_id GROUP BY member_id
)
"""
"""CTEs for a statement with :community and :lately. `counted` has a row for who helped somebody: how many different
people (member_id, people), and how many of them thanked, were mentored to a good end, or served in the help queue.

People and not deeds: whoever is named often, or by several sources, is one. A tie alone (a reply, a meeting) is none.
"""

QUIET = """(
  SELECT count(*) FROM pairings q WHERE q.community_id = :community AND q.quiet_id = {member}
    AND q.mentor_id = {member} AND q.ended_at > :lately
)"""
"""In how many pairings the mentor {member} went quiet."""

NOT_A_MENTOR = """NOT EXISTS (
  SELECT FROM enrollments e WHERE e.community_id = :community AND e.program_id = :program
    AND e.member_id = {member} AND e.side = 'mentor'
)"""
"""That {member} is no mentor in the program."""
