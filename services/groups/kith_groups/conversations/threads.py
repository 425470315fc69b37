"""Opening threads, writing posts, accepting answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import Problem, refused
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_chassis.tokens import Principal
from kith_groups.conversations.models import Post, Space, Thread
from kith_groups.errors import NoSuchPost, NoSuchSpace, NoSuchThread, NotAQuestion, NotYours, SpaceExists
from kith_groups.events import AnswerAccepted, PostWritten, ThreadOpened
from kith_groups.shapes import COORDINATE

_THREADS = text("""
SELECT id, id AS thread_id, author_id, space_id FROM threads WHERE id = ANY(:ids) AND community_id = :community
""")
_POSTS = text("SELECT id, thread_id, author_id FROM posts WHERE id = ANY(:ids) AND community_id = :community")
_WRITE = text("""
INSERT INTO posts (id, community_id, thread_id, author_id, reply_to_post_id, body)
SELECT id, :community, thread_id, author_id, answered, body
FROM unnest(CAST(:ids AS uuid[]), CAST(:threads AS uuid[]), CAST(:authors AS uuid[]), CAST(:answered AS uuid[]),
            CAST(:bodies AS text[])) AS new(id, thread_id, author_id, answered, body)
RETURNING written_at
""")


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
    await _store(session, [(NewPost(author_id, thread.id, body), space_id, None)])
    await session.refresh(thread)
    return thread


@dataclass(frozen=True, slots=True)
class NewPost:
    """A post to be written, as an answer to one of the thread's posts or to the thread as a whole."""

    author_id: UUID
    thread_id: UUID
    body: str
    reply_to_post_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WrittenPost:
    """A post as it is stored."""

    id: UUID
    thread_id: UUID
    author_id: UUID
    reply_to_post_id: UUID | None
    body: str
    written_at: datetime


async def write_posts(session: AsyncSession, asked: Sequence[NewPost]) -> list[WrittenPost | Problem]:
    """The posts of a group at once; one whose thread, or whose post to answer, is not there is refused alone."""
    threads = await _known(session, _THREADS, {each.thread_id for each in asked})
    answered = {each.reply_to_post_id for each in asked if each.reply_to_post_id is not None}
    posts = await _known(session, _POSTS, answered) if answered else {}
    refused: dict[int, Problem] = {}
    new: list[tuple[NewPost, UUID, UUID | None]] = []
    for place, each in enumerate(asked):
        thread, post = (each.thread_id, each.thread_id), (each.reply_to_post_id, each.thread_id)
        if thread not in threads:
            refused[place] = NoSuchThread()
        elif each.reply_to_post_id is not None and post not in posts:
            refused[place] = NoSuchPost()
        else:
            answered_to = threads[thread] if each.reply_to_post_id is None else posts[post]
            new.append((each, threads[thread].space_id, answered_to.author_id))
    written = iter(await _store(session, new) if new else [])
    return [refused[place] if place in refused else next(written) for place in range(len(asked))]


async def _known(session: AsyncSession, sql: TextClause, ids: Collection[UUID]) -> dict[Any, Row[Any]]:
    """What there is of these, by (its id, its thread's id)."""
    rows = await session.execute(sql, {"ids": list(ids), "community": tenant_of(session)})
    return {(row.id, row.thread_id): row for row in rows}


async def _store(session: AsyncSession, new: Sequence[tuple[NewPost, UUID, UUID | None]]) -> list[WrittenPost]:
    """Store posts, each with its space and the member it answers, in this order."""
    ids = [new_id() for _ in new]
    columns = {
        "community": tenant_of(session),
        "ids": ids,
        "threads": [each.thread_id for each, *_ in new],
        "authors": [each.author_id for each, *_ in new],
        "answered": [each.reply_to_post_id for each, *_ in new],
        "bodies": [each.body for each, *_ in new],
    }
    written_at = (await session.execute(_WRITE, columns)).scalars().all()[0]
    written = []
    for id_, (post, space_id, answered) in zip(ids, new, strict=True):
        event = PostWritten(
            post_id=id_,
            thread_id=post.thread_id,
            space_id=space_id,
            author_id=post.author_id,
            reply_to_id=answered,
            length=len(post.body),
        )
        emit(session, event)
        one = WrittenPost(id_, post.thread_id, post.author_id, post.reply_to_post_id, post.body, written_at)
        written.append(one)
    return written


async def accept_answer(session: AsyncSession, *, actor: Principal, thread_id: UUID, post_id: UUID) -> Thread:
    """Say which post answers the question. The choice may move; each post is told of once, by the first time."""
    thread = await found(session, thread_id, lock=True)
    if actor.subject != thread.author_id and not actor.may(COORDINATE):
        raise NotYours
    post = await _post(session, thread, post_id)
    if thread.kind != "question" or post.author_id == thread.author_id:
        raise NotAQuestion
    thread.accepted_post_id = post.id
    if post.accepted_at is None:  # under the thread's lock: of two at once, the second sees it
        post.accepted_at = datetime.now(UTC)
        accepted = AnswerAccepted(
            thread_id=thread.id,
            post_id=post.id,
            answerer_id=post.author_id,
            accepted_by=actor.subject,
            asker_id=thread.author_id,
        )
        emit(session, accepted)
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
