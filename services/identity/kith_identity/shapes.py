from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Keys(BaseModel):
    """What a batched read is asked for."""

    model_config = ConfigDict(extra="forbid")
    keys: list[UUID] = Field(max_length=1000)
