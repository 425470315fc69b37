"""Previews: asked for by coordinators, worked out apart, kept; nothing of a program changes by them."""

import json
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_matching import clock, programs, runs
from kith_matching.errors import NoSuchPreview, NoSuchRun
from kith_matching.introducing import apart
from kith_matching.models import MatchRun, Program
from kith_matching.previewing.models import Preview
from kith_matching.solving import LEASE_SECONDS, MAX_ATTEMPTS, solved

log = logging.getLogger(__name__)


async def request(
    session: AsyncSession,
    *,
    actor_id: UUID,
    program_id: UUID,
    run_id: UUID | None,
    weights: dict[str, float] | None,
    rules: dict[str, Any] | None,
    mode: str,
) -> Preview:
    """Ask what other settings would do. What is left out of `weights` stays as the program has it, if any is given all
    of them together sum to 1; the same for `rules`.

    run_id  match again the people of a run, with all the room mentors have; else who would be in a run now
    """
    program = await programs.found(session, program_id)
    if run_id is not None and (await runs.found(session, run_id)).program_id != program_id:
        raise NoSuchRun
    changed = programs.checked_settings(program.weights | (weights or {}), program.rules | (rules or {}))
    preview = Preview(
        community_id=tenant_of(session),
        program_id=program_id,
        run_id=run_id,
        settings={"weights": changed[0], "rules": changed[1], "mode": mode},
        requested_by=actor_id,
    )
    session.add(preview)
    await session.flush()
    await session.refresh(preview)
    return preview


async def found(session: AsyncSession, preview_id: UUID) -> Preview:
    statement = select(Preview).where(Preview.id == preview_id, Preview.community_id == tenant_of(session))
    preview = (await session.scalars(statement)).first()
    if preview is None:
        raise NoSuchPreview
    return preview


# --- in the worker --------------------------------------------------------------------------------------------------

_CLAIM = text("""
UPDATE previews SET status = 'solving', attempts = attempts + 1, lease_until = now() + make_interval(secs => :lease)
WHERE id = (
  SELECT id FROM previews WHERE status = 'queued' OR (status = 'solving' AND lease_until < now())
  ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, attempts
""")
_EXTEND = text("UPDATE previews SET lease_until = now() + make_interval(secs => :lease) WHERE id = :preview")
# The people of a run: its mentees, and the mentors of then with all their room; with profiles as they are today.
_OF_RUN = text("""
SELECT coalesce(json_agg(json_build_object(
  'member_id', w.member_id, 'capacity', w.capacity, 'hours', w.weekly_hours, 'interests', p.interests,
  'languages', p.languages, 'experience_years', p.experience_years, 'time_zone', p.time_zone,
  'availability', p.availability,
  'skills', CASE WHEN :side = 'mentee' THEN p.skills_wanted ELSE p.skills_offered END
) ORDER BY p.skills_wanted::text, p.skills_offered::text, p.experience_years, p.availability::text, p.interests,
  w.member_id), '[]')::text
FROM (
  SELECT s.community_id, s.mentee_id AS member_id, 1 AS capacity, e.weekly_hours FROM match_suggestions s
  JOIN match_runs r ON r.id = s.run_id
  LEFT JOIN enrollments e ON e.community_id = s.community_id AND e.program_id = r.program_id
    AND e.member_id = s.mentee_id AND e.side = 'mentee'
  WHERE s.run_id = :run AND :side = 'mentee'
  UNION ALL
  SELECT e.community_id, e.member_id, e.max_pairings, e.weekly_hours FROM enrollments e JOIN match_runs r ON r.id = :run
  WHERE e.community_id = r.community_id AND e.program_id = r.program_id AND e.side = 'mentor' AND :side = 'mentor'
    AND e.enrolled_at <= r.requested_at AND e.max_pairings > 0
) w JOIN participants p ON p.community_id = w.community_id AND p.member_id = w.member_id
""")


async def solve_next(database: Database) -> bool:
    """Take the oldest waiting or abandoned preview and work it out; False when there is none."""
    async with database.transaction() as session:
        claimed = (await session.execute(_CLAIM, {"lease": LEASE_SECONDS})).first()
    if claimed is None:
        return False

    async def keep() -> None:
        async with database.transaction() as session:
            await session.execute(_EXTEND, {"preview": claimed.id, "lease": LEASE_SECONDS})

    changes: dict[str, Any]
    try:
        result = await solved("kith_matching.comparison", await _problem(database, claimed.id), keep)
        changes = {"status": "solved", "result": result, "solved_at": clock.now()}
    except (ValueError, RuntimeError) as error:
        final = isinstance(error, ValueError) or claimed.attempts >= MAX_ATTEMPTS
        log.warning("preview failed", extra={"preview": str(claimed.id), "final": final, "reason": str(error)[:200]})
        changes = {"status": "failed" if final else "queued", "failure": str(error)[:1000]}
    async with database.transaction() as session:
        preview = (await session.scalars(select(Preview).where(Preview.id == claimed.id).with_for_update())).one()
        if preview.status == "solving":  # else somebody finished it with the same result
            for name, value in (changes | {"lease_until": None}).items():
                setattr(preview, name, value)
    return True


async def _problem(database: Database, preview_id: UUID) -> str:
    async with database.transaction() as session:
        preview = (await session.scalars(select(Preview).where(Preview.id == preview_id))).one()
        program = (await session.scalars(select(Program).where(Program.id == preview.program_id))).one()
        place = {"community_id": preview.community_id, "program_id": preview.program_id}
        if preview.run_id is None:
            sides, pairs = await runs.cohort(session, **place), await runs.former(session, **place)
            mode, seed = "best_total", 0
        else:
            sides = [
                await session.scalar(_OF_RUN, {"run": preview.run_id, "side": side}) for side in ("mentee", "mentor")
            ]
            pairs = {"former": [], "together": []}  # the run itself made these pairs
            run = (await session.scalars(select(MatchRun).where(MatchRun.id == preview.run_id))).one()
            mode, seed = run.mode, run.seed
        never = await apart.pairs(session, preview.community_id)
    monday = preview.requested_at.date() - timedelta(days=preview.requested_at.weekday())
    head = {
        "seed": seed,
        "week": monday.isoformat(),
        "now": {"weights": program.weights, "rules": program.rules, "mode": mode},
        "then": preview.settings,
        "prohibited": [[str(each) for each in pair] for two in never for pair in (two, two[::-1])],
        **pairs,
    }
    return f'{json.dumps(head)[:-1]}, "mentees": {sides[0]}, "mentors": {sides[1]}}}'
