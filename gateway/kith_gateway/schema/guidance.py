"""What a program gives its pairs: agendas for check-ins, and resources."""

from enum import Enum

import strawberry

from kith_gateway.joins import MATCHING, identifier, plain
from kith_gateway.types import enumeration, given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@enumeration
class Audience(Enum):
    """Whom a resource is for."""

    MENTORS = "mentors"
    MENTEES = "mentees"
    PAIRS = "pairs"


@record
class AgendaStep:
    """One part of a meeting."""

    prompt: str = plain("What to talk about.")
    minutes: int = plain("For how long.")


@record
class CheckInTemplate:
    """An agenda for two who meet."""

    id: strawberry.ID = identifier("CheckInTemplate")
    name: str = plain("Its name.")
    agenda: list[AgendaStep] = plain("Its steps, in order.", bound=20)


@record
class Resource:
    """Something to read or use."""

    id: strawberry.ID = identifier("Resource")
    audience: Audience = plain("Whom it is for.")
    title: str = plain("What it is called.")
    url: str = plain("Where it is.")
    note: str = plain("What it is good for.")


@taking
class AgendaStepInput:
    """One part of a meeting."""

    prompt: str = given("What to talk about.")
    minutes: int = given("For how long, 1 to 240.")


@taking
class AddCheckInTemplateInput(Input):
    """An agenda for the pairs of a program."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    name: str = given("Its name.")
    agenda: list[AgendaStepInput] = given("Its steps, in order; 20 at most.")


@taking
class ChangeCheckInTemplateInput(Input):
    """An agenda as it shall be."""

    template_id: strawberry.ID = given("The agenda.", refers="CheckInTemplate")
    name: str = given("Its name.")
    agenda: list[AgendaStepInput] = given("Its steps, in order; 20 at most.")


@taking
class RemoveCheckInTemplateInput(Input):
    """An agenda nobody shall use any more."""

    template_id: strawberry.ID = given("The agenda.", refers="CheckInTemplate")


@taking
class AddResourceInput(Input):
    """A resource for a program."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    audience: Audience = given("Whom it is for.")
    title: str = given("What it is called.")
    url: str = given("Where it is: an http or https address.")
    note: str | None = maybe("What it is good for.")


@taking
class ChangeResourceInput(Input):
    """A resource as it shall be."""

    resource_id: strawberry.ID = given("The resource.", refers="Resource")
    audience: Audience = given("Whom it is for.")
    title: str = given("What it is called.")
    url: str = given("Where it is: an http or https address.")
    note: str | None = maybe("What it is good for.")


@taking
class RemoveResourceInput(Input):
    """A resource that is of no use any more."""

    resource_id: strawberry.ID = given("The resource.", refers="Resource")


_template = ("check_in_template", CheckInTemplate, "The agenda.")
_resource = ("resource", Resource, "The resource.")
mutations = [
    mutation(
        "add_check_in_template", MATCHING, "POST", "/programs/{program_id}/check-in-templates",
        takes=AddCheckInTemplateInput, gives=_template, description="Add an agenda to a program; for coordinators.",
    ),
    mutation(
        "change_check_in_template", MATCHING, "PUT", "/check-in-templates/{template_id}",
        takes=ChangeCheckInTemplateInput, gives=_template, description="Change an agenda; for coordinators.",
    ),
    mutation(
        "remove_check_in_template", MATCHING, "DELETE", "/check-in-templates/{template_id}",
        takes=RemoveCheckInTemplateInput, gives=_template, description="Remove an agenda; for coordinators.",
    ),
    mutation(
        "add_resource", MATCHING, "POST", "/programs/{program_id}/resources", takes=AddResourceInput,
        gives=_resource, description="Add a resource to a program; for coordinators.",
    ),
    mutation(
        "change_resource", MATCHING, "PUT", "/resources/{resource_id}", takes=ChangeResourceInput,
        gives=_resource, description="Change a resource; for coordinators.",
    ),
    mutation(
        "remove_resource", MATCHING, "DELETE", "/resources/{resource_id}", takes=RemoveResourceInput,
        gives=_resource, description="Remove a resource; for coordinators.",
    ),
]  # fmt: skip
