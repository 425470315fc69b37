"""What can be done with the weights and rules of a program."""

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import MATCHING
from kith_gateway.schema.matching import MatchMode, Program
from kith_gateway.schema.previews import MatchPreview
from kith_gateway.types import given, maybe, taking
from kith_gateway.writes import Input, mutation


@taking
class PreviewMatchingInput(Input):
    """Other settings of a program; what is left out is as the program has it."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    run_id: strawberry.ID | None = maybe(
        "A match run whose people are matched again, with all the room their mentors have; left out: who is waiting.",
        refers="MatchRun",
    )
    weights: JSON | None = maybe("How much each part of a score counts: {part: weight}, together 1.")
    rules: JSON | None = maybe("What must hold for two to be paired: {rule: setting}.")
    mode: MatchMode | None = maybe("What a run would make best: the total score, unless said otherwise.")


@taking
class ChangeMatchingSettingsInput(Input):
    """Other settings of a program; what is left out stays."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    weights: JSON | None = maybe("How much each part of a score counts: {part: weight}, together 1.")
    rules: JSON | None = maybe("What must hold for two to be paired: {rule: setting}.")


mutations = [
    mutation(
        "preview_matching", MATCHING, "POST", "/programs/{program_id}/previews", takes=PreviewMatchingInput,
        gives=("match_preview", MatchPreview, "The preview."),
        description="See what other settings would do; ask `matchPreview` until it is solved. For coordinators.",
    ),
    mutation(
        "change_matching_settings", MATCHING, "PATCH", "/programs/{program_id}/settings",
        takes=ChangeMatchingSettingsInput, gives=("program", Program, "The program."),
        description="Other weights and rules for the runs from now on; for coordinators.",
    ),
]  # fmt: skip
