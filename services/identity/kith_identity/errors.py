from kith_chassis.errors import Conflict, Invalid, NotFound, Problem, Unauthenticated


class WrongCredentials(Unauthenticated):
    """No member of this community signs in with this address and password."""

    code = "wrong_credentials"


class WrongPassword(Invalid):
    """This is not your password."""

    code = "wrong_password"


class NoLogin(Conflict):
    """You have no password yet; it comes with an invitation."""

    code = "no_login"


class TooManyTries(Problem):
    """Too many wrong passwords were given for this address; try again after the seconds that are said."""

    status = 429
    code = "too_many_tries"


class AppRefused(Unauthenticated):
    """No app of this community has this id and secret; it may have been revoked, or given another secret."""

    code = "app_refused"


class NoSuchApp(NotFound):
    """There is no such app in this community."""

    code = "no_such_app"


class TooManyApps(Conflict):
    """This community has as many apps as it may have; revoke one that is not used."""

    code = "too_many_apps"


class RefreshRefused(Unauthenticated):
    """This session has ended; sign in again."""

    code = "refresh_refused"


class LastOwner(Conflict):
    """A community has an owner: make somebody else one first."""

    code = "last_owner"


class InvitationRefused(Unauthenticated):
    """This invitation was used already or has expired; ask for a new one."""

    code = "invitation_refused"


class SlugTaken(Conflict):
    """Another community has this slug; choose another."""

    code = "slug_taken"


class AlreadyMember(Conflict):
    """This address belongs to a member of this community already; sign in."""

    code = "already_member"


class AddressTaken(Conflict):
    """This address has a password already; prove it is yours by giving that password."""

    code = "address_taken"


class HasLogin(Conflict):
    """This member can sign in already; invitations are for those who cannot."""

    code = "has_login"


class AddressNeeded(Invalid):
    """Give an e-mail address and a password to sign in with from now on."""

    code = "address_needed"


class NoSuchMember(NotFound):
    """There is no such member in this community."""

    code = "no_such_member"


class NoSuchCommunity(NotFound):
    """There is no community of this name here."""

    code = "no_such_community"


class NoSuchTask(NotFound):
    """The onboarding checklist has no such task."""

    code = "no_such_task"


class UnknownTimeZone(Invalid):
    """This is not an IANA time zone; use a name like Europe/Vienna."""

    code = "unknown_time_zone"


class WithOneself(Invalid):
    """Nobody blocks or reports themselves; name another member."""

    code = "with_oneself"


class AlreadyReported(Conflict):
    """Moderators have an open report of yours about this member; once they have resolved it you can make another."""

    code = "already_reported"


class AlreadyResolved(Conflict):
    """Another moderator has resolved this report already."""

    code = "already_resolved"


class NoSuchMemberReport(NotFound):
    """There is no such report for you to look into."""

    code = "no_such_member_report"
