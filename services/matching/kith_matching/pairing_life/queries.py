"""Reads of a pairing's life: what is between two is for the two alone, unless it says otherwise."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from kith_chassis.database import tenant_of
from kith_chassis.tokens import Principal
from kith_matching import clock, pairings
from kith_matching.introducing import apart
from kith_matching.models import Pairing
from kith_matching.pairing_life.models import (
    Agreement,
    ClosingSurvey,
    Contact,
    Goal,
    Nudge,
    Pulse,
    Task,
    Testimonial,
    Touchpoint,
)
from kith_matching.pairing_life.shapes import ContactOut
from kith_matching.pairing_life.silence import LADDER
from kith_matching.pairing_life.standing import Facts, stuck
from kith_matching.queries import pairings_by_id

Row = TypeVar("Row", Touchpoint, Nudge, Pulse, ClosingSurvey, Goal, Task)
PRIVATE = (Pulse, ClosingSurvey)
"""Of these a member sees their own and coordinators see both, but nobody what the other of their own pair says."""
BETWEEN = (Goal, Task)
"""These are the two's alone."""


async def agreements(
    session: AsyncSession, pairing_ids: Sequence[UUID], *, member_id: UUID, in_force: bool
) -> list[Agreement | None]:
    """For each pairing of this member the agreement that holds, or the newest that waits for somebody."""
    accepted = Agreement.mentor_accepted_at.is_not(None) & Agreement.mentee_accepted_at.is_not(None)
    statement = (
        select(Agreement)
        .ext(distinct_on(Agreement.pairing_id))
        .join(Pairing, Pairing.id == Agreement.pairing_id)
        .where(
            Agreement.community_id == tenant_of(session), Agreement.pairing_id.in_(pairing_ids), pairings.of(member_id)
        )
        .order_by(Agreement.pairing_id, Agreement.version.desc())
    )
    if in_force:
        statement = statement.where(accepted)
    found = {each.pairing_id: each for each in await session.scalars(statement) if each.in_force == in_force}
    return [found.get(each) for each in pairing_ids]


async def contacts(session: AsyncSession, pairing_ids: Sequence[UUID], *, actor: Principal) -> list[ContactOut | None]:
    """How each pairing keeps in touch: for the two and for coordinators, while it lasts."""
    agreed = (
        select(func.min(func.greatest(Agreement.mentor_accepted_at, Agreement.mentee_accepted_at)))
        .where(
            Agreement.pairing_id == Contact.pairing_id,
            Agreement.mentor_accepted_at.is_not(None),
            Agreement.mentee_accepted_at.is_not(None),
        )
        .scalar_subquery()
    )
    met = (
        select(func.min(Touchpoint.happened_at))
        .where(Touchpoint.pairing_id == Contact.pairing_id, Touchpoint.kind == "met")
        .scalar_subquery()
    )
    seen = {each.id: each for each in await pairings_by_id(session, pairing_ids, actor=actor) if each}
    statement = select(Contact, agreed.label("agreed_at"), met.label("met_at")).where(Contact.pairing_id.in_(seen))
    found: dict[UUID, ContactOut] = {}
    now = clock.now()
    for contact, agreed_at, met_at in await session.execute(statement):
        pairing = seen[contact.pairing_id]
        facts = Facts(pairing.settled_at or pairing.proposed_at, agreed_at, met_at, contact.climbed)
        last = contact.climbed < len(LADDER) and LADDER[contact.climbed][0] == "closing"
        found[contact.pairing_id] = ContactOut(
            move_id=contact.move_id,
            since=contact.since,
            every_days=contact.every_days,
            silent_days=(now - contact.since).days,
            closes_at=contact.due_at if last else None,
            stuck=stuck(facts, now=now),
        )
    return [found.get(each) for each in pairing_ids]


async def newest(
    session: AsyncSession, kind: type[Row], pairing_ids: Sequence[UUID], *, actor: Principal, first: int
) -> list[list[Row]]:
    """What belongs to each pairing, the newest first: for the two and for coordinators."""
    seen = [each for each in await pairings_by_id(session, pairing_ids, actor=actor) if each]
    own = [each for each in seen if actor.subject in (each.mentor_id, each.mentee_id)]
    if issubclass(kind, BETWEEN):
        seen = own
    order = Touchpoint.happened_at.desc() if kind is Touchpoint else kind.id.desc()
    place = func.row_number().over(partition_by=kind.pairing_id, order_by=order).label("place")
    chosen = select(kind, place).where(kind.pairing_id.in_([each.id for each in seen]))
    if issubclass(kind, PRIVATE):
        of_others = kind.pairing_id.not_in([each.id for each in own])
        chosen = chosen.where(or_(kind.member_id == actor.subject, of_others))
    ranked = chosen.subquery()
    row = aliased(kind, ranked)
    statement = select(row).where(ranked.c.place <= first).order_by(ranked.c.place)
    found: dict[UUID, list[Row]] = {each: [] for each in pairing_ids}
    for each in await session.scalars(statement):
        found[each.pairing_id].append(each)
    return [found[each] for each in pairing_ids]


_REACHES = text(
    apart.not_apart("testimonials.author_id", "testimonials.subject_id", community="testimonials.community_id")
)


async def testimonials(
    session: AsyncSession, member_ids: Sequence[UUID], *, actor: Principal, first: int
) -> list[list[Testimonial]]:
    """What may be read of each member, the newest first; of oneself also what waits for one's consent, unless one is
    kept apart from who wrote it.
    """
    open_ = Testimonial.published_at.is_not(None) | ((Testimonial.subject_id == actor.subject) & _REACHES)
    place = func.row_number().over(partition_by=Testimonial.subject_id, order_by=Testimonial.id.desc()).label("place")
    ranked = (
        select(Testimonial, place)
        .where(
            Testimonial.community_id == tenant_of(session),
            Testimonial.subject_id.in_(member_ids),
            Testimonial.withdrawn_at.is_(None),
            open_,
        )
        .subquery()
    )
    row = aliased(Testimonial, ranked)
    found: dict[UUID, list[Testimonial]] = {each: [] for each in member_ids}
    for each in await session.scalars(select(row).where(ranked.c.place <= first).order_by(ranked.c.place)):
        found[each.subject_id].append(each)
    return [found[each] for each in member_ids]
