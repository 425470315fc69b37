"""Goal sheets: what the two want to reach and what is to be done for it, seen and changed by both."""

from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import NotFound
from kith_chassis.events import emit
from kith_matching import clock, pairings
from kith_matching.errors import NoSuchGoal, NoSuchTask, NotOneOfTheTwo
from kith_matching.events import GoalReached
from kith_matching.models import Pairing
from kith_matching.pairing_life.models import Goal, Task

Row = TypeVar("Row", Goal, Task)
REACHED = 100


async def set_goal(session: AsyncSession, *, actor_id: UUID, pairing_id: UUID, title: str) -> Goal:
    """Write a goal down. Raises NoSuchPairing or NotTogether."""
    pairing = await pairings.together(session, actor_id=actor_id, pairing_id=pairing_id)
    goal = Goal(
        community_id=pairing.community_id, pairing_id=pairing_id, title=title, set_by=actor_id, set_at=clock.now()
    )
    session.add(goal)
    await session.flush()
    return goal


async def change_goal(
    session: AsyncSession, *, actor_id: UUID, goal_id: UUID, title: str | None, progress: int | None
) -> Goal:
    """How far it is, or what it is called. Raises NoSuchGoal or NotTogether."""
    goal, pairing = await _open(session, Goal, goal_id, actor_id=actor_id, missing=NoSuchGoal())
    goal.title = goal.title if title is None else title
    goal.progress = goal.progress if progress is None else progress
    if goal.progress == REACHED and goal.reached_at is None:
        goal.reached_at = clock.now()
        emit(
            session,
            GoalReached(
                goal_id=goal.id,
                pairing_id=pairing.id,
                program_id=pairing.program_id,
                mentor_id=pairing.mentor_id,
                mentee_id=pairing.mentee_id,
            ),
        )
    elif goal.progress < REACHED:
        goal.reached_at = None
    return goal


async def add_task(
    session: AsyncSession,
    *,
    actor_id: UUID,
    pairing_id: UUID,
    title: str,
    goal_id: UUID | None,
    assignee_id: UUID | None,
    due_on: date | None,
) -> Task:
    """Add a task. Raises NoSuchPairing, NotTogether, NoSuchGoal in this pairing, or NotOneOfTheTwo."""
    pairing = await pairings.together(session, actor_id=actor_id, pairing_id=pairing_id)
    if assignee_id not in {None, pairing.mentor_id, pairing.mentee_id}:
        raise NotOneOfTheTwo
    if goal_id is not None:
        goal = await session.get(Goal, goal_id)
        if goal is None or goal.pairing_id != pairing_id:
            raise NoSuchGoal
    task = Task(
        community_id=pairing.community_id,
        pairing_id=pairing_id,
        goal_id=goal_id,
        title=title,
        assignee_id=assignee_id,
        due_on=due_on,
        added_at=clock.now(),
    )
    session.add(task)
    await session.flush()
    return task


async def check_task(session: AsyncSession, *, actor_id: UUID, task_id: UUID, done: bool) -> Task:
    """Say that it is done, or not; who said so first stays. Raises NoSuchTask or NotTogether."""
    task, _ = await _open(session, Task, task_id, actor_id=actor_id, missing=NoSuchTask())
    if not done:
        task.done_at = task.done_by = None
    elif task.done_at is None:
        task.done_at, task.done_by = clock.now(), actor_id
    return task


async def _open(
    session: AsyncSession, kind: type[Row], key: UUID, *, actor_id: UUID, missing: NotFound
) -> tuple[Row, Pairing]:
    """A goal or task of the caller's, with its pairing, which goes on and is locked."""
    statement = (
        select(kind)
        .join(Pairing, Pairing.id == kind.pairing_id)
        .where(kind.id == key, kind.community_id == tenant_of(session), pairings.of(actor_id))
    )
    found = (await session.scalars(statement)).first()
    if found is None:
        raise missing
    pairing = await pairings.together(session, actor_id=actor_id, pairing_id=found.pairing_id)
    await session.refresh(found)
    return found, pairing
