"""Opening threads, writing posts, accepting answers."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_chassis.tokens import Principal
from kith_groups.conversations.models import Post, Space, Thread
from kith_groups.errors import NoSuchPost, NoSuchSpace, NoSuchThread, NotAQuestion, NotYours, SpaceExists
from kith_groups.events import AnswerAccepted, PostWritten, ThreadOpened
from kith_groups.shapes import COORDINATE


async def open_space(session: AsyncSession, *, key: str, name: str) -> Space:
    space = Space(community_id=tenant_of(session), key=key, name=name)
    session.add(space)
    with refused({"one_space_per_key": SpaceExists()}):
        await session.flush()
    return space


async def open_thread(
    session: AsyncSession, *, author_id: UUID, space_id: UUID, kind: str, title: str, body: str
) -> Thread:
    """A thread with its opening post."""
    community_id = tenant_of(session)
    known = select(Space.id).where(Space.id == space_id, Space.community_id == community_id)
    if await session.scalar(known) is None:
        raise NoSuchSpace
    thread = Thread(community_id=community_id, space_id=space_id, author_id=author_id, kind=kind, title=title)
    session.add(thread)
    await session.flush()
    emit(session, ThreadOpened(thread_id=thread.id, space_id=space_id, author_id=author_id, kind=kind))
    await _write(session, thread=thread, author_id=author_id, body=body, reply_to=None)
    await session.refresh(thread)
    return thread


async def write_post(
    session: AsyncSession, *, author_id: UUID, thread_id: UUID, body: str, reply_to_post_id: UUID | None
) -> Post:
    """A post in a thread, as an answer to one of its posts or to the thread as a whole."""
    thread = await found(session, thread_id)
    reply_to = None
    if reply_to_post_id is not None:
        reply_to = await _post(session, thread, reply_to_post_id)
    return await _write(session, thread=thread, author_id=author_id, body=body, reply_to=reply_to, answers=True)


async def _write(
    session: AsyncSession, *, thread: Thread, author_id: UUID, body: str, reply_to: Post | None, answers: bool = False
) -> Post:
    post = Post(
        community_id=thread.community_id,
        thread_id=thread.id,
        author_id=author_id,
        body=body,
        reply_to_post_id=reply_to.id if reply_to else None,
    )
    session.add(post)
    await session.flush()
    await session.refresh(post)
    answered = reply_to.author_id if reply_to else (thread.author_id if answers else None)
    emit(
        session,
        PostWritten(post_id=post.id, thread_id=thread.id, author_id=author_id, reply_to_id=answered, length=len(body)),
    )
    return post


async def accept_answer(session: AsyncSession, *, actor: Principal, thread_id: UUID, post_id: UUID) -> Thread:
    """Say which post answers the question; choosing the same again changes nothing."""
    thread = await found(session, thread_id, lock=True)
    if actor.subject != thread.author_id and not actor.may(COORDINATE):
        raise NotYours
    post = await _post(session, thread, post_id)
    if thread.kind != "question" or post.author_id == thread.author_id:
        raise NotAQuestion
    if thread.accepted_post_id != post.id:
        thread.accepted_post_id = post.id
        emit(
            session,
            AnswerAccepted(thread_id=thread.id, post_id=post.id, answerer_id=post.author_id, accepted_by=actor.subject),
        )
    return thread


async def found(session: AsyncSession, thread_id: UUID, *, lock: bool = False) -> Thread:
    statement = select(Thread).where(Thread.id == thread_id, Thread.community_id == tenant_of(session))
    thread = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if thread is None:
        raise NoSuchThread
    return thread


async def _post(session: AsyncSession, thread: Thread, post_id: UUID) -> Post:
    statement = select(Post).where(
        Post.id == post_id, Post.thread_id == thread.id, Post.community_id == tenant_of(session)
    )
    post = (await session.scalars(statement)).first()
    if post is None:
        raise NoSuchPost
    return post
