"""Who leaves the community leaves its groups: their places are given on, and nobody counts on them any more.

The consumer keeps that they left, and what they told of themselves no longer; a job ends their memberships: a table
made anew from the log then ends nothing again.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.database import Database, bind_tenant
from kith_chassis.events import Received, View
from kith_groups.circles import groups
from kith_groups.circles.models import Membership


class MemberLeft(View, type="identity.member_left.v1"):
    member_id: UUID


_LEFT = text("""
INSERT INTO participants (community_id, member_id, left_at)
SELECT c, m, min(t)
FROM unnest(CAST(:communities AS uuid[]), CAST(:members AS uuid[]), CAST(:times AS timestamptz[])) AS r(c, m, t)
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (community_id, member_id) DO UPDATE
SET left_at = least(participants.left_at, EXCLUDED.left_at), languages = '{}', interests = '{}',
    experience_years = NULL, time_zone = NULL, sequence = 0
""")
_LEAVING = text("""
SELECT community_id, member_id FROM participants WHERE left_at IS NOT NULL AND parted_at IS NULL
ORDER BY left_at, member_id LIMIT 1
""")
_PARTED = text("UPDATE participants SET parted_at = now() WHERE community_id = :community AND member_id = :member")


def listen(consumers: Consumers) -> None:
    """Have this handler told who left."""

    @consumers.on(MemberLeft)
    async def left(session: AsyncSession, events: Sequence[Received[MemberLeft]]) -> None:
        values = {
            "communities": [e.tenant for e in events],
            "members": [e.data.member_id for e in events],
            "times": [e.time for e in events],
        }
        await session.execute(_LEFT, values)


async def part(database: Database) -> None:
    """End the memberships of those who have left; run as a job."""
    while await _part_one(database):
        pass


async def _part_one(database: Database) -> bool:
    """One who left; False when nobody is leaving.

    Whoever enters a group holds their participant's row until that is stored (`groups.arrive`), and the leaving was
    written after it: all memberships there will ever be are seen here.
    """
    async with database.transaction() as session:
        leaving = (await session.execute(_LEAVING)).first()
        if leaving is None:
            return False
        await bind_tenant(session, leaving.community_id)
        open_still = select(Membership.group_id).where(
            Membership.community_id == leaving.community_id,
            Membership.member_id == leaving.member_id,
            Membership.until.is_(None),
        )
        for group_id in (await session.scalars(open_still.order_by(Membership.id))).all():
            await groups.leave(session, group_id=group_id, member_id=leaving.member_id)
        await session.execute(_PARTED, {"community": leaving.community_id, "member": leaving.member_id})
    return True
