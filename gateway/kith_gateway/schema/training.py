"""What participants must have read or done before their first pairing in a program."""

from datetime import datetime

import strawberry

from kith_gateway.joins import IDENTITY, MATCHING, Argument, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.matching import Enrollment, Side
from kith_gateway.types import Connection, given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@record
class TrainingModule:
    """Something to read or do before a first pairing."""

    id: strawberry.ID = identifier("TrainingModule")
    title: str = plain("What it is called.")
    body: str = plain("What there is to read.")
    url: str | None = plain("Where there is more.")
    position: int = plain("Its place among the others.")
    required_for: list[Side] = plain("Who gets no first pairing without it; nobody when empty.", bound=2)
    completed_at: datetime | None = plain("When the caller completed it.")


@record
class TrainingProgress:
    """How far somebody is with the training of a program."""

    side: Side = plain("What they take part as.")
    required: int = plain("Modules their side requires.")
    completed: int = plain("Those of them they completed.")
    exempt: bool = plain("Whether a coordinator lets them go without.")
    held_back: bool = plain("Whether they get no pairing until they have completed the rest.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@taking
class AddTrainingModuleInput(Input):
    """A module for a program."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    title: str = given("What it is called.")
    body: str | None = maybe("What there is to read.")
    url: str | None = maybe("Where there is more: an http or https address.")
    position: int | None = maybe("Its place, 1 to 1000; the last when left out.")
    required_for: list[Side] | None = maybe("Who must complete it before a first pairing: mentors, mentees, or both.")


@taking
class ChangeTrainingModuleInput(Input):
    """A module as it shall be."""

    module_id: strawberry.ID = given("The module.", refers="TrainingModule")
    title: str = given("What it is called.")
    body: str | None = maybe("What there is to read.")
    url: str | None = maybe("Where there is more: an http or https address.")
    position: int | None = maybe("Its place, 1 to 1000; as it was when left out.")
    required_for: list[Side] | None = maybe("Who must complete it before a first pairing: mentors, mentees, or both.")


@taking
class RemoveTrainingModuleInput(Input):
    """A module nobody needs any more."""

    module_id: strawberry.ID = given("The module.", refers="TrainingModule")


@taking
class CompleteTrainingModuleInput(Input):
    """A module one has completed."""

    module_id: strawberry.ID = given("The module.", refers="TrainingModule")


@taking
class ExemptFromTrainingInput(Input):
    """Somebody who knows it all already, or does not after all."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    member_id: strawberry.ID = given("Who.", refers="Member")
    exempt: bool = given("Whether they go without.")


@strawberry.type
class Query:
    training_progress: Connection[TrainingProgress] | None = paged(
        MATCHING,
        "/programs/{program_id}/training-progress",
        arguments=(Argument("program_id", strawberry.ID, "The program.", refers="Program"),),
        description="How far everybody in a program is with its training; for coordinators.",
    )


_module = ("training_module", TrainingModule, "The module.")
mutations = [
    mutation(
        "add_training_module", MATCHING, "POST", "/programs/{program_id}/training-modules",
        takes=AddTrainingModuleInput, gives=_module, description="Add a module to a program; for coordinators.",
    ),
    mutation(
        "change_training_module", MATCHING, "PUT", "/training-modules/{module_id}",
        takes=ChangeTrainingModuleInput, gives=_module,
        description="Change a module; who has completed it has. For coordinators.",
    ),
    mutation(
        "remove_training_module", MATCHING, "DELETE", "/training-modules/{module_id}",
        takes=RemoveTrainingModuleInput, gives=_module, description="Remove a module; for coordinators.",
    ),
    mutation(
        "complete_training_module", MATCHING, "POST", "/training-modules/{module_id}/complete",
        takes=CompleteTrainingModuleInput, gives=_module, description="Say that one has completed a module.",
    ),
    mutation(
        "exempt_from_training", MATCHING, "POST", "/programs/{program_id}/training-exemptions",
        takes=ExemptFromTrainingInput, gives=("enrollment", Enrollment, "Their enrollment."),
        description="Let somebody go without the training of a program, or no longer; for coordinators.",
    ),
]  # fmt: skip
