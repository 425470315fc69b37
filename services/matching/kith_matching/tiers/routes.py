from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_matching.shapes import Coordinator, Keys, Out, Participant
from kith_matching.tiers import standings
from kith_matching.tiers.bars import Role, Tier

routes = router(tags=["tiers"])


class TierOut(Out):
    member_id: UUID
    tier: Tier
    since: datetime


class StandingOut(TierOut):
    rank: int
    opens: Sequence[Role]


class NextOut(Out):
    tier: Tier
    completed: int
    tenure_days: int
    rating: float | None


class OwnOut(Out):
    tier: Tier | None
    since: datetime | None
    completed: int
    tenure_days: int
    enough_answers: bool
    next: NextOut | None


@routes.post("/read/mentor-tiers-by-member")
async def tiers_by_member(body: Keys, _: Participant, session: Transaction) -> list[TierOut | None]:
    found = await standings.of_members(session, body.keys)
    return [TierOut.model_validate(each) if each else None for each in found]


@routes.get("/mentor-standing")
async def own_standing(actor: Participant, session: Transaction) -> OwnOut:
    return OwnOut.model_validate(await standings.own(session, member_id=actor.subject))


@routes.get("/mentor-tiers", responses=problems(InvalidCursor))
async def list_tiers(
    _: Coordinator,
    session: Transaction,
    tier: Annotated[Tier | None, Query()] = None,
    first: First = 50,
    after: After = None,
) -> Page[StandingOut]:
    rows, cursor = await standings.listed(session, tier=tier, first=first, after=after)
    return Page(items=[StandingOut.model_validate(row) for row in rows], next_cursor=cursor)
