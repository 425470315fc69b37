"""What every area of groups takes."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from kith_chassis.errors import Forbidden
from kith_chassis.tokens import Caller, Principal, permitted
from kith_groups.plain import plain

TAKE_PART, COORDINATE = "groups:take_part", "groups:coordinate"


def _runs(principal: Caller) -> Principal:
    """Who takes part, and so may run a group, and apps that coordinate: these take part in nothing."""
    needed = COORDINATE if principal.app else TAKE_PART
    if not principal.may(needed):
        raise Forbidden(f"This needs the permission {needed}.", permission=needed)
    return principal


_runs.permission, _runs.reading, _runs.scope = TAKE_PART, None, COORDINATE  # type: ignore[attr-defined]  # for the list
Participating = Annotated[Principal, Depends(permitted("groups:take_part", reading="groups:read"))]
Coordinating = Annotated[Principal, Depends(permitted("groups:coordinate"))]
Running = Annotated[Principal, Depends(_runs)]
"""Whom a use case lets do what coordinators and who runs the thing may do."""


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(plain)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000), AfterValidator(plain)]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Keys(In):
    keys: list[UUID] = Field(max_length=1000)
    first: int = Field(default=20, ge=1, le=100)
