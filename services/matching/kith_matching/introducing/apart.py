"""Who is never brought together: kept apart by coordinators, or by a block or a report of one of the two.

Honored wherever this service pairs people, in the transaction that does it.
"""

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

_NEVER = """(
  SELECT community_id, one_id, other_id FROM kept_apart
  UNION ALL SELECT community_id, one_id, other_id FROM barriers WHERE NOT lifted
)"""


def not_apart(one: str, other: str, *, community: str = ":community") -> str:
    """That nothing keeps two apart, as a condition over these SQL expressions."""
    return (
        f"NOT EXISTS (SELECT FROM {_NEVER} n WHERE n.community_id = {community}"
        f" AND n.one_id = least({one}, {other}) AND n.other_id = greatest({one}, {other}))"
    )


_PAIRS = text(f"SELECT DISTINCT one_id, other_id FROM {_NEVER} n WHERE community_id = :community")
_MAY_MEET = text("SELECT " + not_apart("CAST(:one AS uuid)", "CAST(:other AS uuid)"))
# Who brings people together shares it, who keeps some apart has it alone, and waits for nothing after it that the
# others hold. (One of those may wait for another's rows, who waits behind the one who wants it alone: PostgreSQL lets
# that one pass, after `deadlock_timeout`.)
_SHARE = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('apart ' || :community, 0))")
_CHANGE = text("SELECT pg_advisory_xact_lock(hashtextextended('apart ' || :community, 0))")


async def hold(session: AsyncSession, community_id: UUID) -> None:
    """Until this transaction ends nobody else is kept apart; who is by now, is seen by all it does from here on."""
    await session.execute(_SHARE, {"community": str(community_id)})


async def change(session: AsyncSession, community_id: UUID) -> None:
    """Wait for whoever brings people together, and let nobody begin until this transaction ends."""
    await session.execute(_CHANGE, {"community": str(community_id)})


async def keep(session: AsyncSession, *, actor_id: UUID, one: UUID, other: UUID) -> KeptApart:
    """Keep two apart from now on. Doing it again changes nothing; what they share already is left as it is."""
    community_id, pair = tenant_of(session), _ordered(one, other)
    statement = select(Participant.member_id).where(
        Participant.community_id == community_id, Participant.member_id.in_(pair)
    )
    if len((await session.scalars(statement)).all()) < len(pair):
        raise NoSuchParticipant
    await change(session, community_id)
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
    """All who are kept apart, by whomever, each pair once."""
    return [(row.one_id, row.other_id) for row in await session.execute(_PAIRS, {"community": community_id})]


async def are(session: AsyncSession, community_id: UUID, one: UUID, other: UUID) -> bool:
    """Whether two are kept apart. Stays so, either way it is, until this transaction ends."""
    await hold(session, community_id)
    return not await session.scalar(_MAY_MEET, {"community": community_id, "one": one, "other": other})


async def may_meet(session: AsyncSession, one: UUID, other: UUID) -> None:
    """KeptApartError for two who are not brought together; else nothing keeps them apart before this is done."""
    if await are(session, tenant_of(session), one, other):
        raise KeptApartError


def _ordered(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    if one == other:
        raise WithOneself("Nobody is kept apart from themselves; name two members.")
    return (one, other) if one < other else (other, one)
