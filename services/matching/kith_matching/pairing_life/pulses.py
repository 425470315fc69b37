"""Pulses: both sides are asked every four weeks how it goes; what they say, the other does not see."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_matching import clock
from kith_matching.errors import AlreadyAnswered, NoSuchPulse
from kith_matching.events import PulseAsked
from kith_matching.models import Pairing
from kith_matching.pairing_life.contact import PULSE
from kith_matching.pairing_life.models import Contact, Pulse

_AT_ONCE = 200
# One who has not answered the last one is not asked twice.
_ASK = text("""
INSERT INTO pulses (id, community_id, pairing_id, member_id, asked_at)
VALUES (:id, :community, :pairing, :member, :now) ON CONFLICT DO NOTHING RETURNING id
""")


async def ask(database: Database) -> None:
    """Ask both sides of each pairing whose turn it is; run as a job."""
    while await _ask_some(database):
        pass


async def _ask_some(database: Database) -> int:
    now = clock.now()
    async with database.transaction() as session:
        statement = (
            select(Contact, Pairing)
            .join(Pairing, Pairing.id == Contact.pairing_id)
            .where(Contact.pulse_at <= now)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        found = (await session.execute(statement)).all()
        for contact, pairing in found:
            for member_id in (pairing.mentor_id, pairing.mentee_id):
                place = {"community": pairing.community_id, "pairing": pairing.id, "member": member_id}
                asked = await session.scalar(_ASK, place | {"id": new_id(), "now": now})
                if asked is not None:
                    event = PulseAsked(pulse_id=asked, pairing_id=pairing.id, member_id=member_id)
                    emit(session, event, tenant=pairing.community_id)
            contact.pulse_at = now + PULSE
        return len(found)


async def answer(
    session: AsyncSession, *, actor_id: UUID, pulse_id: UUID, rating: int, wants_help: bool, note: str
) -> Pulse:
    """Say how it goes, once. Raises NoSuchPulse or AlreadyAnswered."""
    statement = select(Pulse).where(
        Pulse.id == pulse_id, Pulse.community_id == tenant_of(session), Pulse.member_id == actor_id
    )
    pulse = (await session.scalars(statement.with_for_update())).first()
    if pulse is None:
        raise NoSuchPulse
    if pulse.answered_at is not None:
        raise AlreadyAnswered("This pulse is answered already.")
    pulse.answered_at, pulse.rating, pulse.wants_help, pulse.note = clock.now(), rating, wants_help, note
    return pulse


def waiting(session: AsyncSession, member_id: UUID) -> Select[Any]:
    """The pulses this member has not answered, of pairings that go on."""
    return (
        select(Pulse)
        .join(Pairing, Pairing.id == Pulse.pairing_id)
        .where(
            Pulse.community_id == tenant_of(session),
            Pulse.member_id == member_id,
            Pulse.answered_at.is_(None),
            Pairing.status == "accepted",
        )
    )
