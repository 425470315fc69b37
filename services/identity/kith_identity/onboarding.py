"""The onboarding checklist: small wins, in order, each an event."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_identity.errors import NoSuchTask
from kith_identity.events import MicroTaskCompleted
from kith_identity.models import MicroTask, MicroTaskCompletion

DEFAULT_TASKS = (
    ("tell_about_yourself", "Tell the others what you know and what you would like to learn"),
    ("say_when", "Say when you usually have time"),
    ("say_hello", "Say hello in the welcome thread"),
    ("thank_someone", "Thank someone who helped you"),
)


@dataclass(frozen=True)
class Step:
    key: str
    title: str
    completed_at: datetime | None


def add_default_tasks(session: AsyncSession, community_id: UUID) -> None:
    for position, (key, title) in enumerate(DEFAULT_TASKS):
        session.add(MicroTask(community_id=community_id, key=key, title=title, position=position))


async def checklist(session: AsyncSession, *, member_id: UUID) -> list[Step]:
    done = and_(
        MicroTaskCompletion.community_id == MicroTask.community_id,
        MicroTaskCompletion.task_key == MicroTask.key,
        MicroTaskCompletion.member_id == member_id,
    )
    rows = await session.execute(
        select(MicroTask.key, MicroTask.title, MicroTaskCompletion.completed_at)
        .outerjoin(MicroTaskCompletion, done)
        .where(MicroTask.community_id == tenant_of(session))
        .order_by(MicroTask.position)
    )
    return [Step(row.key, row.title, row.completed_at) for row in rows]


async def complete(session: AsyncSession, *, member_id: UUID, key: str) -> list[Step]:
    """Mark a task as done; doing so again changes nothing and tells nobody."""
    community_id = tenant_of(session)
    if await session.get(MicroTask, (community_id, key)) is None:
        raise NoSuchTask
    values = {"community_id": community_id, "member_id": member_id, "task_key": key}
    done = insert(MicroTaskCompletion).values(values).on_conflict_do_nothing().returning(MicroTaskCompletion.task_key)
    if await session.scalar(done) is not None:
        total = select(func.count()).select_from(MicroTask).where(MicroTask.community_id == community_id)
        mine = (
            select(func.count())
            .select_from(MicroTaskCompletion)
            .where(MicroTaskCompletion.community_id == community_id, MicroTaskCompletion.member_id == member_id)
        )
        remaining = (await session.scalar(total) or 0) - (await session.scalar(mine) or 0)
        emit(session, MicroTaskCompleted(member_id=member_id, task_key=key, remaining=remaining))
    return await checklist(session, member_id=member_id)
