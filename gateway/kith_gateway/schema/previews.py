"""What a change of a program's weights or rules would do, before it is made."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import IDENTITY, MATCHING, Argument, by_id, fetched, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.schema.matching import MatchRun, PairOfTwo, Program
from kith_gateway.types import Connection, enumeration, record


@enumeration
class PreviewStatus(Enum):
    """Where a preview is."""

    QUEUED = "queued"
    SOLVING = "solving"
    SOLVED = "solved"
    FAILED = "failed"


@enumeration
class Effect(Enum):
    """What a change means to somebody."""

    GAINS = "gains"
    LOSES = "loses"
    SAME = "same"


@record
class PreviewSide:
    """What a run would give; how well pairs fit is measured by the changed weights on both sides."""

    matched: int = plain("Mentees with a mentor.")
    mean_fit: float = plain("How well they fit on average.")
    lowest_fit: float = plain("How well the worst-off fit.")


@record
class PreviewChange:
    """A mentee with another mentor, or with one or none where it was the other way before."""

    change: Effect = plain("What it means to them.")
    fit_before: float | None = plain("How well the mentor of before fits, by the changed weights.")
    fit_after: float | None = plain("How well the mentor of after fits, by the changed weights.")
    mentee: Member | None = joined(IDENTITY, "/read/members", key="mentee_id", description="Who.")
    mentor_before: Member | None = joined(
        IDENTITY, "/read/members", key="mentor_before_id", description="Whom they would have as the program is."
    )
    mentor_after: Member | None = joined(
        IDENTITY, "/read/members", key="mentor_after_id", description="Whom they would have after the change."
    )


@record
class PreviewResult:
    """The same people matched twice: as the program is, and as it would be."""

    mentees: int = plain("Mentees who took part.")
    mentors: int = plain("Mentors who took part.")
    gain: int = plain("Mentees who would have a mentor who fits better, or one at all.")
    lose: int = plain("Mentees who would have one who fits worse, or none any more.")
    another_mentor: int = plain("Mentees for whom anything would change.")
    before: PreviewSide = plain("As the program is.")
    after: PreviewSide = plain("After the change.")
    changes: list[PreviewChange] = plain("For whom, those first to whom it means most.", bound=500)


@record
class MatchPreview:
    """What other settings would do; asking for it changes nothing."""

    id: strawberry.ID = identifier("MatchPreview")
    status: PreviewStatus = plain("Where it is.")
    settings: JSON = plain("The changed weights, rules and mode, whole.")
    result: PreviewResult | None = plain("What would happen, once worked out.")
    failure: str | None = plain("Why it failed and what to do.")
    requested_at: datetime = plain("When it was asked for.")
    solved_at: datetime | None = plain("When it was worked out.")
    program: Program | None = joined(MATCHING, "/read/programs", key="program_id", description="Of which program.")


@record
class MatchRunComparison:
    """What one match run changes of another; fits are measured by the weights of the one after."""

    gain: int = plain("Mentees who have a mentor who fits better, or one at all.")
    lose: int = plain("Mentees who have one who fits worse, or none any more.")
    another_mentor: int = plain("Mentees for whom anything is different.")
    settings_before: JSON | None = plain("The weights and rules the one before was solved with, where they are known.")
    settings_after: JSON | None = plain("Those of the one after.")
    pins_added: list[PairOfTwo] = plain("Pins of the one after alone; the first hundred.", bound=100)
    pins_dropped: list[PairOfTwo] = plain("Pins of the one before alone; the first hundred.", bound=100)
    prohibited_added: list[PairOfTwo] = plain("Prohibitions of the one after alone; the first hundred.", bound=100)
    prohibited_dropped: list[PairOfTwo] = plain("Those of the one before alone; the first hundred.", bound=100)
    before: MatchRun | None = joined(MATCHING, "/read/match-runs", key="before_id", description="The one before.")
    after: MatchRun | None = joined(MATCHING, "/read/match-runs", key="after_id", description="The one after.")


@record
class WaitForecast:
    """How long somebody who enrolls as a mentee now would wait, as things went in the last eight weeks."""

    ahead: int = plain("Mentees who wait already.")
    free: int = plain("Places that mentors have left.")
    paired_a_week: float = plain("Mentees who got a mentor in a week, lately.")
    weeks: float | None = plain("Weeks to wait; null when no place is free and nobody got one lately.")


@record
class RefittedWeights:
    """The weights that a program's pairings of the last two years speak for; changes nothing.

    Errors are in points of a rating, on pairings of mentors that were left out; null below 40 pairings of 10 mentors.
    """

    supported: bool = plain("Whether they foretell clearly better than those in force, and than the mean.")
    weights: JSON = plain("The refitted weights; those in force where nothing else is supported.")
    weights_now: JSON = plain("The weights in force.")
    pairings: int = plain("Pairings that said something: rated, or come to nothing.")
    mentors: int = plain("Whose they were.")
    error_of_mean: float | None = plain("How wrong the mean of the others is.")
    error_now: float | None = plain("How wrong a score by the weights in force is.")
    error_refitted: float | None = plain("How wrong one by the refitted weights is.")


_TWO_RUNS = (
    Argument("run_id", strawberry.ID, "The match run before.", refers="MatchRun"),
    Argument("other_id", strawberry.ID, "The one after, of the same program.", refers="MatchRun"),
)


@strawberry.type
class Query:
    match_preview: MatchPreview | None = fetched(
        MATCHING,
        "/previews/{id}",
        arguments=(by_id("MatchPreview"),),
        description="What other settings would do; for coordinators.",
    )
    wait_forecast: WaitForecast | None = fetched(
        MATCHING,
        "/programs/{program_id}/wait",
        arguments=(Argument("program_id", strawberry.ID, "The program.", refers="Program"),),
        description="How long a mentee would wait in a program, told before asking.",
    )
    match_run_comparison: MatchRunComparison | None = fetched(
        MATCHING,
        "/match-runs/{run_id}/compared/{other_id}",
        arguments=_TWO_RUNS,
        description="What one match run changes of another, drafts or published; for coordinators.",
    )
    match_run_differences: Connection[PreviewChange] | None = paged(
        MATCHING,
        "/match-runs/{run_id}/compared/{other_id}/differences",
        arguments=_TWO_RUNS,
        cursor=("weighs", "mentee_id"),
        description="For whom two match runs differ, and how; whoever loses most first. For coordinators.",
    )
    refitted_weights: RefittedWeights | None = fetched(
        MATCHING,
        "/programs/{program_id}/refitted-weights",
        arguments=(Argument("program_id", strawberry.ID, "The program.", refers="Program"),),
        description="The weights that past pairings speak for, to be previewed before they are used; for coordinators.",
    )
