from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_groups.conversations import queries, threads
from kith_groups.errors import NoSuchPost, NoSuchSpace, NoSuchThread, NotAQuestion, NotYours, SpaceExists
from kith_groups.shapes import Coordinating, In, Keys, Name, Out, Participating, Running, Text
from kith_writes.grouped import Group


class SpaceIn(In):
    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9](-?[a-z0-9]){0,39}$")]
    name: Name


class SpaceOut(Out):
    id: UUID
    key: str
    name: str


class ThreadIn(In):
    space_id: UUID
    kind: Literal["discussion", "question"] = "discussion"
    title: Name
    body: Text


class ThreadOut(Out):
    id: UUID
    space_id: UUID
    author_id: UUID
    kind: Literal["discussion", "question"]
    title: str
    accepted_post_id: UUID | None
    opened_at: datetime


class PostIn(In):
    body: Text
    reply_to_post_id: UUID | None = None


class PostOut(Out):
    id: UUID
    thread_id: UUID
    author_id: UUID
    reply_to_post_id: UUID | None
    body: str
    written_at: datetime


class AcceptIn(In):
    post_id: UUID


routes = router(tags=["conversations"])


@routes.post("/spaces", status_code=201, responses=problems(SpaceExists))
async def open_space(body: SpaceIn, _: Coordinating, session: Transaction) -> SpaceOut:
    return SpaceOut.model_validate(await threads.open_space(session, key=body.key, name=body.name))


@routes.get("/spaces", responses=problems(InvalidCursor))
async def list_spaces(_: Participating, session: Transaction, first: First = 50, after: After = None) -> Page[SpaceOut]:
    rows, cursor = await queries.spaces(session, first=first, after=after)
    return Page(items=[SpaceOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/spaces/{space_id}/threads", responses=problems(NoSuchSpace, InvalidCursor))
async def list_threads(
    space_id: UUID, _: Participating, session: Transaction, first: First = 50, after: After = None
) -> Page[ThreadOut]:
    rows, cursor = await queries.threads_of_space(session, space_id=space_id, first=first, after=after)
    return Page(items=[ThreadOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/threads", status_code=201, responses=problems(NoSuchSpace))
async def open_thread(body: ThreadIn, actor: Participating, session: Transaction) -> ThreadOut:
    opened = await threads.open_thread(
        session, author_id=actor.subject, space_id=body.space_id, kind=body.kind, title=body.title, body=body.body
    )
    return ThreadOut.model_validate(opened)


@routes.get("/threads/{thread_id}/posts", responses=problems(NoSuchThread, InvalidCursor))
async def list_posts(
    thread_id: UUID, _: Participating, session: Transaction, first: First = 50, after: After = None
) -> Page[PostOut]:
    rows, cursor = await queries.posts_of_thread(session, thread_id=thread_id, first=first, after=after)
    return Page(items=[PostOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/threads/{thread_id}/posts", status_code=201, responses=problems(NoSuchThread, NoSuchPost))
async def write_post(thread_id: UUID, body: PostIn, actor: Participating, group: Group) -> PostOut:
    new = threads.NewPost(actor.subject, thread_id, body.body, body.reply_to_post_id)
    return await group.write(threads.write_posts, new, answer=PostOut)


@routes.post("/threads/{thread_id}/accept", responses=problems(NoSuchThread, NoSuchPost, NotAQuestion, NotYours))
async def accept_answer(thread_id: UUID, body: AcceptIn, actor: Running, session: Transaction) -> ThreadOut:
    accepted = await threads.accept_answer(session, actor=actor, thread_id=thread_id, post_id=body.post_id)
    return ThreadOut.model_validate(accepted)


@routes.post("/read/threads")
async def threads_by_id(body: Keys, _: Participating, session: Transaction) -> list[ThreadOut | None]:
    found = await queries.threads_by_id(session, body.keys)
    return [ThreadOut.model_validate(each) if each else None for each in found]


@routes.post("/read/posts")
async def posts_by_id(body: Keys, _: Participating, session: Transaction) -> list[PostOut | None]:
    found = await queries.posts_by_id(session, body.keys)
    return [PostOut.model_validate(each) if each else None for each in found]


@routes.post("/read/posts-by-thread")
async def posts_by_thread(body: Keys, _: Participating, session: Transaction) -> list[list[PostOut]]:
    found = await queries.posts_by_thread(session, body.keys, first=body.first)
    return [[PostOut.model_validate(each) for each in some] for some in found]
