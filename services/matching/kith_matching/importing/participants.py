"""Importing who takes part: new enrollments, and what a corrected list says differently of those that are there."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_matching import programs
from kith_matching.events import MemberEnrolled
from kith_matching.importing.rows import Imported, ParticipantRow, RowError, column_of, digest, judged
from kith_matching.models import Enrollment

NOT_HEARD = "is a member matching has not heard of yet; import the row again in a moment"
_CREATE = text("""
INSERT INTO enrollments
  (id, community_id, program_id, member_id, side, max_pairings, weekly_hours, goals, import_digest)
SELECT r.id, :community, :program, r.member_id, r.side, coalesce(r.max_pairings, 1), r.weekly_hours,
       coalesce(r.goals, '{}'), decode(r.digest, 'hex')
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, member_id uuid, side text, max_pairings bigint,
  weekly_hours double precision, goals text[], digest text)
ORDER BY r.member_id, r.side ON CONFLICT (community_id, program_id, member_id, side) DO NOTHING RETURNING id
""")


async def take(session: AsyncSession, *, program_id: UUID, rows: Sequence[Mapping[str, Any]]) -> Imported:
    """Enroll who is new, change what rows say differently, tell what is wrong with the rest by line and column.

    A row that says what it said last time changes nothing, whatever the member changed since. NoSuchProgram or
    ProgramClosed.
    """
    program = await programs.taking_part(session, program_id)
    done = Imported()
    good = _told_apart(judged(ParticipantRow, rows, ["member"], done), done)
    heard = await programs.known(session, {_id(row) for row in good})
    for row in good:
        if _id(row) not in heard:
            done.errors.append(RowError(row.line, column_of("member", row.member), NOT_HEARD))
    good = [row for row in good if _id(row) in heard]
    while good:  # who enrolls at the same moment is found by the second look
        good = await _store(session, program.id, good, done)
    done.errors.sort(key=lambda error: error.line)
    return done


async def _store(
    session: AsyncSession, program_id: UUID, rows: Sequence[ParticipantRow], done: Imported
) -> list[ParticipantRow]:
    """Store these rows; returns those who came to be enrolled while we looked."""
    statement = select(Enrollment).where(
        Enrollment.community_id == tenant_of(session),
        Enrollment.program_id == program_id,
        Enrollment.member_id.in_({_id(row) for row in rows}),
    )
    locked = await session.scalars(
        statement.order_by(Enrollment.id).with_for_update().execution_options(populate_existing=True)
    )
    there = {(one.member_id, one.side): one for one in locked}
    fresh: dict[UUID, ParticipantRow] = {}
    for row in rows:
        one = there.get((_id(row), row.side))
        if one is None:
            fresh[new_id()] = row
        elif _change(one, row):
            done.updated += 1
        else:
            done.unchanged += 1
    if not fresh:
        return []
    values = [
        {**row.changes(), "id": str(id_), "member_id": str(_id(row)), "side": row.side, "digest": digest(row).hex()}
        for id_, row in fresh.items()
    ]
    place = {"community": tenant_of(session), "program": program_id, "rows": json.dumps(values)}
    created = set((await session.execute(_CREATE, place)).scalars())
    for id_ in created:
        row = fresh[id_]
        enrolled = MemberEnrolled(enrollment_id=id_, program_id=program_id, member_id=_id(row), side=row.side)
        emit(session, enrolled)
    done.created += len(created)
    return [row for id_, row in fresh.items() if id_ not in created]


def _change(one: Enrollment, row: ParticipantRow) -> bool:
    """Whether an enrollment is another after what a row says of it."""
    if one.import_digest == digest(row):
        return False
    one.import_digest = digest(row)
    changes = {name: value for name, value in row.changes().items() if getattr(one, name) != value}
    for name, value in changes.items():
        setattr(one, name, value)
    return bool(changes)


def _told_apart(rows: Sequence[ParticipantRow], done: Imported) -> list[ParticipantRow]:
    good: list[ParticipantRow] = []
    seen: dict[tuple[UUID, str], int] = {}
    for row in rows:
        key = (_id(row), row.side)
        if key in seen:
            reason = f"is the same as on line {seen[key]}"
            done.errors.append(RowError(row.line, column_of("member", row.member), reason))
        else:
            seen[key] = row.line
            good.append(row)
    return good


def _id(row: ParticipantRow) -> UUID:
    assert row.member.id is not None  # noqa: S101 -- judged
    return row.member.id
