"""Who is never brought together: kept by coordinators, honored wherever this service pairs people."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_matching.errors import KeptApartError, NoSuchParticipant, WithOneself
from kith_matching.introducing.models import KeptApart
from kith_matching.models import Participant

# Whoever publishes holds the enrollments of a program, in the order of their ids: it either sees what is kept here, or
# had published before.
_WAIT = text("""
SELECT 1 FROM enrollments WHERE community_id = :community AND member_id = ANY(:members) ORDER BY id FOR UPDATE
""")


async def keep(session: AsyncSession, *, actor_id: UUID, one: UUID, other: UUID) -> KeptApart:
    """Keep two apart from now on. Doing it again changes nothing; what they share already is left as it is."""
    community_id, pair = tenant_of(session), _ordered(one, other)
    statement = select(Participant.member_id).where(
        Participant.community_id == community_id, Participant.member_id.in_(pair)
    )
    if len((await session.scalars(statement)).all()) < len(pair):
        raise NoSuchParticipant
    await session.execute(_WAIT, {"community": community_id, "members": list(pair)})
    row = insert(KeptApart).values(community_id=community_id, one_id=pair[0], other_id=pair[1], kept_by=actor_id)
    await session.execute(row.on_conflict_do_nothing())
    there = select(KeptApart).where(
        KeptApart.community_id == community_id, KeptApart.one_id == pair[0], KeptApart.other_id == pair[1]
    )
    return (await session.scalars(there)).one()


async def lift(session: AsyncSession, *, one: UUID, other: UUID) -> None:
    """Let two be brought together again. Doing it again changes nothing."""
    pair = _ordered(one, other)
    await session.execute(
        delete(KeptApart).where(
            KeptApart.community_id == tenant_of(session), KeptApart.one_id == pair[0], KeptApart.other_id == pair[1]
        )
    )


async def listed(session: AsyncSession, *, first: int, after: str | None) -> tuple[list[KeptApart], str | None]:
    statement = select(KeptApart).where(KeptApart.community_id == tenant_of(session))
    return await paginate(session, statement, by=[KeptApart.one_id, KeptApart.other_id], first=first, after=after)


async def pairs(session: AsyncSession, community_id: UUID) -> Sequence[tuple[UUID, UUID]]:
    """All who are kept apart, each pair once."""
    statement = select(KeptApart.one_id, KeptApart.other_id).where(KeptApart.community_id == community_id)
    return [(row.one_id, row.other_id) for row in await session.execute(statement)]


async def may_meet(session: AsyncSession, one: UUID, other: UUID) -> None:
    """KeptApartError for two who are not brought together."""
    pair = _ordered(one, other)
    statement = select(KeptApart.one_id).where(
        KeptApart.community_id == tenant_of(session), KeptApart.one_id == pair[0], KeptApart.other_id == pair[1]
    )
    if (await session.scalars(statement)).first() is not None:
        raise KeptApartError


def _ordered(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    if one == other:
        raise WithOneself("Nobody is kept apart from themselves; name two members.")
    return (one, other) if one < other else (other, one)
