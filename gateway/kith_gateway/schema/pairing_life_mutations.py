"""What two who are paired can do."""

from datetime import date, datetime

import strawberry

from kith_gateway.joins import MATCHING
from kith_gateway.schema.pairing_life import (
    Agreement,
    Channel,
    ClosingSurvey,
    Goal,
    LeavingReason,
    Pairing,
    Pulse,
    Task,
    Testimonial,
    Touchpoint,
    TouchpointKind,
)
from kith_gateway.types import given, maybe, taking
from kith_gateway.writes import Input, mutation


@taking
class ProposeAgreementInput(Input):
    """Terms for a pairing one is part of."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")
    support: str = given("What kind of support it is about.")
    boundaries: str | None = maybe("What it is not about, what stays between the two, when not to write.")
    channel: Channel = given("How to be in contact.")
    every_days: int = given("How often, in days, 1 to 90: 7 is once a week.")
    ends_on: date | None = maybe("The last day, today or later.")


@taking
class AcceptAgreementInput(Input):
    """Terms one has read."""

    agreement_id: strawberry.ID = given("The agreement.", refers="Agreement")


@taking
class RecordTouchpointInput(Input):
    """What happened in a pairing one is part of."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")
    kind: TouchpointKind = given("Whether the two met, or the caller reached out to the other.")
    channel: Channel = given("In which way.")
    happened_at: datetime = given("When; not in the future, and not before the two were paired.")


@taking
class AnswerPulseInput(Input):
    """How it goes in a pairing."""

    pulse_id: strawberry.ID = given("The pulse.", refers="Pulse")
    rating: int = given("From 1, it does not go at all, to 5.")
    wants_help: bool | None = maybe("True: a coordinator should get in touch.")
    note: str | None = maybe("What else there is to say; coordinators read it, the other side does not.")


@taking
class EndPairingInput(Input):
    """A pairing one is part of and wants to end."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")
    reason: LeavingReason = given("Why.")


@taking
class AnswerClosingSurveyInput(Input):
    """How it was in a pairing that has ended."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")
    rating: int = given("From 1, it was of no use, to 5.")
    goals_met: bool = given("Whether one got what one came for.")
    note: str | None = maybe("What else there is to say; coordinators read it, the other side does not.")


@taking
class WriteTestimonialInput(Input):
    """What one says of the other."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")
    body: str = given("What to say; to write it is to consent that others read it.")


@taking
class PublishTestimonialInput(Input):
    """A testimonial about oneself."""

    testimonial_id: strawberry.ID = given("The testimonial.", refers="Testimonial")


@taking
class WithdrawTestimonialInput(Input):
    """A testimonial one wrote, or about oneself."""

    testimonial_id: strawberry.ID = given("The testimonial.", refers="Testimonial")


@taking
class SetGoalInput(Input):
    """A goal of a pairing one is part of."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")
    title: str = given("What to reach.")


@taking
class ChangeGoalInput(Input):
    """What to change of a goal; what is left out stays."""

    goal_id: strawberry.ID = given("The goal.", refers="Goal")
    title: str | None = maybe("What to reach.")
    progress: int | None = maybe("How far it is, 0 to 100.")


@taking
class AddTaskInput(Input):
    """A task in a pairing one is part of."""

    pairing_id: strawberry.ID = given("The pairing.", refers="Pairing")
    title: str = given("What to do.")
    goal_id: strawberry.ID | None = maybe("For which goal.", refers="Goal")
    assignee_id: strawberry.ID | None = maybe("Who does it; both when left out.", refers="Member")
    due_on: date | None = maybe("Until when.")


@taking
class CheckTaskInput(Input):
    """Whether a task is done."""

    task_id: strawberry.ID = given("The task.", refers="Task")
    done: bool = given("True: it is.")


_goal = ("goal", Goal, "The goal.")
_task = ("task", Task, "The task.")
_testimonial = ("testimonial", Testimonial, "The testimonial.")
_agreement = ("agreement", Agreement, "The agreement.")
mutations = [
    mutation(
        "propose_agreement", MATCHING, "POST", "/pairings/{pairing_id}/agreements", takes=ProposeAgreementInput,
        gives=_agreement, description="Propose terms, or others than those that hold; the other side accepts them.",
    ),
    mutation(
        "accept_agreement", MATCHING, "POST", "/agreements/{agreement_id}/accept", takes=AcceptAgreementInput,
        gives=_agreement, description="Accept the terms the other side proposed.",
    ),
    mutation(
        "record_touchpoint", MATCHING, "POST", "/pairings/{pairing_id}/touchpoints", takes=RecordTouchpointInput,
        gives=("touchpoint", Touchpoint, "The touchpoint."),
        description="Say what happened between the two; it decides whose move it is.",
    ),
    mutation(
        "answer_pulse", MATCHING, "POST", "/pulses/{pulse_id}/answer", takes=AnswerPulseInput,
        gives=("pulse", Pulse, "The pulse."), description="Say how it goes; the other side does not see it.",
    ),
    mutation(
        "end_pairing", MATCHING, "POST", "/pairings/{pairing_id}/end", takes=EndPairingInput,
        gives=("pairing", Pairing, "The pairing."),
        description="End a pairing. A mentee of one that did not fit comes first in the next match run.",
    ),
    mutation(
        "answer_closing_survey", MATCHING, "POST", "/pairings/{pairing_id}/closing", takes=AnswerClosingSurveyInput,
        gives=("closing_survey", ClosingSurvey, "The answer."),
        description="Say how it was; the other side does not see it.",
    ),
    mutation(
        "write_testimonial", MATCHING, "POST", "/pairings/{pairing_id}/testimonials", takes=WriteTestimonialInput,
        gives=_testimonial, description="Say something of the other; they decide whether others may read it.",
    ),
    mutation(
        "publish_testimonial", MATCHING, "POST", "/testimonials/{testimonial_id}/publish",
        takes=PublishTestimonialInput, gives=_testimonial, description="Let others read what was said of oneself.",
    ),
    mutation(
        "withdraw_testimonial", MATCHING, "POST", "/testimonials/{testimonial_id}/withdraw",
        takes=WithdrawTestimonialInput, gives=_testimonial, description="Take a testimonial back, for good.",
    ),
    mutation(
        "set_goal", MATCHING, "POST", "/pairings/{pairing_id}/goals", takes=SetGoalInput,
        gives=_goal, description="Write down what the two want to reach; both see it and may change it.",
    ),
    mutation(
        "change_goal", MATCHING, "PATCH", "/goals/{goal_id}", takes=ChangeGoalInput,
        gives=_goal, description="Say how far a goal is, or rename it.",
    ),
    mutation(
        "add_task", MATCHING, "POST", "/pairings/{pairing_id}/tasks", takes=AddTaskInput,
        gives=_task, description="Write down what is to be done, by one of the two or both.",
    ),
    mutation(
        "check_task", MATCHING, "POST", "/tasks/{task_id}/check", takes=CheckTaskInput,
        gives=_task, description="Say that a task is done, or that it is not.",
    ),
]  # fmt: skip
