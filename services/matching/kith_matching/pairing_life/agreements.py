"""Agreements: one of the two proposes, both accept; to change one is to propose it anew."""

from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_matching import clock, pairings
from kith_matching.errors import AgreementChanged, EndsInThePast, NoSuchAgreement
from kith_matching.events import AgreementProposed, AgreementReached
from kith_matching.models import Pairing
from kith_matching.pairing_life import contact
from kith_matching.pairing_life.models import Agreement


@dataclass(frozen=True)
class Terms:
    """What an agreement says. `every_days`: how often the two want to be in contact."""

    support: str
    boundaries: str
    channel: str
    every_days: int
    ends_on: date | None


async def propose(session: AsyncSession, *, actor_id: UUID, pairing_id: UUID, terms: Terms) -> Agreement:
    """Propose terms, which is to accept them; the other's acceptance puts them in the place of what was agreed before.

    Raises NoSuchPairing, NotTogether, or EndsInThePast.
    """
    pairing = await pairings.together(session, actor_id=actor_id, pairing_id=pairing_id)
    _not_over(terms.ends_on)
    newest = await _newest(session, pairing_id)
    agreement = Agreement(
        community_id=pairing.community_id,
        pairing_id=pairing_id,
        version=newest.version + 1 if newest else 1,
        proposed_by=actor_id,
        proposed_at=clock.now(),
        **asdict(terms),
    )
    _accept_as(agreement, pairing, actor_id)
    session.add(agreement)
    await session.flush()
    emit(session, AgreementProposed(**_fields(agreement), proposed_by=actor_id))
    return agreement


async def accept(session: AsyncSession, *, actor_id: UUID, agreement_id: UUID) -> Agreement:
    """Accept these very terms; accepting twice changes nothing.

    Raises NoSuchAgreement, NotTogether, EndsInThePast, or AgreementChanged when other terms were proposed since: nobody
    accepts what they have not read.
    """
    statement = (
        select(Agreement)
        .join(Pairing, Pairing.id == Agreement.pairing_id)
        .where(Agreement.id == agreement_id, Agreement.community_id == tenant_of(session), pairings.of(actor_id))
    )
    agreement = (await session.scalars(statement)).first()
    if agreement is None:
        raise NoSuchAgreement
    pairing = await pairings.together(session, actor_id=actor_id, pairing_id=agreement.pairing_id)
    await session.refresh(agreement)  # the other may have accepted while we waited for the pairing
    newest = await _newest(session, pairing.id)
    if newest is not agreement:
        raise AgreementChanged
    if agreement.in_force:
        return agreement
    _not_over(agreement.ends_on)
    _accept_as(agreement, pairing, actor_id)
    if agreement.in_force:
        await contact.expect(session, agreement)
        emit(session, AgreementReached(**_fields(agreement)))
    return agreement


async def _newest(session: AsyncSession, pairing_id: UUID) -> Agreement | None:
    statement = select(Agreement).where(Agreement.pairing_id == pairing_id).order_by(Agreement.version.desc())
    return (await session.scalars(statement.limit(1))).first()


def _not_over(last_day: date | None) -> None:
    if last_day is not None and last_day < clock.now().date():
        raise EndsInThePast


def _accept_as(agreement: Agreement, pairing: Pairing, member_id: UUID) -> None:
    if member_id == pairing.mentor_id:
        agreement.mentor_accepted_at = agreement.mentor_accepted_at or clock.now()
    else:
        agreement.mentee_accepted_at = agreement.mentee_accepted_at or clock.now()


def _fields(agreement: Agreement) -> dict[str, UUID]:
    return {"pairing_id": agreement.pairing_id, "agreement_id": agreement.id}
