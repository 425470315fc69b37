"""What matching learns from others: who there is, what they can be matched on, who has had to do with whom, and who
is to have nothing to do with whom.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.events import Received, View
from kith_events.projections import Projection, Projections
from kith_matching import barriers, departures, ties

consumers = Consumers()
projections = Projections(
    [
        Projection("participants", ignored=("greeted", "parted_at")),
        Projection("ties"),
        Projection("thanks"),
        Projection("barriers", ignored=("parted",)),
    ]
)
ties.listen(consumers)
departures.listen(consumers)
barriers.listen(consumers)


class ProfileChanged(View, type="identity.profile_changed.v1"):
    member_id: UUID
    skills_offered: list[dict[str, Any]]
    skills_wanted: list[dict[str, Any]]
    interests: list[str]
    languages: list[str]
    experience_years: float | None
    time_zone: str | None
    availability: list[dict[str, Any]]


class MemberJoined(View, type="identity.member_joined.v1"):
    member_id: UUID


_FIELDS = (
    "skills_offered jsonb, skills_wanted jsonb, interests text[], languages text[], experience_years double precision, "
    "time_zone text, availability jsonb"
)
_NAMES = [each.split()[0] for each in _FIELDS.split(", ")]
_LEARN = text(f"""
INSERT INTO participants (community_id, member_id, sequence, {", ".join(_NAMES)})
SELECT community_id, member_id, sequence, {", ".join(_NAMES)}
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, member_id uuid, sequence bigint, {_FIELDS})
ORDER BY community_id, member_id
ON CONFLICT (community_id, member_id) DO UPDATE
SET sequence = EXCLUDED.sequence, {", ".join(f"{name} = EXCLUDED.{name}" for name in _NAMES)}
WHERE participants.sequence < EXCLUDED.sequence
""")
_MEET = text("""
INSERT INTO participants (community_id, member_id, joined_at)
SELECT community, member, min(at)
FROM unnest(CAST(:communities AS uuid[]), CAST(:members AS uuid[]), CAST(:times AS timestamptz[]))
  AS j(community, member, at)
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (community_id, member_id) DO UPDATE SET joined_at = EXCLUDED.joined_at
WHERE participants.joined_at IS NULL OR participants.joined_at > EXCLUDED.joined_at
""")


@consumers.on(MemberJoined)
async def meet(session: AsyncSession, events: Sequence[Received[MemberJoined]]) -> None:
    values = {
        "communities": [e.tenant for e in events],
        "members": [e.data.member_id for e in events],
        "times": [e.time for e in events],
    }
    await session.execute(_MEET, values)


@consumers.on(ProfileChanged)
async def learn(session: AsyncSession, events: Sequence[Received[ProfileChanged]]) -> None:
    newest: dict[UUID, dict[str, Any]] = {}
    for event in events:  # in order: of two changes to one profile the later stays
        newest[event.data.member_id] = {
            **event.data.model_dump(mode="json"),
            "community_id": str(event.tenant),
            "sequence": event.sequence,
        }
    await session.execute(_LEARN, {"rows": json.dumps(list(newest.values()))})
