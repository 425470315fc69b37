import unicodedata
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_chassis.tokens import Principal, permitted
from kith_recognition import kudos, queries
from kith_recognition.errors import (
    AlreadyAwarded,
    BadgeExists,
    KudosToOneself,
    NoSuchBadge,
    NoSuchMember,
    NothingLeftToGive,
)

_JOINERS = "\u200c\u200d"  # emoji, and Indic and Persian writing need them
Participating = Annotated[Principal, Depends(permitted("recognition:take_part", reading="recognition:read"))]
Coordinating = Annotated[Principal, Depends(permitted("recognition:coordinate"))]


def _plain(value: str) -> str:
    """Text people see: no characters that hide or reorder what stands beside them, and something to see."""
    kinds = [(unicodedata.category(character), character) for character in value]
    if any(kind == "Cc" and character not in "\n\t" for kind, character in kinds):
        raise ValueError("holds control characters")
    if any(kind in {"Cf", "Cs"} and character not in _JOINERS for kind, character in kinds):
        raise ValueError("holds characters that hide or reorder text")
    if value and all(kind[0] in "CZ" for kind, _ in kinds):
        raise ValueError("holds nothing that can be seen")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_plain)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](_?[a-z0-9]){0,39}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class KudosIn(_In):
    receiver_id: UUID
    message: Text
    value: Key = "help"  # it goes into the event, where nobody's own words belong


class KudosOut(_Out):
    id: UUID
    giver_id: UUID
    receiver_id: UUID
    message: str
    value: str
    given_at: datetime


class RankingIn(_In):
    listed: bool


class RankedOut(_Out):
    rank: int
    member_id: UUID
    points: int


class BadgeIn(_In):
    key: Key
    name: Text
    description: Text
    repeatable: bool = False


class BadgeOut(_Out):
    key: str
    name: str
    description: str
    repeatable: bool


class BadgeAwardIn(_In):
    member_id: UUID
    badge_key: Key
    reason: Text


class BadgeAwardOut(_Out):
    id: UUID
    member_id: UUID
    badge_key: str
    evidence_id: UUID | None
    awarded_by: UUID | None
    reason: str
    awarded_at: datetime


class TotalsOut(BaseModel):
    kudos: int
    entries: int
    points: int
    badges: int


class Keys(_In):
    keys: list[UUID] = Field(max_length=1000)
    first: int = Field(default=20, ge=1, le=100)


routes = router(tags=["recognition"])


@routes.post("/kudos", status_code=201, responses=problems(KudosToOneself, NoSuchMember, NothingLeftToGive))
async def give_kudos(body: KudosIn, actor: Participating, session: Transaction) -> KudosOut:
    given = await kudos.give(
        session, giver_id=actor.subject, receiver_id=body.receiver_id, message=body.message, value=body.value
    )
    return KudosOut.model_validate(given)


@routes.get("/kudos", responses=problems(InvalidCursor))
async def list_kudos(
    actor: Participating, session: Transaction, first: First = 50, after: After = None
) -> Page[KudosOut]:
    rows, cursor = await queries.kudos_feed(session, caller_id=actor.subject, first=first, after=after)
    return Page(items=[KudosOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.get("/leaderboard")
async def leaderboard(
    _: Participating,
    session: Transaction,
    period: Literal["week", "month", "all"] = "month",
    first: Annotated[int, Query(ge=1, le=100)] = 10,
) -> list[RankedOut]:
    return [RankedOut.model_validate(each) for each in await queries.leaderboard(session, period=period, first=first)]


@routes.put("/me/ranking", status_code=204)
async def set_ranking(body: RankingIn, actor: Participating, session: Transaction) -> None:
    await kudos.set_ranking(session, member_id=actor.subject, listed=body.listed)


@routes.get("/badges")
async def list_badges(_: Participating, session: Transaction) -> list[BadgeOut]:
    return [BadgeOut.model_validate(each) for each in await queries.badges(session)]


@routes.post("/badges", status_code=201, responses=problems(BadgeExists))
async def define_badge(body: BadgeIn, _: Coordinating, session: Transaction) -> BadgeOut:
    return BadgeOut.model_validate(await kudos.define_badge(session, **body.model_dump()))


@routes.post("/badge-awards", status_code=201, responses=problems(NoSuchBadge, NoSuchMember, AlreadyAwarded))
async def award_badge(body: BadgeAwardIn, actor: Coordinating, session: Transaction) -> BadgeAwardOut:
    awarded = await kudos.award_badge(session, actor_id=actor.subject, **body.model_dump())
    return BadgeAwardOut.model_validate(awarded)


@routes.get("/totals")
async def totals(actor: Participating, session: Transaction) -> TotalsOut:
    return TotalsOut.model_validate(await queries.totals(session, caller_id=actor.subject))


@routes.post("/read/kudos")
async def kudos_by_id(body: Keys, actor: Participating, session: Transaction) -> list[KudosOut | None]:
    found = await queries.kudos_by_id(session, body.keys, caller_id=actor.subject)
    return [KudosOut.model_validate(each) if each else None for each in found]


@routes.post("/read/badge-awards")
async def badge_awards_by_id(body: Keys, _: Participating, session: Transaction) -> list[BadgeAwardOut | None]:
    found = await queries.badge_awards_by_id(session, body.keys)
    return [BadgeAwardOut.model_validate(each) if each else None for each in found]


@routes.post("/read/kudos-by-member")
async def kudos_by_member(body: Keys, actor: Participating, session: Transaction) -> list[list[KudosOut]]:
    found = await queries.kudos_by_member(session, body.keys, caller_id=actor.subject, first=body.first)
    return [[KudosOut.model_validate(each) for each in some] for some in found]


@routes.post("/read/points-by-member")
async def points_by_member(body: Keys, actor: Participating, session: Transaction) -> list[int | None]:
    every = actor.may("recognition:coordinate")
    return await queries.points_by_member(session, body.keys, caller_id=actor.subject, all_of_them=every)


@routes.post("/read/badges-by-member")
async def badges_by_member(body: Keys, _: Participating, session: Transaction) -> list[list[BadgeAwardOut]]:
    found = await queries.badges_by_member(session, body.keys)
    return [[BadgeAwardOut.model_validate(each) for each in some] for some in found]
