"""Pairings: proposed, accepted by both sides or declined by one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import Database, tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_matching import clock, programs
from kith_matching.errors import (
    AlreadyAnswered,
    AlreadyPaired,
    NoRoom,
    NoSuchPairing,
    NoSuchParticipant,
    NotTogether,
    WithOneself,
)
from kith_matching.events import PairingAccepted, PairingDeclined, PairingProposed
from kith_matching.introducing import apart
from kith_matching.loads import evidence
from kith_matching.models import MatchRun, MatchSuggestion, Pairing, Program
from kith_matching.pairing_life import contact
from kith_matching.scoring import ROUNDING
from kith_matching.training.gate import held_back

HOURS_TAKEN = """(
  SELECT coalesce(sum(coalesce(h.weekly_hours, 1)), 0) FROM pairings o
  JOIN enrollments h ON h.community_id = o.community_id AND h.program_id = o.program_id AND h.member_id = o.mentee_id
    AND h.side = 'mentee'
  WHERE o.community_id = {enrolled}.community_id AND o.program_id = {enrolled}.program_id
    AND o.mentor_id = {enrolled}.member_id AND o.status IN ('proposed', 'accepted') AND NOT o.private
)"""
"""Hours a week that the mentor of an enrollment gives already: what each mentee wants, one where they do not say."""

# Rows of enrollments are locked in one order, so that two publications cannot wait for each other.
_LOCK = text("""
SELECT 1 FROM enrollments WHERE community_id = :community AND program_id = :program ORDER BY id FOR UPDATE
""")
# Each suggestion that can still be made, its mentor having room for it and for all of this very run before it.
_PROPOSE = text(f"""
WITH open_now AS (
  SELECT mentor_id, mentee_id FROM pairings
  WHERE community_id = :community AND program_id = :program AND status IN ('proposed', 'accepted')
    AND NOT private
), ranked AS (
  SELECT s.mentee_id, s.mentor_id, r.id, a.community_id, a.program_id, a.member_id, a.max_pairings, a.weekly_hours,
         row_number() OVER best_first AS mentor_place, sum(coalesce(b.weekly_hours, 1)) OVER best_first AS hours
  FROM match_suggestions s JOIN unnest(CAST(:ids AS uuid[]), CAST(:mentees AS uuid[])) AS r(id, mentee_id)
    ON r.mentee_id = s.mentee_id
  JOIN enrollments a ON a.community_id = :community AND a.program_id = :program
    AND a.member_id = s.mentor_id AND a.side = 'mentor' AND NOT a.paused AND NOT {held_back("a")}
  JOIN enrollments b ON b.community_id = :community AND b.program_id = :program
    AND b.member_id = s.mentee_id AND b.side = 'mentee' AND NOT b.paused AND NOT {held_back("b")}
  WHERE s.run_id = :run AND s.mentor_id <> s.mentee_id AND NOT s.mentor_id = ANY(:spared)
    AND {apart.not_apart("s.mentor_id", "s.mentee_id")}
    AND b.max_pairings > (SELECT count(*) FROM open_now o WHERE o.mentee_id = s.mentee_id)
    AND NOT EXISTS (SELECT FROM pairings o WHERE o.community_id = :community AND o.program_id = :program
      AND (o.mentor_id, o.mentee_id) = (s.mentor_id, s.mentee_id) AND o.status IN ('proposed', 'accepted'))
  WINDOW best_first AS (PARTITION BY s.mentor_id ORDER BY s.score DESC, s.mentee_id)
)
INSERT INTO pairings (id, community_id, program_id, run_id, mentor_id, mentee_id, status,
                      mentor_accepted_at, mentee_accepted_at, settled_at)
SELECT k.id, :community, :program, :run, k.mentor_id, k.mentee_id, :status, :accepted_at, :accepted_at, :accepted_at
FROM ranked k
WHERE k.max_pairings >= k.mentor_place + (SELECT count(*) FROM open_now o WHERE o.mentor_id = k.mentor_id)
  AND (NOT :by_hours OR k.weekly_hours IS NULL
    OR k.weekly_hours + {ROUNDING} >= k.hours + {HOURS_TAKEN.format(enrolled="k")})
ON CONFLICT DO NOTHING
RETURNING id, program_id, mentor_id, mentee_id
""")
_OVER = select(Program.id).where(Program.status == "completed")
_MAY_MEET = text(apart.not_apart("pairings.mentor_id", "pairings.mentee_id", community="pairings.community_id"))

# Who has a mentor now is not first next time.
_SERVED = text("""
UPDATE enrollments e SET priority = 0 FROM pairings p
WHERE p.id = ANY(:pairings) AND e.community_id = p.community_id AND e.program_id = p.program_id
  AND e.member_id = p.mentee_id AND e.side = 'mentee' AND e.priority > 0
""")


async def propose_run(session: AsyncSession, *, program: Program, run: MatchRun) -> int:
    """Pairings for the suggestions of a run that both sides still have room for; returns how many.

    A mentor who carries too much since the draft is spared.
    """
    place = {"community": tenant_of(session), "program": program.id}
    await session.execute(_LOCK, place)
    await apart.hold(session, program.community_id)
    mentees = list(await session.scalars(select(MatchSuggestion.mentee_id).where(MatchSuggestion.run_id == run.id)))
    automatic = program.acceptance == "automatic"
    loads = await evidence.burdened(session, community_id=program.community_id, program_id=program.id)
    values = place | {
        "run": run.id,
        "ids": [new_id() for _ in mentees],
        "mentees": mentees,
        "spared": loads.spared,
        "by_hours": run.mode == "within_hours",
        "status": "accepted" if automatic else "proposed",
        "accepted_at": clock.now() if automatic else None,
    }
    made = (await session.execute(_PROPOSE, values)).all()
    for row in made:
        emit(session, PairingProposed(**_fields(row)))
    if automatic:
        await _accepted(session, made, by_themselves=False)
    return len(made)


async def pair(
    session: AsyncSession,
    *,
    program_id: UUID,
    mentor_id: UUID,
    mentee_id: UUID,
    accepted: bool = True,
    by_themselves: bool = True,
) -> Pairing:
    """A pairing of two in a program that is open, with the room of both counted; both are asked unless `accepted`,
    which they have done `by_themselves` or which was done for them.

    Both enrollments stay locked until the transaction ends, so that nobody's last place is given twice.
    """
    await programs.taking_part(session, program_id)
    sides = await programs.two_sides(session, program_id=program_id, mentor_id=mentor_id, mentee_id=mentee_id)
    await apart.may_meet(session, mentor_id, mentee_id)
    for enrolled, column in zip(sides, (Pairing.mentor_id, Pairing.mentee_id), strict=True):
        taken = select(func.count()).where(
            Pairing.community_id == tenant_of(session),
            Pairing.program_id == program_id,
            column == enrolled.member_id,
            Pairing.status.in_(("proposed", "accepted")),
            Pairing.private.is_(False),
        )
        if (await session.scalar(taken) or 0) >= enrolled.max_pairings:
            raise NoRoom(f"The {enrolled.side} has no room for another pairing in this program.")
    at = clock.now() if accepted else None
    pairing = Pairing(
        community_id=tenant_of(session),
        program_id=program_id,
        mentor_id=mentor_id,
        mentee_id=mentee_id,
        status="accepted" if accepted else "proposed",
        mentor_accepted_at=at,
        mentee_accepted_at=at,
        settled_at=at,
    )
    session.add(pairing)
    with refused({"one_open_pairing": AlreadyPaired()}):
        await session.flush()
    emit(session, PairingProposed(**_fields(pairing)))
    if accepted:
        await _accepted(session, [pairing], by_themselves=by_themselves)
    return pairing


async def make(session: AsyncSession, *, program_id: UUID, mentor_id: UUID, mentee_id: UUID) -> Pairing:
    """A pairing a coordinator makes by hand; the two are asked first where the program asks them.

    Raises WithOneself, NoSuchProgram, ProgramClosed, NotEnrolled, EnrollmentPaused, TrainingOpen, KeptApartError,
    NoRoom or AlreadyPaired.
    """
    if mentor_id == mentee_id:
        raise WithOneself
    program = await programs.taking_part(session, program_id)
    automatic = program.acceptance == "automatic"
    ids = {"program_id": program_id, "mentor_id": mentor_id, "mentee_id": mentee_id}
    return await pair(session, **ids, accepted=automatic, by_themselves=False)


async def bring(session: AsyncSession, *, actor_id: UUID, program_id: UUID, side: str, other_id: UUID) -> Pairing:
    """Propose to live an existing relationship in a program; it takes nobody's room, and the other says yes or no.

    Raises ProgramClosed, WithOneself, NoSuchParticipant (also for somebody one is kept apart from: they are hidden) or
    AlreadyPaired.
    """
    if actor_id == other_id:
        raise WithOneself
    program = await programs.taking_part(session, program_id)
    await programs.all_known(session, [actor_id, other_id])
    if await apart.are(session, program.community_id, actor_id, other_id):
        raise NoSuchParticipant
    now, mentor = clock.now(), side == "mentor"
    pairing = Pairing(
        community_id=program.community_id,
        program_id=program_id,
        mentor_id=actor_id if mentor else other_id,
        mentee_id=other_id if mentor else actor_id,
        status="proposed",
        mentor_accepted_at=now if mentor else None,
        mentee_accepted_at=None if mentor else now,
        proposed_at=now,
        private=True,
    )
    session.add(pairing)
    with refused({"one_open_pairing": AlreadyPaired()}):
        await session.flush()
    emit(session, PairingProposed(**_fields(pairing)))
    return pairing


async def answer(session: AsyncSession, *, actor_id: UUID, pairing_id: UUID, yes: bool) -> Pairing:
    """One side's answer. The pairing is accepted when both said yes; saying yes twice changes nothing.

    Raises NoSuchPairing, AlreadyAnswered; for a yes, KeptApartError for somebody one is kept apart from meanwhile, and
    ProgramClosed in a program that is over.
    """
    pairing = await mine(session, actor_id=actor_id, pairing_id=pairing_id)
    now = clock.now()
    if pairing.status != "proposed":
        if yes and pairing.status == "accepted":
            return pairing
        raise AlreadyAnswered(f"This pairing is {pairing.status} already.")
    if not yes:
        pairing.status, pairing.settled_at = "declined", now
        emit(session, PairingDeclined(**_fields(pairing)))
        return pairing
    await programs.taking_part(session, pairing.program_id)
    await apart.may_meet(session, pairing.mentor_id, pairing.mentee_id)
    if actor_id == pairing.mentor_id:
        pairing.mentor_accepted_at = pairing.mentor_accepted_at or now
    else:
        pairing.mentee_accepted_at = pairing.mentee_accepted_at or now
    if pairing.mentor_accepted_at and pairing.mentee_accepted_at:
        pairing.status, pairing.settled_at = "accepted", now
        await _accepted(session, [pairing], by_themselves=True)
    return pairing


async def accept_for_both(session: AsyncSession, *, actor_id: UUID, pairing_ids: Sequence[UUID]) -> list[UUID]:
    """A coordinator records that both sides agreed; returns the pairings that became accepted by it.

    Those of two who are kept apart meanwhile stay proposed, and so do those in a program that is over, until a job
    declines them.
    """
    community_id, now = tenant_of(session), clock.now()
    known = set(
        await session.scalars(
            select(Pairing.id).where(Pairing.community_id == community_id, Pairing.id.in_(pairing_ids))
        )
    )
    if missing := [each for each in pairing_ids if each not in known]:
        raise NoSuchPairing(f"There is no pairing {missing[0]} in this community.")
    await apart.hold(session, community_id)
    settled = await session.execute(
        update(Pairing)
        .where(
            Pairing.community_id == community_id,
            Pairing.id.in_(pairing_ids),
            Pairing.status == "proposed",
            Pairing.program_id.not_in(_OVER),
            _MAY_MEET,
        )
        .values(status="accepted", accepted_by=actor_id, settled_at=now)
        .returning(Pairing.id, Pairing.program_id, Pairing.mentor_id, Pairing.mentee_id)
    )
    return await _accepted(session, settled.all(), by_themselves=False)


async def decline_left_over(database: Database) -> None:
    """Nobody answers in a program that is over: its proposals are declined; run as a job."""
    declined: Sequence[Pairing] | None = None
    while declined or declined is None:
        async with database.transaction() as session:
            statement = select(Pairing).where(Pairing.status == "proposed", Pairing.program_id.in_(_OVER))
            declined = (await session.scalars(statement.limit(500).with_for_update(skip_locked=True))).all()
            for each in declined:
                each.status, each.settled_at = "declined", clock.now()
                emit(session, PairingDeclined(**_fields(each)), tenant=each.community_id)


async def _accepted(session: AsyncSession, pairs: Sequence[Any], *, by_themselves: bool) -> list[UUID]:
    """What follows when pairings (or rows of them), stored already, have become accepted; returns their ids."""
    for each in pairs:
        emit(session, PairingAccepted(**_fields(each), by_themselves=by_themselves))
    ids = [each.id for each in pairs]
    await session.execute(_SERVED, {"pairings": ids})
    await contact.begin(session, ids)
    return ids


def _fields(pair: Any) -> dict[str, UUID]:
    return {
        "pairing_id": pair.id,
        "program_id": pair.program_id,
        "mentor_id": pair.mentor_id,
        "mentee_id": pair.mentee_id,
    }


def of(member_id: UUID) -> ColumnElement[bool]:
    """Whether a pairing is this member's."""
    return or_(Pairing.mentor_id == member_id, Pairing.mentee_id == member_id)


async def together(session: AsyncSession, *, actor_id: UUID, pairing_id: UUID) -> Pairing:
    """A pairing of the caller that is accepted, locked. Raises NoSuchPairing or NotTogether."""
    pairing = await mine(session, actor_id=actor_id, pairing_id=pairing_id)
    if pairing.status != "accepted":
        raise NotTogether(f"This pairing is {pairing.status}.")
    return pairing


async def mine(session: AsyncSession, *, actor_id: UUID, pairing_id: UUID) -> Pairing:
    """A pairing of the caller, locked. Raises NoSuchPairing."""
    statement = select(Pairing).where(
        Pairing.id == pairing_id, Pairing.community_id == tenant_of(session), of(actor_id)
    )
    pairing = (await session.scalars(statement.with_for_update())).first()
    if pairing is None:
        raise NoSuchPairing
    return pairing
