"""Changing a password ends every other login of its account, in every community."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.ids import new_id
from kith_identity import guesses, sessions
from kith_identity.errors import NoLogin, NoSuchMember, WrongPassword
from kith_identity.models import Account, Member
from kith_identity.sessions import Signer, Tokens


async def change(session: AsyncSession, signer: Signer, *, member_id: UUID, old: str, new: str) -> Tokens:
    """Another password from now on, and a new login in place of all there were.

    Here they end at once, in other communities when they are next refreshed; access tokens that are out stay good for
    their minutes. Raises NoSuchMember, NoLogin, WrongPassword or TooManyTries.
    """
    now = datetime.now(UTC)
    theirs = select(Member).where(Member.id == member_id)
    member = (await session.scalars(theirs.with_for_update(key_share=True))).first()
    if member is None or member.left_at is not None:
        raise NoSuchMember
    if member.account_id is None:
        raise NoLogin
    statement = select(Account).where(Account.id == member.account_id).with_for_update(key_share=True)
    account = (await session.scalars(statement)).one()
    await guesses.check(session, account.email)
    if not await signer.matches(old, account.password_hash):
        raise WrongPassword from guesses.WrongGuess(account.email)
    await guesses.forget(session, account.email)
    account.password_hash, account.password_changed_at = await signer.hash(new), now
    await sessions.end_all(session, member=member)
    return await sessions.start(
        session, signer, member_id=member.id, community_id=member.community_id, family_id=new_id(), since=now
    )
