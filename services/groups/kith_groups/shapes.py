"""What every area of groups takes."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from kith_chassis.tokens import Principal, permitted
from kith_groups.plain import plain

Participating = Annotated[Principal, Depends(permitted("groups:take_part", reading="groups:read"))]
Coordinating = Annotated[Principal, Depends(permitted("groups:coordinate"))]
COORDINATE = "groups:coordinate"


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(plain)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000), AfterValidator(plain)]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Keys(In):
    keys: list[UUID] = Field(max_length=1000)
    first: int = Field(default=20, ge=1, le=100)
