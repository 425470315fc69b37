"""What groups learns from others: who there is, who has left, who is kept apart from whom, and that a
community needs its welcome space.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_barriers import barriers
from kith_chassis.consumers import Consumers
from kith_chassis.events import Received, View
from kith_chassis.ids import new_id
from kith_events.projections import Projection, Projections
from kith_groups import departures

consumers = Consumers()
# A coordinator may have opened the welcome space before its community was heard of; threads refer to the one there is.
_WELCOME_SPACE = Projection(
    "spaces", key=("community_id", "key"), ignored=("id", "name"), rows="key = 'welcome'", swap="add"
)
projections = Projections([Projection("participants", ignored=("parted_at",)), Projection("barriers"), _WELCOME_SPACE])
departures.listen(consumers)
barriers.listen(consumers)


class CommunityFounded(View, type="identity.community_founded.v1"):
    community_id: UUID


class MemberJoined(View, type="identity.member_joined.v1"):
    member_id: UUID
    joined_at: datetime


class ProfileChanged(View, type="identity.profile_changed.v1"):
    member_id: UUID
    interests: list[str]
    languages: list[str]
    experience_years: float | None
    time_zone: str | None


_WELCOME = text(
    "INSERT INTO spaces (id, community_id, key, name) VALUES (:id, :community, 'welcome', 'Welcome') "
    "ON CONFLICT DO NOTHING"
)
_MEET = text("""
INSERT INTO participants (community_id, member_id, joined_at)
SELECT c, m, min(t)
FROM unnest(CAST(:communities AS uuid[]), CAST(:members AS uuid[]), CAST(:times AS timestamptz[])) AS r(c, m, t)
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (community_id, member_id) DO UPDATE SET joined_at = EXCLUDED.joined_at
""")
_LEARN = text("""
INSERT INTO participants (community_id, member_id, interests, languages, experience_years, time_zone, sequence)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, member_id uuid, interests text[],
  languages text[], experience_years double precision, time_zone text, sequence bigint)
ORDER BY community_id, member_id
ON CONFLICT (community_id, member_id) DO UPDATE
SET interests = EXCLUDED.interests, languages = EXCLUDED.languages, experience_years = EXCLUDED.experience_years,
    time_zone = EXCLUDED.time_zone, sequence = EXCLUDED.sequence
WHERE participants.sequence < EXCLUDED.sequence AND participants.left_at IS NULL
""")


@consumers.on(CommunityFounded)
async def open_welcome_space(session: AsyncSession, events: Sequence[Received[CommunityFounded]]) -> None:
    for event in events:
        await session.execute(_WELCOME, {"id": new_id(), "community": event.tenant})


@consumers.on(MemberJoined)
async def meet(session: AsyncSession, events: Sequence[Received[MemberJoined]]) -> None:
    values = {
        "communities": [event.tenant for event in events],
        "members": [event.data.member_id for event in events],
        "times": [event.data.joined_at for event in events],
    }
    await session.execute(_MEET, values)


@consumers.on(ProfileChanged)
async def learn(session: AsyncSession, events: Sequence[Received[ProfileChanged]]) -> None:
    newest = {
        event.data.member_id: {
            **event.data.model_dump(mode="json"),
            "community_id": str(event.tenant),
            "sequence": event.sequence,
        }
        for event in events  # in order: of two changes to one profile the later stays
    }
    await session.execute(_LEARN, {"rows": json.dumps(list(newest.values()))})
