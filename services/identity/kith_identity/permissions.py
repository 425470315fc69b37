"""Which role may do what, and which scope of an app.

Permission names belong to the services that check them; a test holds the two together.
"""

from collections.abc import Iterable
from typing import Literal, get_args

MEMBER = frozenset(
    {
        "matching:take_part",
        "groups:take_part",
        "recognition:take_part",
    }
)
COORDINATOR = MEMBER | {
    "members:invite",
    "members:import",
    "members:read_private",
    "matching:coordinate",
    "groups:coordinate",
    "recognition:coordinate",
    "metrics:read",
    "metrics:report",
}
MODERATOR = MEMBER | {"members:moderate"}
OWNER = COORDINATOR | MODERATOR | {"community:manage", "apps:manage"}

PERMISSIONS: dict[str, frozenset[str]] = {
    "member": MEMBER,
    "coordinator": COORDINATOR,
    "moderator": MODERATOR,
    "owner": OWNER,
}


def permissions_of(roles: list[str]) -> list[str]:
    """The permissions of someone with these roles, sorted; a role nobody knows gives none."""
    return sorted(frozenset().union(MEMBER, *(PERMISSIONS.get(role, frozenset()) for role in roles)))


Scope = Literal[
    "members:read",
    "members:read_private",
    "members:import",
    "matching:read",
    "matching:coordinate",
    "groups:read",
    "groups:coordinate",
    "recognition:read",
    "recognition:coordinate",
    "metrics:read",
]
"""What an app may be allowed. It never takes part, moderates, invites, or manages: members do."""
SCOPES: tuple[Scope, ...] = get_args(Scope)


def permissions_of_app(scopes: Iterable[str]) -> list[str]:
    """The permissions of an app with these scopes, sorted: who may coordinate may read. What is no scope gives none."""
    held = set(scopes) & set(SCOPES)
    return sorted(held | {f"{each.partition(':')[0]}:read" for each in held})
