"""Which role may do what. Permission names belong to the services that check them; a test holds the two together."""

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
