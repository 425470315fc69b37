"""What the routes of identity take, and from whom."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from kith_chassis.database import Database
from kith_chassis.errors import Problem
from kith_chassis.tokens import Principal, permitted
from kith_identity import guesses
from kith_identity.sessions import Signer

Person = Annotated[Principal, Depends(permitted(None))]
"""Any member, and no app."""
Reader = Annotated[Principal, Depends(permitted(None, reading="members:read"))]


def _signer(request: Request) -> Signer:
    signer: Signer = request.app.state.signer
    return signer


Signing = Annotated[Signer, Depends(_signer)]


async def _hashing(request: Request, signer: Signing) -> AsyncIterator[Signer]:
    async with signer.turn():
        try:
            yield signer
        except Problem as problem:
            if isinstance(problem.__cause__, guesses.WrongGuess):
                database: Database = request.app.state.database
                async with database.transaction() as session:
                    await guesses.count(session, problem.__cause__.address)
            raise


Hashing = Annotated[Signer, Depends(_hashing, scope="function")]
"""For routes that look at passwords, before their transaction: waits for its turn, and counts wrong passwords."""


class Keys(BaseModel):
    """What a batched read is asked for."""

    model_config = ConfigDict(extra="forbid")
    keys: list[UUID] = Field(max_length=1000)
