"""How a program's pairings went, beside the parts they had, and what weights that speaks for."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_matching import clock, programs
from kith_matching.models import Program
from kith_matching.refitting.fits import Fit, refit
from kith_matching.scoring import UNKNOWN, Cohort, Rules, Weights, person

LATELY = timedelta(days=730)
MOST = 5000  # pairings, the newest
POINTS = 4  # from the lowest rating to the highest
NOT_OF_A_PAIR = frozenset({"load"})  # says whom a mentor has besides, and nothing of how two fit
_PARTS = [name for name in vars(Weights()) if name not in NOT_OF_A_PAIR]

# What each of the two said counts as much as what the other did, however often they were asked. Where nobody said
# anything and it came to nothing, that is the answer: who went quiet answers no survey.
_WENT = text("""
WITH lately AS (
  SELECT * FROM pairings WHERE community_id = :community AND program_id = :program AND NOT private
    AND status IN ('accepted', 'ended') AND coalesce(ended_at, :now) > :since ORDER BY id DESC LIMIT :most
), said AS (
  SELECT p.id, c.member_id, c.rating FROM lately p JOIN closing_surveys c ON c.pairing_id = p.id
  UNION ALL
  SELECT p.id, u.member_id, u.rating FROM lately p JOIN pulses u ON u.pairing_id = p.id WHERE u.rating IS NOT NULL
), rated AS (
  SELECT id, avg(rating) AS rating
  FROM (SELECT id, member_id, avg(rating) AS rating FROM said GROUP BY id, member_id) one_side GROUP BY id
)
SELECT p.mentor_id, p.mentee_id, CAST(coalesce(r.rating, 1) AS float) AS rating,
  CAST(s.reasons->'parts' AS text) AS parts
FROM lately p LEFT JOIN rated r ON r.id = p.id
LEFT JOIN match_suggestions s ON s.run_id = p.run_id AND s.mentee_id = p.mentee_id AND s.mentor_id = p.mentor_id
WHERE r.rating IS NOT NULL OR p.end_reason IN ('silence', 'no_fault')
""")
_PEOPLE = text("""
SELECT json_build_object('member_id', member_id, 'interests', interests, 'languages', languages,
  'time_zone', time_zone, 'experience_years', experience_years, 'availability', availability,
  'skills', CASE WHEN :side = 'mentor' THEN skills_offered ELSE skills_wanted END)::text
FROM participants WHERE community_id = :community AND member_id = ANY(:members) ORDER BY member_id
""")


@dataclass(frozen=True)
class Refitted:
    """What past pairings speak for; errors in points of a rating, None where there is too little to tell, see `Fit`."""

    weights: Mapping[str, float]
    weights_now: Mapping[str, float]
    supported: bool
    pairings: int
    mentors: int
    error_of_mean: float | None
    error_now: float | None
    error_refitted: float | None


async def refitted(session: AsyncSession, *, program_id: UUID) -> Refitted:
    """The weights a program's last two years speak for; changes nothing. Raises NoSuchProgram."""
    program = await programs.found(session, program_id)
    now = clock.now()
    place = {"community": program.community_id, "program": program_id}
    rows = (await session.execute(_WENT, place | {"now": now, "since": now - LATELY, "most": MOST})).all()
    numbers = {each: k for k, each in enumerate(sorted({row.mentor_id for row in rows}))}
    parts = await _parts(session, program, rows)
    went = np.array([(row.rating - 1) / POINTS for row in rows])
    mentor = np.array([numbers[row.mentor_id] for row in rows], dtype=np.int64)
    in_force = np.array([float(program.weights.get(name, 0.0)) for name in _PARTS])
    fit = await asyncio.to_thread(refit, parts, went, mentor, in_force)
    return _told(program, fit, pairings=len(rows), mentors=len(numbers))


def _told(program: Program, fit: Fit, *, pairings: int, mentors: int) -> Refitted:
    others = {name: value for name, value in program.weights.items() if name not in _PARTS}
    fitted = {name: round(float(value), 3) for name, value in zip(_PARTS, fit.weights, strict=True)}
    most = max(fitted, key=lambda name: fitted[name])
    fitted[most] = round(1 - sum(others.values()) - sum(fitted.values()) + fitted[most], 6)  # what rounding left
    of_mean, now, then = (round(POINTS * each, 4) for each in fit.errors) if fit.errors else (None, None, None)
    return Refitted(
        weights=fitted | others if fit.supported else program.weights,
        weights_now=program.weights,
        supported=fit.supported,
        pairings=pairings,
        mentors=mentors,
        error_of_mean=of_mean,
        error_now=now,
        error_refitted=then,
    )


async def _parts(session: AsyncSession, program: Program, rows: Sequence[Any]) -> NDArray[np.float64]:
    """(rows, parts) as the run that made the pairing told them, or, where none did, by today's profiles."""
    found = np.zeros((len(rows), len(_PARTS)))
    untold = [k for k, row in enumerate(rows) if row.parts is None]
    for k, row in enumerate(rows):
        if row.parts is not None:
            values = {each["part"]: each["value"] for each in json.loads(row.parts)}
            found[k] = [values.get(name, UNKNOWN) for name in _PARTS]
    if untold:
        sides = [await _people(session, program, [getattr(rows[k], f"{side}_id") for k in untold], side)
                 for side in ("mentee", "mentor")]  # fmt: skip
        week = clock.now().date() - timedelta(days=clock.now().weekday())
        cohort = Cohort(*sides, weights=Weights(), rules=Rules(), week=week)
        at = [{each.member_id: place for place, each in enumerate(side)} for side in sides]
        pairs = np.array([[at[0][rows[k].mentee_id], at[1][rows[k].mentor_id]] for k in untold], dtype=np.intp)
        values_of, _ = cohort.parts(pairs[:, 0], pairs[:, 1])
        found[untold] = np.column_stack([values_of[name] for name in _PARTS])
    return found


async def _people(session: AsyncSession, program: Program, member_ids: Sequence[UUID], side: str) -> list[Any]:
    asked = {"community": program.community_id, "members": list(set(member_ids)), "side": side}
    return [person(json.loads(each)) for each in await session.scalars(_PEOPLE, asked)]
