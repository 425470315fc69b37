"""What can be done with groups, their sessions, and conversations."""

from datetime import datetime

import strawberry

from kith_gateway.joins import GROUPS, IDENTITY, identifier, joined, plain
from kith_gateway.schema.groups import (
    Group,
    GroupKind,
    Post,
    Rsvp,
    RsvpState,
    Session,
    SessionMode,
    Space,
    Thread,
    ThreadKind,
)
from kith_gateway.schema.identity import Member
from kith_gateway.types import given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@record
class LeftOver:
    """Someone who got into no group."""

    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")
    reason: str = plain("Why.")


@record
class Formation:
    """Groups that were formed together."""

    id: strawberry.ID = identifier("Formation", key="formation_id")
    value: float = plain("How well people were put together; comparable between formations of the same pool.")
    groups: list[Group] | None = joined(
        GROUPS, "/read/groups", key="group_ids", shape="each", bound=1000, description="The groups."
    )
    left: list[LeftOver] = plain("Who got into none, and why.", bound=5000)


@taking
class TwoMembersInput:
    """Two members."""

    member_ids: list[strawberry.ID] = given("The two.", refers="Member")


@taking
class PoolInput:
    """Exactly these members, or the newest ones who have no group of this kind."""

    member_ids: list[strawberry.ID] | None = maybe("Exactly these; 5000 at most.", refers="Member")
    newest: int | None = maybe("So many of the newest who have no group of this kind.")
    facilitator_ids: list[strawberry.ID] | None = maybe(
        "Who can facilitate; they come into the pool, one into each group.", refers="Member"
    )
    together: list[TwoMembersInput] | None = maybe(
        "Who is put into the same group where that can be; 1000 pairs at most."
    )
    apart: list[TwoMembersInput] | None = maybe("Who is put into no group together; 1000 pairs at most.")


@taking
class FormGroupsInput(Input):
    """Groups to form from a pool of members."""

    pool: PoolInput = given("From whom.")
    kind: GroupKind | None = maybe("What the groups are; circles when left out.")
    name: str | None = maybe("What they are called; a number is added.")
    smallest: int | None = maybe("As few as a group should be; 8 when left out.")
    largest: int | None = maybe("As many as a group may be; 12 when left out.")
    seed: int | None = maybe("The same seed forms the same groups.")


@taking
class JoinGroupInput(Input):
    """A group to join."""

    group_id: strawberry.ID = given("The group.", refers="Group")


@taking
class LeaveGroupInput(Input):
    """A group to leave."""

    group_id: strawberry.ID = given("The group.", refers="Group")


@taking
class NewSessionInput:
    """A meeting of a group."""

    group_id: strawberry.ID = given("Whose.", refers="Group")
    starts_at: datetime = given("When it starts, with an offset.")
    title: str | None = maybe("What it is called; First session when left out.")
    time_zone: str | None = maybe("IANA time zone it is planned in; UTC when left out.")
    minutes: int | None = maybe("How long; 60 when left out.")
    mode: SessionMode | None = maybe("How people meet; by video when left out.")
    capacity: int | None = maybe("How many can come; everyone when left out.")


@taking
class ScheduleSessionsInput(Input):
    """Meetings, of one group or of many."""

    sessions: list[NewSessionInput] = given("Which; 500 at most.")


@taking
class RsvpInput(Input):
    """One's answer to a session."""

    session_id: strawberry.ID = given("The session.", refers="Session")
    answer: RsvpState = given("Yes, no or maybe; a yes waits where there is no room.")


@taking
class SessionAttendanceInput:
    """Who was at a session."""

    session_id: strawberry.ID = given("The session.", refers="Session")
    present_ids: list[strawberry.ID] = given(
        "Who was there; who else belonged to the group by then was not.", refers="Member"
    )


@taking
class RecordAttendanceInput(Input):
    """Who was at one session or at many."""

    sessions: list[SessionAttendanceInput] = given("Which, and who; 500 sessions at most.")


@taking
class OpenSpaceInput(Input):
    """A new space."""

    key: str = given("Its name in addresses: lower-case letters, digits, single hyphens.")
    name: str = given("Its name.")


@taking
class OpenThreadInput(Input):
    """A new thread with its first post."""

    space_id: strawberry.ID = given("In which space.", refers="Space")
    title: str = given("What it is about.")
    body: str = given("The first post.")
    kind: ThreadKind | None = maybe("Whether it asks something; a discussion when left out.")


@taking
class WritePostInput(Input):
    """A post in a thread."""

    thread_id: strawberry.ID = given("The thread.", refers="Thread")
    body: str = given("The text.")
    reply_to_post_id: strawberry.ID | None = maybe("The post it replies to.", refers="Post")


@taking
class AcceptAnswerInput(Input):
    """The post that answers a question."""

    thread_id: strawberry.ID = given("The question.", refers="Thread")
    post_id: strawberry.ID = given("The answer.", refers="Post")


mutations = [
    mutation(
        "form_groups", GROUPS, "POST", "/formations", takes=FormGroupsInput,
        gives=("formation", Formation, "What was formed."), description="Form groups from a pool; for coordinators.",
    ),
    mutation(
        "join_group", GROUPS, "POST", "/groups/{group_id}/join", takes=JoinGroupInput,
        gives=("group", Group, "The group."), description="Join a group that has room.",
    ),
    mutation(
        "leave_group", GROUPS, "POST", "/groups/{group_id}/leave", takes=LeaveGroupInput,
        description="Leave a group.",
    ),
    mutation(
        "schedule_sessions", GROUPS, "POST", "/sessions", takes=ScheduleSessionsInput,
        gives=("sessions", list[Session], "The sessions, in the order of the input."), bound=500,
        description="Plan meetings; for facilitators and coordinators.",
    ),
    mutation(
        "rsvp", GROUPS, "POST", "/sessions/{session_id}/rsvp", takes=RsvpInput,
        gives=("rsvp", Rsvp, "The answer as it stands."), description="Say whether one comes, before it begins.",
    ),
    mutation(
        "record_attendance", GROUPS, "POST", "/attendance", takes=RecordAttendanceInput,
        gives=("sessions", list[Session], "The sessions."), bound=500,
        description="Record who came to what has begun; for facilitators and coordinators.",
    ),
    mutation(
        "open_space", GROUPS, "POST", "/spaces", takes=OpenSpaceInput,
        gives=("space", Space, "The space."), description="Open a space; for coordinators.",
    ),
    mutation(
        "open_thread", GROUPS, "POST", "/threads", takes=OpenThreadInput,
        gives=("thread", Thread, "The thread."), description="Open a thread.",
    ),
    mutation(
        "write_post", GROUPS, "POST", "/threads/{thread_id}/posts", takes=WritePostInput,
        gives=("post", Post, "The post."), description="Write in a thread.",
    ),
    mutation(
        "accept_answer", GROUPS, "POST", "/threads/{thread_id}/accept", takes=AcceptAnswerInput,
        gives=("thread", Thread, "The question."), description="Accept an answer to one's own question.",
    ),
]  # fmt: skip
