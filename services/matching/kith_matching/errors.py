from kith_chassis.errors import Conflict, Invalid, NotFound


class NoSuchProgram(NotFound):
    """There is no such program in this community."""

    code = "no_such_program"


class NoSuchRun(NotFound):
    """There is no such match run in this community."""

    code = "no_such_match_run"


class NoSuchPairing(NotFound):
    """There is no such pairing, or it is not yours."""

    code = "no_such_pairing"


class NoSuchRequest(NotFound):
    """There is no such request, or it is not yours."""

    code = "no_such_request"


class NoSuchParticipant(NotFound):
    """There is no such member in this community."""

    code = "no_such_participant"


class NotEnrolled(Conflict):
    """Enroll in this program on that side first."""

    code = "not_enrolled"


class ProgramClosed(Conflict):
    """This program does not take enrollments, requests or match runs now."""

    code = "program_closed"


class EnrollmentPaused(Conflict):
    """The mentor or the mentee has paused taking part in this program."""

    code = "enrollment_paused"


class WithOneself(Invalid):
    """Nobody can be their own mentor; ask somebody else."""

    code = "with_oneself"


class WrongStep(Conflict):
    """A program goes from draft to open to running to completed, one step at a time."""

    code = "wrong_step"


class AlreadyWaiting(Conflict):
    """You already have an open request in this program."""

    code = "already_waiting"


class NoRoom(Conflict):
    """The mentor or the mentee has no room for another pairing in this program."""

    code = "no_room"


class AlreadyPaired(Conflict):
    """These two have an open pairing in this program already."""

    code = "already_paired"


class NotSolved(Conflict):
    """Only a solved draft can be published; this run is not one."""

    code = "not_solved"


class AlreadyAnswered(Conflict):
    """This was answered or withdrawn before."""

    code = "already_answered"


class BadSettings(Invalid):
    """These weights or rules cannot be used."""

    code = "bad_settings"


class BadPins(Invalid):
    """These pins cannot be honored."""

    code = "bad_pins"


class NoSuchRound(NotFound):
    """There is no such round of introductions in this community."""

    code = "no_such_round"


class NoSuchPreview(NotFound):
    """There is no such preview in this community."""

    code = "no_such_preview"


class NoSchedule(NotFound):
    """This program has no recurring rounds."""

    code = "no_schedule"


class NotForRounds(Conflict):
    """Rounds of introductions are for programs of the kinds introduction and peer."""

    code = "not_for_rounds"


class RoundOpen(Conflict):
    """This program has a round that is not published yet; publish or discard that one first."""

    code = "round_open"


class RoundNotSolved(Conflict):
    """Only a solved round can be published; this one is not."""

    code = "round_not_solved"


class BadSchedule(Invalid):
    """Rounds cannot be due then."""

    code = "bad_schedule"


class KeptApartError(Conflict):
    """These two are not brought together in this community."""

    code = "kept_apart"
