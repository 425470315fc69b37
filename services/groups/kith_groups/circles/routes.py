from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_groups.circles import groups, queries
from kith_groups.circles.people import SizeBounds
from kith_groups.errors import (
    AlreadyInAGroup,
    BadPool,
    GroupFull,
    NoSuchGroup,
    NoSuchParticipant,
    NotAMember,
)
from kith_groups.events import Kind
from kith_groups.shapes import Coordinating, In, Keys, Name, Out, Participating


class TwoIn(In):
    member_ids: list[UUID] = Field(min_length=2, max_length=2)


class PoolIn(In):
    """Exactly these members, or the `newest` ones who have no group of this kind; and all who can facilitate."""

    member_ids: list[UUID] = Field(default=[], max_length=5000)
    newest: int | None = Field(default=None, ge=1, le=5000)
    facilitator_ids: list[UUID] = Field(default=[], max_length=1000)
    together: list[TwoIn] = Field(default=[], max_length=1000)
    apart: list[TwoIn] = Field(default=[], max_length=1000)

    @model_validator(mode="after")
    def _one_of_two(self) -> "PoolIn":
        if bool(self.member_ids) == (self.newest is not None):
            raise ValueError("give either member_ids or newest")
        return self


class FormationIn(In):
    kind: Kind = "circle"
    name: Name = "Circle"
    pool: PoolIn
    smallest: int = Field(default=8, ge=2, le=50)
    largest: int = Field(default=12, ge=2, le=50)
    seed: int = Field(default=0, ge=0, le=2**31)


class LeftOut(Out):
    member_id: UUID
    reason: str


class FormationOut(Out):
    formation_id: UUID
    group_ids: list[UUID]
    left: list[LeftOut]
    value: float


class ReasonsOut(Out):
    language: str | None = None
    waking_overlap_minutes: int | None = None
    experience_spread: float | None = None


class GroupOut(Out):
    id: UUID
    kind: Kind
    name: str
    purpose: str
    smallest: int
    largest: int
    formation_id: UUID | None
    reasons: ReasonsOut
    formed_at: datetime


class MembershipOut(Out):
    id: UUID
    group_id: UUID
    member_id: UUID
    role: Literal["member", "facilitator", "host"]
    since: datetime


routes = router(tags=["groups"])


@routes.post("/formations", status_code=201, responses=problems(BadPool, NoSuchParticipant, AlreadyInAGroup))
async def form_groups(body: FormationIn, _: Coordinating, session: Transaction) -> FormationOut:
    given = body.pool
    pool = groups.Pool(
        member_ids=given.member_ids,
        newest=given.newest,
        facilitator_ids=frozenset(given.facilitator_ids),
        together=frozenset(frozenset(two.member_ids) for two in given.together),
        apart=frozenset(frozenset(two.member_ids) for two in given.apart),
    )
    formed = await groups.form_groups(
        session, kind=body.kind, name=body.name, pool=pool, size=_size(body), seed=body.seed
    )
    left = [LeftOut(member_id=member_id, reason=reason) for member_id, reason in formed.left.items()]
    return FormationOut(formation_id=formed.formation_id, group_ids=formed.group_ids, left=left, value=formed.value)


def _size(body: FormationIn) -> SizeBounds:
    try:
        return SizeBounds(body.smallest, body.largest)
    except ValueError as error:
        raise BadPool(f"No groups can be formed: {error}.") from error


@routes.get("/groups", responses=problems(InvalidCursor))
async def list_groups(
    _: Participating, session: Transaction, formation_id: UUID | None = None, first: First = 50, after: After = None
) -> Page[GroupOut]:
    rows, cursor = await queries.all_groups(session, formation_id=formation_id, first=first, after=after)
    return Page(items=[GroupOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/groups/{group_id}", responses=problems(NoSuchGroup))
async def get_group(group_id: UUID, _: Participating, session: Transaction) -> GroupOut:
    return GroupOut.model_validate(await groups.found(session, group_id))


@routes.post("/groups/{group_id}/join", responses=problems(NoSuchGroup, GroupFull, AlreadyInAGroup))
async def join_group(group_id: UUID, actor: Participating, session: Transaction) -> GroupOut:
    return GroupOut.model_validate(await groups.join(session, group_id=group_id, member_id=actor.subject))


@routes.post("/groups/{group_id}/leave", status_code=204, responses=problems(NotAMember))
async def leave_group(group_id: UUID, actor: Participating, session: Transaction) -> None:
    await groups.leave(session, group_id=group_id, member_id=actor.subject)


@routes.post("/read/groups")
async def groups_by_id(body: Keys, _: Participating, session: Transaction) -> list[GroupOut | None]:
    found = await queries.groups_by_id(session, body.keys)
    return [GroupOut.model_validate(each) if each else None for each in found]


@routes.post("/read/memberships-by-group")
async def memberships_by_group(body: Keys, _: Participating, session: Transaction) -> list[list[MembershipOut]]:
    found = await queries.memberships_by_group(session, body.keys)
    return [[MembershipOut.model_validate(each) for each in some] for some in found]


@routes.post("/read/groups-by-member")
async def groups_by_member(body: Keys, _: Participating, session: Transaction) -> list[list[GroupOut]]:
    found = await queries.groups_by_member(session, body.keys)
    return [[GroupOut.model_validate(each) for each in some] for some in found]
