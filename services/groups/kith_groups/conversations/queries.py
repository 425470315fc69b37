from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_groups.conversations import threads
from kith_groups.conversations.models import Post, Space, Thread
from kith_groups.errors import NoSuchSpace


async def spaces(session: AsyncSession, *, first: int, after: str | None) -> tuple[list[Space], str | None]:
    statement = select(Space).where(Space.community_id == tenant_of(session))
    return await paginate(session, statement, by=[Space.id], first=first, after=after)


async def threads_of_space(
    session: AsyncSession, *, space_id: UUID, first: int, after: str | None
) -> tuple[list[Thread], str | None]:
    """Newest first."""
    known = select(Space.id).where(Space.id == space_id, Space.community_id == tenant_of(session))
    if await session.scalar(known) is None:
        raise NoSuchSpace
    statement = select(Thread).where(Thread.community_id == tenant_of(session), Thread.space_id == space_id)
    return await paginate(session, statement, by=[Thread.id], first=first, after=after, descending=True)


async def posts_of_thread(
    session: AsyncSession, *, thread_id: UUID, first: int, after: str | None
) -> tuple[list[Post], str | None]:
    """Oldest first."""
    await threads.found(session, thread_id)
    statement = select(Post).where(Post.community_id == tenant_of(session), Post.thread_id == thread_id)
    return await paginate(session, statement, by=[Post.id], first=first, after=after)


async def threads_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Thread | None]:
    statement = select(Thread).where(Thread.community_id == tenant_of(session), Thread.id.in_(ids))
    found = {thread.id: thread for thread in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def posts_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Post | None]:
    statement = select(Post).where(Post.community_id == tenant_of(session), Post.id.in_(ids))
    found = {post.id: post for post in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def posts_by_thread(session: AsyncSession, ids: Sequence[UUID], *, first: int) -> list[list[Post]]:
    """The first posts of each thread, `first` at most, oldest first, in the order of the ids."""
    place = func.row_number().over(partition_by=Post.thread_id, order_by=Post.id).label("place")
    ranked = select(Post.id, place).where(Post.community_id == tenant_of(session), Post.thread_id.in_(ids)).subquery()
    statement = select(Post).join(ranked, ranked.c.id == Post.id).where(ranked.c.place <= first).order_by(Post.id)
    found: dict[UUID, list[Post]] = {each: [] for each in ids}
    for post in await session.scalars(statement):
        found[post.thread_id].append(post)
    return [found[each] for each in ids]
