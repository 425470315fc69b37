from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import computed_field

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching.coordination.attention import NEXT, Action, Kind, Reason, attention
from kith_matching.errors import NoSuchProgram
from kith_matching.shapes import Coordinator, Out

routes = router(tags=["coordination"])


class AttentionOut(Out):
    kind: Kind
    subject_id: UUID
    member_id: UUID
    pairing_id: UUID | None
    since: datetime
    reason: Reason

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def next_action(self) -> Action:
        return NEXT[self.reason]


@routes.get("/programs/{program_id}/attention", responses=problems(NoSuchProgram, InvalidCursor))
async def list_attention(
    program_id: UUID,
    actor: Coordinator,
    session: Transaction,
    kind: Annotated[Kind | None, Query()] = None,
    first: First = 50,
    after: After = None,
) -> Page[AttentionOut]:
    rows, cursor = await attention(
        session, actor_id=actor.subject, program_id=program_id, kind=kind, first=first, after=after
    )
    return Page(items=[AttentionOut.model_validate(row) for row in rows], next_cursor=cursor)
