"""Importing pairings that are over: history that nobody is told of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_matching import clock, programs
from kith_matching.events import HistoryImported
from kith_matching.importing.participants import NOT_HEARD
from kith_matching.importing.rows import Imported, PastPairingRow, RowError, column_of, digest, judged
from kith_matching.models import Pairing
from kith_matching.pairing_life.models import ClosingSurvey


@dataclass(frozen=True)
class Span:
    """A time two were, or are, paired in a program, from a day up to before another; a row of the list, or stored."""

    mentor_id: UUID
    mentee_id: UUID
    begins: date
    ends: date
    row: PastPairingRow | None = None
    stored: Pairing | None = None

    def overlaps(self, other: "Span") -> bool:
        return self.begins < other.ends and other.begins < self.ends

    @property
    def two(self) -> frozenset[UUID]:
        return frozenset((self.mentor_id, self.mentee_id))


async def take(session: AsyncSession, *, program_id: UUID, rows: Sequence[Mapping[str, Any]]) -> Imported:
    """Keep pairings of before, correct those that came by a list, tell what is wrong with the rest by line and column.

    No two are each other's mentor at the same time, nor paired twice. Of those the two have lived here nothing is
    touched. Raises NoSuchProgram.
    """
    # One list after the other in a program: a second one at the same moment finds what the first has stored.
    program = await programs.found(session, program_id, lock=True)
    done = Imported()
    spans = await _known(session, _possible(judged(PastPairingRow, rows, ["mentor", "mentee"], done), done), done)
    stored = await _stored(session, program.id, spans)
    pairs = _corrected(spans, stored)
    taken: dict[frozenset[UUID], list[Span]] = {}
    for each in stored:
        if each.stored not in pairs.values():
            taken.setdefault(each.two, []).append(each)
    for place, each in enumerate(spans):
        row = each.row
        assert row is not None  # noqa: S101 -- a span of the list
        if wrong := _contradicted(each, taken.get(each.two, ())):
            done.errors.append(RowError(row.line, *wrong))
            continue
        taken.setdefault(each.two, []).append(each)
        await _keep(session, program_id, row, pairs.get(place), done)
    if done.created or done.updated:
        emit(session, HistoryImported(program_id=program.id, pairings=done.created, corrected=done.updated))
    done.errors.sort(key=lambda error: error.line)
    return done


def _possible(rows: Iterable[PastPairingRow], done: Imported) -> list[Span]:
    """The rows that could have been."""
    today, spans = clock.now().date(), []
    for row in rows:
        assert row.mentor.id is not None and row.mentee.id is not None  # noqa: S101, PT018 -- judged
        if row.mentor.id == row.mentee.id:
            done.errors.append(RowError(row.line, column_of("mentee", row.mentee), "is the mentor of this row as well"))
        elif row.ended_on > today:
            done.errors.append(RowError(row.line, "ended_on", "has not come yet; only what is over is history"))
        else:
            spans.append(Span(row.mentor.id, row.mentee.id, row.began_on, _after(row.began_on, row.ended_on), row=row))
    return spans


async def _known(session: AsyncSession, spans: Sequence[Span], done: Imported) -> list[Span]:
    heard = await programs.known(session, set().union(*(each.two for each in spans)))
    for each in spans:
        row = each.row
        assert row is not None  # noqa: S101 -- a span of the list
        for one, named in (("mentor", row.mentor), ("mentee", row.mentee)):
            if named.id not in heard:
                done.errors.append(RowError(row.line, column_of(one, named), NOT_HEARD))
    return [each for each in spans if each.two <= heard]


async def _stored(session: AsyncSession, program_id: UUID, spans: Sequence[Span]) -> list[Span]:
    """What these people have in this program already, whichever way round."""
    people = set().union(*(each.two for each in spans))
    statement = select(Pairing).where(
        Pairing.community_id == tenant_of(session),
        Pairing.program_id == program_id,
        Pairing.status.in_(("accepted", "ended")),
        or_(Pairing.mentor_id.in_(people), Pairing.mentee_id.in_(people)),
    )
    found = []
    for each in await session.scalars(statement.order_by(Pairing.id).with_for_update()):
        began = (each.settled_at or each.proposed_at).astimezone(UTC).date()
        ended = _after(began, each.ended_at.astimezone(UTC).date()) if each.ended_at else date.max
        found.append(Span(each.mentor_id, each.mentee_id, began, ended, stored=each))
    return found


def _corrected(spans: Sequence[Span], stored: Sequence[Span]) -> dict[int, Pairing]:
    """Place among `spans` to the pairing of an earlier list that it speaks of: that begins the same day, or else at the
    same time.
    """
    by_two: dict[tuple[UUID, UUID], list[Span]] = {}
    for each in stored:
        if each.stored is not None and each.stored.import_digest is not None:
            by_two.setdefault((each.mentor_id, each.mentee_id), []).append(each)
    found: dict[int, Pairing] = {}
    for same_day in (True, False):
        for place, each in enumerate(spans):
            if place in found:
                continue
            left = by_two.get((each.mentor_id, each.mentee_id), [])
            fits = [one for one in left if (one.begins == each.begins if same_day else one.overlaps(each))]
            if len(fits) == 1 and fits[0].stored is not None:
                found[place] = fits[0].stored
                left.remove(fits[0])
    return found


def _contradicted(span: Span, others: Iterable[Span]) -> tuple[str, str] | None:
    """The column and the reason why this cannot have been beside others of the same two."""
    for other in others:
        if span.overlaps(other):
            where = f"on line {other.row.line}" if other.row else "in this program already"
            if other.mentor_id == span.mentor_id:
                return "began_on", f"is in a time for which these two are paired {where}"
            return "row", f"is a cycle: at that time these two are paired the other way round {where}"
    return None


async def _keep(
    session: AsyncSession, program_id: UUID, row: PastPairingRow, pairing: Pairing | None, done: Imported
) -> None:
    new = digest(row)
    if pairing is not None and pairing.import_digest == new:
        done.unchanged += 1
        return
    began, ended = (datetime.combine(day, time(), UTC) for day in (row.began_on, row.ended_on))
    if pairing is None:
        pairing = Pairing(
            id=new_id(), community_id=tenant_of(session), program_id=program_id,
            mentor_id=row.mentor.id, mentee_id=row.mentee.id, status="ended",
        )  # fmt: skip
        session.add(pairing)
        done.created += 1
    else:
        done.updated += 1
    pairing.import_digest = new
    pairing.proposed_at = pairing.settled_at = pairing.mentor_accepted_at = pairing.mentee_accepted_at = began
    pairing.ended_at, pairing.end_reason = ended, row.end_reason
    await session.flush()
    await _surveys(session, pairing, row, ended)


async def _surveys(session: AsyncSession, pairing: Pairing, row: PastPairingRow, at: datetime) -> None:
    """What the two said of it then; what one of them said here stays."""
    said = {row.mentor.id: row.mentor_rating, row.mentee.id: row.mentee_rating}
    there = {
        each.member_id: each
        for each in await session.scalars(select(ClosingSurvey).where(ClosingSurvey.pairing_id == pairing.id))
    }
    for member_id, rating in said.items():
        survey = there.get(member_id) if member_id else None
        if survey is not None and survey.imported:
            if rating is None:
                await session.delete(survey)
            else:
                survey.rating, survey.goals_met, survey.answered_at = rating, bool(row.goals_met), at
        elif survey is None and rating is not None:
            session.add(
                ClosingSurvey(
                    community_id=pairing.community_id, pairing_id=pairing.id, member_id=member_id, rating=rating,
                    goals_met=bool(row.goals_met), note="", answered_at=at, imported=True,
                )
            )  # fmt: skip


def _after(begins: date, last: date) -> date:
    """The end of a time as the day it is over before: who parts and meets again on one day did not overlap."""
    return max(last, begins + timedelta(days=1))
