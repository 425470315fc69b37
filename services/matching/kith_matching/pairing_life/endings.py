"""How a pairing ends: by the clock, or because one of the two says so."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.events import emit
from kith_matching import clock, programs
from kith_matching.events import EndReason, PairingEnded
from kith_matching.models import Pairing
from kith_matching.pairing_life import contact


async def end(session: AsyncSession, pairing: Pairing, *, reason: EndReason, quiet_id: UUID | None = None) -> None:
    """End a pairing that is accepted; its places are free again. `quiet_id` is who went quiet, for `silence`.

    A mentee whose mentor it did not fit with, or went quiet, is first next time.
    Only the two and coordinators ever learn who that was: it is on the pairing, and not in the event.
    """
    pairing.status, pairing.ended_at, pairing.end_reason, pairing.quiet_id = "ended", clock.now(), reason, quiet_id
    await contact.end(session, pairing.id)
    if reason == "no_fault" or quiet_id == pairing.mentor_id:
        await programs.first_next_time(session, pairing.program_id, [pairing.mentee_id])
    ended = PairingEnded(
        pairing_id=pairing.id,
        program_id=pairing.program_id,
        mentor_id=pairing.mentor_id,
        mentee_id=pairing.mentee_id,
        reason=reason,
    )
    emit(session, ended, tenant=pairing.community_id)
