"""Training modules of a program: written by coordinators, completed by participants."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_matching import clock, programs
from kith_matching.errors import NoSuchModule, NotEnrolled, TooManyGuides
from kith_matching.events import TrainingModuleCompleted
from kith_matching.models import Enrollment
from kith_matching.training.models import TrainingCompletion, TrainingExemption, TrainingModule

MOST = 100


async def add(session: AsyncSession, *, program_id: UUID, content: Mapping[str, Any]) -> TrainingModule:
    """Add one, behind the others unless a place is given. Raises NoSuchProgram or TooManyGuides."""
    program = await programs.found(session, program_id, lock=True)
    counts = select(func.count(), func.coalesce(func.max(TrainingModule.position), 0))
    held, last = (await session.execute(counts.where(TrainingModule.program_id == program.id))).one()
    if held >= MOST:
        raise TooManyGuides("A program has a hundred training modules at most; remove one first.")
    place = content["position"] or last + 1
    module = TrainingModule(
        community_id=program.community_id, program_id=program.id, **(dict(content) | {"position": place})
    )
    session.add(module)
    await session.flush()
    return module


async def change(session: AsyncSession, *, module_id: UUID, content: Mapping[str, Any]) -> TrainingModule:
    """Put this in its place; what was completed stays completed. Raises NoSuchModule."""
    module = await _found(session, module_id, lock=True)
    for name, value in content.items():
        if name != "position" or value is not None:
            setattr(module, name, value)
    return module


async def remove(session: AsyncSession, *, module_id: UUID) -> TrainingModule:
    """Take it out of its program, and who has completed it. Raises NoSuchModule."""
    module = await _found(session, module_id, lock=True)
    await session.delete(module)
    return module


async def complete(session: AsyncSession, *, actor_id: UUID, module_id: UUID) -> TrainingModule:
    """Say that one has completed it; twice changes nothing. Raises NoSuchModule or NotEnrolled."""
    module = await _found(session, module_id)
    enrolled = select(func.count()).where(
        Enrollment.community_id == module.community_id,
        Enrollment.program_id == module.program_id,
        Enrollment.member_id == actor_id,
    )
    if not await session.scalar(enrolled):
        raise NotEnrolled("Enroll in this program first.")
    row = {
        "module_id": module.id,
        "member_id": actor_id,
        "community_id": module.community_id,
        "completed_at": clock.now(),
    }
    new = insert(TrainingCompletion).values(row).on_conflict_do_nothing().returning(TrainingCompletion.member_id)
    if await session.scalar(new) is not None:
        emit(session, TrainingModuleCompleted(module_id=module.id, program_id=module.program_id, member_id=actor_id))
    return module


async def exempt(session: AsyncSession, *, actor_id: UUID, program_id: UUID, member_id: UUID, yes: bool) -> Enrollment:
    """Let somebody enrolled go without training, or no longer. Raises NoSuchProgram or NotEnrolled."""
    program = await programs.found(session, program_id, lock=True)
    statement = select(Enrollment).where(
        Enrollment.community_id == program.community_id,
        Enrollment.program_id == program.id,
        Enrollment.member_id == member_id,
    )
    enrolled = (await session.scalars(statement.order_by(Enrollment.side))).first()
    if enrolled is None:
        raise NotEnrolled("This member is not enrolled in this program.")
    there = await session.get(TrainingExemption, (program.id, member_id))
    if yes and there is None:
        session.add(
            TrainingExemption(
                community_id=program.community_id, program_id=program.id, member_id=member_id,
                exempted_by=actor_id, exempted_at=clock.now(),
            )
        )  # fmt: skip
    elif not yes and there is not None:
        await session.delete(there)
    await session.flush()
    return enrolled


async def of_programs(
    session: AsyncSession, program_ids: Sequence[UUID], *, member_id: UUID
) -> list[list[dict[str, Any]]]:
    """The modules of each program in their order, and when this member completed them."""
    mine = (TrainingCompletion.module_id == TrainingModule.id) & (TrainingCompletion.member_id == member_id)
    statement = (
        select(TrainingModule, TrainingCompletion.completed_at)
        .outerjoin(TrainingCompletion, mine)
        .where(TrainingModule.community_id == tenant_of(session), TrainingModule.program_id.in_(program_ids))
        .order_by(TrainingModule.position, TrainingModule.id)
    )
    found: dict[UUID, list[dict[str, Any]]] = {each: [] for each in program_ids}
    for module, completed_at in await session.execute(statement):
        found[module.program_id].append(told(module) | {"completed_at": completed_at})
    return [found[each] for each in program_ids]


def told(module: TrainingModule) -> dict[str, Any]:
    names = ("id", "program_id", "title", "body", "url", "position", "required_for")
    return {name: getattr(module, name) for name in names} | {"completed_at": None}


async def _found(session: AsyncSession, module_id: UUID, *, lock: bool = False) -> TrainingModule:
    statement = select(TrainingModule).where(
        TrainingModule.id == module_id, TrainingModule.community_id == tenant_of(session)
    )
    module = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if module is None:
        raise NoSuchModule
    return module
