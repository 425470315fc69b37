"""Keyset pagination: a page is found by where the last one ended, never by counting rows from the start."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from kith_chassis.errors import Invalid

Item = TypeVar("Item")

First = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
After = Annotated[str | None, Query(max_length=500, description="`next_cursor`; for what lies before one, -cursor.")]


class InvalidCursor(Invalid):
    """This cursor is not one of ours; start again without it."""

    code = "invalid_cursor"


class Page(BaseModel, Generic[Item]):
    """Some items in a stable order, and where the next ones start (None: there are no more)."""

    items: list[Item]
    next_cursor: str | None = None


def encode_cursor(values: Sequence[Any]) -> str:
    """An opaque, URL-safe cursor for the key values of one row."""
    plain = [v.isoformat() if isinstance(v, datetime) else str(v) if isinstance(v, UUID) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The key values in a cursor, converted to `kinds` (int, float, str, UUID, datetime); else InvalidCursor."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        each = zip(kinds, plain, strict=True)
        found = [datetime.fromisoformat(v).astimezone(UTC) if k is datetime else k(v) for k, v in each]
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidCursor from error
    if not isinstance(plain, list) or any(type(v) is int and abs(v) >> 63 for v in found):
        raise InvalidCursor
    return found


async def paginate(
    session: AsyncSession,
    statement: Select[Any],
    *,
    by: Sequence[ColumnElement[Any] | InstrumentedAttribute[Any]],
    first: int,
    after: str | None,
    descending: bool = False,
) -> tuple[list[Any], str | None]:
    """At most `first` rows of `statement` in the order of the columns `by`, and the cursor of the next page.

    With a `-` before the cursor, the rows before it (`-` alone: the last ones), and the cursor of those before them.
    The columns of `by` must be unique together, not null and labelled attributes of the row (or of its only entity).
    """
    backward = after is not None and after.startswith("-")  # no cursor of ours does
    down = descending != backward
    if after is not None and after != "-":
        bound = tuple_(*by), tuple_(*decode_cursor(after.removeprefix("-"), [column.type.python_type for column in by]))
        statement = statement.where(bound[0] < bound[1] if down else bound[0] > bound[1])
    result = await session.execute(statement.order_by(*(c.desc() if down else c.asc() for c in by)).limit(first + 1))
    rows: list[Any] = list(result.scalars() if len(statement.column_descriptions) == 1 else result)
    last = [getattr(rows[first - 1], column.key or "") for column in by] if len(rows) > first else None
    return rows[:first][:: -1 if backward else 1], encode_cursor(last) if last else None
