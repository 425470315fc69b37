"""Contact: begun when a pairing is accepted, kept up by touchpoints, ended with it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_matching import clock
from kith_matching.models import Enrollment, Pairing
from kith_matching.pairing_life.models import Agreement, Contact
from kith_matching.pairing_life.silence import Turn, due_at

PULSE = timedelta(days=28)
"""How often both sides are asked how it goes."""
_BEGIN = text("""
INSERT INTO contacts (pairing_id, community_id, move_id, since, due_at, pulse_at)
SELECT id, community_id, mentee_id, :now, :due_at, :pulse_at FROM pairings WHERE id = ANY(:pairings)
ON CONFLICT DO NOTHING
""")


async def begin(session: AsyncSession, pairing_ids: Sequence[UUID]) -> None:
    """From now on the mentees are expected to make the first move. The pairings must be stored."""
    now = clock.now()
    values = {"now": now, "due_at": due_at(0, now, now=now), "pulse_at": now + PULSE}
    await session.execute(_BEGIN, values | {"pairings": list(pairing_ids)})


async def of(session: AsyncSession, pairing_id: UUID) -> Contact:
    """The contact of an accepted pairing, locked."""
    await begin(session, [pairing_id])  # the version before accepts pairings without one while it is replaced
    statement = select(Contact).where(Contact.pairing_id == pairing_id).with_for_update()
    return (await session.scalars(statement)).one()


def passes(contact: Contact, to: Turn) -> None:
    """It is this one's move since then, or since somebody came back from a pause; the same move as before goes on."""
    since = max(to.since, contact.resumed_at or to.since)
    if (contact.move_id, contact.since) != (to.member_id, since):
        contact.move_id, contact.since, contact.climbed = to.member_id, since, 0
        _schedule(contact)


async def expect(session: AsyncSession, agreement: Agreement) -> None:
    """Contact is expected as often, and until when, as was agreed."""
    contact = await of(session, agreement.pairing_id)
    contact.every_days, contact.ends_on = agreement.every_days, agreement.ends_on
    _schedule(contact)


async def resume(session: AsyncSession, back: Enrollment) -> None:
    """Who comes back from a pause has all the time again: nobody's silence counted meanwhile."""
    mine = (Pairing.mentor_id == back.member_id) | (Pairing.mentee_id == back.member_id)
    statement = (
        select(Contact)
        .join(Pairing, Pairing.id == Contact.pairing_id)
        .where(Contact.community_id == back.community_id, Pairing.program_id == back.program_id, mine)
    )
    for contact in await session.scalars(statement.with_for_update(of=Contact)):
        contact.resumed_at = clock.now()
        passes(contact, Turn(contact.move_id, contact.resumed_at))


async def end(session: AsyncSession, pairing_id: UUID) -> None:
    """Nobody's move is awaited any more."""
    await session.execute(delete(Contact).where(Contact.pairing_id == pairing_id))


def _schedule(contact: Contact) -> None:
    contact.due_at = due_at(contact.climbed, contact.since, now=clock.now(), every_days=contact.every_days)
