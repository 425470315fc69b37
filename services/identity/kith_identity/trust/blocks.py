"""Blocks: silent, lifted as silently. Whoever is blocked is not told, and sees nothing that has changed."""

from uuid import UUID

from sqlalchemy import Boolean, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_chassis.pages import paginate
from kith_identity.errors import NoSuchMember, WithOneself
from kith_identity.events import MemberBlocked, MemberUnblocked
from kith_identity.models import Block, Member


async def block(session: AsyncSession, *, actor_id: UUID, member_id: UUID) -> Block:
    """Block a member; doing so again changes nothing and tells nobody. Raises WithOneself or NoSuchMember."""
    await check_both(session, actor_id, member_id)
    new = insert(Block).values(id=new_id(), community_id=tenant_of(session), member_id=actor_id, blocked_id=member_id)
    # The row is taken also where it is there already, so that it cannot be lifted before it is answered.
    kept = new.on_conflict_do_update(
        index_elements=[Block.community_id, Block.member_id, Block.blocked_id],
        set_={"blocked_at": Block.blocked_at},
    )
    made: bool
    found: Block
    found, made = (await session.execute(kept.returning(Block, literal_column("xmax = 0", Boolean)))).one()
    if made:
        emit(session, MemberBlocked(member_id=actor_id, blocked_id=member_id))
    return found


async def unblock(session: AsyncSession, *, actor_id: UUID, member_id: UUID) -> None:
    """Lift a block; where there is none, nothing changes. Raises WithOneself or NoSuchMember."""
    await check_both(session, actor_id, member_id)
    lifted = delete(Block).where(
        Block.community_id == tenant_of(session), Block.member_id == actor_id, Block.blocked_id == member_id
    )
    if await session.scalar(lifted.returning(Block.id)) is not None:
        emit(session, MemberUnblocked(member_id=actor_id, blocked_id=member_id))


async def listed(
    session: AsyncSession, *, member_id: UUID, first: int, after: str | None
) -> tuple[list[Block], str | None]:
    """Whom a member has blocked, the newest first."""
    statement = select(Block).where(Block.community_id == tenant_of(session), Block.member_id == member_id)
    return await paginate(session, statement, by=[Block.id], first=first, after=after, descending=True)


async def check_both(session: AsyncSession, one: UUID, other: UUID) -> None:
    """That both were ever members here; who left can still be blocked and reported."""
    if one == other:
        raise WithOneself
    statement = select(func.count()).where(Member.community_id == tenant_of(session), Member.id.in_((one, other)))
    if await session.scalar(statement) != len((one, other)):
        raise NoSuchMember
