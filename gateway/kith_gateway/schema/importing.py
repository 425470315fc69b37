"""Who takes part in a program and who was paired before, from lists."""

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import MATCHING
from kith_gateway.schema.identity_mutations import Imported
from kith_gateway.types import given, taking
from kith_gateway.writes import Input, mutation


@taking
class ImportParticipantsInput(Input):
    """Rows of a list of who takes part, 1000 at most; a row is recognised by who it is and the side."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    rows: list[JSON] = given(
        "Objects with `line` (given back with errors), external_id or email of a member, `side` (mentor, mentee, peer) "
        "and max_pairings, weekly_hours, goals. What a row leaves out stays as it is."
    )


@taking
class ImportPastPairingsInput(Input):
    """Rows of a list of pairings that are over, 1000 at most; a row is recognised by the two and its time."""

    program_id: strawberry.ID = given("The program.", refers="Program")
    rows: list[JSON] = given(
        "Objects with `line` (given back with errors), mentor_external_id or mentor_email, mentee_external_id or "
        "mentee_email, began_on, ended_on, and end_reason, mentor_rating, mentee_rating, goals_met."
    )


_imported = ("imported", Imported, "What was done with the rows.")
mutations = [
    mutation(
        "import_participants", MATCHING, "POST", "/programs/{program_id}/participants/import",
        takes=ImportParticipantsInput, gives=_imported, people=("member",),
        description="Enroll members from a list; the same rows twice change nothing. For coordinators.",
    ),
    mutation(
        "import_past_pairings", MATCHING, "POST", "/programs/{program_id}/past-pairings/import",
        takes=ImportPastPairingsInput, gives=_imported, people=("mentor", "mentee"),
        description="Bring in pairings that are over, as history; nobody is told. For coordinators.",
    ),
]  # fmt: skip
