"""Programs, enrollments, match runs, pairings and requests."""

from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import IDENTITY, MATCHING, Argument, by_id, fetched, identifier, joined, lookup, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, Node, enumeration, node, record

if TYPE_CHECKING:
    from kith_gateway.schema.guidance import CheckInTemplate, Resource
    from kith_gateway.schema.training import TrainingModule

_OF_TRAINING = strawberry.lazy("kith_gateway.schema.training")
_HERE = strawberry.lazy("kith_gateway.schema.matching")
_OF_GUIDANCE = strawberry.lazy("kith_gateway.schema.guidance")


@enumeration
class ProgramKind(Enum):
    """What a program brings people together for."""

    MENTORING = "mentoring"
    BUDDY = "buddy"
    INTRODUCTION = "introduction"
    PEER = "peer"
    REVIEW = "review"


@enumeration
class ProgramStatus(Enum):
    """Where a program is; it goes one step at a time, in this order."""

    DRAFT = "draft"
    OPEN = "open"
    RUNNING = "running"
    COMPLETED = "completed"


@enumeration
class Acceptance(Enum):
    """Who must accept a pairing before it begins."""

    BOTH = "both"
    AUTOMATIC = "automatic"


@enumeration
class Side(Enum):
    """What a member takes part in a program as."""

    MENTOR = "mentor"
    MENTEE = "mentee"
    PEER = "peer"


@enumeration
class MatchRunStatus(Enum):
    """Where a match run is."""

    QUEUED = "queued"
    SOLVING = "solving"
    SOLVED = "solved"
    PUBLISHED = "published"
    FAILED = "failed"
    DISCARDED = "discarded"


@enumeration
class MatchMode(Enum):
    """What a match run makes best: the total, the worst-off, no two who would rather switch, the total in hours."""

    BEST_TOTAL = "best_total"
    FAIR = "fair"
    STABLE = "stable"
    WITHIN_HOURS = "within_hours"


@enumeration
class RequestStatus(Enum):
    """Where a request is."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    WAITLISTED = "waitlisted"


@enumeration
class RequestAnswer(Enum):
    """What a mentor says to a request."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


@record
class EnrollmentCounts:
    """How many are enrolled in a program, by side."""

    mentor: int = plain("Mentors.")
    mentee: int = plain("Mentees.")
    peer: int = plain("Peers.")


@node(MATCHING, "/read/programs")
class Program(Node):
    """People are matched in programs; each has its own rules."""

    id: strawberry.ID = identifier("Program")
    name: str = plain("Its name.")
    kind: ProgramKind = plain("What it is for.")
    objectives: str = plain("What it shall achieve.")
    status: ProgramStatus = plain("Where it is.")
    acceptance: Acceptance = plain("Who must accept a pairing.")
    request_expiry_days: int = plain("Days a request waits for an answer.")
    starts_on: date | None = plain("First day.")
    ends_on: date | None = plain("Last day.")
    enroll_from: datetime | None = plain("From when members enroll.")
    enroll_until: datetime | None = plain("Until when members enroll; coordinators enroll them later too.")
    weights: JSON = plain("How much each part of a score counts; together 1.")
    rules: JSON = plain("What must hold for two to be paired.")
    automatic_pairing: bool = plain("Whether mentees are paired by themselves as soon as a mentor has room.")
    newcomers_since: datetime | None = plain(
        "Since when who joins the community is enrolled as a mentee; null where nobody is."
    )
    automatic_calls: bool = plain("Whether calls for mentors open by themselves where more wait than there is room.")
    longest_wait_weeks: int | None = plain("Who would wait longer than that cannot enroll as a mentee by themselves.")
    created_at: datetime = plain("Since when it exists.")
    coordinator: Member | None = joined(
        IDENTITY, "/read/members", key="coordinator_id", description="Who looks after it."
    )
    enrollment_counts: EnrollmentCounts | None = joined(
        MATCHING, "/read/enrollment-counts-by-program", key="id", description="How many are enrolled."
    )
    my_enrollments: list[Annotated["Enrollment", _HERE]] | None = joined(
        MATCHING,
        "/read/own-enrollments-by-program",
        key="id",
        shape="list",
        bound=3,
        description="What the caller takes part as.",
    )
    training: list[Annotated["TrainingModule", _OF_TRAINING]] | None = joined(
        MATCHING,
        "/read/training-by-program",
        key="id",
        shape="list",
        bound=100,
        description="What there is to learn before a first pairing, in order.",
    )
    check_in_templates: list[Annotated["CheckInTemplate", _OF_GUIDANCE]] | None = joined(
        MATCHING,
        "/read/check-in-templates-by-program",
        key="id",
        shape="list",
        bound=100,
        description="Agendas for two who meet.",
    )
    resources: list[Annotated["Resource", _OF_GUIDANCE]] | None = joined(
        MATCHING,
        "/read/resources-by-program",
        key="id",
        shape="list",
        bound=100,
        description="What there is to read or use.",
    )


@record
class Enrollment:
    """A member's part in a program."""

    id: strawberry.ID = identifier("Enrollment")
    side: Side = plain("What as.")
    max_pairings: int = plain("Pairings at most.")
    weekly_hours: float | None = plain("Hours a week: what a mentor has for all, or a mentee wants of one.")
    goals: list[str] = plain("What they want to reach in it.", bound=20)
    paused: bool = plain("Whether the member wants no new pairing now.")
    paused_until: date | None = plain("The last day of that, in their zone; null for until further notice.")
    priority: int = plain("How much they come first where places are too few: left out, or left alone, so many times.")
    enrolled_at: datetime = plain("Since when.")
    open_training: list[Annotated["TrainingModule", _OF_TRAINING]] | None = joined(
        MATCHING,
        "/read/open-training-by-enrollment",
        key="id",
        shape="list",
        bound=100,
        description="What must be completed before a first pairing; empty when nothing holds it up, or for others.",
    )
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="In what.")


@record
class ModeOutcome:
    """What a match run would give in one of the modes, over the pairs that were compared."""

    mode: MatchMode = plain("Which.")
    matched: int = plain("Mentees who would have a mentor.")
    total: float = plain("Sum of the scores of the pairs.")
    worst: float = plain("The lowest of these scores.")
    mean: float = plain("Their average.")
    blocking_pairs: int = plain("Mentees and mentors who would both rather have each other, by their scores.")


@record
class Certificate:
    """What a match run found, and the proof of how good it is: no assignment has a higher total than `bound`."""

    mentees: int = plain("Mentees who took part.")
    mentors: int = plain("Mentors who took part.")
    candidates: int = plain("Pairs that the rules allow.")
    matched: int = plain("Pairs found.")
    total: float = plain("Sum of their scores.")
    bound: float = plain("The most that sum could be, with as many matched as can be.")
    gap: float = plain("How far the found pairs may be from the best; 0 is proven optimal.")
    seed: int = plain("What ties were broken with; the same seed gives the same pairs.")
    scoring_seconds: float = plain("Time for scoring.")
    solving_seconds: float = plain("Time for solving.")
    compared_pairs: int = plain("Pairs over which the modes are compared: all, or in a large cohort those scored.")
    outcomes: list[ModeOutcome] = plain("What each mode would give; by hours only where it was asked for.", bound=4)


@record
class PairOfTwo:
    """A mentee and a mentor."""

    mentee: Member | None = joined(IDENTITY, "/read/members", key="mentee_id", description="The mentee.")
    mentor: Member | None = joined(IDENTITY, "/read/members", key="mentor_id", description="The mentor.")


@enumeration
class WishConflictReason(Enum):
    """What is wrong: the pair is prohibited too, room for fewer, two mentors, oneself, or somebody is not there."""

    PROHIBITED = "prohibited"
    MENTOR_FULL = "mentor_full"
    MENTEE_FULL = "mentee_full"
    ONESELF = "oneself"
    NOT_TAKING_PART = "not_taking_part"


@record
class WishConflict:
    """Pins and prohibitions that cannot all be met, though without any one of them the others could."""

    reason: WishConflictReason = plain("Why not.")
    pins: list[PairOfTwo] = plain("Pairs that were to be made.", bound=100)
    prohibited: list[PairOfTwo] = plain("Pairs that were not to be made.", bound=100)


@record
class MatchRun:
    """One solution for the whole cohort of a program; a draft until it is published."""

    id: strawberry.ID = identifier("MatchRun")
    status: MatchRunStatus = plain("Where it is.")
    seed: int = plain("What ties are broken with.")
    mode: MatchMode = plain("What it makes best.")
    certificate: Certificate | None = plain("What was found and how good it is, once solved.")
    failure: str | None = plain("Why it failed and what to do.")
    conflicts: list[WishConflict] = plain(
        "Why it failed, where pins and prohibitions contradict each other: the smallest sets that do, at most 100.",
        bound=100,
    )
    requested_at: datetime = plain("When it was asked for.")
    solved_at: datetime | None = plain("When it was solved.")
    published_at: datetime | None = plain("When it was published.")
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="Whose cohort.")


@record
class ScorePart:
    """One part of a score: `value` times `weight` of it."""

    part: str = plain("What is compared.")
    value: float = plain("How well these two fit in it, from 0 to 1.")
    weight: float = plain("How much it counts.")
    reason: str = plain("A code to translate: the part, then `_shared`, `_none` or `_unknown`.")


@record
class MatchSuggestion:
    """Two whom a match run would pair, and why."""

    mentee: Member | None = joined(IDENTITY, "/read/members", key="mentee_id", description="Who wants to learn.")
    mentor: Member | None = joined(IDENTITY, "/read/members", key="mentor_id", description="Who could teach.")
    score: float = plain("How well they fit.")
    parts: list[ScorePart] = plain("What the score is made of.", bound=20)
    shared_skills: list[str] = plain("Wanted by one, offered by the other.", bound=100)
    shared_languages: list[str] = plain("Languages both speak.", bound=20)
    overlap_minutes: int | None = plain("Minutes a week both have time.")
    next_best: Member | None = joined(
        IDENTITY, "/read/members", key="next_best_id", description="Who else would fit this mentee."
    )
    switch_cost: float | None = plain("What the whole cohort would lose at least if the mentee got that one instead.")


@enumeration
class UnmatchedReason(Enum):
    """Why a match run found nobody for a mentee: all who fit have others, nobody fits, or nobody has room at all."""

    NO_ROOM = "no_room"
    NOBODY_MEETS_THE_RULES = "nobody_meets_the_rules"
    NO_MENTOR_FREE = "no_mentor_free"


@record
class Unmatched:
    """A mentee for whom a match run found nobody."""

    mentee: Member | None = joined(IDENTITY, "/read/members", key="mentee_id", description="Who.")
    reason: UnmatchedReason = plain("Why.")


@record
class Move:
    """Whose turn it is."""

    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who is waited for.")
    since: datetime | None = plain("Since when.")


@record
class Request:
    """One asks the other for a pairing."""

    id: strawberry.ID = identifier("Request")
    message: str = plain("What was written to the one who is asked.")
    status: RequestStatus = plain("Where it is.")
    asked_at: datetime = plain("When it was made.")
    expires_at: datetime = plain("Until when it waits for an answer; in line it waits until there is room.")
    place_in_line: int | None = joined(
        MATCHING,
        "/read/places-in-line",
        key="id",
        shape="value",
        description="1 for who is asked for next; for who asked, while it waits in line.",
    )
    settled_at: datetime | None = plain("When it was settled.")
    move: Move = plain("Whose turn it is.")
    mentor: Member | None = joined(IDENTITY, "/read/members", key="mentor_id", description="The mentor.")
    mentee: Member | None = joined(IDENTITY, "/read/members", key="mentee_id", description="The mentee.")
    asked_by: Member | None = joined(IDENTITY, "/read/members", key="asked_by", description="Which of them asks.")
    next_choices: list[Member] | None = joined(
        IDENTITY,
        "/read/members",
        key="choices",
        shape="each",
        bound=10,
        description="Whom to ask next, in this order, when this one does not say yes.",
    )
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="In which program.")


_OF_PROGRAM = (Argument("program_id", strawberry.ID, "The program.", refers="Program"),)
_OF_RUN = (Argument("run_id", strawberry.ID, "The match run.", refers="MatchRun"),)


@strawberry.type
class Query:
    enrollments: Connection[Enrollment] | None = paged(
        MATCHING,
        "/programs/{program_id}/enrollments",
        arguments=_OF_PROGRAM,
        description="Who takes part in a program, who enrolled first comes first; for coordinators.",
    )
    programs: Connection[Program] | None = paged(MATCHING, "/programs", description="The programs, the newest first.")
    program: Program | None = lookup(MATCHING, "/read/programs", of="Program", description="One program.")
    match_runs: Connection[MatchRun] | None = paged(
        MATCHING,
        "/programs/{program_id}/match-runs",
        arguments=_OF_PROGRAM,
        description="The match runs of a program, the newest first; for coordinators.",
    )
    match_run: MatchRun | None = fetched(
        MATCHING, "/match-runs/{id}", arguments=(by_id("MatchRun"),), description="One match run; for coordinators."
    )
    match_suggestions: Connection[MatchSuggestion] | None = paged(
        MATCHING,
        "/match-runs/{run_id}/suggestions",
        arguments=_OF_RUN,
        cursor=("mentee_id",),
        description="Whom a match run would pair, and why: the preview of a draft.",
    )
    unmatched_mentees: Connection[Unmatched] | None = paged(
        MATCHING,
        "/match-runs/{run_id}/unmatched",
        arguments=_OF_RUN,
        cursor=("mentee_id",),
        description="For whom a match run found nobody, and why.",
    )
