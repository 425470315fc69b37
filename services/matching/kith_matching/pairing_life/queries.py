"""Reads of a pairing's life: what is between two is for the two alone, unless it says otherwise."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_matching import pairings
from kith_matching.models import Pairing
from kith_matching.pairing_life.models import Agreement


async def agreements(
    session: AsyncSession, pairing_ids: Sequence[UUID], *, member_id: UUID, in_force: bool
) -> list[Agreement | None]:
    """For each pairing of this member the agreement that holds, or the newest that waits for somebody."""
    accepted = Agreement.mentor_accepted_at.is_not(None) & Agreement.mentee_accepted_at.is_not(None)
    statement = (
        select(Agreement)
        .ext(distinct_on(Agreement.pairing_id))
        .join(Pairing, Pairing.id == Agreement.pairing_id)
        .where(
            Agreement.community_id == tenant_of(session), Agreement.pairing_id.in_(pairing_ids), pairings.of(member_id)
        )
        .order_by(Agreement.pairing_id, Agreement.version.desc())
    )
    if in_force:
        statement = statement.where(accepted)
    found = {each.pairing_id: each for each in await session.scalars(statement) if each.in_force == in_force}
    return [found.get(each) for each in pairing_ids]
