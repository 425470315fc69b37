"""Communities, members, signing in."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import (
    GROUPS,
    IDENTITY,
    MATCHING,
    METRICS,
    RECOGNITION,
    Argument,
    calling,
    fetched,
    identifier,
    joined,
    lookup,
    paged,
    plain,
)
from kith_gateway.types import Connection, Node, node, record

if TYPE_CHECKING:
    from kith_gateway.schema.groups import Group
    from kith_gateway.schema.matching import Request
    from kith_gateway.schema.pairing_life import Pairing, Pulse, Testimonial
    from kith_gateway.schema.recognition import BadgeAward, Kudos
    from kith_gateway.schema.tiers import EarnedTier
    from kith_gateway.schema.trust import Block, OwnReport

_FROM_GROUPS = strawberry.lazy("kith_gateway.schema.groups")
_FROM_MATCHING = strawberry.lazy("kith_gateway.schema.matching")
_FROM_PAIRINGS = strawberry.lazy("kith_gateway.schema.pairing_life")
_FROM_RECOGNITION = strawberry.lazy("kith_gateway.schema.recognition")
_FROM_TIERS = strawberry.lazy("kith_gateway.schema.tiers")
_FROM_TRUST = strawberry.lazy("kith_gateway.schema.trust")


@record
class Skill:
    """Something a member knows or wants to know."""

    tag: str = plain("What it is.")
    level: int = plain("From 1 (knows of it) to 5 (teaches it).")


@record
class Window:
    """A recurring stretch of free time on the member's wall clock; one that ends before it starts crosses midnight."""

    weekday: int = plain("0 is Monday.")
    start: int = plain("Minutes after midnight.")
    end: int = plain("Minutes after midnight.")


@record
class DatedWindow:
    """An exception to the weekly windows."""

    date: str = plain("The day, ISO 8601.")
    available: bool = plain("Whether the member is free then.")
    start: int = plain("Minutes after midnight.")
    end: int = plain("Minutes after midnight.")


@node(IDENTITY, "/read/members")
class Member(Node):
    """A person in a community, as far as they let the caller see."""

    id: strawberry.ID = identifier("Member")
    display_name: str = plain("What others call them.")
    joined_at: datetime = plain("Since when they belong to the community.")
    bio: str | None = plain("What they say about themselves.")
    skills_offered: list[Skill] = plain("What they know.", bound=100)
    skills_wanted: list[Skill] = plain("What they would like to learn.", bound=100)
    interests: list[str] = plain("What they care about.", bound=100)
    goals: list[str] = plain("What they are after.", bound=20)
    languages: list[str] = plain("Languages they speak, BCP 47.", bound=20)
    links: list[str] = plain("Where else they are found.", bound=20)
    experience_years: float | None = plain("Years of experience.")
    weekly_hours: float | None = plain("Hours a week they have for others.")
    time_zone: str | None = plain("IANA time zone of their wall clock.")
    availability: list[Window] = plain("When they usually have time.", bound=50)
    availability_exceptions: list[DatedWindow] = plain("When it is different.", bound=200)
    visibility: JSON | None = plain(
        "Who sees which field: everyone (also when absent), staff or self. For oneself; null for others."
    )
    roles: list[str] | None = joined(
        IDENTITY, "/read/roles-by-member", key="id", shape="value", bound=20, description="The roles they hold now."
    )
    pairings: list[Annotated["Pairing", _FROM_PAIRINGS]] | None = joined(
        MATCHING,
        "/read/pairings-by-member",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="Their newest pairings; for coordinators.",
    )
    groups: list[Annotated["Group", _FROM_GROUPS]] | None = joined(
        GROUPS, "/read/groups-by-member", key="id", shape="list", bound=50, description="The groups they belong to."
    )
    points: int | None = joined(
        RECOGNITION,
        "/read/points-by-member",
        key="id",
        shape="value",
        description="The points they have earned; null where they want no ranking, but to themselves and coordinators.",
    )
    kudos: list[Annotated["Kudos", _FROM_RECOGNITION]] | None = joined(
        RECOGNITION,
        "/read/kudos-by-member",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="The newest thanks they got.",
    )
    badges: list[Annotated["BadgeAward", _FROM_RECOGNITION]] | None = joined(
        RECOGNITION,
        "/read/badges-by-member",
        key="id",
        shape="list",
        bound=100,
        description="The badges they were awarded, 100 at most.",
    )
    testimonials: list[Annotated["Testimonial", _FROM_PAIRINGS]] | None = joined(
        MATCHING,
        "/read/testimonials-by-member",
        key="id",
        shape="list",
        first=20,
        bound=100,
        description="What those they were paired with say of them in public, the newest first.",
    )
    mentor_tier: Annotated["EarnedTier", _FROM_TIERS] | None = joined(
        MATCHING, "/read/mentor-tiers-by-member", key="id", description="The tier they have earned as a mentor."
    )
    partner_count: int | None = joined(
        METRICS,
        "/read/partners-by-member",
        key="id",
        shape="value",
        description="With how many people something has happened between them; for coordinators.",
    )


@record
class Community:
    """The community the caller is signed in to."""

    id: strawberry.ID = identifier("Community")
    slug: str = plain("Its name in addresses and at login.")
    name: str = plain("Its name.")
    mission: str = plain("What it is for.")
    founded_at: datetime = plain("Since when it exists.")
    member_count: int = plain("How many belong to it.")


@record
class OnboardingStep:
    """A small task that helps a newcomer to arrive."""

    key: str = plain("Its key, for completeMicroTask.")
    title: str = plain("What to do.")
    completed_at: datetime | None = plain("When the caller did it.")


@record
class Viewer:
    """The caller."""

    member: Member | None = joined(
        IDENTITY, "/read/members", key="member_id", description="The caller as a member of the community."
    )
    roles: list[str] | None = joined(
        IDENTITY,
        "/read/roles-by-member",
        key="member_id",
        shape="value",
        bound=20,
        description="The roles the caller holds now.",
    )
    permissions: list[str] = plain("What the caller's access token permits.", bound=50)
    onboarding: list[OnboardingStep] | None = fetched(
        IDENTITY, "/onboarding", bound=50, description="The caller's onboarding checklist, in order."
    )
    pairings: Connection[Annotated["Pairing", _FROM_PAIRINGS]] | None = paged(
        MATCHING, "/pairings", description="The caller's pairings, the oldest first."
    )
    requests: Connection[Annotated["Request", _FROM_MATCHING]] | None = paged(
        MATCHING, "/requests", description="Requests the caller made or got, the newest first."
    )
    pulses: Connection[Annotated["Pulse", _FROM_PAIRINGS]] | None = paged(
        MATCHING, "/pulses", description="How does it go? What the caller is asked of their pairings."
    )
    groups: list[Annotated["Group", _FROM_GROUPS]] | None = joined(
        GROUPS,
        "/read/groups-by-member",
        key="member_id",
        shape="list",
        bound=50,
        description="The groups the caller belongs to.",
    )
    blocks: Connection[Annotated["Block", _FROM_TRUST]] | None = paged(
        IDENTITY, "/me/blocks", description="Whom the caller has blocked, the newest first."
    )
    member_reports: Connection[Annotated["OwnReport", _FROM_TRUST]] | None = paged(
        IDENTITY, "/me/member-reports", description="Reports of others that the caller made, the newest first."
    )


@strawberry.type
class Query:
    viewer: Viewer | None = calling("The caller; an error for nobody.")
    community: Community | None = fetched(
        IDENTITY, "/community", description="The community the caller is signed in to."
    )
    members: Connection[Member] | None = paged(
        IDENTITY,
        "/members",
        arguments=(Argument("search", str | None, "Part of the display name.", default=None),),
        description="The members of the community, longest there first.",
    )
    member: Member | None = lookup(IDENTITY, "/read/members", of="Member", description="One member.")
