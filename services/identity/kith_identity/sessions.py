"""Logging in and staying in: short access tokens, refresh tokens that rotate.

A refresh token works once. Using one again means that somebody has a copy, so the whole family of that login ends
(RFC 9700, section 4.14.2); or that an answer was lost, or two tabs asked at once: see `refresh`.

Whatever changes the logins of a member locks the member first, as leaving does: none outlives a departure.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import bind_tenant
from kith_chassis.errors import Unavailable
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_chassis.tokens import ALGORITHM
from kith_identity import guesses
from kith_identity.errors import RefreshRefused, WrongCredentials
from kith_identity.events import SessionEnded
from kith_identity.models import Account, Community, Member, RefreshToken, RoleGrant
from kith_identity.permissions import permissions_of
from kith_identity.settings import Settings

_ASKED_TWICE = timedelta(seconds=30)


@dataclass(frozen=True)
class Tokens:
    access_token: str
    refresh_token: str
    expires_in: int
    member_id: UUID
    community_id: UUID


class Signer:
    """Signs access tokens, hashes passwords; one per process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        keys = [settings.secret_key, *settings.previous_secret_keys]
        self._keys = [_signing_key(each.get_secret_value()) for each in keys]
        self._generations = hashlib.sha256(b"refresh tokens" + settings.secret_key.get_secret_value().encode()).digest()
        # OWASP's floor: 19 MiB, two passes. A small pool bounds what a wave of logins can take.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._pool = ThreadPoolExecutor(settings.password_hashers, "argon2")
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._turns = asyncio.Semaphore(settings.password_hashers)

    def key_set(self) -> dict[str, Any]:
        """The public keys (RFC 7517) that verify our tokens."""
        return {"keys": [key.as_dict(private=False) | {"use": "sig", "alg": ALGORITHM} for key in self._keys]}

    def access_token(
        self, *, subject: UUID, community_id: UUID, permissions: list[str], session_id: UUID, app: bool = False
    ) -> str:
        now = int(time.time())
        claims = {
            "iss": self.settings.token_issuer,
            "sub": str(subject),
            "tenant": str(community_id),
            "sid": str(session_id),
            "permissions": permissions,
            "iat": now,
            "exp": now + self.settings.access_token_seconds,
            "jti": new_id().hex,
        } | ({"app": True} if app else {})
        header = {"alg": ALGORITHM, "kid": self._keys[0].kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._keys[0], algorithms=[ALGORITHM])

    def next_generation(self, community_id: UUID, token: str) -> str:
        """The refresh token after this one: the same whenever it is asked for, and known to nobody without our key."""
        made = hmac.digest(self._generations, token.encode(), "sha256")
        return f"{community_id.hex}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """To be among the few who hash: taken before a connection is, which a wave of logins would keep from others.

        Raises Unavailable after `password_wait_seconds`.
        """
        try:
            await asyncio.wait_for(self._turns.acquire(), self.settings.password_wait_seconds)
        except TimeoutError:
            raise Unavailable("Too many people are signing in right now; try again shortly.") from None
        try:
            yield
        finally:
            self._turns.release()

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hasher.hash, password)

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Whether the password fits; takes as long where there is none, so that nobody learns who has an account."""

        def verify() -> bool:
            try:
                return self._hasher.verify(hashed or self._nobody, password) and hashed is not None
            except (VerificationError, InvalidHashError):
                return False

        return await asyncio.get_running_loop().run_in_executor(self._pool, verify)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _signing_key(secret: str) -> OKPKey:
    seed = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
    key.ensure_kid()
    return key


@asynccontextmanager
async def signing(app: FastAPI) -> AsyncIterator[None]:
    """Give the process its signer (`app.state.signer`)."""
    app.state.signer = Signer(app.state.settings)
    try:
        yield
    finally:
        app.state.signer.close()


def new_secret(community_id: UUID) -> tuple[str, bytes]:
    """A token that names its community, so that row-level security can be bound before the look-up; and its digest."""
    token = f"{community_id.hex}.{secrets.token_urlsafe(32)}"
    return token, digest(token)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def community_in(token: str) -> UUID | None:
    """The community a token of `new_secret` names; None when it is not one of ours."""
    try:
        return UUID(hex=token.partition(".")[0])
    except ValueError:
        return None


async def log_in(session: AsyncSession, signer: Signer, *, community: str, email: str, password: str) -> Tokens:
    """Tokens for a member's address and password. Raises WrongCredentials or TooManyTries."""
    since = datetime.now(UTC)  # before the password is looked at: it may be changed meanwhile
    await guesses.check(session, email)
    community_id = await session.scalar(select(Community.id).where(Community.slug == community))
    account = None
    if community_id is not None:
        await bind_tenant(session, community_id)
        account = (
            await session.execute(
                select(Account.password_hash, Member.id)
                .join(Member, Member.account_id == Account.id)
                .where(Account.email == email, Member.community_id == community_id, Member.left_at.is_(None))
            )
        ).first()
    fits = await signer.matches(password, account.password_hash if account else None)
    if not fits or account is None or community_id is None:
        raise WrongCredentials from guesses.WrongGuess(email)
    await guesses.forget(session, email)
    return await start(
        session, signer, member_id=account.id, community_id=community_id, family_id=new_id(), since=since
    )


async def start(
    session: AsyncSession, signer: Signer, *, member_id: UUID, community_id: UUID, family_id: UUID, since: datetime
) -> Tokens:
    """Tokens for a member whose identity was proven at `since`; the session is bound to the community.

    Raises WrongCredentials for who has left, also at this moment.
    """
    present = select(Member.id).where(Member.id == member_id, Member.left_at.is_(None))
    if await session.scalar(present.with_for_update(read=True, key_share=True)) is None:
        raise WrongCredentials
    token, token_digest = new_secret(community_id)
    first = RefreshToken(
        digest=token_digest, community_id=community_id, member_id=member_id, family_id=family_id,
        signed_in_at=since, expires_at=_expiry(signer),
    )  # fmt: skip
    session.add(first)
    return await _tokens(session, signer, first, token)


def _expiry(signer: Signer) -> datetime:
    return datetime.now(UTC) + timedelta(days=signer.settings.refresh_token_days)


async def _tokens(session: AsyncSession, signer: Signer, stored: RefreshToken, token: str) -> Tokens:
    """This refresh token, with an access token of its login for the roles its member holds now."""
    community_id, member_id, family_id = stored.community_id, stored.member_id, stored.family_id
    held = select(RoleGrant.role).where(
        RoleGrant.community_id == community_id, RoleGrant.member_id == member_id, RoleGrant.ended_at.is_(None)
    )
    roles = list(await session.scalars(held))
    return Tokens(
        access_token=signer.access_token(
            subject=member_id, community_id=community_id, permissions=permissions_of(roles), session_id=family_id
        ),
        refresh_token=token,
        expires_in=signer.settings.access_token_seconds,
        member_id=member_id,
        community_id=community_id,
    )


async def refresh(session: AsyncSession, signer: Signer, *, token: str) -> Tokens | RefreshRefused:
    """The next generation; the same one again for who asks twice within 30 seconds and has not used it.

    Using anything older ends the family. The refusal is returned, not raised: that must be stored.
    """
    now = datetime.now(UTC)
    stored = await _stored(session, token)
    if stored is None or stored.revoked_at is not None or stored.expires_at <= now:
        return RefreshRefused()
    if await _is_older_than_the_password(session, stored):
        await _end_family(session, stored)
        return RefreshRefused("The password was changed, so the session was ended; sign in again.")
    following = signer.next_generation(stored.community_id, token)
    if stored.used_at is None:
        stored.used_at = now
        session.add(
            RefreshToken(
                digest=digest(following),
                community_id=stored.community_id,
                member_id=stored.member_id,
                family_id=stored.family_id,
                signed_in_at=stored.signed_in_at,
                expires_at=_expiry(signer),
            )
        )
    else:
        given = await session.get(RefreshToken, digest(following))
        if given is None or given.used_at is not None or stored.used_at <= now - _ASKED_TWICE:
            await _end_family(session, stored)
            return RefreshRefused("This refresh token was used before, so the session was ended; sign in again.")
    return await _tokens(session, signer, stored, following)


async def end(session: AsyncSession, *, token: str) -> None:
    """Log out: the whole family of this refresh token ends. Unknown tokens are ignored."""
    stored = await _stored(session, token)
    if stored is not None:
        await _end_family(session, stored)


async def end_all(session: AsyncSession, *, member: Member) -> None:
    """End every login of a member, who is locked; the others are told of each."""
    theirs = RefreshToken.community_id == member.community_id, RefreshToken.member_id == member.id
    ended = (
        update(RefreshToken)
        .where(*theirs, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
        .returning(RefreshToken.family_id)
    )
    for family_id in sorted(set(await session.scalars(ended))):
        emit(session, SessionEnded(session_id=family_id, member_id=member.id))


async def _is_older_than_the_password(session: AsyncSession, stored: RefreshToken) -> bool:
    changed_at = await session.scalar(
        select(Account.password_changed_at)
        .join(Member, Member.account_id == Account.id)
        .where(Member.id == stored.member_id)
    )
    return changed_at is not None and (stored.signed_in_at is None or stored.signed_in_at < changed_at)


async def _stored(session: AsyncSession, token: str) -> RefreshToken | None:
    """What is known of a refresh token; its member is locked. None for a stranger's, and for who has left."""
    community_id = community_in(token)
    if community_id is None:
        return None
    await bind_tenant(session, community_id)
    whose = select(RefreshToken.member_id).where(RefreshToken.digest == digest(token)).scalar_subquery()
    present = select(Member.id).where(Member.id == whose, Member.left_at.is_(None))
    if await session.scalar(present.with_for_update(key_share=True)) is None:
        return None
    return await session.get(RefreshToken, digest(token))


async def _end_family(session: AsyncSession, stored: RefreshToken) -> None:
    """Revoke what is left of a family; the others are told once."""
    ended = await session.execute(
        update(RefreshToken)
        .where(
            RefreshToken.community_id == stored.community_id,
            RefreshToken.family_id == stored.family_id,
            RefreshToken.revoked_at.is_(None),
        )
        .values(revoked_at=datetime.now(UTC))
        .returning(RefreshToken.digest)
    )
    if ended.first() is not None:
        emit(session, SessionEnded(session_id=stored.family_id, member_id=stored.member_id))
