"""What the routes of delivery take and answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from kith_delivery.attempts import Error, Status
from kith_delivery.events import Reason

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]
EventType = Annotated[
    str,
    StringConstraints(max_length=120, pattern=r"^(\*|[a-z_]+\.\*|[a-z_]+\.[a-z_]+\.v[1-9][0-9]*)$"),
    Field(description='"*", "<service>.*" or a full type'),
]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=50, examples=[["matching.*"]])]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class EndpointIn(_In):
    url: Url = Field(examples=["https://app.example.org/hooks"])
    event_types: EventTypes
    description: Description = ""


class EndpointChange(_In):
    """What is left out stays."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("leave it out to keep it as it is")
        return value


class ReplayIn(_In):
    """Which deliveries to make again: those that ended so, of the events that came from `since` to before `until`."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    status: Literal["failed", "delivered"] = "failed"


class ReplayOut(_Out):
    replayed: int


class EndpointOut(_Out):
    id: UUID
    url: str
    description: str
    event_types: list[str]
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: Reason | None


class NewEndpointOut(EndpointOut):
    """With the signing secret, which is shown this once."""

    secret: str = Field(examples=["whsec_…"])


class DeliveryOut(_Out):
    """`due_at` is when the next attempt is made, as long as it is pending; the rest tells of the last one."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID = Field(description="also the webhook-id of every attempt")
    event_type: str
    status: Status
    attempts: int
    due_at: datetime
    attempted_at: datetime | None
    delivered_at: datetime | None
    status_code: int | None
    error: Error | None
    answer: str | None = Field(description="the first 500 bytes")
    milliseconds: int | None


class AttemptOut(_Out):
    id: UUID
    attempted_at: datetime
    status_code: int | None
    error: Error
    answer: str
    milliseconds: int


class DeliveryDetailOut(DeliveryOut):
    payload: str
    failed_attempts: list[AttemptOut]


class CountsOut(_Out):
    pending: int
    delivered: int
    failed: int


class Keys(_In):
    keys: list[UUID] = Field(max_length=1000)


class KeysFirst(Keys):
    first: int = Field(default=20, ge=1, le=100, description="at most so many per key")
