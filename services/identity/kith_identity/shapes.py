"""What the routes of identity take, and from whom."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from kith_chassis.tokens import Principal, permitted
from kith_identity.sessions import Signer

Person = Annotated[Principal, Depends(permitted(None))]
"""Any member, and no app."""
Reader = Annotated[Principal, Depends(permitted(None, reading="members:read"))]


def _signer(request: Request) -> Signer:
    signer: Signer = request.app.state.signer
    return signer


Signing = Annotated[Signer, Depends(_signer)]


class Keys(BaseModel):
    """What a batched read is asked for."""

    model_config = ConfigDict(extra="forbid")
    keys: list[UUID] = Field(max_length=1000)
