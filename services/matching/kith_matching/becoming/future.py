"""Who could be a mentor next: members who helped others, those first who helped most people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Text, Uuid, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.pages import paginate
from kith_matching import clock, programs
from kith_matching.becoming.helping import HELPED, LATELY, NOT_A_MENTOR, QUIET
from kith_matching.errors import NotForCalls
from kith_matching.open_calls.likely import Helped, helpfulness
from kith_matching.scoring import tag

_FUTURE = text(f"""
WITH {HELPED}, seen AS (SELECT *, {QUIET.format(member="counted.member_id")} AS quiet FROM counted)
SELECT s.member_id, s.people, s.thanked, s.mentored, s.served, s.quiet, s.people - s.quiet AS weighs,
  ARRAY(SELECT o->>'tag' FROM jsonb_array_elements(p.skills_offered) o) AS offered,
  EXISTS (SELECT FROM pairings m WHERE m.community_id = :community AND m.mentee_id = s.member_id AND NOT m.private
    AND m.end_reason IN ('completed', 'agreed_end')) AS was_mentee,
  (SELECT l.asked_at FROM last_calls l WHERE l.community_id = :community AND l.member_id = s.member_id) AS called_at
FROM seen s JOIN participants p ON p.community_id = :community AND p.member_id = s.member_id
WHERE s.people > s.quiet AND p.left_at IS NULL AND {NOT_A_MENTOR.format(member="s.member_id")}
""").columns(
    member_id=Uuid, people=BigInteger, thanked=BigInteger, mentored=BigInteger, served=BigInteger, quiet=BigInteger,
    weighs=BigInteger, offered=ARRAY(Text), was_mentee=Boolean, called_at=DateTime(timezone=True),
)  # fmt: skip
_WANTED = text("""
SELECT DISTINCT w->>'tag' FROM enrollments e
JOIN participants p ON p.community_id = e.community_id AND p.member_id = e.member_id
CROSS JOIN jsonb_array_elements(p.skills_wanted) w
WHERE e.community_id = :community AND e.program_id = :program AND e.side = 'mentee' AND NOT e.paused
  AND NOT EXISTS (SELECT FROM pairings t WHERE t.community_id = e.community_id AND t.program_id = e.program_id
    AND t.mentee_id = e.member_id AND t.status IN ('proposed', 'accepted') AND NOT t.private)
""")


@dataclass(frozen=True)
class FutureMentor:
    """A member who is no mentor of the program, and what speaks for them.

    people       different people they helped in the last year; some `thanked` them or accepted an answer of theirs,
                 some they `mentored` to a good end, some they `served` in the help queue, some several of these
    quiet        pairings as mentor in which they went quiet in that time
    weighs       people less quiet; by it they are ordered
    helpfulness  from 0 to 1, see `likely.helpfulness`
    skills       what they offer of what mentees want who have no mentor yet
    was_mentee   whether they were a mentee to a good end themselves
    called_at    when a call last asked them
    """

    member_id: UUID
    people: int
    thanked: int
    mentored: int
    served: int
    quiet: int
    weighs: int
    helpfulness: float
    skills: list[str]
    was_mentee: bool
    called_at: datetime | None


async def mentors(
    session: AsyncSession, *, program_id: UUID, first: int, after: str | None
) -> tuple[list[FutureMentor], str | None]:
    """Who helped somebody and is no mentor of the program. Raises NoSuchProgram or NotForCalls."""
    program = await programs.found(session, program_id)
    if program.kind in programs.WITHOUT_MENTORS:
        raise NotForCalls
    place = {"community": program.community_id, "program": program_id}
    row = _FUTURE.bindparams(**place, lately=clock.now() - LATELY).subquery("future").c
    rows, cursor = await paginate(
        session, select(*row), by=[row.weighs, row.member_id], first=first, after=after, descending=True
    )
    wanted = {tag(each) for each in await session.scalars(_WANTED, place)}
    return [_told(each, wanted) for each in rows], cursor


def _told(row: Any, wanted: set[str]) -> FutureMentor:
    given = dict(row._mapping)  # noqa: SLF001 - the public name of a row's columns
    skills = sorted(each for each in given.pop("offered") if tag(each) in wanted)
    return FutureMentor(**given, skills=skills, helpfulness=helpfulness(Helped(row.people, row.quiet)))
