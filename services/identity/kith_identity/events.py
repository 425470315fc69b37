"""What identity tells the others. No event carries a name, an address or free text."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kith_chassis.events import Event


class Skill(BaseModel):
    model_config = ConfigDict(frozen=True)
    tag: str = Field(examples=["python"])
    level: int = Field(ge=1, le=5, examples=[3])


class Window(BaseModel):
    """A recurring wall-clock window in the member's zone; `end` below `start` crosses midnight."""

    model_config = ConfigDict(frozen=True)
    weekday: int = Field(ge=0, le=6, description="0 is Monday", examples=[1])
    start: int = Field(ge=0, lt=1440, description="minutes after midnight", examples=[1080])
    end: int = Field(gt=0, le=1440, description="minutes after midnight", examples=[1200])


class CommunityFounded(Event, type="identity.community_founded.v1", aggregate="community_id"):
    """A community exists, with its first member as owner."""

    community_id: UUID
    slug: str = Field(examples=["makers"])
    owner_id: UUID


class MemberJoined(Event, type="identity.member_joined.v1", aggregate="member_id"):
    """Someone belongs to the community from now on."""

    member_id: UUID
    joined_at: datetime
    source: Literal["founding", "join", "import"]


class ProfileChanged(Event, type="identity.profile_changed.v1", aggregate="member_id"):
    """What others may match on, as it is now."""

    member_id: UUID
    skills_offered: list[Skill]
    skills_wanted: list[Skill]
    interests: list[str] = Field(examples=[["compilers"]])
    languages: list[str] = Field(description="BCP 47", examples=[["en"]])
    experience_years: float | None
    weekly_hours: float | None
    time_zone: str | None = Field(description="IANA", examples=["Europe/Vienna"])
    availability: list[Window]


class RoleGranted(Event, type="identity.role_granted.v1", aggregate="member_id"):
    """A member holds a role from now on."""

    member_id: UUID
    role: str = Field(examples=["coordinator"])


class RoleEnded(Event, type="identity.role_ended.v1", aggregate="member_id"):
    """A member holds a role no more; their access token permits what it says until it expires."""

    member_id: UUID
    role: str = Field(examples=["moderator"])


class MemberBlocked(Event, type="identity.member_blocked.v1", aggregate="member_id"):
    """A member wants nothing to do with another from now on. Between the two of them and the services: no app hears."""

    member_id: UUID
    blocked_id: UUID


class MemberUnblocked(Event, type="identity.member_unblocked.v1", aggregate="member_id"):
    """A member has lifted a block. No app hears of it."""

    member_id: UUID
    blocked_id: UUID


class MemberReported(Event, type="identity.member_reported.v1", aggregate="member_id"):
    """A member has reported another to the moderators: the two are never brought together again. No app hears of it."""

    report_id: UUID
    member_id: UUID
    reported_id: UUID


class MemberLeft(Event, type="identity.member_left.v1", aggregate="member_id"):
    """Someone does not belong to the community any more: they left, or were removed. All their logins have ended."""

    member_id: UUID
    reason: Literal["left", "removed"]


class SessionEnded(Event, type="identity.session_ended.v1", aggregate="session_id"):
    """A login is over: its member logged out, changed the password, or somebody had a copy. `sid` in access tokens."""

    session_id: UUID
    member_id: UUID


class AppRegistered(Event, type="identity.app_registered.v1", aggregate="app_id"):
    """An app may act in the community, within its scopes."""

    app_id: UUID
    scopes: list[str] = Field(examples=[["matching:read"]])


class AppRevoked(Event, type="identity.app_revoked.v1", aggregate="app_id"):
    """An app may do nothing any more; its access token permits what it says until it expires."""

    app_id: UUID


class MicroTaskCompleted(Event, type="identity.micro_task_completed.v1", aggregate="member_id"):
    """A member took one step of the onboarding checklist."""

    member_id: UUID
    task_key: str = Field(examples=["say_hello"])
    remaining: int = Field(ge=0, examples=[3])
