"""Rows of a list as people give them, judged one by one. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from kith_matching.events import EndReason, Side
from kith_matching.shapes import In, Name

MAX_ROWS = 1000
LINES = 2**31
_NOBODY = "names no member of this community; import the members first"
_NO_NAME = "is missing, and there is no email; a row names people by either"


def _folded(value: Any) -> Any:
    return value.strip().lower().replace(" ", "_") if isinstance(value, str) else value


class Named(BaseModel):
    """Somebody as the gateway found them: `id` is None for nobody, `by` the column that named them."""

    id: UUID | None = None
    by: Literal["external_id", "email"] | None = None


class _Row(In):
    line: int = Field(ge=1, lt=LINES)


class ParticipantRow(_Row):
    member: Named
    side: Annotated[Side, BeforeValidator(_folded)]
    max_pairings: int | None = Field(default=None, ge=0, le=50)
    weekly_hours: float | None = Field(default=None, ge=0, le=168, allow_inf_nan=False)
    goals: list[Name] | None = Field(default=None, max_length=20)

    def changes(self) -> dict[str, Any]:
        """What the row says; null, as an empty cell, says nothing."""
        given = {name: getattr(self, name) for name in ("max_pairings", "weekly_hours", "goals")}
        return {name: value for name, value in given.items() if value is not None}


Rating = Annotated[int, Field(ge=1, le=5)]
Day = Annotated[date, BeforeValidator(lambda given: given.strip() if isinstance(given, str) else _no_day(given))]


def _no_day(given: Any) -> Any:
    if not isinstance(given, date):  # a number would be taken for seconds since 1970
        raise ValueError("is not a date like 2024-09-30")  # noqa: TRY004 -- a validator's word for wrong
    return given


class PastPairingRow(_Row):
    mentor: Named
    mentee: Named
    began_on: Annotated[Day, Field(ge=date(1970, 1, 1))]
    ended_on: Day
    end_reason: Annotated[EndReason, BeforeValidator(_folded)] = "completed"
    mentor_rating: Rating | None = None
    mentee_rating: Rating | None = None
    goals_met: bool | None = None

    @model_validator(mode="after")
    def _sensible(self) -> "PastPairingRow":
        if self.ended_on < self.began_on:
            raise ValueError("ends before it begins")
        if self.goals_met is None and (self.mentor_rating or self.mentee_rating):
            raise ValueError("has a rating and says nothing of goals_met, which goes with it")
        return self


@dataclass(frozen=True)
class RowError:
    line: int
    column: str
    reason: str


@dataclass
class Imported:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)


Kind = TypeVar("Kind", ParticipantRow, PastPairingRow)


def judged(kind: type[Kind], rows: Sequence[Mapping[str, Any]], people: Sequence[str], done: Imported) -> list[Kind]:
    """The rows that make sense and name members; what is wrong with the others goes into `done`."""
    good: list[Kind] = []
    for number, raw in enumerate(rows, start=1):
        given = raw.get("line")
        line = given if isinstance(given, int) and not isinstance(given, bool) and 0 < given < LINES else number
        try:
            row = kind.model_validate(raw)
        except ValidationError as error:
            for each in error.errors()[:10]:
                column = str(each["loc"][0])[:60] if each["loc"] else "row"
                done.errors.append(RowError(line, column, each["msg"].removeprefix("Value error, ")))
            continue
        unknown = [(one, getattr(row, one)) for one in people if getattr(row, one).id is None]
        for one, named in unknown:
            done.errors.append(RowError(line, column_of(one, named), _NOBODY if named.by else _NO_NAME))
        if not unknown:
            good.append(row)
    return good


def column_of(one: str, named: Named) -> str:
    """What a list calls the column that names somebody."""
    return f"{'' if one == 'member' else f'{one}_'}{named.by or 'external_id'}"


def digest(row: BaseModel) -> bytes:
    """What a row says, in short: of who it is about the id, however it was named."""
    content = row.model_dump(mode="json", exclude={"line": True, **_BY}, exclude_unset=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()


_BY: dict[str, Any] = {one: {"by"} for one in ("member", "mentor", "mentee")}
