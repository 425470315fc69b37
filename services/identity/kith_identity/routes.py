from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kith_chassis.app import answer
from kith_chassis.database import OpenTransaction, Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_chassis.tokens import Principal, permitted
from kith_identity import communities, departures, imports, members, onboarding, passwords, queries, roles, sessions
from kith_identity.apps import routes as apps
from kith_identity.errors import (
    AddressTaken,
    AlreadyMember,
    HasLogin,
    InvitationRefused,
    LastOwner,
    NoLogin,
    NoSuchCommunity,
    NoSuchMember,
    NoSuchTask,
    RefreshRefused,
    SlugTaken,
    TooManyTries,
    WrongCredentials,
    WrongPassword,
)
from kith_identity.profiles import Email, ExceptionIn, Name, Password, Profile, SkillIn, Text, Visibility, WindowIn
from kith_identity.sessions import Tokens
from kith_identity.shapes import Hashing, Keys, Person, Reader, Signing
from kith_identity.trust import routes as trust

Inviter = Annotated[Principal, Depends(permitted("members:invite"))]
Managing = Annotated[Principal, Depends(permitted("community:manage"))]
Importer = Annotated[Principal, Depends(permitted("members:import"))]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](-?[a-z0-9]){1,59}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountIn(_Body):
    email: Email
    password: Password
    display_name: Name

    def account(self) -> members.NewAccount:
        return members.NewAccount(self.email, self.password, self.display_name)


class NewCommunity(_Body):
    name: Name
    slug: Slug
    mission: Text
    owner: AccountIn


class FoundedOut(BaseModel):
    community_id: UUID
    owner_id: UUID


class Login(_Body):
    community: str = Field(max_length=60)
    email: Email
    password: str = Field(max_length=200)


class RefreshIn(_Body):
    refresh_token: str = Field(max_length=200)


class Joining(AccountIn):
    community: str = Field(max_length=60)


class PasswordIn(_Body):
    old: str = Field(max_length=200)
    new: Password


class MemberRef(BaseModel):
    member_id: UUID


class MemberOut(BaseModel):
    id: UUID
    display_name: str
    joined_at: datetime
    bio: str
    skills_offered: list[SkillIn]
    skills_wanted: list[SkillIn]
    interests: list[str]
    goals: list[str]
    languages: list[str]
    links: list[str]
    experience_years: float | None
    weekly_hours: float | None
    time_zone: str | None
    availability: list[WindowIn]
    availability_exceptions: list[ExceptionIn]
    visibility: dict[str, Visibility] | None


class CommunityOut(BaseModel):
    id: UUID
    slug: str
    name: str
    mission: str
    founded_at: datetime
    member_count: int


class InviteIn(_Body):
    member_ids: list[UUID] = Field(min_length=1, max_length=500)


class InvitedOut(BaseModel):
    member_id: UUID
    token: str


class RedeemIn(_Body):
    token: str = Field(max_length=200)
    email: Email | None = None
    password: Password | None = None


class StepOut(BaseModel):
    key: str
    title: str
    completed_at: datetime | None


class ImportIn(_Body):
    rows: list[dict[str, Any]] = Field(max_length=imports.MAX_ROWS, description="see MemberRow; judged row by row")


class PeopleIn(_Body):
    people: list[dict[str, Any]] = Field(max_length=2 * imports.MAX_ROWS, description="external_id, email or both")


class RowErrorOut(BaseModel):
    line: int
    column: str
    reason: str


class ImportedOut(BaseModel):
    created: int
    updated: int
    unchanged: int
    errors: list[RowErrorOut]


class RoleIn(_Body):
    role: Literal["coordinator", "moderator", "owner"]


public = router(tags=["before login"])
member = router(tags=["members"])
routers = [public, member, trust.routes, apps.routes]


@public.get("/.well-known/jwks.json")
async def key_set(signer: Signing) -> dict[str, Any]:
    return signer.key_set()


@public.post("/communities", status_code=201, responses=problems(SlugTaken, AddressTaken, TooManyTries))
async def found_community(body: NewCommunity, signer: Hashing, session: OpenTransaction) -> FoundedOut:
    founded = await communities.found(
        session, signer, name=body.name, slug=body.slug, mission=body.mission, owner=body.owner.account()
    )
    return FoundedOut(community_id=founded.community.id, owner_id=founded.owner.id)


@public.post("/join", status_code=201, responses=problems(NoSuchCommunity, AlreadyMember, AddressTaken, TooManyTries))
async def join(body: Joining, signer: Hashing, session: OpenTransaction) -> MemberRef:
    community_id = await communities.by_slug(session, body.community)
    added = await members.add(session, signer, community_id=community_id, account=body.account(), source="join")
    return MemberRef(member_id=added.id)


@public.post("/sessions", responses=problems(WrongCredentials, TooManyTries))
async def log_in(body: Login, signer: Hashing, session: OpenTransaction) -> Tokens:
    return await sessions.log_in(session, signer, community=body.community, email=body.email, password=body.password)


@public.post("/sessions/refresh", response_model=Tokens, responses=problems(RefreshRefused))
async def refresh(body: RefreshIn, signer: Signing, session: OpenTransaction) -> Tokens | Response:
    outcome = await sessions.refresh(session, signer, token=body.refresh_token)
    return answer(outcome) if isinstance(outcome, RefreshRefused) else outcome


@public.post("/sessions/end", status_code=204)
async def log_out(body: RefreshIn, session: OpenTransaction) -> None:
    await sessions.end(session, token=body.refresh_token)


@public.post("/invitations/redeem", responses=problems(InvitationRefused, AddressTaken, TooManyTries))
async def redeem_invitation(body: RedeemIn, signer: Hashing, session: OpenTransaction) -> Tokens:
    return await members.redeem(session, signer, token=body.token, email=body.email, password=body.password)


@member.post("/invitations", status_code=201, responses=problems(NoSuchMember, HasLogin))
async def invite(body: InviteIn, actor: Inviter, signer: Signing, session: Transaction) -> list[InvitedOut]:
    invited = await members.invite(session, signer, by=actor.subject, member_ids=body.member_ids)
    return [InvitedOut(member_id=each.member_id, token=each.token) for each in invited]


@member.get("/community")
async def community(_: Reader, session: Transaction) -> CommunityOut:
    return CommunityOut.model_validate(await queries.community(session))


@member.get("/members", responses=problems(InvalidCursor))
async def list_members(
    actor: Reader,
    session: Transaction,
    first: First = 50,
    after: After = None,
    search: Annotated[str | None, Query(max_length=100)] = None,
) -> Page[MemberOut]:
    items, cursor = await queries.members(session, actor, first=first, after=after, search=search)
    return Page(items=[MemberOut.model_validate(each) for each in items], next_cursor=cursor)


@member.get("/members/{member_id}", responses=problems(NoSuchMember))
async def get_member(member_id: UUID, actor: Reader, session: Transaction) -> MemberOut:
    return MemberOut.model_validate(await queries.member(session, actor, member_id))


@member.post("/read/members")
async def members_by_id(body: Keys, actor: Reader, session: Transaction) -> list[MemberOut | None]:
    found = await queries.members_by_id(session, actor, body.keys)
    return [MemberOut.model_validate(each) if each else None for each in found]


@member.post("/read/roles-by-member")
async def roles_by_member(body: Keys, _: Reader, session: Transaction) -> list[list[str]]:
    return await queries.roles_by_member(session, body.keys)


@member.patch("/me", responses=problems(NoSuchMember))
async def change_profile(body: Profile, actor: Person, session: Transaction) -> MemberOut:
    changed = await members.change_profile(session, member_id=actor.subject, changes=body.changes())
    return MemberOut.model_validate(queries.shown(changed, actor))


@member.post("/me/password", responses=problems(NoSuchMember, NoLogin, WrongPassword, TooManyTries))
async def change_password(body: PasswordIn, actor: Person, signer: Hashing, session: Transaction) -> Tokens:
    return await passwords.change(session, signer, member_id=actor.subject, old=body.old, new=body.new)


@member.post("/me/leave", status_code=204, responses=problems(NoSuchMember, LastOwner))
async def leave(actor: Person, session: Transaction) -> None:
    await departures.leave(session, member_id=actor.subject)


@member.post("/members/{member_id}/remove", status_code=204, responses=problems(NoSuchMember, LastOwner))
async def remove_member(member_id: UUID, actor: Managing, session: Transaction) -> None:
    await departures.remove(session, actor_id=actor.subject, member_id=member_id)


@member.post("/members/{member_id}/roles", responses=problems(NoSuchMember))
async def grant_role(member_id: UUID, body: RoleIn, actor: Managing, session: Transaction) -> list[str]:
    await roles.grant(session, actor_id=actor.subject, member_id=member_id, role=body.role)
    return (await queries.roles_by_member(session, [member_id]))[0]


@member.post("/members/{member_id}/roles/end", responses=problems(NoSuchMember, LastOwner))
async def end_role(member_id: UUID, body: RoleIn, actor: Managing, session: Transaction) -> list[str]:
    await roles.end(session, actor_id=actor.subject, member_id=member_id, role=body.role)
    return (await queries.roles_by_member(session, [member_id]))[0]


@member.post("/members/import")
async def import_members(body: ImportIn, _: Importer, session: Transaction) -> ImportedOut:
    return ImportedOut.model_validate(await imports.take(session, body.rows), from_attributes=True)


@member.post("/members/find")
async def find_members(body: PeopleIn, _: Importer, session: Transaction) -> list[UUID | None]:
    return await imports.named(session, body.people)


@member.get("/onboarding")
async def onboarding_checklist(actor: Person, session: Transaction) -> list[StepOut]:
    steps = await onboarding.checklist(session, member_id=actor.subject)
    return [StepOut.model_validate(step, from_attributes=True) for step in steps]


@member.post("/onboarding/{key}/complete", responses=problems(NoSuchTask))
async def complete_task(key: Annotated[str, Path(max_length=60)], actor: Person, session: Transaction) -> list[StepOut]:
    steps = await onboarding.complete(session, member_id=actor.subject, key=key)
    return [StepOut.model_validate(step, from_attributes=True) for step in steps]
