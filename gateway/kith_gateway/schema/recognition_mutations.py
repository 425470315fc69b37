"""What can be done to recognise others."""

import strawberry

from kith_gateway.joins import RECOGNITION
from kith_gateway.schema.recognition import Badge, BadgeAward, Kudos
from kith_gateway.types import given, maybe, taking
from kith_gateway.writes import Input, mutation


@taking
class GiveKudosInput(Input):
    """Thanks to another member."""

    receiver_id: strawberry.ID = given("Whom to thank.", refers="Member")
    message: str = given("For what.")
    value: str | None = maybe("The key of the value it stands for: a-z, 0-9 and _; help when left out.")


@taking
class DefineBadgeInput(Input):
    """A badge that can be awarded from now on."""

    key: str = given("Its key: lower-case letters, digits, single underscores.")
    name: str = given("Its name.")
    description: str = given("What it is given for.")
    repeatable: bool | None = maybe("Whether someone can have it more than once; no when left out.")


@taking
class AwardBadgeInput(Input):
    """A badge for a member."""

    member_id: strawberry.ID = given("Who gets it.", refers="Member")
    badge_key: str = given("Which badge.")
    reason: str = given("Why.")


@taking
class SetRankingInput(Input):
    """Whether one is shown on leaderboards."""

    listed: bool = given("False: not shown, and others move up.")


mutations = [
    mutation(
        "give_kudos", RECOGNITION, "POST", "/kudos", takes=GiveKudosInput,
        gives=("kudos", Kudos, "The thanks."), description="Thank another member.",
    ),
    mutation(
        "define_badge", RECOGNITION, "POST", "/badges", takes=DefineBadgeInput,
        gives=("badge", Badge, "The badge."), description="Define a badge; for coordinators.",
    ),
    mutation(
        "award_badge", RECOGNITION, "POST", "/badge-awards", takes=AwardBadgeInput,
        gives=("badge_award", BadgeAward, "The award."), description="Award a badge; for coordinators.",
    ),
    mutation(
        "set_ranking", RECOGNITION, "PUT", "/me/ranking", takes=SetRankingInput,
        description="Say whether one is shown on leaderboards.",
    ),
]  # fmt: skip
