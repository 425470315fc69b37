from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_groups.base import Base


class Space(Base):
    """A topic that holds threads; every community has one with the key `welcome`."""

    __tablename__ = "spaces"
    __table_args__ = (Index("one_space_per_key", "community_id", "key", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    key: Mapped[str]
    name: Mapped[str]


class Thread(Base):
    """A discussion, or a question that may have an accepted answer."""

    __tablename__ = "threads"
    __table_args__ = (Index("threads_of_space", "community_id", "space_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    space_id: Mapped[UUID] = mapped_column(ForeignKey("spaces.id"))
    author_id: Mapped[UUID]
    kind: Mapped[str]
    title: Mapped[str]
    accepted_post_id: Mapped[UUID | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Post(Base):
    """Something written in a thread; `accepted_at` is set once, when it is first accepted as an answer."""

    __tablename__ = "posts"
    __table_args__ = (Index("posts_of_thread", "community_id", "thread_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID]
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("threads.id"))
    author_id: Mapped[UUID]
    reply_to_post_id: Mapped[UUID | None] = mapped_column(ForeignKey("posts.id"))
    body: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    accepted_at: Mapped[datetime | None]
