"""Touchpoints: what members say happened between them."""

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.events import emit
from kith_matching import clock, pairings
from kith_matching.errors import NotInThisTime
from kith_matching.events import TouchpointRecorded
from kith_matching.pairing_life import contact
from kith_matching.pairing_life.models import Touchpoint
from kith_matching.pairing_life.silence import Touch, TouchKind, turn

_LOOKED_BACK = 500  # touchpoints; whose move it is was decided long before


async def record(
    session: AsyncSession, *, actor_id: UUID, pairing_id: UUID, kind: TouchKind, channel: str, happened_at: datetime
) -> Touchpoint:
    """Say that the two met, or that one reached out; whose move it is follows from all of these.

    Raises NoSuchPairing, NotTogether, or NotInThisTime for what has not happened yet, or was before the pairing.
    """
    pairing = await pairings.together(session, actor_id=actor_id, pairing_id=pairing_id)
    began_at = pairing.settled_at or pairing.proposed_at
    if not began_at <= happened_at <= clock.now():
        raise NotInThisTime
    touchpoint = Touchpoint(
        community_id=pairing.community_id,
        pairing_id=pairing_id,
        kind=kind,
        channel=channel,
        happened_at=happened_at,
        recorded_by=actor_id,
        recorded_at=clock.now(),
    )
    session.add(touchpoint)
    await session.flush()
    statement = select(Touchpoint).where(Touchpoint.pairing_id == pairing_id).order_by(Touchpoint.happened_at.desc())
    touches = [
        Touch(cast(TouchKind, each.kind), each.recorded_by, each.happened_at)
        for each in await session.scalars(statement.limit(_LOOKED_BACK))
    ]
    now = turn(touches, mentor_id=pairing.mentor_id, mentee_id=pairing.mentee_id, began_at=began_at)
    contact.passes(await contact.of(session, pairing_id), now)
    emit(
        session,
        TouchpointRecorded(
            touchpoint_id=touchpoint.id,
            pairing_id=pairing_id,
            program_id=pairing.program_id,
            mentor_id=pairing.mentor_id,
            mentee_id=pairing.mentee_id,
            kind=kind,
            recorded_by=actor_id,
            happened_at=happened_at,
        ),
    )
    return touchpoint
