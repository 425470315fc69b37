"""What can be done in programs."""

from datetime import date, datetime

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import MATCHING, plain
from kith_gateway.schema.matching import (
    Acceptance,
    Enrollment,
    MatchMode,
    MatchRun,
    Program,
    ProgramKind,
    ProgramStatus,
    Request,
    RequestAnswer,
    Side,
)
from kith_gateway.schema.pairing_life import Pairing
from kith_gateway.types import given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@record
class EnrollmentError:
    """Why one of many could not be enrolled."""

    index: int = plain("Its place in the input, from 0.")
    code: str = plain("What went wrong, for programs.")
    reason: str = plain("What went wrong, for people.")


@record
class EnrollmentResult:
    """What a bulk enrollment did; those with errors were left out, the others are enrolled."""

    enrolled: int = plain("New enrollments.")
    errors: list[EnrollmentError] = plain("Who was left out, and why.", bound=1000)


@record
class AcceptanceResult:
    """What a bulk acceptance did."""

    accepted: int = plain("Pairings that are accepted now and were not before.")


@taking
class OpenProgramInput(Input):
    """A new program."""

    name: str = given("Its name.")
    kind: ProgramKind | None = maybe("What it is for; mentoring when left out.")
    objectives: str | None = maybe("What it shall achieve.")
    acceptance: Acceptance | None = maybe("Who must accept a pairing; both when left out.")
    request_expiry_days: int | None = maybe("Days a request waits for an answer, 1 to 90; 7 when left out.")
    starts_on: date | None = maybe("First day.")
    ends_on: date | None = maybe("Last day.")
    enroll_from: datetime | None = maybe("From when members enroll.")
    enroll_until: datetime | None = maybe("Until when members enroll.")
    weights: JSON | None = maybe("How much each part of a score counts: {part: weight}, together 1.")
    rules: JSON | None = maybe("What must hold for two to be paired: {rule: setting}.")
    open: bool | None = maybe("False for a draft that nobody can enroll in yet.")
    automatic_pairing: bool | None = maybe(
        "In programs of the kind buddy: true to pair mentees by themselves as soon as a mentor has room."
    )
    enroll_newcomers: bool | None = maybe(
        "In programs of the kind buddy: true to enroll who joins the community from now on as a mentee."
    )
    automatic_calls: bool | None = maybe("True to call for mentors by itself where more wait than there is room.")
    longest_wait_weeks: int | None = maybe("Who would wait longer cannot enroll as a mentee by themselves, 0 to 520.")


@taking
class ChangeProgramInput(Input):
    """What to change of a program; what is left out stays."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    name: str | None = maybe("Its name.")
    objectives: str | None = maybe("What it shall achieve.")
    request_expiry_days: int | None = maybe("Days a request waits for an answer, 1 to 90.")
    starts_on: date | None = maybe("First day; null for none.")
    ends_on: date | None = maybe("Last day; null for none.")
    enroll_from: datetime | None = maybe("From when members enroll; null for as soon as it is open.")
    enroll_until: datetime | None = maybe("Until when members enroll; null for as long as it is not completed.")
    automatic_pairing: bool | None = maybe(
        "In programs of the kind buddy: true to pair mentees by themselves as soon as a mentor has room."
    )
    enroll_newcomers: bool | None = maybe(
        "In programs of the kind buddy: true to enroll who joins the community from now on as a mentee."
    )
    automatic_calls: bool | None = maybe("True to call for mentors by itself where more wait than there is room.")
    longest_wait_weeks: int | None = maybe("Who would wait longer cannot enroll as a mentee by themselves, 0 to 520.")


@taking
class AdvanceProgramInput(Input):
    """A program's next step."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    to: ProgramStatus = given("Its next status.")


@taking
class EnrollInput(Input):
    """One's own enrollment."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    side: Side = given("What as.")
    max_pairings: int | None = maybe("Pairings at most; 1 when left out.")
    weekly_hours: float | None = maybe("Hours a week: what a mentor has for all, or a mentee wants of one.")


@taking
class ChangeEnrollmentInput(Input):
    """What to change of one's own enrollment; what is left out stays."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    side: Side = given("The side one is enrolled on.")
    max_pairings: int | None = maybe("Pairings at most.")
    weekly_hours: float | None = maybe("Hours a week: what a mentor has for all, or a mentee wants of one.")
    goals: list[str] | None = maybe("What one wants to reach in it; 20 at most.")
    paused: bool | None = maybe("True: no new pairing now, and nobody's silence counts. Place and standing stay.")
    paused_until: date | None = maybe("The last day of the pause; null for until further notice.")


@taking
class EnrollmentInput:
    """One of many to enroll."""

    member_id: strawberry.ID = given("Who.", refers="Member")
    side: Side = given("What as.")
    max_pairings: int | None = maybe("Pairings at most; 1 when left out.")
    weekly_hours: float | None = maybe("Hours a week: what a mentor has for all, or a mentee wants of one.")


@taking
class EnrollMembersInput(Input):
    """Many members to enroll at once; who is enrolled already stays as they are."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    enrollments: list[EnrollmentInput] = given("Whom; 1000 at most.")


@taking
class PairInput:
    """A mentee and a mentor."""

    mentee_id: strawberry.ID = given("The mentee.", refers="Member")
    mentor_id: strawberry.ID = given("The mentor.", refers="Member")


@taking
class StartMatchRunInput(Input):
    """A match run for everyone enrolled."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    seed: int | None = maybe("What ties are broken with; the same seed gives the same pairs.")
    mode: MatchMode | None = maybe("What to make best: the total score, unless said otherwise.")
    pins: list[PairInput] | None = maybe("Pairs that must be made; 1000 at most.")
    prohibited: list[PairInput] | None = maybe("Pairs that must not be made; 10000 at most.")


@taking
class PublishMatchRunInput(Input):
    """A solved match run."""

    run_id: strawberry.ID = given("The match run.", refers="MatchRun")


@taking
class DiscardMatchRunInput(Input):
    """A match run that is not published."""

    run_id: strawberry.ID = given("The match run.", refers="MatchRun")


@taking
class AcceptPairingInput(Input):
    """A pairing one is part of."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")


@taking
class DeclinePairingInput(Input):
    """A pairing one is part of."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")


@taking
class AcceptPairingsInput(Input):
    """Pairings to accept for both of their members."""

    pairing_ids: list[strawberry.ID] = given("Which; 1000 at most.", refers="Pairing")


@taking
class AskMentorInput(Input):
    """A request to a mentor."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    mentor_id: strawberry.ID = given("Whom to ask.", refers="Member")
    message: str = given("What to tell them.")
    then: list[strawberry.ID] | None = maybe(
        "Whom to ask next, in this order, when this one does not say yes; 10 at most.", refers="Member"
    )


@taking
class AskMenteeInput(Input):
    """A request to a mentee."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    mentee_id: strawberry.ID = given("Whom to ask.", refers="Member")
    message: str = given("What to tell them.")


@taking
class MakePairingInput(Input):
    """Two whom a coordinator brings together."""

    program_id: strawberry.ID = given("The program both are enrolled in.", refers="Program")
    mentor_id: strawberry.ID = given("The mentor.", refers="Member")
    mentee_id: strawberry.ID = given("The mentee.", refers="Member")


@taking
class BringPairingInput(Input):
    """A relationship that exists already."""

    program_id: strawberry.ID = given("The program to live it in.", refers="Program")
    side: Side = given("What one is in it oneself: mentor or mentee.")
    other_id: strawberry.ID = given("The other.", refers="Member")


@taking
class AnswerRequestInput(Input):
    """An answer to a request one got."""

    request_id: strawberry.ID = given("The request.", refers="Request")
    to: RequestAnswer = given("Yes or no.")


@taking
class WithdrawRequestInput(Input):
    """A request one made."""

    request_id: strawberry.ID = given("The request.", refers="Request")


_program = ("program", Program, "The program.")
_enrollment = ("enrollment", Enrollment, "The enrollment.")
_run = ("match_run", MatchRun, "The match run.")
_pairing = ("pairing", Pairing, "The pairing.")
_request = ("request", Request, "The request.")
mutations = [
    mutation(
        "open_program", MATCHING, "POST", "/programs", takes=OpenProgramInput,
        gives=_program, description="Open a program; for coordinators.",
    ),
    mutation(
        "change_program", MATCHING, "PATCH", "/programs/{program_id}", takes=ChangeProgramInput,
        gives=_program, description="Change a program's name, purpose and times; for coordinators.",
    ),
    mutation(
        "advance_program", MATCHING, "POST", "/programs/{program_id}/step", takes=AdvanceProgramInput,
        gives=_program, description="Take a program to its next status; for coordinators.",
    ),
    mutation(
        "enroll", MATCHING, "POST", "/programs/{program_id}/enrollments", takes=EnrollInput,
        gives=_enrollment, description="Enroll oneself in a program.",
    ),
    mutation(
        "change_enrollment", MATCHING, "PATCH", "/programs/{program_id}/enrollments", takes=ChangeEnrollmentInput,
        gives=_enrollment, description="Change or pause one's own enrollment.",
    ),
    mutation(
        "enroll_members", MATCHING, "POST", "/programs/{program_id}/enrollments/bulk", takes=EnrollMembersInput,
        gives=("result", EnrollmentResult, "What was done."), description="Enroll many members; for coordinators.",
    ),
    mutation(
        "start_match_run", MATCHING, "POST", "/programs/{program_id}/match-runs", takes=StartMatchRunInput,
        gives=_run, description="Start a match run; ask `matchRun` until it is solved. For coordinators.",
    ),
    mutation(
        "publish_match_run", MATCHING, "POST", "/match-runs/{run_id}/publish", takes=PublishMatchRunInput,
        gives=_run, description="Propose the pairings of a match run to their members; for coordinators.",
    ),
    mutation(
        "discard_match_run", MATCHING, "POST", "/match-runs/{run_id}/discard", takes=DiscardMatchRunInput,
        gives=_run, description="Throw a match run away, also while it is solved; for coordinators.",
    ),
    mutation(
        "accept_pairing", MATCHING, "POST", "/pairings/{pairing_id}/answer", takes=AcceptPairingInput,
        adds={"accept": True}, gives=_pairing, description="Say yes to a pairing.",
    ),
    mutation(
        "decline_pairing", MATCHING, "POST", "/pairings/{pairing_id}/answer", takes=DeclinePairingInput,
        adds={"accept": False}, gives=_pairing, description="Say no to a pairing.",
    ),
    mutation(
        "accept_pairings", MATCHING, "POST", "/pairings/accept", takes=AcceptPairingsInput,
        gives=("result", AcceptanceResult, "What was done."),
        description="Accept pairings on behalf of their members; for coordinators.",
    ),
    mutation(
        "ask_mentor", MATCHING, "POST", "/programs/{program_id}/requests", takes=AskMentorInput,
        gives=_request, description="Ask a mentor for a pairing.",
    ),
    mutation(
        "ask_mentee", MATCHING, "POST", "/programs/{program_id}/requests-to-mentees", takes=AskMenteeInput,
        gives=_request, description="Ask a mentee for a pairing, as their mentor.",
    ),
    mutation(
        "make_pairing", MATCHING, "POST", "/programs/{program_id}/pairings", takes=MakePairingInput,
        gives=_pairing,
        description="Pair two by hand; they are asked first where the program asks them. For coordinators.",
    ),
    mutation(
        "bring_pairing", MATCHING, "POST", "/programs/{program_id}/private-pairings", takes=BringPairingInput,
        gives=_pairing, description="Bring a pairing from outside; the other says yes or no, and no room is used.",
    ),
    mutation(
        "answer_request", MATCHING, "POST", "/requests/{request_id}/settle", takes=AnswerRequestInput,
        gives=_request, description="Accept or decline a request.",
    ),
    mutation(
        "withdraw_request", MATCHING, "POST", "/requests/{request_id}/settle", takes=WithdrawRequestInput,
        adds={"to": "withdrawn"}, gives=_request, description="Take back a request.",
    ),
]  # fmt: skip
