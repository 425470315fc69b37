"""What can be done with rounds of introductions."""

from datetime import date

import strawberry

from kith_gateway.joins import MATCHING, identifier
from kith_gateway.schema.introductions import (
    Every,
    IntroductionRound,
    IntroductionSchedule,
    KeptApart,
    RoundForm,
)
from kith_gateway.types import given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@record
class EndedSchedule:
    """A program whose rounds recur no more."""

    program_id: strawberry.ID = identifier("Program", key="program_id", description="The program.")


@taking
class StartIntroductionRoundInput(Input):
    """A round for everyone who takes part."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    form: RoundForm | None = maybe("Meetings when left out.")
    seed: int | None = maybe("What ties are broken with; the same seed gives the same round.")
    trios: bool | None = maybe("False: somebody left over waits for the next round instead of joining two others.")
    most: int | None = maybe("Of bridges: introductions at most, 1 to 500; 10 when left out.")
    least_score: float | None = maybe("Of bridges: how well two must fit, 0 to 1; 0.5 when left out.")


@taking
class PublishIntroductionRoundInput(Input):
    """A solved round."""

    round_id: strawberry.ID = given("The round.", refers="IntroductionRound")


@taking
class DiscardIntroductionRoundInput(Input):
    """A round that is not published."""

    round_id: strawberry.ID = given("The round.", refers="IntroductionRound")


@taking
class ScheduleIntroductionsInput(Input):
    """When the rounds of a program are due, in the place of what was set before."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    every: Every = given("How often. Monthly rounds come on the day of the first, or on the last of a short month.")
    starts_on: date = given("Day of the first, within a year.")
    at: str = given("Time of the day as the clock on the wall shows it, like 09:00.")
    time_zone: str = given("Where that wall is, an IANA zone like Europe/Vienna.")
    trios: bool | None = maybe("False: somebody left over waits for the next round instead of joining two others.")
    automatic: bool | None = maybe("True: rounds are published as soon as they are solved, without a look at them.")


@taking
class EndIntroductionScheduleInput(Input):
    """A program whose rounds shall recur no more."""

    program_id: strawberry.ID = given("The program.", refers="Program")


@taking
class KeepApartInput(Input):
    """Two members."""

    member_ids: list[strawberry.ID] = given("The two.", refers="Member")


@taking
class BringTogetherInput(Input):
    """Two members who were kept apart."""

    member_ids: list[strawberry.ID] = given("The two.", refers="Member")


_round = ("introduction_round", IntroductionRound, "The round.")
mutations = [
    mutation(
        "start_introduction_round", MATCHING, "POST", "/programs/{program_id}/introduction-rounds",
        takes=StartIntroductionRoundInput, gives=_round,
        description="Start a round of introductions; ask `introductionRound` until it is solved. For coordinators.",
    ),
    mutation(
        "publish_introduction_round", MATCHING, "POST", "/introduction-rounds/{round_id}/publish",
        takes=PublishIntroductionRoundInput, gives=_round,
        description="Tell the members of a round whom they meet; for coordinators.",
    ),
    mutation(
        "discard_introduction_round", MATCHING, "POST", "/introduction-rounds/{round_id}/discard",
        takes=DiscardIntroductionRoundInput, gives=_round, description="Throw a draft away; for coordinators.",
    ),
    mutation(
        "schedule_introductions", MATCHING, "PUT", "/programs/{program_id}/introduction-schedule",
        takes=ScheduleIntroductionsInput, gives=("introduction_schedule", IntroductionSchedule, "The schedule."),
        description="Have rounds of introductions recur; for coordinators.",
    ),
    mutation(
        "end_introduction_schedule", MATCHING, "POST", "/programs/{program_id}/introduction-schedule/end",
        takes=EndIntroductionScheduleInput, gives=("ended", EndedSchedule, "What ended."),
        description="Let rounds recur no more; for coordinators.",
    ),
    mutation(
        "keep_apart", MATCHING, "POST", "/kept-apart", takes=KeepApartInput,
        gives=("kept_apart", KeptApart, "The two."),
        description="Never bring two members together, in rounds, match runs or by request; for coordinators.",
    ),
    mutation(
        "bring_together", MATCHING, "POST", "/kept-apart/lift", takes=BringTogetherInput,
        description="Let two members be brought together again; for coordinators.",
    ),
]  # fmt: skip
