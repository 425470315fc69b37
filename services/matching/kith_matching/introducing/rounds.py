"""Rounds of introductions: asked for or due, solved apart, reviewed, published in one transaction."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.errors import refused
from kith_chassis.events import emit
from kith_chassis.pages import paginate
from kith_matching import clock, programs
from kith_matching.errors import NoSuchRound, NotForRounds, RoundNotSolved, RoundOpen
from kith_matching.events import IntroductionMade, IntroductionRoundPublished
from kith_matching.introducing import apart
from kith_matching.introducing.models import Introduction, IntroductionRound, LeftOut
from kith_matching.models import Program

KINDS = frozenset({"introduction", "peer"})
OPEN = ("queued", "solving", "solved")
# In one order, as every publication and every change of an enrollment locks them.
_LOCKED = text("""
SELECT member_id, side = 'peer' AND NOT paused AND max_pairings > 0 AS here FROM enrollments
WHERE community_id = :community AND program_id = :program ORDER BY id FOR UPDATE
""")


def number_next(community_id: UUID, program_id: UUID) -> Select[int]:
    """The number of a program's next round, from 0."""
    return select(func.coalesce(func.max(IntroductionRound.number) + 1, 0)).where(
        IntroductionRound.community_id == community_id, IntroductionRound.program_id == program_id
    )


async def for_rounds(session: AsyncSession, program_id: UUID) -> Program:
    """The program, if rounds can be made in it now."""
    program = await programs.taking_part(session, program_id)
    if program.kind not in KINDS:
        raise NotForRounds(f"This program is of the kind {program.kind}; rounds are for introduction and peer.")
    return program


async def request(
    session: AsyncSession,
    *,
    actor_id: UUID,
    program_id: UUID,
    form: str,
    seed: int,
    trios: bool,
    most: int,
    least_score: float,
) -> IntroductionRound:
    """Ask for a draft; a worker solves it. RoundOpen while another is not published.

    most, least_score  of a round of bridges: introductions at most, and how well two must fit
    """
    program = await for_rounds(session, program_id)
    community_id = tenant_of(session)
    made = IntroductionRound(
        community_id=community_id,
        program_id=program.id,
        number=await session.scalar(number_next(community_id, program.id)) or 0,
        form=form,
        seed=seed,
        trios=trios,
        automatic=False,
        options={"most": most, "least_score": least_score} if form == "bridge" else {},
        requested_by=actor_id,
    )
    session.add(made)
    with refused({"one_open_round": RoundOpen(), "one_number_per_round": RoundOpen()}):
        await session.flush()
    await session.refresh(made)
    return made


async def found(session: AsyncSession, round_id: UUID, *, lock: bool = False) -> IntroductionRound:
    statement = select(IntroductionRound).where(
        IntroductionRound.id == round_id, IntroductionRound.community_id == tenant_of(session)
    )
    one = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if one is None:
        raise NoSuchRound
    return one


async def discard(session: AsyncSession, *, round_id: UUID) -> IntroductionRound:
    """Throw a draft away; who was left out before it stays first. Discarding again changes nothing."""
    one = await found(session, round_id, lock=True)
    if one.status == "published":
        raise RoundNotSolved("This round is published; its members know of it.")
    if one.status in OPEN:
        one.status, one.lease_until = "discarded", None
    return one


async def publish(session: AsyncSession, *, round_id: UUID) -> IntroductionRound:
    """Tell the members of a solved draft whom they meet, all at once. Publishing again changes nothing.

    Who paused, left or is kept apart since the draft is taken out under lock; of a trio two may remain. A circle
    of help loses all with one. Whoever loses their partner by it is left out, and first in the next round.
    """
    one = await found(session, round_id, lock=True)
    if one.status == "published":
        return one
    if one.status != "solved":
        raise RoundNotSolved(f"This round is {one.status}; only a solved one can be published.")
    community_id, now = tenant_of(session), clock.now()
    program = await programs.taking_part(session, one.program_id)
    locked = await session.execute(_LOCKED, {"community": community_id, "program": program.id})
    here = {row.member_id for row in locked if row.here}
    await apart.hold(session, community_id)
    never = set(await apart.pairs(session, community_id))
    drafted = await session.scalars(
        select(Introduction)
        .where(Introduction.community_id == community_id, Introduction.round_id == one.id)
        .order_by(Introduction.id)
    )
    made = lost = 0
    for each in drafted:
        least = len(each.members) if one.form == "exchange" else 2  # a circle with a gap helps nobody
        stays = _who_stays([member for member in each.members if member in here], never, least)
        for member in {*each.members} & here - {*stays}:
            session.add(
                LeftOut(round_id=one.id, member_id=member, community_id=community_id, reason="partner_dropped_out")
            )
            lost += 1
        if not stays:
            each.status = "dropped"
            continue
        each.status, each.members, each.made_at = "made", stays, now
        made += 1
        emit(
            session,
            IntroductionMade(introduction_id=each.id, round_id=one.id, program_id=program.id, member_ids=stays),
        )
    left_out = (one.certificate or {}).get("left_out", 0) + lost
    one.status, one.published_at = "published", now
    emit(
        session,
        IntroductionRoundPublished(round_id=one.id, program_id=program.id, introductions=made, left_out=left_out),
    )
    return one


def _who_stays(members: Sequence[UUID], never: set[tuple[UUID, UUID]], least: int) -> list[UUID]:
    """The most of these who may all meet, in their order; nobody when they are too few."""
    for size in range(len(members), least - 1, -1):
        for some in combinations(members, size):
            if not any((min(pair), max(pair)) in never for pair in combinations(some, 2)):
                return list(some)
    return []


# --- reads ----------------------------------------------------------------------------------------------------------


async def listed(
    session: AsyncSession, *, program_id: UUID, first: int, after: str | None
) -> tuple[list[IntroductionRound], str | None]:
    await programs.found(session, program_id)
    statement = select(IntroductionRound).where(
        IntroductionRound.community_id == tenant_of(session), IntroductionRound.program_id == program_id
    )
    return await paginate(session, statement, by=[IntroductionRound.id], first=first, after=after, descending=True)


async def introductions(
    session: AsyncSession, *, round_id: UUID, first: int, after: str | None
) -> tuple[list[Introduction], str | None]:
    await found(session, round_id)
    statement = select(Introduction).where(
        Introduction.community_id == tenant_of(session), Introduction.round_id == round_id
    )
    return await paginate(session, statement, by=[Introduction.id], first=first, after=after)


async def left_out(
    session: AsyncSession, *, round_id: UUID, first: int, after: str | None
) -> tuple[list[LeftOut], str | None]:
    await found(session, round_id)
    statement = select(LeftOut).where(LeftOut.community_id == tenant_of(session), LeftOut.round_id == round_id)
    return await paginate(session, statement, by=[LeftOut.member_id], first=first, after=after)


async def of_member(
    session: AsyncSession, *, member_id: UUID, first: int, after: str | None
) -> tuple[list[Introduction], str | None]:
    """The introductions a member knows of, the newest first."""
    statement = select(Introduction).where(
        Introduction.community_id == tenant_of(session),
        Introduction.status == "made",
        Introduction.members.contains([member_id]),
    )
    return await paginate(session, statement, by=[Introduction.id], first=first, after=after, descending=True)


async def rounds_by_id(session: AsyncSession, ids: Iterable[UUID]) -> list[IntroductionRound | None]:
    wanted = list(ids)
    statement = select(IntroductionRound).where(
        IntroductionRound.community_id == tenant_of(session), IntroductionRound.id.in_(wanted)
    )
    there = {each.id: each for each in await session.scalars(statement)}
    return [there.get(each) for each in wanted]
