"""Reads of matching."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_chassis.tokens import Principal
from kith_matching import programs, runs
from kith_matching.models import Enrollment, MatchRun, MatchSuggestion, Pairing, Program, Request
from kith_matching.pairings import of
from kith_matching.requests import seen_by

COORDINATE = "matching:coordinate"


async def all_programs(session: AsyncSession, *, first: int, after: str | None) -> tuple[list[Program], str | None]:
    statement = select(Program).where(Program.community_id == tenant_of(session))
    return await paginate(session, statement, by=[Program.id], first=first, after=after, descending=True)


async def programs_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Program | None]:
    statement = select(Program).where(Program.community_id == tenant_of(session), Program.id.in_(ids))
    found = {program.id: program for program in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def enrollment_counts(session: AsyncSession, program_ids: Sequence[UUID]) -> list[dict[str, int]]:
    statement = (
        select(Enrollment.program_id, Enrollment.side, func.count().label("n"))
        .where(Enrollment.community_id == tenant_of(session), Enrollment.program_id.in_(program_ids))
        .group_by(Enrollment.program_id, Enrollment.side)
    )
    counts: dict[UUID, dict[str, int]] = {}
    for row in await session.execute(statement):
        counts.setdefault(row.program_id, {})[row.side] = row.n
    empty = {"mentor": 0, "mentee": 0, "peer": 0}
    return [empty | counts.get(each, {}) for each in program_ids]


async def enrollments(
    session: AsyncSession, *, program_id: UUID, first: int, after: str | None
) -> tuple[list[Enrollment], str | None]:
    await programs.found(session, program_id)
    statement = select(Enrollment).where(
        Enrollment.community_id == tenant_of(session), Enrollment.program_id == program_id
    )
    return await paginate(session, statement, by=[Enrollment.id], first=first, after=after)


async def enrollments_of(
    session: AsyncSession, program_ids: Sequence[UUID], *, member_id: UUID
) -> list[list[Enrollment]]:
    """What a member takes part in each program as."""
    statement = select(Enrollment).where(
        Enrollment.community_id == tenant_of(session),
        Enrollment.program_id.in_(program_ids),
        Enrollment.member_id == member_id,
    )
    found: dict[UUID, list[Enrollment]] = {each: [] for each in program_ids}
    for one in await session.scalars(statement.order_by(Enrollment.id)):
        found[one.program_id].append(one)
    return [found[each] for each in program_ids]


async def match_runs(
    session: AsyncSession, *, program_id: UUID, first: int, after: str | None
) -> tuple[list[MatchRun], str | None]:
    await programs.found(session, program_id)
    statement = select(MatchRun).where(MatchRun.community_id == tenant_of(session), MatchRun.program_id == program_id)
    return await paginate(session, statement, by=[MatchRun.id], first=first, after=after, descending=True)


async def suggestions(
    session: AsyncSession, *, run_id: UUID, matched: bool, first: int, after: str | None
) -> tuple[list[MatchSuggestion], str | None]:
    """The suggestions of a run, or the mentees it found nobody for."""
    await runs.found(session, run_id)
    which = MatchSuggestion.mentor_id.is_not(None) if matched else MatchSuggestion.mentor_id.is_(None)
    statement = select(MatchSuggestion).where(
        MatchSuggestion.community_id == tenant_of(session), MatchSuggestion.run_id == run_id, which
    )
    return await paginate(session, statement, by=[MatchSuggestion.mentee_id], first=first, after=after)


async def pairings(
    session: AsyncSession, *, program_id: UUID | None, member_id: UUID | None, first: int, after: str | None
) -> tuple[list[Pairing], str | None]:
    statement = select(Pairing).where(Pairing.community_id == tenant_of(session))
    if program_id is not None:
        await programs.found(session, program_id)
        statement = statement.where(Pairing.program_id == program_id)
    if member_id is not None:
        statement = statement.where(of(member_id))
    return await paginate(session, statement, by=[Pairing.id], first=first, after=after)


async def pairings_by_id(session: AsyncSession, ids: Sequence[UUID], *, actor: Principal) -> list[Pairing | None]:
    """Pairings of the caller, or for a coordinator any."""
    statement = select(Pairing).where(Pairing.community_id == tenant_of(session), Pairing.id.in_(ids))
    if not actor.may(COORDINATE):
        statement = statement.where(of(actor.subject))
    found = {pairing.id: pairing for pairing in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def pairings_by_member(session: AsyncSession, ids: Sequence[UUID], *, first: int) -> list[list[Pairing]]:
    """The newest pairings of each member, `first` at most, in the order of the ids."""
    statement = (
        select(Pairing)
        .where(Pairing.community_id == tenant_of(session), or_(Pairing.mentor_id.in_(ids), Pairing.mentee_id.in_(ids)))
        .order_by(Pairing.id.desc())
    )
    found: dict[UUID, list[Pairing]] = {each: [] for each in ids}
    for pairing in await session.scalars(statement):
        for member_id in (pairing.mentor_id, pairing.mentee_id):
            if member_id in found and len(found[member_id]) < first:
                found[member_id].append(pairing)
    return [found[each] for each in ids]


async def requests_of(
    session: AsyncSession, *, member_id: UUID, first: int, after: str | None
) -> tuple[list[Request], str | None]:
    statement = select(Request).where(Request.community_id == tenant_of(session), seen_by(member_id))
    return await paginate(session, statement, by=[Request.id], first=first, after=after, descending=True)


async def runs_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[MatchRun | None]:
    statement = select(MatchRun).where(MatchRun.community_id == tenant_of(session), MatchRun.id.in_(ids))
    found = {run.id: run for run in await session.scalars(statement)}
    return [found.get(each) for each in ids]


async def requests_by_id(session: AsyncSession, ids: Sequence[UUID], *, of: UUID) -> list[Request | None]:
    """Those a member made or got, in the order of the ids."""
    statement = select(Request).where(Request.community_id == tenant_of(session), Request.id.in_(ids), seen_by(of))
    found = {request.id: request for request in await session.scalars(statement)}
    return [found.get(each) for each in ids]


def whose_move(request: Request) -> dict[str, Any]:
    """Who is waited for, and since when; nobody while it waits in line, nor once it is settled."""
    if request.status != "pending":
        return {"member_id": None, "since": None}
    asked = request.mentee_id if request.asked_by == request.mentor_id else request.mentor_id
    return {"member_id": asked, "since": request.asked_at}
