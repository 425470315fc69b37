from kith_chassis.errors import Conflict, Invalid, NotFound


class NoSuchMember(NotFound):
    """There is no such member in this community."""

    code = "no_such_member"


class KudosToOneself(Invalid):
    """Kudos go to somebody else."""

    code = "kudos_to_oneself"


class NothingLeftToGive(Conflict):
    """You have given all the kudos of this week; there will be more on Monday."""

    code = "nothing_left_to_give"


class NoSuchBadge(NotFound):
    """There is no badge with this key."""

    code = "no_such_badge"


class BadgeExists(Conflict):
    """There is a badge with this key already."""

    code = "badge_exists"


class AlreadyAwarded(Conflict):
    """This member has this badge already, and it is given once."""

    code = "already_awarded"
