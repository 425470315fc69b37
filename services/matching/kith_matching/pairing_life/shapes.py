"""What the routes of a pairing's life take and answer."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from kith_matching.shapes import In, Out, Text

Channel = Literal["video", "audio", "text", "in_person"]


class TermsIn(In):
    support: Text
    boundaries: Text = ""
    channel: Channel
    every_days: int = Field(ge=1, le=90)
    ends_on: date | None = Field(default=None, examples=["2027-06-30"])


class AgreementOut(Out):
    id: UUID
    pairing_id: UUID
    version: int
    support: str
    boundaries: str
    channel: Channel
    every_days: int
    ends_on: date | None
    proposed_by: UUID
    proposed_at: datetime
    mentor_accepted_at: datetime | None
    mentee_accepted_at: datetime | None
