"""Accounts log in; a member is the person inside one community. Personal data of Kith lives here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kith_chassis.ids import new_id
from kith_chassis.tables import COLUMN_TYPES, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = COLUMN_TYPES


class Community(Base):
    """The tenant. Its name and slug are public: whoever logs in must be able to name it."""

    __tablename__ = "communities"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    mission: Mapped[str]
    founded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Account(Base):
    """A login, across communities. Only its password lets it into another one: an address proves nothing."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    password_changed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class FailedLogin(Base):
    """Wrong passwords given for an address, whether or not it has a login: how many, and when the last was."""

    __tablename__ = "failed_logins"

    address_digest: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime]


class Member(Base):
    """A person in one community, with the profile they show there.

    Skills are lists of {"tag", "level" 1-5}; availability is recurring wall-clock windows {"weekday" 0-6 from Monday,
    "start", "end" in minutes} in `time_zone`, with dated exceptions {"date", "available", "start", "end"}.
    `address` is what a member list said; it is no login.
    """

    __tablename__ = "members"
    __table_args__ = (
        Index("members_community_id_account_id_key", "community_id", "account_id", unique=True),
        Index("members_community_id_external_id_key", "community_id", "external_id", unique=True),
        Index("members_community_id_address_key", "community_id", "address", unique=True),
        Index("members_listing", "community_id", "id"),
        CheckConstraint("experience_years >= 0", name="experience_years"),
        CheckConstraint("weekly_hours >= 0 AND weekly_hours <= 168", name="weekly_hours"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    external_id: Mapped[str | None]
    address: Mapped[str | None]
    display_name: Mapped[str]
    bio: Mapped[str] = mapped_column(server_default="")
    skills_offered: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    skills_wanted: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    interests: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    goals: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    languages: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    links: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    experience_years: Mapped[float | None]
    weekly_hours: Mapped[float | None]
    time_zone: Mapped[str | None]
    availability: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    availability_exceptions: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    visibility: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    import_digest: Mapped[bytes | None]
    joined_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    left_at: Mapped[datetime | None]


class RoleGrant(Base):
    """A role held from `granted_at` until `ended_at` (None: still); by whom, where a person decided it."""

    __tablename__ = "role_grants"
    __table_args__ = (
        Index(
            "one_open_grant",
            "community_id",
            "member_id",
            "role",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    role: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    granted_by: Mapped[UUID | None]
    ended_by: Mapped[UUID | None]


class RefreshToken(Base):
    """One generation of a login's refresh token; the secret itself is never stored.

    `signed_in_at`: when the login's password was asked for; None for logins older than the column.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("refresh_tokens_family", "community_id", "family_id"),
        Index("open_refresh_tokens", "community_id", "member_id", postgresql_where=text("revoked_at IS NULL")),
        Index("refresh_tokens_expiry", "expires_at"),
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    family_id: Mapped[UUID]
    signed_in_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Invitation(Base):
    """A one-time way in for a member who has no password yet."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index("open_invitations", "community_id", "member_id", postgresql_where=text("redeemed_at IS NULL")),
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    invited_by: Mapped[UUID]
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]


class MicroTask(Base):
    """One step of a community's onboarding checklist."""

    __tablename__ = "micro_tasks"

    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    position: Mapped[int]


class MicroTaskCompletion(Base):
    __tablename__ = "micro_task_completions"

    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    task_key: Mapped[str] = mapped_column(primary_key=True)
    completed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Block(Base):
    """A member wants nothing to do with another; only the one who blocks ever sees it."""

    __tablename__ = "blocks"
    __table_args__ = (
        Index("one_block", "community_id", "member_id", "blocked_id", unique=True),
        CheckConstraint("member_id <> blocked_id", name="two_people"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    blocked_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    blocked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class MemberReport(Base):
    """What a member tells moderators about another: open → resolved. It is never deleted.

    `context`: where it happened, in the reporter's words or as an id. `note`: what moderators made of it, for them.
    """

    __tablename__ = "member_reports"
    __table_args__ = (
        Index(
            "one_open_report", "community_id", "reporter_id", "reported_id",
            unique=True, postgresql_where=text("status = 'open'"),
        ),
        Index("member_reports_listing", "community_id", "id"),
        Index("member_reports_of_reporter", "community_id", "reporter_id", "id"),
        CheckConstraint("reporter_id <> reported_id", name="two_people"),
        CheckConstraint("status IN ('open', 'resolved')", name="status"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"))
    reporter_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    reported_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    reason: Mapped[str]
    body: Mapped[str]
    context: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="open")
    reported_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[UUID | None]
    note: Mapped[str | None]


class App(Base):
    """Third-party software that acts in a community by itself, within its scopes, until it is revoked."""

    __tablename__ = "apps"
    __table_args__ = (Index("apps_listing", "community_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("communities.id"))
    name: Mapped[str]
    scopes: Mapped[list[str]]
    secret_digest: Mapped[bytes]
    registered_by: Mapped[UUID]
    registered_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
