"""What metrics tells the others."""

from uuid import UUID

from pydantic import Field

from kith_chassis.events import Event


class ReportMade(Event, type="metrics.report_made.v1", aggregate="report_id"):
    """A health report was computed; it is read through the API."""

    report_id: UUID
    members: int = Field(ge=0, examples=[120])
    never_connected: int = Field(ge=0, examples=[14])
