"""What recognition tells the others."""

from uuid import UUID

from pydantic import Field

from kith_chassis.events import Event


class KudosGiven(Event, type="recognition.kudos_given.v1", aggregate="kudos_id"):
    """Somebody thanked somebody."""

    kudos_id: UUID
    giver_id: UUID
    receiver_id: UUID
    value: str = Field(description="the key of the community value it stands for", examples=["generosity"])


class PointsAwarded(Event, type="recognition.points_awarded.v1", aggregate="member_id"):
    """A ledger entry: a member earned points by a rule."""

    entry_id: UUID
    member_id: UUID
    points: int = Field(examples=[5])
    rule: str = Field(examples=["kudos_received"])


class BadgeAwarded(Event, type="recognition.badge_awarded.v1", aggregate="member_id"):
    """A member has a badge from now on."""

    badge_award_id: UUID
    badge_key: str = Field(examples=["first_post"])
    member_id: UUID
