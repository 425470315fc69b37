"""Pausing and coming back: by oneself, or by a job once the last day is over."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database
from kith_chassis.events import emit
from kith_matching import clock
from kith_matching.errors import BadPause
from kith_matching.events import PauseBegan, PauseEnded
from kith_matching.models import Enrollment, Participant
from kith_matching.pairing_life import contact
from kith_matching.pausing.days import FIRST_ENDS, over_at, today

_AT_ONCE = 200


async def change(session: AsyncSession, one: Enrollment, changes: Mapping[str, Any]) -> None:
    """Pause, come back, or pause for longer or shorter; `one` is locked.

    changes  `paused`: None leaves it as it is; `paused_until`: the last day, None for until further notice. A day may
             be given for a pause alone. Raises BadPause.
    """
    paused = one.paused if changes.get("paused") is None else changes["paused"]
    until = changes.get("paused_until", one.paused_until) if paused else changes.get("paused_until")
    if until is not None:
        if not paused:
            raise BadPause
        if "paused_until" in changes and until < today(await _zone(session, one), clock.now()):
            raise BadPause("A pause ends today or later.")
    if (paused, until) == (one.paused, one.paused_until):
        return
    if not paused:
        await _come_back(session, one)
        return
    one.paused, one.paused_until = True, until
    emit(session, PauseBegan(**_fields(one), last_day=until))


async def end(database: Database) -> None:
    """Bring back whose last day of pause is over where they are; run as a job."""
    after: UUID | None = None
    while True:
        async with database.transaction() as session:
            # Whoever is somewhere where that day is not over yet is looked at again the next time.
            last = (clock.now() + FIRST_ENDS).date()
            statement = (
                select(Enrollment, Participant.time_zone)
                .outerjoin(
                    Participant,
                    (Participant.community_id == Enrollment.community_id)
                    & (Participant.member_id == Enrollment.member_id),
                )
                .where(Enrollment.paused, Enrollment.paused_until < last)
                .order_by(Enrollment.id)
                .limit(_AT_ONCE)
                .with_for_update(of=Enrollment, skip_locked=True)
            )
            if after is not None:
                statement = statement.where(Enrollment.id > after)
            found = (await session.execute(statement)).all()
            for one, zone in found:
                if one.paused_until and over_at(one.paused_until, zone) <= clock.now():
                    await _come_back(session, one)
        if not found:
            return
        after = found[-1][0].id


async def _come_back(session: AsyncSession, one: Enrollment) -> None:
    one.paused, one.paused_until = False, None
    await contact.resume(session, one)
    emit(session, PauseEnded(**_fields(one)), tenant=one.community_id)


async def _zone(session: AsyncSession, one: Enrollment) -> str | None:
    statement = select(Participant.time_zone).where(
        Participant.community_id == one.community_id, Participant.member_id == one.member_id
    )
    return await session.scalar(statement)


def _fields(one: Enrollment) -> dict[str, Any]:
    return {
        "enrollment_id": one.id,
        "program_id": one.program_id,
        "member_id": one.member_id,
        "side": one.side,
    }
