"""Recurring rounds: set by coordinators, made by a job when they are due."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_matching import clock, programs
from kith_matching.errors import BadSchedule, NoSchedule
from kith_matching.introducing import rounds
from kith_matching.introducing.models import IntroductionRound, IntroductionSchedule
from kith_matching.introducing.recurrences import Every, Recurrence
from kith_matching.models import Program

FAR = timedelta(days=366)


async def put(
    session: AsyncSession,
    *,
    program_id: UUID,
    every: Every,
    starts_on: date,
    at: time,
    time_zone: str,
    trios: bool,
    automatic: bool,
) -> IntroductionSchedule:
    """Have rounds made from now on, in the place of what was set before; those of the past are not caught up on."""
    program = await rounds.for_rounds(session, program_id)
    now = clock.now()
    if abs(starts_on - now.date()) > FAR:
        raise BadSchedule("The first round is within a year of today.")
    recurrence = Recurrence(starts_on, at, time_zone, every)
    number = recurrence.next_after(now)
    fields = {
        "every": every, "starts_on": starts_on, "at": at, "time_zone": time_zone, "trios": trios,
        "automatic": automatic, "next_number": number, "next_at": recurrence.moment(number),
    }  # fmt: skip
    await programs.found(session, program.id, lock=True)  # two at once: the later one stays
    there = (await session.scalars(_of(program.id, tenant_of(session)))).first()
    if there is None:
        there = IntroductionSchedule(program_id=program.id, community_id=tenant_of(session), **fields)
        session.add(there)
    for name, value in fields.items():
        setattr(there, name, value)
    await session.flush()
    return there


async def found(session: AsyncSession, program_id: UUID) -> IntroductionSchedule:
    await programs.found(session, program_id)
    there = (await session.scalars(_of(program_id, tenant_of(session)))).first()
    if there is None:
        raise NoSchedule
    return there


async def end(session: AsyncSession, *, program_id: UUID) -> None:
    """No more rounds by themselves. Doing it again changes nothing."""
    await programs.found(session, program_id)
    await session.execute(
        delete(IntroductionSchedule).where(
            IntroductionSchedule.program_id == program_id, IntroductionSchedule.community_id == tenant_of(session)
        )
    )


def _of(program_id: UUID, community_id: UUID) -> Select[IntroductionSchedule]:
    return select(IntroductionSchedule).where(
        IntroductionSchedule.program_id == program_id, IntroductionSchedule.community_id == community_id
    )


async def make_due(database: Database) -> None:
    """Make the rounds that are due, each in a transaction of its own; run as a job.

    After days in which nothing ran one round is made, not one for each that was missed. What lies there as a draft
    when the next is due is discarded. A program that is over has no rounds, and begins with the next if it goes on.
    """
    moment = clock.now()
    while await _make_one(database, moment):
        pass


async def _make_one(database: Database, moment: datetime) -> bool:
    async with database.transaction() as session:
        statement = select(IntroductionSchedule).where(IntroductionSchedule.next_at <= moment)
        due = (
            await session.scalars(statement.order_by(IntroductionSchedule.next_at).limit(1).with_for_update())
        ).first()
        if due is None:
            return False
        program = (await session.scalars(select(Program).where(Program.id == due.program_id))).one()
        if program.status in {"open", "running"}:
            await _make(session, due)
        recurrence = Recurrence(due.starts_on, due.at, due.time_zone, due.every)  # type: ignore[arg-type]
        due.next_number = recurrence.next_after(moment)
        due.next_at = recurrence.moment(due.next_number)
    return True


async def _make(session: AsyncSession, due: IntroductionSchedule) -> None:
    mine = (IntroductionRound.community_id == due.community_id) & (IntroductionRound.program_id == due.program_id)
    await session.execute(
        update(IntroductionRound)
        .where(mine, IntroductionRound.status.in_(rounds.OPEN))
        .values(status="discarded", lease_until=None)
    )
    number = await session.scalar(rounds.number_next(due.community_id, due.program_id)) or 0
    session.add(
        IntroductionRound(
            community_id=due.community_id,
            program_id=due.program_id,
            number=number,
            form="meet",
            seed=number,
            trios=due.trios,
            automatic=due.automatic,
            due_at=due.next_at,
        )
    )
    await session.flush()
