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


class NoSuchAgreement(NotFound):
    """There is no such agreement, or it is not yours."""

    code = "no_such_agreement"


class NoSuchGoal(NotFound):
    """There is no such goal in a pairing of yours."""

    code = "no_such_goal"


class NoSuchTask(NotFound):
    """There is no such task in a pairing of yours."""

    code = "no_such_task"


class NoSuchGuide(NotFound):
    """There is no such agenda or resource in this community."""

    code = "no_such_guide"


class NoSuchModule(NotFound):
    """There is no such training module in this community."""

    code = "no_such_module"


class NoSuchHelpRequest(NotFound):
    """There is no such request for help in this community."""

    code = "no_such_help_request"


class NoSuchPulse(NotFound):
    """There is no such pulse, or it is not yours."""

    code = "no_such_pulse"


class NoSuchTestimonial(NotFound):
    """There is no such testimonial, or it is not yours to decide on."""

    code = "no_such_testimonial"


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


class EnrollmentClosed(Conflict):
    """This program does not take enrollments at this time; a coordinator can enroll you."""

    code = "enrollment_closed"


class EnrollmentPaused(Conflict):
    """The mentor or the mentee has paused taking part in this program."""

    code = "enrollment_paused"


class BadPause(Invalid):
    """Only a pause has a last day; say that you pause as well."""

    code = "bad_pause"


class WithOneself(Invalid):
    """Nobody can be their own mentor; ask somebody else."""

    code = "with_oneself"


class TrainingOpen(Conflict):
    """The mentor or the mentee has training to complete before a first pairing in this program."""

    code = "training_open"


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


class NotTogether(Conflict):
    """This pairing is not accepted by both, or it has ended."""

    code = "not_together"


class AlreadyClaimed(Conflict):
    """Somebody else has taken this on, or it is your own; take another one."""

    code = "already_claimed"


class ClaimLost(Conflict):
    """This is not yours to settle: you have not claimed it, or the claim has run out; claim it again."""

    code = "claim_lost"


class AlreadyDone(Conflict):
    """This was resolved or withdrawn before."""

    code = "already_done"


class NobodyWaits(Conflict):
    """Nobody waits for help here whom nobody helps."""

    code = "nobody_waits"


class NotEnded(Conflict):
    """Say how it was when the pairing has ended."""

    code = "not_ended"


class AlreadyWritten(Conflict):
    """You have written a testimonial in this pairing; take it back before you write another."""

    code = "already_written"


class AgreementChanged(Conflict):
    """Other terms were proposed since; read those, and accept them or propose your own."""

    code = "agreement_changed"


class EndsInThePast(Invalid):
    """An agreement ends today or later."""

    code = "ends_in_the_past"


class NotOneOfTheTwo(Invalid):
    """A task is for one of the two who are paired, or without a name for both."""

    code = "not_one_of_the_two"


class TooManyGuides(Conflict):
    """A program has a hundred agendas and a hundred resources at most; remove one first."""

    code = "too_many_guides"


class NotInThisTime(Invalid):
    """A touchpoint has happened already, and not before the two were paired."""

    code = "not_in_this_time"


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


class NoSuchCall(NotFound):
    """There is no such call for mentors in this community."""

    code = "no_such_call"


class NoSuchInvitation(NotFound):
    """There is no such invitation, or it is not yours."""

    code = "no_such_invitation"


class CallOpen(Conflict):
    """This program has an open call already; close that one first."""

    code = "call_open"


class NotForCalls(Conflict):
    """Calls for mentors are not for programs of the kinds introduction and peer, which have none."""

    code = "not_for_calls"


class NobodyGoesWithout(Conflict):
    """There is room for all who wait; say how many places you want all the same."""

    code = "nobody_goes_without"


class AdmissionClosed(Conflict):
    """One would wait longer for a mentor than this program lets anybody. Ask in the help queue or join a circle."""

    code = "admission_closed"


class MentorOverloaded(Conflict):
    """Several people wait for this mentor already. Ask one of `mentorsWithRoom`, or ask in the help queue."""

    code = "mentor_overloaded"


class MentorOnBreak(Conflict):
    """This mentor wants nobody new now. Ask one of `mentorsWithRoom`, or ask in the help queue."""

    code = "mentor_on_break"
