"""What binds members now, by whatever was told last of each pairing and group."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.events import Received

State = Literal["proposed", "accepted", "in_group", "over"]

_STAND = text("""
INSERT INTO bonds AS b (community_id, bond_id, member_id, state, sequence)
SELECT DISTINCT ON (community_id, bond_id, member_id) community_id, bond_id, member_id, :state, sequence
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, bond_id uuid, member_id uuid, sequence bigint)
ORDER BY community_id, bond_id, member_id, sequence DESC
ON CONFLICT (community_id, bond_id, member_id) DO UPDATE SET state = EXCLUDED.state, sequence = EXCLUDED.sequence
WHERE b.sequence < EXCLUDED.sequence
""")


async def stand(session: AsyncSession, state: State, told: Iterable[tuple[Received[Any], Sequence[UUID]]]) -> None:
    """How these members stand in the pairing or group of these events; in whatever order they come, the last holds."""
    rows = [
        {"community_id": event.tenant, "bond_id": event.aggregate_id, "member_id": each, "sequence": event.sequence}
        for event, members in told
        for each in members
    ]
    if rows:
        await session.execute(_STAND, {"rows": msgspec.json.encode(rows).decode(), "state": state})
