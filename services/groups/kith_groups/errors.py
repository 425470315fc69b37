from kith_chassis.errors import Conflict, Invalid, NotFound


class NoSuchParticipant(NotFound):
    """There is no such member in this community."""

    code = "no_such_participant"


class NoSuchGroup(NotFound):
    """There is no such group in this community."""

    code = "no_such_group"


class NotAMember(NotFound):
    """You do not belong to this group."""

    code = "not_a_member"


class GroupFull(Conflict):
    """This group has as many members as it takes."""

    code = "group_full"


class AlreadyInAGroup(Conflict):
    """This member belongs to a group of this kind already; leave that one first."""

    code = "already_in_a_group"


class BadPool(Invalid):
    """No groups can be formed from this pool as it is."""

    code = "bad_pool"


class NoSuchSession(NotFound):
    """There is no such session in this community."""

    code = "no_such_session"


class UnknownTimeZone(Invalid):
    """This is not an IANA time zone; use a name like Europe/Vienna."""

    code = "unknown_time_zone"


class SessionTwice(Invalid):
    """Name each session once; there is no telling which of two lists is meant."""

    code = "session_twice"


class SessionBegun(Conflict):
    """This session has begun; whether one comes is said before."""

    code = "session_begun"


class SessionToCome(Conflict):
    """This session is still to come; record who came when it has begun."""

    code = "session_to_come"


class AttendanceRecorded(Conflict):
    """Attendance of this session was recorded already, differently."""

    code = "attendance_recorded"


class NoSuchSpace(NotFound):
    """There is no such space in this community."""

    code = "no_such_space"


class SpaceExists(Conflict):
    """There is a space with this key already."""

    code = "space_exists"


class NoSuchThread(NotFound):
    """There is no such thread in this community."""

    code = "no_such_thread"


class NoSuchPost(NotFound):
    """There is no such post in this thread."""

    code = "no_such_post"


class NotAQuestion(Conflict):
    """Only a question can have an accepted answer, and not one's own."""

    code = "not_a_question"


class NotYours(NotFound):
    """Only who asked the question, or a coordinator, accepts an answer to it."""

    code = "not_yours"
