"""Agendas and resources of a program: written by coordinators, read by everybody."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_matching import programs
from kith_matching.errors import NoSuchGuide, TooManyGuides
from kith_matching.guidance.models import CheckInTemplate, Resource

Guide = TypeVar("Guide", CheckInTemplate, Resource)
MOST = 100
"""How many of a kind a program may have: all of them are shown at once."""


async def add(session: AsyncSession, kind: type[Guide], *, program_id: UUID, content: Mapping[str, Any]) -> Guide:
    """Add one to a program. Raises NoSuchProgram or TooManyGuides."""
    program = await programs.found(session, program_id, lock=True)
    held = select(func.count()).select_from(kind).where(kind.program_id == program.id)
    if (await session.scalar(held) or 0) >= MOST:
        raise TooManyGuides
    guide = kind(community_id=program.community_id, program_id=program.id, **content)
    session.add(guide)
    await session.flush()
    return guide


async def change(session: AsyncSession, kind: type[Guide], *, guide_id: UUID, content: Mapping[str, Any]) -> Guide:
    """Put this in its place. Raises NoSuchGuide."""
    guide = await _found(session, kind, guide_id)
    for name, value in content.items():
        setattr(guide, name, value)
    return guide


async def remove(session: AsyncSession, kind: type[Guide], *, guide_id: UUID) -> Guide:
    """Take it out of its program. Raises NoSuchGuide."""
    guide = await _found(session, kind, guide_id)
    await session.delete(guide)
    return guide


async def of_programs(session: AsyncSession, kind: type[Guide], program_ids: Sequence[UUID]) -> list[list[Guide]]:
    """Those of each program, in the order they were added."""
    statement = (
        select(kind).where(kind.community_id == tenant_of(session), kind.program_id.in_(program_ids)).order_by(kind.id)
    )
    found: dict[UUID, list[Guide]] = {each: [] for each in program_ids}
    for guide in await session.scalars(statement):
        found[guide.program_id].append(guide)
    return [found[each] for each in program_ids]


async def _found(session: AsyncSession, kind: type[Guide], guide_id: UUID) -> Guide:
    statement = select(kind).where(kind.id == guide_id, kind.community_id == tenant_of(session))
    guide = (await session.scalars(statement.with_for_update())).first()
    if guide is None:
        raise NoSuchGuide
    return guide
