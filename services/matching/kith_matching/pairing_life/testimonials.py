"""Testimonials: what one says of the other. Nothing is public before both want it, nor after either does not."""

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_matching import clock, pairings
from kith_matching.errors import AlreadyWritten, NoSuchTestimonial, NotTogether
from kith_matching.events import TestimonialPublished, TestimonialWithdrawn
from kith_matching.introducing import apart
from kith_matching.pairing_life.models import Testimonial


async def write(session: AsyncSession, *, actor_id: UUID, pairing_id: UUID, body: str) -> Testimonial:
    """Say something of the other, who decides whether others may read it.

    Raises NoSuchPairing, NotTogether for two who never were a pair, or AlreadyWritten.
    """
    pairing = await pairings.mine(session, actor_id=actor_id, pairing_id=pairing_id)
    if pairing.status not in {"accepted", "ended"}:
        raise NotTogether(f"This pairing is {pairing.status}.")
    testimonial = Testimonial(
        community_id=pairing.community_id,
        pairing_id=pairing_id,
        author_id=actor_id,
        subject_id=pairing.mentee_id if actor_id == pairing.mentor_id else pairing.mentor_id,
        body=body,
        written_at=clock.now(),
    )
    session.add(testimonial)
    with refused({"one_testimonial": AlreadyWritten()}):
        await session.flush()
    return testimonial


async def publish(session: AsyncSession, *, actor_id: UUID, testimonial_id: UUID) -> Testimonial:
    """The one it is about agrees that others read it; twice changes nothing. Raises NoSuchTestimonial."""
    testimonial = await _found(session, actor_id, testimonial_id)
    apart_now = await apart.are(session, testimonial.community_id, testimonial.author_id, actor_id)
    if testimonial.subject_id != actor_id or (apart_now and testimonial.published_at is None):
        raise NoSuchTestimonial
    if testimonial.published_at is None:
        testimonial.published_at = clock.now()
        emit(session, TestimonialPublished(**_fields(testimonial)))
    return testimonial


async def withdraw(session: AsyncSession, *, actor_id: UUID, testimonial_id: UUID) -> Testimonial:
    """Either takes it back, for good. Raises NoSuchTestimonial."""
    testimonial = await _found(session, actor_id, testimonial_id)
    testimonial.withdrawn_at, testimonial.body = clock.now(), ""
    if testimonial.published_at is not None:
        emit(session, TestimonialWithdrawn(**_fields(testimonial)))
    return testimonial


async def _found(session: AsyncSession, actor_id: UUID, testimonial_id: UUID) -> Testimonial:
    statement = select(Testimonial).where(
        Testimonial.id == testimonial_id,
        Testimonial.community_id == tenant_of(session),
        or_(Testimonial.author_id == actor_id, Testimonial.subject_id == actor_id),
        Testimonial.withdrawn_at.is_(None),
    )
    found = (await session.scalars(statement.with_for_update())).first()
    if found is None:
        raise NoSuchTestimonial
    return found


def _fields(testimonial: Testimonial) -> dict[str, UUID]:
    return {
        "testimonial_id": testimonial.id,
        "pairing_id": testimonial.pairing_id,
        "author_id": testimonial.author_id,
        "subject_id": testimonial.subject_id,
    }
