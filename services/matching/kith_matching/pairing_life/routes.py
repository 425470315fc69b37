from uuid import UUID

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page, paginate
from kith_matching.errors import (
    AgreementChanged,
    AlreadyAnswered,
    AlreadyWritten,
    EndsInThePast,
    NoSuchAgreement,
    NoSuchPairing,
    NoSuchPulse,
    NoSuchTestimonial,
    NotEnded,
    NotInThisTime,
    NotTogether,
)
from kith_matching.pairing_life import agreements, closings, pulses, queries, testimonials, touchpoints
from kith_matching.pairing_life.models import ClosingSurvey, Nudge, Pulse, Touchpoint
from kith_matching.pairing_life.shapes import (
    AgreementOut,
    ClosingIn,
    ClosingOut,
    ContactOut,
    LeaveIn,
    NudgeOut,
    PulseIn,
    PulseOut,
    TermsIn,
    TestimonialIn,
    TestimonialOut,
    TouchpointIn,
    TouchpointOut,
)
from kith_matching.shapes import Keys, PairingOut, Participant

routes = router(tags=["pairing life"])


@routes.post(
    "/pairings/{pairing_id}/agreements",
    status_code=201,
    responses=problems(NoSuchPairing, NotTogether, EndsInThePast),
)
async def propose_agreement(pairing_id: UUID, body: TermsIn, actor: Participant, session: Transaction) -> AgreementOut:
    terms = agreements.Terms(**body.model_dump())
    proposed = await agreements.propose(session, actor_id=actor.subject, pairing_id=pairing_id, terms=terms)
    return AgreementOut.model_validate(proposed)


@routes.post(
    "/agreements/{agreement_id}/accept",
    responses=problems(NoSuchAgreement, NotTogether, AgreementChanged, EndsInThePast),
)
async def accept_agreement(agreement_id: UUID, actor: Participant, session: Transaction) -> AgreementOut:
    accepted = await agreements.accept(session, actor_id=actor.subject, agreement_id=agreement_id)
    return AgreementOut.model_validate(accepted)


@routes.post("/read/agreements-in-force")
async def agreements_in_force(body: Keys, actor: Participant, session: Transaction) -> list[AgreementOut | None]:
    found = await queries.agreements(session, body.keys, member_id=actor.subject, in_force=True)
    return [AgreementOut.model_validate(each) if each else None for each in found]


@routes.post("/read/agreements-proposed")
async def agreements_proposed(body: Keys, actor: Participant, session: Transaction) -> list[AgreementOut | None]:
    found = await queries.agreements(session, body.keys, member_id=actor.subject, in_force=False)
    return [AgreementOut.model_validate(each) if each else None for each in found]


@routes.post(
    "/pairings/{pairing_id}/touchpoints",
    status_code=201,
    responses=problems(NoSuchPairing, NotTogether, NotInThisTime),
)
async def record_touchpoint(
    pairing_id: UUID, body: TouchpointIn, actor: Participant, session: Transaction
) -> TouchpointOut:
    recorded = await touchpoints.record(session, actor_id=actor.subject, pairing_id=pairing_id, **body.model_dump())
    return TouchpointOut.model_validate(recorded)


@routes.post("/read/contact-by-pairing")
async def contact_by_pairing(body: Keys, actor: Participant, session: Transaction) -> list[ContactOut | None]:
    return await queries.contacts(session, body.keys, actor=actor)


@routes.post("/read/touchpoints-by-pairing")
async def touchpoints_by_pairing(body: Keys, actor: Participant, session: Transaction) -> list[list[TouchpointOut]]:
    found = await queries.newest(session, Touchpoint, body.keys, actor=actor, first=body.first)
    return [[TouchpointOut.model_validate(each) for each in some] for some in found]


@routes.post("/read/nudges-by-pairing")
async def nudges_by_pairing(body: Keys, actor: Participant, session: Transaction) -> list[list[NudgeOut]]:
    found = await queries.newest(session, Nudge, body.keys, actor=actor, first=body.first)
    return [[NudgeOut.model_validate(each) for each in some] for some in found]


@routes.get("/pulses", responses=problems(InvalidCursor))
async def waiting_pulses(
    actor: Participant, session: Transaction, first: First = 20, after: After = None
) -> Page[PulseOut]:
    waiting = pulses.waiting(session, actor.subject)
    rows, cursor = await paginate(session, waiting, by=[Pulse.id], first=first, after=after)
    return Page(items=[PulseOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/pulses/{pulse_id}/answer", responses=problems(NoSuchPulse, AlreadyAnswered))
async def answer_pulse(pulse_id: UUID, body: PulseIn, actor: Participant, session: Transaction) -> PulseOut:
    answered = await pulses.answer(session, actor_id=actor.subject, pulse_id=pulse_id, **body.model_dump())
    return PulseOut.model_validate(answered)


@routes.post("/read/pulses-by-pairing")
async def pulses_by_pairing(body: Keys, actor: Participant, session: Transaction) -> list[list[PulseOut]]:
    found = await queries.newest(session, Pulse, body.keys, actor=actor, first=body.first)
    return [[PulseOut.model_validate(each) for each in some] for some in found]


@routes.post("/pairings/{pairing_id}/end", responses=problems(NoSuchPairing, NotTogether))
async def end_pairing(pairing_id: UUID, body: LeaveIn, actor: Participant, session: Transaction) -> PairingOut:
    ended = await closings.leave(session, actor_id=actor.subject, pairing_id=pairing_id, reason=body.reason)
    return PairingOut.model_validate(ended)


@routes.post(
    "/pairings/{pairing_id}/closing",
    status_code=201,
    responses=problems(NoSuchPairing, NotEnded, AlreadyAnswered),
)
async def answer_closing(pairing_id: UUID, body: ClosingIn, actor: Participant, session: Transaction) -> ClosingOut:
    answered = await closings.answer(session, actor_id=actor.subject, pairing_id=pairing_id, **body.model_dump())
    return ClosingOut.model_validate(answered)


@routes.post("/read/closings-by-pairing")
async def closings_by_pairing(body: Keys, actor: Participant, session: Transaction) -> list[list[ClosingOut]]:
    found = await queries.newest(session, ClosingSurvey, body.keys, actor=actor, first=body.first)
    return [[ClosingOut.model_validate(each) for each in some] for some in found]


@routes.post(
    "/pairings/{pairing_id}/testimonials",
    status_code=201,
    responses=problems(NoSuchPairing, NotTogether, AlreadyWritten),
)
async def write_testimonial(
    pairing_id: UUID, body: TestimonialIn, actor: Participant, session: Transaction
) -> TestimonialOut:
    written = await testimonials.write(session, actor_id=actor.subject, pairing_id=pairing_id, body=body.body)
    return TestimonialOut.model_validate(written)


@routes.post("/testimonials/{testimonial_id}/publish", responses=problems(NoSuchTestimonial))
async def publish_testimonial(testimonial_id: UUID, actor: Participant, session: Transaction) -> TestimonialOut:
    published = await testimonials.publish(session, actor_id=actor.subject, testimonial_id=testimonial_id)
    return TestimonialOut.model_validate(published)


@routes.post("/testimonials/{testimonial_id}/withdraw", responses=problems(NoSuchTestimonial))
async def withdraw_testimonial(testimonial_id: UUID, actor: Participant, session: Transaction) -> TestimonialOut:
    withdrawn = await testimonials.withdraw(session, actor_id=actor.subject, testimonial_id=testimonial_id)
    return TestimonialOut.model_validate(withdrawn)


@routes.post("/read/testimonials-by-member")
async def testimonials_by_member(body: Keys, actor: Participant, session: Transaction) -> list[list[TestimonialOut]]:
    found = await queries.testimonials(session, body.keys, actor=actor, first=body.first)
    return [[TestimonialOut.model_validate(each) for each in some] for some in found]
