"""Is the community well: reports, who is alone, who knows whom."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import IDENTITY, METRICS, Argument, by_id, fetched, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, record


@record
class InteractionCount:
    """How often something happened between members."""

    kind: str = plain("What.")
    source: str = plain("Where it came from.")
    count: int = plain("How often.")


@record
class Figures:
    """The figures of a report."""

    members: int = plain("Members.")
    active: int = plain("Who did something in the window.")
    activated: int = plain("Who ever contributed.")
    hours_to_first_contribution: float | None = plain("Half of them took this many hours at most to do so.")
    connected: int = plain("Who has interacted with somebody who is still here.")
    never_connected: int = plain("Who never has, but for those of the first days.")
    named: int = plain("How many the report names as isolated.")
    interactions: list[InteractionCount] = plain("What happened between members in the window.", bound=100)
    reasons: JSON = plain("How many are isolated for which reason.")


@record
class Report:
    """How the community was at one moment."""

    id: strawberry.ID = identifier("Report")
    window_days: int = plain("Days it looks back.")
    figures: Figures = plain("What it found.")
    provenance: JSON = plain("What it was computed from, and how.")
    made_at: datetime = plain("When it was made.")


@record
class IsolatedMember:
    """A member connected to few or nobody, and why the report says so."""

    place: int = plain("1 is the most isolated.")
    score: float = plain("The risk, from 0 to 1.")
    reasons: list[str] = plain("Why.", bound=20)
    step: str | None = plain("What a person could do about it.")
    member: Member | None = joined(IDENTITY, "/read/members", key="member_id", description="Who.")


@record
class WhoWithWhom:
    """What went from one member to another in a period."""

    weight: int = plain("How often.")
    last_at: datetime = plain("When the last time was.")
    source: Member | None = joined(IDENTITY, "/read/members", key="from_id", description="From whom.")
    target: Member | None = joined(IDENTITY, "/read/members", key="to_id", description="To whom.")


_SINCE = Argument("since", datetime | None, "From this moment on.", default=None)
_UNTIL = Argument("until", datetime | None, "Until before this moment.", default=None)


@strawberry.type
class Query:
    reports: Connection[Report] | None = paged(
        METRICS, "/reports", description="The health reports, the newest first; for coordinators."
    )
    report: Report | None = fetched(
        METRICS, "/reports/{id}", arguments=(by_id("Report"),), description="One health report; for coordinators."
    )
    isolated_members: Connection[IsolatedMember] | None = paged(
        METRICS,
        "/reports/{report_id}/isolated",
        arguments=(Argument("report_id", strawberry.ID, "The report.", refers="Report"),),
        cursor=("place",),
        description="Whom a report names as isolated and who is still here, the most isolated first; for coordinators. "
        "Of the last twelve reports.",
    )
    interactions: Connection[WhoWithWhom] | None = paged(
        METRICS,
        "/interactions",
        arguments=(_SINCE, _UNTIL),
        cursor=("from_id", "to_id"),
        description="Who has to do with whom; for coordinators.",
    )
