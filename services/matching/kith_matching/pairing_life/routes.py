from uuid import UUID

from kith_chassis.database import Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_matching.errors import (
    AgreementChanged,
    EndsInThePast,
    NoSuchAgreement,
    NoSuchPairing,
    NotInThisTime,
    NotTogether,
)
from kith_matching.pairing_life import agreements, queries, touchpoints
from kith_matching.pairing_life.models import Nudge, Touchpoint
from kith_matching.pairing_life.shapes import (
    AgreementOut,
    ContactOut,
    NudgeOut,
    TermsIn,
    TouchpointIn,
    TouchpointOut,
)
from kith_matching.shapes import Keys, Participant

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


@routes.post("/agreements/{agreement_id}/accept", responses=problems(NoSuchAgreement, NotTogether, AgreementChanged))
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
