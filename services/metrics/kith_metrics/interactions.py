"""Writing down what happened between members, set-wise; the same event twice changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Kind = Literal["collaborative", "social", "educational"]
TOGETHER = 12  # more people than that in one session have not met each other
FIRSTS = (
    "joined_at", "contributed_at", "posted_at", "replied_to_at", "in_group_at",
    "pairing_proposed_at", "pairing_accepted_at", "left_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tie:
    """`source` is what it came from: reply, answer, session, kudos, pairing or touchpoint."""

    community_id: UUID
    from_id: UUID
    to_id: UUID
    event_id: UUID
    kind: Kind
    source: str
    occurred_at: datetime


def met(
    community_id: UUID, members: Iterable[UUID], *, event_id: UUID, kind: Kind, source: str, at: datetime
) -> list[Tie]:
    """Everybody with everybody else, in both directions."""
    return [
        Tie(community_id, one, other, event_id, kind, source, at)
        for one, other in permutations(sorted(set(members)), 2)
    ]


_TIE = text("""
INSERT INTO interactions (community_id, from_id, to_id, event_id, kind, source, occurred_at)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, from_id uuid, to_id uuid, event_id uuid,
  kind text, source text, occurred_at timestamptz)
ON CONFLICT DO NOTHING
""")
_COLUMNS = ", ".join(FIRSTS)
_FIRST = text(f"""
INSERT INTO members AS m (community_id, member_id, {_COLUMNS}, last_active_at)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(community_id uuid, member_id uuid,
  {", ".join(f"{name} timestamptz" for name in FIRSTS)}, last_active_at timestamptz)
ON CONFLICT (community_id, member_id) DO UPDATE SET
  {", ".join(f"{name} = least(m.{name}, EXCLUDED.{name})" for name in FIRSTS)},
  last_active_at = greatest(m.last_active_at, EXCLUDED.last_active_at)
""")


async def write_ties(session: AsyncSession, ties: Iterable[Tie]) -> None:
    rows = [tie for tie in ties if tie.from_id != tie.to_id]
    if rows:
        await session.execute(_TIE, {"rows": msgspec.json.encode(rows).decode()})


class Firsts:
    """When each member first did what, gathered over a batch and written at once; the earliest time stays."""

    def __init__(self) -> None:
        self._members: dict[tuple[UUID, UUID], dict[str, Any]] = {}

    def note(self, community_id: UUID, member_id: UUID, at: datetime, *what: str, active: bool = True) -> None:
        row = self._members.setdefault((community_id, member_id), {})
        for name in what:
            row[name] = min(row.get(name, at), at)
        if active:
            row["last_active_at"] = max(row.get("last_active_at", at), at)

    async def write(self, session: AsyncSession) -> None:
        rows = [
            {"community_id": community, "member_id": member, **firsts}
            for (community, member), firsts in sorted(self._members.items(), key=_place)
        ]
        if rows:
            await session.execute(_FIRST, {"rows": msgspec.json.encode(rows).decode()})


def _place(item: tuple[tuple[UUID, UUID], Any]) -> tuple[int, int]:
    """One global order against deadlock; UUIDs themselves are compared in Python, not in C."""
    (community, member), _ = item
    return community.int, member.int
