"""What a profile may hold, and who sees which field of it. Pure."""

import unicodedata
import zoneinfo
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, field_validator

_JOINERS = "\u200c\u200d"  # emoji, and Indic and Persian writing need them
Visibility = Literal["everyone", "staff", "self"]
VISIBILITY_RANK: dict[str, int] = {"everyone": 0, "staff": 1, "self": 2}
# What a viewer gets of a field that is not for them: what it holds where nothing was filled in, so that nobody learns
# what is hidden.
HIDEABLE: dict[str, Any] = {
    "bio": "",
    "skills_offered": [],
    "skills_wanted": [],
    "interests": [],
    "goals": [],
    "languages": [],
    "links": [],
    "experience_years": None,
    "weekly_hours": None,
    "time_zone": None,
    "availability": [],
    "availability_exceptions": [],
}


@cache
def time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _known_zone(name: str) -> str:
    if name not in time_zones():
        raise ValueError("is not an IANA time zone like Europe/Vienna")
    return name


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


def _calendar_date(value: str) -> str:
    if not (value.isascii() and date.fromisoformat(value)):
        raise ValueError("is not a date like 2026-03-01")
    return value


Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(_plain)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_plain)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000), AfterValidator(_plain)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Zone = Annotated[str, AfterValidator(_known_zone)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    AfterValidator(_plain),
]
Password = Annotated[str, StringConstraints(min_length=10, max_length=200)]
Years = Annotated[float, Field(ge=0, le=80, allow_inf_nan=False)]
Hours = Annotated[float, Field(ge=0, le=168, allow_inf_nan=False)]


class SkillIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tag: Tag
    level: int = Field(default=3, ge=1, le=5, description="1 knows of it, 5 teaches it")


class WindowIn(BaseModel):
    """A recurring wall-clock window in the member's zone; an `end` not after `start` crosses midnight."""

    model_config = ConfigDict(extra="forbid")
    weekday: int = Field(ge=0, le=6, description="0 is Monday")
    start: int = Field(ge=0, lt=1440, description="minutes after midnight")
    end: int = Field(gt=0, le=1440, description="minutes after midnight")


class ExceptionIn(BaseModel):
    """A dated exception to the weekly windows: free, or not free, from `start` to `end` minutes of that day."""

    model_config = ConfigDict(extra="forbid")
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_calendar_date)]
    available: bool
    start: int = Field(default=0, ge=0, lt=1440)
    end: int = Field(default=1440, gt=0, le=1440)


class Profile(BaseModel):
    """The fields a member fills; leave out what should stay as it is."""

    model_config = ConfigDict(extra="forbid")
    display_name: Name | None = None
    bio: Text | None = None
    skills_offered: list[SkillIn] | None = Field(default=None, max_length=100)
    skills_wanted: list[SkillIn] | None = Field(default=None, max_length=100)
    interests: list[Tag] | None = Field(default=None, max_length=100)
    goals: list[Text] | None = Field(default=None, max_length=20)
    languages: list[Language] | None = Field(default=None, max_length=20)
    links: list[HttpUrl] | None = Field(default=None, max_length=20)
    experience_years: Years | None = None
    weekly_hours: Hours | None = None
    time_zone: Zone | None = None
    availability: list[WindowIn] | None = Field(default=None, max_length=50)
    availability_exceptions: list[ExceptionIn] | None = Field(default=None, max_length=200)
    visibility: dict[str, Visibility] | None = None

    @field_validator("visibility")
    @classmethod
    def _known_fields(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if unknown := sorted(set(value or {}) - set(HIDEABLE)):
            raise ValueError(f"{unknown[0]} cannot be hidden")
        return value

    def changes(self) -> dict[str, Any]:
        """The fields that were given, as plain values; null clears what may be empty."""
        given = self.model_dump(mode="json", include=self.model_fields_set)
        kept = {"display_name", "visibility"}  # these have no empty state
        return {
            name: (HIDEABLE[name] if value is None else value)
            for name, value in given.items()
            if not (value is None and name in kept)
        }


def seen_by(
    profile: dict[str, Any], *, member_id: UUID, viewer_id: UUID, staff: bool, left: bool = False
) -> dict[str, Any]:
    """`profile` with the fields emptied that this viewer may not see; of who has left nobody sees any.

    Who sees what is theirs alone to know: it would tell what is hidden.
    """
    if left:
        return {**profile, **HIDEABLE, "visibility": None}
    if member_id == viewer_id:
        return profile
    rank = 1 if staff else 0
    visibility = profile.get("visibility") or {}
    hidden = {name: HIDEABLE[name] for name, who in visibility.items() if VISIBILITY_RANK.get(who, 2) > rank}
    return {**profile, **hidden, "visibility": None}
