"""Closing: one of the two ends it, both may say how it was; nobody has to have failed."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.errors import refused
from kith_matching import clock, pairings
from kith_matching.errors import AlreadyAnswered, NotEnded
from kith_matching.events import LeavingReason
from kith_matching.models import Pairing
from kith_matching.pairing_life import endings
from kith_matching.pairing_life.models import ClosingSurvey


async def leave(session: AsyncSession, *, actor_id: UUID, pairing_id: UUID, reason: LeavingReason) -> Pairing:
    """End a pairing because it is completed, or because the two do not fit, which is nobody's fault.

    Raises NoSuchPairing or NotTogether.
    """
    pairing = await pairings.together(session, actor_id=actor_id, pairing_id=pairing_id)
    await endings.end(session, pairing, reason=reason)
    return pairing


async def answer(
    session: AsyncSession, *, actor_id: UUID, pairing_id: UUID, rating: int, goals_met: bool, note: str
) -> ClosingSurvey:
    """Say how it was, once it has ended. Raises NoSuchPairing, NotEnded or AlreadyAnswered."""
    pairing = await pairings.mine(session, actor_id=actor_id, pairing_id=pairing_id)
    if pairing.status != "ended":
        raise NotEnded
    survey = ClosingSurvey(
        community_id=pairing.community_id,
        pairing_id=pairing_id,
        member_id=actor_id,
        rating=rating,
        goals_met=goals_met,
        note=note,
        answered_at=clock.now(),
    )
    session.add(survey)
    with refused({"one_closing_survey": AlreadyAnswered("You have said how it was already.")}):
        await session.flush()
    return survey
