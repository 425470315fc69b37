"""What two who are paired can do."""

from datetime import date, datetime

import strawberry

from kith_gateway.joins import MATCHING
from kith_gateway.schema.pairing_life import Agreement, Channel, Touchpoint, TouchpointKind
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
]  # fmt: skip
