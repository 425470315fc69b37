"""Groups, their sessions, and conversations in spaces."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import GROUPS, IDENTITY, Argument, by_id, fetched, identifier, joined, lookup, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, Node, enumeration, node, record


@enumeration
class GroupKind(Enum):
    """What a group is."""

    CIRCLE = "circle"
    POD = "pod"
    NEWCOMER_COHORT = "newcomer_cohort"
    COMMUNITY_OF_PRACTICE = "community_of_practice"
    PROJECT_TEAM = "project_team"


@enumeration
class GroupRole(Enum):
    """What a member is in a group."""

    MEMBER = "member"
    FACILITATOR = "facilitator"
    HOST = "host"


@enumeration
class SessionMode(Enum):
    """How people meet."""

    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    IN_PERSON = "in_person"


@enumeration
class RsvpState(Enum):
    """Whether someone comes; waiting: they would, and there is no room yet."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"
    WAITING = "waiting"


@enumeration
class ThreadKind(Enum):
    """A question can have an accepted answer."""

    DISCUSSION = "discussion"
    QUESTION = "question"


@record
class FormationReasons:
    """Why these people were put together."""

    language: str | None = plain("The language all of them speak.")
    waking_overlap_minutes: int | None = plain("Minutes of a day when all of them are awake.")
    experience_spread: float | None = plain("How different their experience is, in years.")


@record
class Membership:
    """A member's place in a group."""

    id: strawberry.ID = identifier("Membership")
    role: GroupRole = plain("What they are in it.")
    since: datetime = plain("Since when.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class Rsvp:
    """Someone's answer to a session."""

    answer: RsvpState = plain("Whether they come.")
    answered_at: datetime = plain("When they said so.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class Attendance:
    """Whether someone was at a session."""

    present: bool = plain("Whether they were there.")
    no_show: bool = plain("Whether they had said yes and did not come.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class Session:
    """A meeting of a group."""

    id: strawberry.ID = identifier("Session")
    title: str = plain("What it is called.")
    starts_at: datetime = plain("When it starts.")
    time_zone: str = plain("The IANA time zone it was planned in.")
    minutes: int = plain("How long it takes.")
    mode: SessionMode = plain("How people meet.")
    capacity: int | None = plain("How many can come.")
    attendance_recorded_at: datetime | None = plain("When it was recorded who came.")
    group: "Group | None" = joined(GROUPS, "/read/groups", key="group_id", description="Whose meeting.")
    rsvps: list[Rsvp] | None = joined(
        GROUPS, "/read/rsvps-by-session", key="id", shape="list", bound=1000, description="Who comes."
    )
    attendance: list[Attendance] | None = joined(
        GROUPS, "/read/attendance-by-session", key="id", shape="list", bound=1000, description="Who was there."
    )


@node(GROUPS, "/read/groups")
class Group(Node):
    """A few people who meet; shown as a circle where that is its kind."""

    id: strawberry.ID = identifier("Group")
    kind: GroupKind = plain("What it is.")
    name: str = plain("Its name.")
    purpose: str = plain("What it is for.")
    smallest: int = plain("As few as it should be.")
    largest: int = plain("As many as it may be.")
    reasons: FormationReasons = plain("Why these people were put together.")
    formed_at: datetime = plain("Since when it exists.")
    memberships: list[Membership] | None = joined(
        GROUPS, "/read/memberships-by-group", key="id", shape="list", bound=50, description="Who belongs to it."
    )
    sessions: list[Session] | None = joined(
        GROUPS,
        "/read/sessions-by-group",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="Its meetings: those to come, the next first; then the past ones, the latest first.",
    )


@record
class Space:
    """A place for threads on one subject."""

    id: strawberry.ID = identifier("Space")
    key: str = plain("Its name in addresses.")
    name: str = plain("Its name.")


@record
class Post:
    """Something written in a thread."""

    id: strawberry.ID = identifier("Post")
    body: str = plain("The text.")
    written_at: datetime = plain("When it was written.")
    reply_to_post_id: strawberry.ID | None = identifier(
        "Post", key="reply_to_post_id", description="The post it replies to."
    )
    author: Member | None = joined(IDENTITY, "/read/members", key="author_id", description="Who wrote it.")
    thread: "Thread | None" = joined(GROUPS, "/read/threads", key="thread_id", description="Where it stands.")


@node(GROUPS, "/read/threads")
class Thread(Node):
    """A conversation in a space."""

    id: strawberry.ID = identifier("Thread")
    space_id: strawberry.ID = identifier("Space", key="space_id", description="The space it is in.")
    kind: ThreadKind = plain("Whether it asks something.")
    title: str = plain("What it is about.")
    opened_at: datetime = plain("When it was opened.")
    accepted_post_id: strawberry.ID | None = identifier(
        "Post", key="accepted_post_id", description="The post that answered the question."
    )
    author: Member | None = joined(IDENTITY, "/read/members", key="author_id", description="Who opened it.")
    posts: list[Post] | None = joined(
        GROUPS,
        "/read/posts-by-thread",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="Its first posts; `posts(threadId:)` has pages of them.",
    )


@strawberry.type
class Query:
    groups: Connection[Group] | None = paged(
        GROUPS,
        "/groups",
        arguments=(Argument("formation_id", strawberry.ID | None, "Only those formed together.", None, "Formation"),),
        description="The groups, the oldest first.",
    )
    group: Group | None = lookup(GROUPS, "/read/groups", of="Group", description="One group.")
    session: Session | None = fetched(
        GROUPS, "/sessions/{id}", arguments=(by_id("Session"),), description="One meeting of a group."
    )
    spaces: Connection[Space] | None = paged(GROUPS, "/spaces", description="The spaces, the oldest first.")
    threads: Connection[Thread] | None = paged(
        GROUPS,
        "/spaces/{space_id}/threads",
        arguments=(Argument("space_id", strawberry.ID, "The space.", refers="Space"),),
        description="The threads of a space, the newest first.",
    )
    thread: Thread | None = lookup(GROUPS, "/read/threads", of="Thread", description="One thread.")
    posts: Connection[Post] | None = paged(
        GROUPS,
        "/threads/{thread_id}/posts",
        arguments=(Argument("thread_id", strawberry.ID, "The thread.", refers="Thread"),),
        description="The posts of a thread, the oldest first.",
    )
