"""What coordinators look after."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.pairing_life import Pairing
from kith_gateway.types import Connection, enumeration, record


@enumeration
class AttentionKind(Enum):
    """What somebody needs a coordinator for."""

    UNMATCHED = "unmatched"
    STUCK = "stuck"
    UNHAPPY = "unhappy"
    OVERLOADED = "overloaded"
    UNTRAINED = "untrained"


@enumeration
class AttentionReason(Enum):
    """Why."""

    NO_MENTOR = "no_mentor"
    WAITS_FOR_ANSWER = "waits_for_answer"
    SILENT = "silent"
    NOT_MET = "not_met"
    NO_AGREEMENT = "no_agreement"
    WANTS_HELP = "wants_help"
    LOW_RATING = "low_rating"
    OVERDUE = "overdue"
    MORE_THAN_WANTED = "more_than_wanted"
    NOBODY_FREE = "nobody_free"
    TRAINING_OPEN = "training_open"


@enumeration
class NextAction(Enum):
    """What to do next."""

    START_MATCH_RUN = "start_match_run"
    REMIND_WHO_IS_ASKED = "remind_who_is_asked"
    TALK_TO_WHO_IS_AWAITED = "talk_to_who_is_awaited"
    HELP_THEM_MEET = "help_them_meet"
    ASK_FOR_AGREEMENT = "ask_for_agreement"
    GET_IN_TOUCH = "get_in_touch"
    RELIEVE = "relieve"
    FIND_MENTORS = "find_mentors"
    REMIND_OF_TRAINING = "remind_of_training"


@record
class Attention:
    """Somebody who needs a coordinator."""

    kind: AttentionKind = plain("What for.")
    reason: AttentionReason = plain("Why.")
    since: datetime = plain("Since when.")
    next_action: NextAction = plain("What to do next.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Whom to turn to.")
    pairing: Pairing | None = joined(
        MATCHING, "/read/pairings", key="pairing_id", description="In which pairing, where it is about one."
    )


@strawberry.type
class Query:
    attention: Connection[Attention] | None = paged(
        MATCHING,
        "/programs/{program_id}/attention",
        arguments=(
            Argument("program_id", strawberry.ID, "The program.", refers="Program"),
            Argument("kind", AttentionKind | None, "Only what is of this kind.", default=None),
        ),
        cursor=("since", "subject_id"),
        description="Who is unmatched, stuck, unhappy, overloaded or untrained, and what to do; the longest first.",
    )
