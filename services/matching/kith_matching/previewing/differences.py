"""Two match runs of a program side by side: who gets whom in each, who gains and loses, and what was asked of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Float, Text, TextClause, Uuid, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.pages import paginate
from kith_matching import runs
from kith_matching.errors import NoSuchRun, NotSolved
from kith_matching.models import MatchRun
from kith_matching.scoring import SAME

SHOWN = 100  # pins and prohibitions of each kind
THOUSANDTHS = 1000  # in which it is told how much a change means: whole numbers make whole cursors

# Both fits by the weights of the second run: what a person has is the same either way. What weights a run of before
# had is not known; then each pair counts what it counted in its own run.
_DIFFERENCES = """
WITH told AS (
  SELECT run_id, mentee_id, mentor_id,
    CASE WHEN CAST(:weights AS jsonb) IS NULL THEN score ELSE (
      SELECT sum(CAST(p->>'value' AS float) * CAST(CAST(:weights AS jsonb)->>(p->>'part') AS float))
      FROM jsonb_array_elements(reasons->'parts') p
    ) END AS fit
  FROM match_suggestions
  WHERE community_id = :community AND run_id IN (:before, :after) AND mentor_id IS NOT NULL
)
SELECT d.*, CASE WHEN weighs > :same THEN 'gains' WHEN weighs < -:same THEN 'loses' ELSE 'same' END AS change FROM (
SELECT mentee_id, a.mentor_id AS mentor_before_id, b.mentor_id AS mentor_after_id, a.fit AS fit_before,
  b.fit AS fit_after,
  CAST(round(CAST(coalesce(b.fit + 1, 0) - coalesce(a.fit + 1, 0) AS numeric) * :thousandths) AS bigint) AS weighs
FROM (SELECT * FROM told WHERE run_id = :before) a
FULL JOIN (SELECT * FROM told WHERE run_id = :after) b USING (mentee_id)
WHERE a.mentor_id IS DISTINCT FROM b.mentor_id
) d
"""


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs; of pins and prohibitions the first 100 of each kind."""

    before_id: UUID
    after_id: UUID
    gain: int
    lose: int
    another_mentor: int
    settings_before: dict[str, Any] | None
    settings_after: dict[str, Any] | None
    pins_added: Sequence[dict[str, str]]
    pins_dropped: Sequence[dict[str, str]]
    prohibited_added: Sequence[dict[str, str]]
    prohibited_dropped: Sequence[dict[str, str]]


async def compare(session: AsyncSession, *, run_id: UUID, other_id: UUID) -> Comparison:
    """What the second run would change of the first. Raises NoSuchRun, also for runs of two programs, or NotSolved."""
    before, after = await _both(session, run_id, other_id)
    change = _differences(before, after).subquery("differences").c.change
    counts = select(func.count().filter(change == "gains"), func.count().filter(change == "loses"), func.count(change))
    gain, lose, another = (await session.execute(counts)).one()
    return Comparison(
        before.id, after.id, gain, lose, another, before.settings, after.settings,
        pins_added=_only(after.pins, before.pins),
        pins_dropped=_only(before.pins, after.pins),
        prohibited_added=_only(after.prohibited, before.prohibited),
        prohibited_dropped=_only(before.prohibited, after.prohibited),
    )  # fmt: skip


async def differences(
    session: AsyncSession, *, run_id: UUID, other_id: UUID, first: int, after: str | None
) -> tuple[list[Any], str | None]:
    """Each mentee who would have another mentor, one or none; whoever loses most first. Raises as `compare`."""
    row = _differences(*await _both(session, run_id, other_id)).subquery("differences").c
    return await paginate(session, select(*row), by=[row.weighs, row.mentee_id], first=first, after=after)


async def _both(session: AsyncSession, run_id: UUID, other_id: UUID) -> tuple[MatchRun, MatchRun]:
    before, after = await runs.found(session, run_id), await runs.found(session, other_id)
    if before.program_id != after.program_id:
        raise NoSuchRun
    for each in (before, after):
        if each.status not in {"solved", "published"}:
            raise NotSolved(f"A run that is {each.status} cannot be compared; only what is solved can.")
    return before, after


def _differences(before: MatchRun, after: MatchRun) -> Any:
    statement: TextClause = text(_DIFFERENCES).bindparams(
        community=before.community_id, before=before.id, after=after.id, thousandths=THOUSANDTHS,
        same=round(SAME * THOUSANDTHS),
        weights=json.dumps(after.settings["weights"]) if after.settings else None,
    )  # fmt: skip
    return statement.columns(
        mentee_id=Uuid, mentor_before_id=Uuid, mentor_after_id=Uuid, fit_before=Float, fit_after=Float,
        weighs=BigInteger, change=Text,
    )  # fmt: skip


def _only(these: Sequence[dict[str, str]], those: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    there = {(each["mentee_id"], each["mentor_id"]) for each in those}
    return [each for each in these if (each["mentee_id"], each["mentor_id"]) not in there][:SHOWN]
