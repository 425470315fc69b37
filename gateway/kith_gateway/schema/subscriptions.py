"""What can be listened to. Every payload has a cursor; what else it shows is read when it happens, as the listener."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.happenings import happening
from kith_gateway.joins import GROUPS, MATCHING, RECOGNITION, Argument, identifier, joined, plain
from kith_gateway.schema.groups import Post, Thread
from kith_gateway.schema.matching import MatchRun, MatchRunStatus, Request, RequestStatus
from kith_gateway.schema.pairing_life import Pairing, PairingStatus
from kith_gateway.schema.recognition import BadgeAward, Kudos
from kith_gateway.types import enumeration, record

_CURSOR = "Its place among all that happens; opaque. Listen again with it as `after`, and nothing is missed."
_WHEN = "When it happened."


@enumeration
class RecognitionKind(Enum):
    """How someone was recognised."""

    KUDOS = "kudos"
    BADGE = "badge"


@record
class PostWritten:
    """Somebody wrote in a thread."""

    cursor: str = plain(_CURSOR)
    happened_at: datetime = plain(_WHEN)
    space_id: strawberry.ID | None = identifier("Space", key="space_id", description="In which space.")
    thread_id: strawberry.ID = identifier("Thread", key="thread_id", description="In which thread.")
    post: Post | None = joined(GROUPS, "/read/posts", key="post_id", description="What was written.")
    thread: Thread | None = joined(GROUPS, "/read/threads", key="thread_id", description="Where it stands.")


@record
class MatchRunChange:
    """A match run went on, or came to its end."""

    cursor: str = plain(_CURSOR)
    happened_at: datetime = plain(_WHEN)
    became: MatchRunStatus = plain("What it became then.")
    match_run: MatchRun | None = joined(MATCHING, "/read/match-runs", key="run_id", description="As it is now.")


@record
class PairingChange:
    """A pairing of the caller was proposed, accepted, declined or ended."""

    cursor: str = plain(_CURSOR)
    happened_at: datetime = plain(_WHEN)
    became: PairingStatus = plain("What it became then.")
    pairing: Pairing | None = joined(MATCHING, "/read/pairings", key="pairing_id", description="As it is now.")


@record
class RequestChange:
    """A request that the caller made or got was made or settled."""

    cursor: str = plain(_CURSOR)
    happened_at: datetime = plain(_WHEN)
    became: RequestStatus = plain("What it became then.")
    request: Request | None = joined(MATCHING, "/read/requests", key="request_id", description="As it is now.")


@record
class Recognition:
    """The caller was thanked, or awarded a badge."""

    cursor: str = plain(_CURSOR)
    happened_at: datetime = plain(_WHEN)
    became: RecognitionKind = plain("How.")
    kudos: Kudos | None = joined(RECOGNITION, "/read/kudos", key="kudos_id", description="The thanks, if it is that.")
    badge_award: BadgeAward | None = joined(
        RECOGNITION, "/read/badge-awards", key="badge_award_id", description="The badge, if it is that."
    )


def _matching(thing: str, *became: str) -> dict[str, str]:
    return {f"matching.{thing}_{each}.v1": each for each in became}


@strawberry.type(description="What can be listened to, over a WebSocket (graphql-transport-ws).")
class Subscription:
    post_written: PostWritten | None = happening(
        {"groups.post_written.v1": ""},
        permission="groups:take_part",
        arguments=(
            Argument("thread_id", strawberry.ID | None, "Only in this thread.", None, refers="Thread"),
            Argument("space_id", strawberry.ID | None, "Only in this space.", None, refers="Space"),
        ),
        description="Posts, as they are written.",
    )
    match_run_changed: MatchRunChange | None = happening(
        {"matching.match_run_started.v1": "solving"}
        | _matching("match_run", "solved", "published", "failed", "discarded"),
        permission="matching:coordinate",
        arguments=(
            Argument("run_id", strawberry.ID | None, "Only this match run.", None, refers="MatchRun"),
            Argument("program_id", strawberry.ID | None, "Only those of this program.", None, refers="Program"),
        ),
        description="Match runs, as they are begun, solved, published, discarded or fail; for coordinators.",
    )
    pairing_changed: PairingChange | None = happening(
        _matching("pairing", "proposed", "accepted", "declined", "ended"),
        permission="matching:take_part",
        to=("mentor_id", "mentee_id"),
        description="The caller's pairings, as they are proposed, accepted, declined or ended.",
    )
    request_changed: RequestChange | None = happening(
        {"matching.request_made.v1": "pending", "matching.held_request_made.v1": "pending"}
        | _matching("request", "accepted", "declined", "withdrawn", "expired")
        | _matching("held_request", "declined", "withdrawn", "expired"),
        permission="matching:take_part",
        to=("mentor_id", "mentee_id", "asked_by"),
        description="Requests the caller makes or gets, as they are made or settled.",
    )
    recognized: Recognition | None = happening(
        {"recognition.kudos_given.v1": "kudos", "recognition.badge_awarded.v1": "badge"},
        permission="recognition:take_part",
        to=("receiver_id", "member_id"),
        description="Thanks and badges the caller gets.",
    )
