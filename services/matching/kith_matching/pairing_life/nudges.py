"""What silence and the end of an agreement lead to, done by a job."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database
from kith_chassis.events import emit
from kith_matching import clock
from kith_matching.events import PairingNudged
from kith_matching.models import Enrollment, Pairing
from kith_matching.pairing_life import endings
from kith_matching.pairing_life.models import Contact, Nudge
from kith_matching.pairing_life.silence import LADDER, due_at, step_due

Act = Callable[[AsyncSession, Contact, Pairing], Awaitable[None]]
_AT_ONCE = 200
# Where somebody has paused, nobody's silence counts; `contact.resume` begins anew when they come back.
_PAUSED = exists().where(
    Enrollment.program_id == Pairing.program_id,
    or_(
        (Enrollment.member_id == Pairing.mentor_id) & (Enrollment.side == "mentor"),
        (Enrollment.member_id == Pairing.mentee_id) & (Enrollment.side == "mentee"),
    ),
    Enrollment.paused,
)


async def send(database: Database) -> None:
    """Remind, warn, and end what stayed silent; in small transactions, until nothing is due."""
    while await _some(database, (Contact.due_at <= clock.now()) & ~_PAUSED, _step):
        pass


async def end_as_agreed(database: Database) -> None:
    """End the pairings whose agreed last day is over, wherever on earth the two are."""
    while await _some(database, Contact.ends_on < (clock.now() - timedelta(hours=12)).date(), _end_as_agreed):
        pass


async def _some(database: Database, due: ColumnElement[bool], act: Act) -> int:
    async with database.transaction() as session:
        statement = (
            select(Contact, Pairing)
            .join(Pairing, Pairing.id == Contact.pairing_id)
            .where(due)
            .order_by(Contact.pairing_id)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        found = (await session.execute(statement)).all()
        for contact, pairing in found:
            await act(session, contact, pairing)
        return len(found)


async def _step(session: AsyncSession, contact: Contact, pairing: Pairing) -> None:
    """The next step of the ladder, and when the one after it is due."""
    now = clock.now()
    silent = now - contact.since
    place = step_due(contact.climbed, silent, every_days=contact.every_days)
    if place is not None:
        kind = LADDER[place][0]
        if kind == "closing":
            await endings.end(session, pairing, reason="silence", quiet_id=contact.move_id)
            return
        _nudge(session, pairing, to=contact.move_id, kind=kind, silent_days=silent.days)
        contact.climbed = place + 1
    contact.due_at = due_at(contact.climbed, contact.since, now=now, every_days=contact.every_days)


async def _end_as_agreed(session: AsyncSession, _: Contact, pairing: Pairing) -> None:
    await endings.end(session, pairing, reason="agreed_end")


def _nudge(
    session: AsyncSession, pairing: Pairing, *, to: UUID, kind: Literal["reminder", "warning"], silent_days: int
) -> None:
    session.add(
        Nudge(
            community_id=pairing.community_id,
            pairing_id=pairing.id,
            member_id=to,
            kind=kind,
            silent_days=silent_days,
            sent_at=clock.now(),
        )
    )
    nudged = PairingNudged(
        pairing_id=pairing.id,
        program_id=pairing.program_id,
        mentor_id=pairing.mentor_id,
        mentee_id=pairing.mentee_id,
        move_id=to,
        kind=kind,
        silent_days=silent_days,
    )
    emit(session, nudged, tenant=pairing.community_id)
