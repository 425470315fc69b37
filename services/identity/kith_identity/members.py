"""Joining, profiles and invitations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import bind_tenant, tenant_of
from kith_chassis.errors import Forbidden, refused
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_identity import guesses, owners, sessions
from kith_identity.errors import (
    AddressNeeded,
    AddressTaken,
    AlreadyMember,
    HasLogin,
    InvitationRefused,
    NoSuchMember,
)
from kith_identity.events import MemberJoined, ProfileChanged, RoleGranted
from kith_identity.models import Account, Invitation, Member, RoleGrant
from kith_identity.sessions import Signer, Tokens

MATCHED_ON = frozenset(ProfileChanged.model_fields) - {"member_id"}


@dataclass(frozen=True)
class NewAccount:
    email: str
    password: str
    display_name: str


async def add(
    session: AsyncSession,
    signer: Signer,
    *,
    community_id: UUID,
    account: NewAccount,
    source: Literal["founding", "join"],
) -> Member:
    """A new member with a login. An address that has a login already must be given its password."""
    listed = select(Member.id).where(Member.address == account.email, Member.account_id.is_(None))
    if await session.scalar(listed) is not None:
        raise AddressTaken("This community's member list has this address already; ask for an invitation.")
    account_id = await _account(session, signer, account)
    member = Member(
        community_id=community_id,
        account_id=account_id,
        display_name=account.display_name,
        joined_at=datetime.now(UTC),
    )
    session.add(member)
    with refused({"members_community_id_account_id_key": AlreadyMember()}):
        await session.flush()
    emit(session, MemberJoined(member_id=member.id, joined_at=member.joined_at, source=source))
    return member


async def _account(session: AsyncSession, signer: Signer, new: NewAccount) -> UUID:
    await guesses.check(session, new.email)
    hashed = await signer.hash(new.password)
    made = insert(Account).values(email=new.email, password_hash=hashed).on_conflict_do_nothing().returning(Account.id)
    account_id = await session.scalar(made)
    if account_id is not None:
        return account_id
    account = (await session.scalars(select(Account).where(Account.email == new.email).with_for_update())).one()
    if not await signer.matches(new.password, account.password_hash):
        raise AddressTaken from guesses.WrongGuess(new.email)
    await guesses.forget(session, new.email)
    return account.id


def grant(session: AsyncSession, *, member: Member, role: str) -> None:
    session.add(RoleGrant(community_id=member.community_id, member_id=member.id, role=role))
    emit(session, RoleGranted(member_id=member.id, role=role))


async def change_profile(session: AsyncSession, *, member_id: UUID, changes: dict[str, Any]) -> Member:
    """Apply the given fields to a profile; tells the others only when they match on what changed.

    Raises NoSuchMember, also for who has left: of them nothing is told any more.
    """
    member = await session.get(Member, member_id, with_for_update=True)
    if member is None or member.left_at is not None:
        raise NoSuchMember
    changed = {name for name, value in changes.items() if getattr(member, name) != value}
    for name in changed:
        setattr(member, name, changes[name])
    if changed & MATCHED_ON:
        emit(session, profile_changed(member))
    return member


def profile_changed(member: Member) -> ProfileChanged:
    fields = {name: getattr(member, name) for name in MATCHED_ON}
    return ProfileChanged.model_validate({"member_id": member.id, **fields})


@dataclass(frozen=True)
class Invited:
    member_id: UUID
    token: str


async def invite(session: AsyncSession, signer: Signer, *, by: UUID, member_ids: Sequence[UUID]) -> list[Invited]:
    """A one-time token for each of these members, in their order; what they were given before is worth nothing then.

    NoSuchMember if one is not of this community, or has left it; HasLogin if one can sign in already: whoever holds an
    invitation is that member. Hence Forbidden for whoever is no owner if one holds a role.
    """
    community_id = tenant_of(session)
    rows = await session.execute(
        select(Member.id, Member.account_id)
        .where(Member.id.in_(member_ids), Member.left_at.is_(None))
        .order_by(Member.id)
        .with_for_update(key_share=True)
    )
    known = {row.id: row.account_id for row in rows}
    for member_id in member_ids:
        if member_id not in known:
            raise NoSuchMember(f"There is no member {member_id} in this community.")
        if known[member_id] is not None:
            raise HasLogin(f"Member {member_id} has a login already.")
    if await _hold_roles(session, member_ids) and by not in await owners.held_by(session):
        raise Forbidden("Members who hold a role are invited by owners.")
    await _end_invitations(session, member_ids)
    expires_at = datetime.now(UTC) + timedelta(days=signer.settings.invitation_days)
    invited = []
    for member_id in member_ids:
        token, token_digest = sessions.new_secret(community_id)
        session.add(
            Invitation(
                digest=token_digest,
                community_id=community_id,
                member_id=member_id,
                invited_by=by,
                expires_at=expires_at,
            )
        )
        invited.append(Invited(member_id, token))
    return invited


async def redeem(
    session: AsyncSession, signer: Signer, *, token: str, email: str | None, password: str | None
) -> Tokens:
    """Sign in with an invitation, once; with address and password the member has a login from then on."""
    since = datetime.now(UTC)
    community_id = sessions.community_in(token)
    if community_id is None:
        raise InvitationRefused
    await bind_tenant(session, community_id)
    digest = sessions.digest(token)
    whose = select(Invitation.member_id).where(Invitation.digest == digest).scalar_subquery()
    member = (await session.scalars(select(Member).where(Member.id == whose).with_for_update())).first()
    # Of a member's invitations one at a time is made, ended or redeemed: what is read now stays so.
    invitation = await session.get(Invitation, digest)
    if member is None or invitation is None:
        raise InvitationRefused
    if invitation.redeemed_at is not None or invitation.expires_at <= datetime.now(UTC):
        raise InvitationRefused
    if member.account_id is not None or member.left_at is not None:  # come by another way since, or gone
        raise InvitationRefused
    # A role may have been granted since.
    if await _hold_roles(session, [member.id]) and invitation.invited_by not in await owners.held_by(session):
        raise InvitationRefused
    invitation.redeemed_at = datetime.now(UTC)
    await _end_invitations(session, [member.id])
    if password is not None:
        address = email or member.address
        if address is None:
            raise AddressNeeded
        member.account_id = await _account(session, signer, NewAccount(address, password, member.display_name))
        with refused({"members_community_id_account_id_key": AlreadyMember()}):
            await session.flush()
    return await sessions.start(
        session, signer, member_id=member.id, community_id=community_id, family_id=new_id(), since=since
    )


async def _hold_roles(session: AsyncSession, member_ids: Sequence[UUID]) -> bool:
    """Whether one of these members holds a role."""
    held = select(RoleGrant.id).where(
        RoleGrant.community_id == tenant_of(session), RoleGrant.member_id.in_(member_ids), RoleGrant.ended_at.is_(None)
    )
    return await session.scalar(held.limit(1)) is not None


async def _end_invitations(session: AsyncSession, member_ids: Sequence[UUID]) -> None:
    """End what is open of these members' invitations; the members are locked."""
    now = datetime.now(UTC)
    still_open = Invitation.redeemed_at.is_(None), Invitation.expires_at > now
    theirs = Invitation.community_id == tenant_of(session), Invitation.member_id.in_(member_ids)
    await session.execute(update(Invitation).where(*theirs, *still_open).values(expires_at=now))
