"""What matching tells the others."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from kith_chassis.events import Event
from kith_matching.pairing_life.silence import TouchKind
from kith_matching.tiers.bars import Tier

Side = Literal["mentor", "mentee", "peer"]
Kind = Literal["mentoring", "buddy", "introduction", "peer", "review"]
EndReason = Literal["agreed_end", "silence", "completed", "no_fault", "member_left"]
CallEnd = Literal["filled", "ended", "closed"]
LeavingReason = Literal["completed", "no_fault"]


class ProgramOpened(Event, type="matching.program_opened.v1", aggregate="program_id"):
    """Members may enroll from now on."""

    program_id: UUID
    kind: Kind


class ProgramStarted(Event, type="matching.program_started.v1", aggregate="program_id"):
    """A program is under way."""

    program_id: UUID
    kind: Kind


class ProgramCompleted(Event, type="matching.program_completed.v1", aggregate="program_id"):
    """A program is over: nobody enrolls, asks or is paired in it any more."""

    program_id: UUID
    kind: Kind


class MemberEnrolled(Event, type="matching.member_enrolled.v1", aggregate="enrollment_id"):
    """A member takes part in a program on one side."""

    enrollment_id: UUID
    program_id: UUID
    member_id: UUID
    side: Side


class EnrollmentEnded(Event, type="matching.enrollment_ended.v1", aggregate="enrollment_id"):
    """A member takes part in a program no more on that side, as they left the community."""

    enrollment_id: UUID
    program_id: UUID
    member_id: UUID
    side: Side
    reason: Literal["member_left"]


class MatchRunStarted(Event, type="matching.match_run_started.v1", aggregate="run_id"):
    """A worker has begun to solve a run, or begun again after another one died."""

    run_id: UUID
    program_id: UUID


class PauseBegan(Event, type="matching.pause_began.v1", aggregate="enrollment_id"):
    """A member wants no new pairing in a program, to the end of a day or until further notice."""

    enrollment_id: UUID
    program_id: UUID
    member_id: UUID
    side: Side
    last_day: Annotated[date, Field(examples=["2027-03-01"])] | None


class PauseEnded(Event, type="matching.pause_ended.v1", aggregate="enrollment_id"):
    """A member is back in a program, where they stood before."""

    enrollment_id: UUID
    program_id: UUID
    member_id: UUID
    side: Side


class HistoryImported(Event, type="matching.history_imported.v1", aggregate="program_id"):
    """Pairings of before came into a program by a list; none of them is told of by itself."""

    program_id: UUID
    pairings: int = Field(ge=0, examples=[120])
    corrected: int = Field(ge=0, examples=[3])


class TrainingModuleCompleted(Event, type="matching.training_module_completed.v1", aggregate="member_id"):
    """A participant has completed a part of a program's training."""

    module_id: UUID
    program_id: UUID
    member_id: UUID


class MatchRunSolved(Event, type="matching.match_run_solved.v1", aggregate="run_id"):
    """A draft is ready for review; nobody but coordinators sees it."""

    run_id: UUID
    program_id: UUID
    suggestions: int = Field(ge=0, examples=[412])
    total: float = Field(examples=[301.25])
    bound: float = Field(examples=[301.25])


class MatchRunFailed(Event, type="matching.match_run_failed.v1", aggregate="run_id"):
    """A run was given up; nobody but coordinators sees why."""

    run_id: UUID
    program_id: UUID


class MatchRunDiscarded(Event, type="matching.match_run_discarded.v1", aggregate="run_id"):
    """A coordinator threw a run away, solved or not; nobody else ever hears of it."""

    run_id: UUID
    program_id: UUID


class MatchRunPublished(Event, type="matching.match_run_published.v1", aggregate="run_id"):
    """The suggestions of a run have become pairings."""

    run_id: UUID
    program_id: UUID
    pairings: int = Field(ge=0, examples=[412])


class _Pair(Event, type="matching.pair.v1", aggregate="pairing_id"):
    pairing_id: UUID
    program_id: UUID
    mentor_id: UUID
    mentee_id: UUID


class PairingProposed(_Pair, type="matching.pairing_proposed.v1", aggregate="pairing_id"):
    """Two members are asked whether they want to be paired."""


class PairingAccepted(_Pair, type="matching.pairing_accepted.v1", aggregate="pairing_id"):
    """Both sides said yes, or nobody asked them: `by_themselves` tells."""

    by_themselves: bool = Field(
        default=True, description="false where the program or a coordinator accepted it for the two"
    )


class PairingDeclined(_Pair, type="matching.pairing_declined.v1", aggregate="pairing_id"):
    """One side said no."""


class AgreementProposed(Event, type="matching.agreement_proposed.v1", aggregate="pairing_id"):
    """One of two who are paired wants these terms; it is the other's move."""

    pairing_id: UUID
    agreement_id: UUID
    proposed_by: UUID


class AgreementReached(Event, type="matching.agreement_reached.v1", aggregate="pairing_id"):
    """Both accepted the same terms, which hold from now on."""

    pairing_id: UUID
    agreement_id: UUID


class TouchpointRecorded(_Pair, type="matching.touchpoint_recorded.v1", aggregate="pairing_id"):
    """Two who are paired met, or one of them reached out to the other."""

    touchpoint_id: UUID
    kind: TouchKind
    recorded_by: UUID
    happened_at: datetime


class PairingNudged(_Pair, type="matching.pairing_nudged.v1", aggregate="pairing_id"):
    """Nobody moved for a while; the one whose move it is hears of it, and before the end is warned. No app does."""

    move_id: UUID
    kind: Literal["reminder", "warning"]
    silent_days: int = Field(ge=0, examples=[7])


class PairingEnded(_Pair, type="matching.pairing_ended.v1", aggregate="pairing_id"):
    """The two are not paired any more; it says how that came, and nobody's fault."""

    reason: EndReason


class GoalReached(_Pair, type="matching.goal_reached.v1", aggregate="pairing_id"):
    """Two who are paired have reached a goal they had set."""

    goal_id: UUID


class PulseAsked(Event, type="matching.pulse_asked.v1", aggregate="pulse_id"):
    """One of two who are paired is asked how it goes; the answer is in no event."""

    pulse_id: UUID
    pairing_id: UUID
    member_id: UUID


class _Testimonial(Event, type="matching.testimonial.v1", aggregate="testimonial_id"):
    testimonial_id: UUID
    pairing_id: UUID
    author_id: UUID
    subject_id: UUID


class TestimonialPublished(_Testimonial, type="matching.testimonial_published.v1", aggregate="testimonial_id"):
    """What one said of the other may be read by everybody, as both want."""


class TestimonialWithdrawn(_Testimonial, type="matching.testimonial_withdrawn.v1", aggregate="testimonial_id"):
    """A testimonial that was public is not any more."""


class HelpAsked(Event, type="matching.help_asked.v1", aggregate="help_id"):
    """Somebody needs help with something; whoever can may take it on."""

    help_id: UUID
    program_id: UUID
    asked_by: UUID


class HelpClaimed(Event, type="matching.help_claimed.v1", aggregate="help_id"):
    """Somebody has taken it on, for a while."""

    help_id: UUID
    program_id: UUID
    asked_by: UUID
    helper_id: UUID


class HelpResolved(Event, type="matching.help_resolved.v1", aggregate="help_id"):
    """It is done, by the last who took it on, if anybody did."""

    help_id: UUID
    program_id: UUID
    asked_by: UUID
    helper_id: UUID | None


class CallOpened(Event, type="matching.call_opened.v1", aggregate="call_id"):
    """Mentors are wanted in a program; some members will be asked."""

    call_id: UUID
    program_id: UUID
    places: int = Field(ge=1, examples=[12])


class MemberCalled(Event, type="matching.member_called.v1", aggregate="invitation_id"):
    """A member is asked to become a mentor."""

    invitation_id: UUID
    call_id: UUID
    program_id: UUID
    member_id: UUID


class CallClosed(Event, type="matching.call_closed.v1", aggregate="call_id"):
    """Nobody is asked by this call any more: it is filled, its time is over, or somebody closed it."""

    call_id: UUID
    program_id: UUID
    reason: CallEnd
    places: int = Field(ge=1, examples=[12])
    filled: int = Field(ge=0, examples=[12])


class MentorTierChanged(Event, type="matching.mentor_tier_changed.v1", aggregate="member_id"):
    """A mentor has earned a tier, or lost one; null for none."""

    member_id: UUID
    tier: Tier | None
    before: Tier | None


class _Request(Event, type="matching.request.v1", aggregate="request_id"):
    request_id: UUID
    program_id: UUID
    mentor_id: UUID
    mentee_id: UUID


class RequestMade(_Request, type="matching.request_made.v1", aggregate="request_id"):
    """One of the two asked the other, whose move it is."""


class RequestAccepted(_Request, type="matching.request_accepted.v1", aggregate="request_id"):
    """Who was asked said yes."""


class RequestDeclined(_Request, type="matching.request_declined.v1", aggregate="request_id"):
    """Who was asked said no."""


class RequestWithdrawn(_Request, type="matching.request_withdrawn.v1", aggregate="request_id"):
    """Who asked took it back."""


class RequestExpired(_Request, type="matching.request_expired.v1", aggregate="request_id"):
    """Nobody answered in time."""


class _HeldRequest(Event, type="matching.held_request.v1", aggregate="request_id"):
    """Of a request that reaches nobody its asker alone is told, and no app: whom it names would learn why."""

    request_id: UUID
    program_id: UUID
    asked_by: UUID


class HeldRequestMade(_HeldRequest, type="matching.held_request_made.v1", aggregate="request_id"):
    """Made, as its asker sees it. No app hears of it."""


class HeldRequestDeclined(_HeldRequest, type="matching.held_request_declined.v1", aggregate="request_id"):
    """Over because who was asked has left, as its asker sees it. No app hears of it."""


class HeldRequestWithdrawn(_HeldRequest, type="matching.held_request_withdrawn.v1", aggregate="request_id"):
    """Taken back. No app hears of it."""


class HeldRequestExpired(_HeldRequest, type="matching.held_request_expired.v1", aggregate="request_id"):
    """Unanswered in time, as its asker sees it. No app hears of it."""


class IntroductionRoundSolved(Event, type="matching.introduction_round_solved.v1", aggregate="round_id"):
    """A draft of a round of introductions is ready for review; nobody but coordinators sees it."""

    round_id: UUID
    program_id: UUID
    introductions: int = Field(ge=0, examples=[206])
    left_out: int = Field(ge=0, examples=[0])


class IntroductionRoundPublished(Event, type="matching.introduction_round_published.v1", aggregate="round_id"):
    """The members of a round know whom they meet."""

    round_id: UUID
    program_id: UUID
    introductions: int = Field(ge=0, examples=[206])
    left_out: int = Field(ge=0, examples=[0])


class IntroductionMade(Event, type="matching.introduction_made.v1", aggregate="introduction_id"):
    """Two or three members are asked to meet; the first of them arranges it."""

    introduction_id: UUID
    round_id: UUID
    program_id: UUID
    member_ids: list[UUID]
