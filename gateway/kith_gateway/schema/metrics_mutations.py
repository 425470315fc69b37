"""What can be done to learn how the community is."""

from kith_gateway.joins import METRICS
from kith_gateway.schema.metrics import Report
from kith_gateway.types import maybe, taking
from kith_gateway.writes import Input, mutation


@taking
class MakeReportInput(Input):
    """A health report of now."""

    window_days: int | None = maybe("Days to look back, 1 to 366; 28 when left out.")
    grace_days: int | None = maybe("Who joined since is not called isolated yet, 0 to 60; 3 when left out.")


mutations = [
    mutation(
        "make_report", METRICS, "POST", "/reports", takes=MakeReportInput, alone=True,
        gives=("report", Report, "The report."), description="Make a health report; for coordinators, not for apps.",
    ),
]  # fmt: skip
