"""What lists can be imported: what their columns are called, who is told apart by what, and where they go."""

from collections.abc import Mapping
from dataclasses import dataclass

_INTO = """
mutation($input: {input}!) {{
  {name}(input: $input) {{
    imported {{ created updated unchanged errors {{ line column reason }} }}
    errors {{ code message }}
  }}
}}
"""


@dataclass(frozen=True)
class Kind:
    """A kind of list.

    names   what columns are called, by the field they fill; compared without case, spaces, hyphens and underscores
    needs   of each of these a list has one
    same    two rows that agree in all of these are the same row twice
    """

    mutation: str
    names: Mapping[str, tuple[str, ...]]
    needs: tuple[tuple[str, ...], ...]
    same: tuple[tuple[str, ...], ...]
    example: str

    @property
    def document(self) -> str:
        return _INTO.format(name=self.mutation, input=f"{self.mutation[0].upper()}{self.mutation[1:]}Input")


MEMBERS = Kind(
    "importMembers",
    {
        "external_id": ("external_id", "id", "member_id", "user_id", "respondent_id"),
        "email": ("email", "e_mail", "mail", "email_address"),
        "display_name": ("display_name", "name", "full_name", "nickname"),
        "bio": ("bio", "about"),
        "skills_offered": ("skills_offered", "skills", "offers", "can_teach", "tech_do"),
        "skills_wanted": ("skills_wanted", "wants", "wants_to_learn", "tech_want"),
        "interests": ("interests", "hobbies"),
        "goals": ("goals",),
        "languages": ("languages", "language"),
        "links": ("links", "website"),
        "experience_years": ("experience_years", "years_of_experience", "experience_midpoint"),
        "weekly_hours": ("weekly_hours", "hours_per_week"),
        "time_zone": ("time_zone", "tz"),
        "availability": ("availability",),
        "country": ("country",),
    },
    needs=(("external_id", "email"),),
    same=(("external_id",), ("email",)),
    example="email,name,skills,languages",
)
PARTICIPANTS = Kind(
    "importParticipants",
    {
        **{name: MEMBERS.names[name] for name in ("external_id", "email", "weekly_hours", "goals")},
        "side": ("side", "role"),
        "max_pairings": ("max_pairings", "capacity"),
    },
    needs=(("external_id", "email"), ("side",)),
    same=(("external_id", "side"), ("email", "side")),
    example="email,side,capacity",
)
PAIRINGS = Kind(
    "importPastPairings",
    {
        "mentor_external_id": ("mentor_external_id", "mentor_id", "mentor"),
        "mentor_email": ("mentor_email", "mentor_mail"),
        "mentee_external_id": ("mentee_external_id", "mentee_id", "mentee"),
        "mentee_email": ("mentee_email", "mentee_mail"),
        "began_on": ("began_on", "began", "start", "start_date", "from"),
        "ended_on": ("ended_on", "ended", "end", "end_date", "until"),
        "end_reason": ("end_reason", "reason"),
        "mentor_rating": ("mentor_rating",),
        "mentee_rating": ("mentee_rating",),
        "goals_met": ("goals_met",),
    },
    needs=(
        ("mentor_external_id", "mentor_email"),
        ("mentee_external_id", "mentee_email"),
        ("began_on",),
        ("ended_on",),
    ),
    same=(
        ("mentor_external_id", "mentee_external_id", "began_on"),
        ("mentor_email", "mentee_email", "began_on"),
    ),
    example="mentor_email,mentee_email,began_on,ended_on",
)
