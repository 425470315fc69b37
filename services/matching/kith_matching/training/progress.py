"""How far everybody is, for coordinators; and what holds somebody back, for themselves."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Text, Uuid, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import select

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_chassis.tokens import Principal
from kith_matching import programs
from kith_matching.queries import COORDINATE
from kith_matching.training.gate import held_back

_PROGRESS = text(f"""
SELECT e.id, e.member_id, e.side,
  (SELECT count(*) FROM training_modules m
   WHERE m.program_id = e.program_id AND e.side = ANY(m.required_for)) AS required,
  (SELECT count(*) FROM training_modules m JOIN training_completions c ON c.module_id = m.id
   WHERE m.program_id = e.program_id AND e.side = ANY(m.required_for) AND c.member_id = e.member_id) AS completed,
  EXISTS (SELECT FROM training_exemptions x WHERE x.program_id = e.program_id AND x.member_id = e.member_id) AS exempt,
  {held_back("e")} AS held_back
FROM enrollments e WHERE e.community_id = :community AND e.program_id = :program
""").columns(
    id=Uuid, member_id=Uuid, side=Text, required=BigInteger, completed=BigInteger, exempt=Boolean, held_back=Boolean
)
_OPEN = text(f"""
SELECT e.id AS enrollment_id, m.id, m.program_id, m.title, m.body, m.url, m.position, m.required_for
FROM enrollments e JOIN training_modules m ON m.program_id = e.program_id AND e.side = ANY(m.required_for)
WHERE e.community_id = :community AND e.id = ANY(:enrollments) AND (:anybody OR e.member_id = :actor)
  AND NOT EXISTS (SELECT FROM training_completions c WHERE c.module_id = m.id AND c.member_id = e.member_id)
  AND {held_back("e")}
ORDER BY m.position, m.id
""")


async def of_program(
    session: AsyncSession, *, program_id: UUID, first: int, after: str | None
) -> tuple[list[Any], str | None]:
    """Everybody in a program, in the order they enrolled. Raises NoSuchProgram."""
    await programs.found(session, program_id)
    row = _PROGRESS.bindparams(community=tenant_of(session), program=program_id).subquery("progress").c
    statement = select(row.id, row.member_id, row.side, row.required, row.completed, row.exempt, row.held_back)
    return await paginate(session, statement, by=[row.id], first=first, after=after)


async def open_of(
    session: AsyncSession, enrollment_ids: Sequence[UUID], *, actor: Principal
) -> list[list[dict[str, Any]]]:
    """What holds each enrollment back, in order: one's own, or for a coordinator anybody's."""
    asked = {"community": tenant_of(session), "enrollments": list(enrollment_ids), "actor": actor.subject}
    found: dict[UUID, list[dict[str, Any]]] = {each: [] for each in enrollment_ids}
    for row in (await session.execute(_OPEN, asked | {"anybody": actor.may(COORDINATE)})).mappings():
        found[row["enrollment_id"]].append({**row, "completed_at": None})
    return [found[each] for each in enrollment_ids]
