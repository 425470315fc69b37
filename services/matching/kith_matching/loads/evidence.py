"""What shows how much mentors carry, and who is to be spared."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Uuid, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.pages import paginate
from kith_matching import clock, programs
from kith_matching.errors import MentorOnBreak, MentorOverloaded, NotEnrolled
from kith_matching.loads.states import LATE, LATELY, Evidence, LoadState, load_state
from kith_matching.training.gate import held_back

_EVIDENCE = text("""
SELECT e.member_id, e.paused, e.max_pairings AS room,
  (SELECT count(*) FROM pairings p WHERE p.community_id = e.community_id AND p.program_id = e.program_id
    AND p.mentor_id = e.member_id AND p.status IN ('proposed', 'accepted') AND NOT p.private) AS pairings,
  (SELECT count(*) FROM requests r WHERE r.community_id = e.community_id AND r.program_id = e.program_id
    AND r.mentor_id = e.member_id AND r.status = 'pending' AND NOT r.held
    AND coalesce(r.asked_by, r.mentee_id) <> r.mentor_id
  ) AS requests,
  (SELECT count(*) FROM requests r WHERE r.community_id = e.community_id AND r.program_id = e.program_id
    AND r.mentor_id = e.member_id AND r.status = 'pending' AND NOT r.held
    AND coalesce(r.asked_by, r.mentee_id) <> r.mentor_id
    AND r.asked_at <= CAST(:late AS timestamptz)) AS late,
  (SELECT count(*) FROM pairings p JOIN contacts c ON c.pairing_id = p.id
    WHERE p.community_id = e.community_id AND p.program_id = e.program_id AND p.mentor_id = e.member_id
    AND c.move_id = e.member_id AND c.climbed > 0) AS overdue,
  (SELECT count(*) FROM pairings p WHERE p.community_id = e.community_id AND p.program_id = e.program_id
    AND p.mentor_id = e.member_id AND p.quiet_id = e.member_id AND p.ended_at > CAST(:lately AS timestamptz)
  ) AS silent,
  (SELECT count(*) FROM pairings p WHERE p.community_id = e.community_id AND p.program_id = e.program_id
    AND p.mentor_id = e.member_id AND p.end_reason = 'no_fault' AND p.ended_at > CAST(:lately AS timestamptz)
  ) AS cancelled
FROM enrollments e
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentor'
  AND (CAST(:members AS uuid[]) IS NULL OR e.member_id = ANY(:members))
""").columns(
    member_id=Uuid, paused=Boolean, room=BigInteger, pairings=BigInteger, requests=BigInteger, late=BigInteger,
    overdue=BigInteger, silent=BigInteger, cancelled=BigInteger,
)  # fmt: skip
_UNTRAINED = text(f"""
SELECT e.member_id FROM enrollments e
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentor' AND {held_back("e")}
""")


@dataclass(frozen=True)
class Load:
    """A mentor's load in a program, and what it is told by."""

    member_id: UUID
    state: LoadState
    seen: Evidence


@dataclass(frozen=True)
class Burdened:
    """Mentors of a program who get nobody new (`spared`), and those who get others rather less (`busy`)."""

    spared: list[UUID]
    busy: list[UUID]


def _values(community_id: UUID, program_id: UUID, members: Sequence[UUID] | None = None) -> dict[str, Any]:
    now = clock.now()
    place = {"community": community_id, "program": program_id, "members": members}
    return place | {"late": now - LATE, "lately": now - LATELY}


def _load(row: Any) -> Load:
    seen = Evidence(**{each.name: getattr(row, each.name) for each in fields(Evidence)})
    return Load(row.member_id, load_state(seen), seen)


async def burdened(
    session: AsyncSession, *, community_id: UUID, program_id: UUID, among: Sequence[UUID] | None = None
) -> Burdened:
    """Who is to be spared in a program, of all its mentors or of those named."""
    loads = [_load(row) for row in await session.execute(_EVIDENCE, _values(community_id, program_id, among))]
    spared = [each.member_id for each in loads if each.state in {"overloaded", "on_break"}]
    return Burdened(spared, [each.member_id for each in loads if each.state == "busy"])


async def may_ask(session: AsyncSession, *, program_id: UUID, mentor_id: UUID) -> Load:
    """The load of a mentor who gets requests now; MentorOverloaded or MentorOnBreak for one who gets none."""
    values = _values(tenant_of(session), program_id, [mentor_id])
    load = _load((await session.execute(_EVIDENCE, values)).one())
    if load.state == "overloaded":
        raise MentorOverloaded
    if load.state == "on_break":
        raise MentorOnBreak
    return load


async def own(session: AsyncSession, *, program_id: UUID, member_id: UUID) -> Load:
    """A mentor's own load. Raises NoSuchProgram, or NotEnrolled for who is no mentor in it."""
    await programs.found(session, program_id)
    row = (await session.execute(_EVIDENCE, _values(tenant_of(session), program_id, [member_id]))).first()
    if row is None:
        raise NotEnrolled("Enroll in this program as mentor to have a load in it.")
    return _load(row)


async def listed(
    session: AsyncSession, *, program_id: UUID, first: int, after: str | None
) -> tuple[list[Load], str | None]:
    """The loads of all mentors of a program."""
    await programs.found(session, program_id)
    row = _EVIDENCE.bindparams(**_values(tenant_of(session), program_id)).subquery("evidence").c
    rows, cursor = await paginate(session, select(*row), by=[row.member_id], first=first, after=after)
    return [_load(each) for each in rows], cursor


async def with_room(
    session: AsyncSession, *, program_id: UUID, but: Collection[UUID], first: int, after: str | None
) -> tuple[list[Any], str | None]:
    """Mentors who could take somebody on (member_id, room, pairings), those with fewest pairings first."""
    program = await programs.found(session, program_id)
    place = {"community": program.community_id, "program": program_id}
    spared = (await burdened(session, community_id=program.community_id, program_id=program_id)).spared
    untrained = await session.scalars(_UNTRAINED, place)
    row = _EVIDENCE.bindparams(**_values(program.community_id, program_id)).subquery("evidence").c
    statement = select(row.member_id, row.room, row.pairings).where(
        row.room > row.pairings, row.member_id.not_in([*spared, *untrained, *but])
    )
    return await paginate(session, statement, by=[row.pairings, row.member_id], first=first, after=after)
