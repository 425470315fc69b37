"""Importing members: row by row judged, set-wise stored, the same rows twice change nothing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from sqlalchemy import TextClause, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.database import tenant_of
from kith_chassis.events import emit
from kith_chassis.ids import new_id
from kith_identity.events import MemberJoined, ProfileChanged
from kith_identity.members import MATCHED_ON, change_profile
from kith_identity.models import Member
from kith_identity.profiles import Email, Name, Profile, Tag

MAX_ROWS = 1000
_NAMES: dict[str, TypeAdapter[str]] = {"external_id": TypeAdapter(Tag), "email": TypeAdapter(Email)}


class MemberRow(Profile):
    """One row of a member list. `line` is its place in the file, given back with every error."""

    model_config = ConfigDict(extra="forbid")
    line: int = Field(ge=1, lt=2**31)
    external_id: Tag | None = None
    email: Email | None = None
    display_name: Name | None = None

    @model_validator(mode="after")
    def _identifiable(self) -> "MemberRow":
        if self.external_id is None and self.email is None:
            raise ValueError("needs an email or an external_id, so that a second import recognises the row")
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


# A row is recognised by its external id, or else by its address: of an earlier row. That of a login is found, too, but
# says nothing of who it is: whoever joins by themselves gives the address they like.
# Joined with what is looked for, so that a plan kept from when the table was empty stays linear; locked in one order,
# so that the same list imported twice at once does not lock itself out.
_FOUND = """
SELECT m.id, m.account_id, m.external_id, m.address, a.email, m.import_digest, m.left_at
FROM members m LEFT JOIN accounts a ON a.id = m.account_id
WHERE m.id = ANY(ARRAY(
  SELECT o.id FROM unnest(CAST(:externals AS text[])) AS wanted
  JOIN members o ON o.community_id = :community AND o.external_id = wanted
  UNION ALL
  SELECT o.id FROM unnest(CAST(:addresses AS text[])) AS wanted
  JOIN members o ON o.community_id = :community AND o.address = wanted
  UNION ALL
  SELECT o.id FROM unnest(CAST(:addresses AS text[])) AS wanted
  JOIN accounts b ON b.email = wanted JOIN members o ON o.account_id = b.id AND o.community_id = :community
))
"""
_KNOWN = text(f"{_FOUND} ORDER BY m.id FOR UPDATE OF m")
_LOOKED_UP = text(_FOUND)
_COLUMNS = {
    "display_name": "text", "bio": "text", "skills_offered": "jsonb", "skills_wanted": "jsonb", "interests": "text[]",
    "goals": "text[]", "languages": "text[]", "links": "text[]", "experience_years": "double precision",
    "weekly_hours": "double precision", "time_zone": "text", "availability": "jsonb",
    "availability_exceptions": "jsonb", "visibility": "jsonb",
}  # fmt: skip
_CREATE = text(f"""
INSERT INTO members (id, community_id, address, external_id, import_digest, joined_at, {", ".join(_COLUMNS)})
SELECT r.id, :community, r.address, r.external_id, decode(r.digest, 'hex'), :now,
       {", ".join(f"r.{name}" for name in _COLUMNS)}
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
  id uuid, address text, external_id text, digest text, {", ".join(f"{n} {k}" for n, k in _COLUMNS.items())})
ORDER BY r.external_id, r.address ON CONFLICT DO NOTHING RETURNING id
""")


async def take(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> Imported:
    """Import what is right of `rows` and say what is wrong with the rest, by line and column.

    Only fields a row has are written: an import never empties what it does not mention.
    """
    done = Imported()
    good = _judge(rows, done)
    if not good:
        return done
    # Who is imported at the same moment by somebody else is found by the second look.
    while good:
        good = await _store(session, good, done)
    done.errors.sort(key=lambda error: error.line)
    return done


async def named(session: AsyncSession, people: Sequence[Mapping[str, Any]]) -> list[UUID | None]:
    """Which member each of `people` is, by external_id, email or both; None for nobody, and for two who differ.

    What cannot be an external id or an address names nobody. Who has left is nobody.
    """
    names = [
        {of: _readable(of, value) for of, value in each.items() if of in _NAMES and value is not None}
        for each in people
    ]
    known = await _by_name(session, _LOOKED_UP, [name for each in names for name in each.items()])
    found: list[UUID | None] = []
    for each in names:
        rows = [known.get(name) or known.get(("login", name[1])) for name in each.items()]
        ids = {row["id"] if row is not None and row["left_at"] is None else None for row in rows}
        found.append(ids.pop() if len(ids) == 1 else None)
    return found


def _readable(of: str, value: Any) -> str | None:
    try:
        return _NAMES[of].validate_python(value)
    except ValidationError:
        return None


async def _store(session: AsyncSession, rows: Sequence[MemberRow], done: Imported) -> list[MemberRow]:
    """Store these rows; returns those whose member came to be, or to be called so, while we looked."""
    known = await _known(session, rows)
    again: list[MemberRow] = []
    fresh: dict[UUID, tuple[MemberRow, dict[str, Any]]] = {}
    for row in rows:
        by_external, by_address = known.get(("external_id", row.external_id)), known.get(("email", row.email))
        by_login = known.get(("login", row.email))
        found = by_external or by_address
        if wrong := _contradiction(by_external, by_address, by_login):
            done.errors.append(RowError(row.line, *wrong))
        elif found is None:
            new = _fresh(row)
            fresh[UUID(new["id"])] = row, new
        elif bytes(found["import_digest"] or b"") == _digest(row):
            done.unchanged += 1
        elif await _call(session, found, row):
            await _update(session, found["id"], row)
            done.updated += 1
        else:
            again.append(row)
    if not fresh:
        return again
    joined_at = datetime.now(UTC)
    values = {"community": tenant_of(session), "now": joined_at, "rows": json.dumps([new for _, new in fresh.values()])}
    created = set((await session.execute(_CREATE, values)).scalars())
    for member_id, (_, new) in fresh.items():
        if member_id in created:
            emit(session, MemberJoined(member_id=member_id, joined_at=joined_at, source="import"))
            emit(session, ProfileChanged(member_id=member_id, **{name: new[name] for name in MATCHED_ON}))
    done.created += len(created)
    return again + [row for member_id, (row, _) in fresh.items() if member_id not in created]


def _contradiction(by_external: Any, by_address: Any, by_login: Any) -> tuple[str, str] | None:
    """The column, and why a row cannot be about whom its names are known of."""
    ids = {each["id"] for each in (by_external, by_address or by_login) if each is not None}
    if len(ids) > 1:
        return "email", "belongs to another member than this external_id does"
    found = by_external or by_address or by_login
    if found is not None and found["left_at"] is not None:
        return ("external_id" if by_external else "email"), "belongs to somebody who has left the community"
    if found is not None and found is by_login and not (by_external or by_address):
        return "email", "is the login of somebody who joined by themselves, which does not prove that it is theirs"
    return None


def _judge(rows: Sequence[dict[str, Any]], done: Imported) -> list[MemberRow]:
    good: list[MemberRow] = []
    seen: dict[tuple[str, str], int] = {}
    for number, raw in enumerate(rows, start=1):
        given = raw.get("line")
        line = given if isinstance(given, int) and 0 < given < 2**31 else number
        try:
            row = MemberRow.model_validate(raw)
        except ValidationError as error:
            for each in error.errors()[:10]:
                column = str(each["loc"][0]) if each["loc"] else "row"
                done.errors.append(RowError(line, column, each["msg"].removeprefix("Value error, ")))
            continue
        keys = [(name, value) for name in ("email", "external_id") if (value := getattr(row, name)) is not None]
        twice = next((key for key in keys if key in seen), None)
        if twice is not None:
            done.errors.append(RowError(row.line, twice[0], f"is the same as on line {seen[twice]}"))
            continue
        seen.update(dict.fromkeys(keys, row.line))
        good.append(row)
    return good


async def _known(session: AsyncSession, rows: Sequence[MemberRow]) -> dict[tuple[str, str | None], Any]:
    """Members these rows speak of, by external id and by address; locked."""
    names = [("external_id", row.external_id) for row in rows] + [("email", row.email) for row in rows]
    return await _by_name(session, _KNOWN, names)


async def _by_name(
    session: AsyncSession, statement: TextClause, names: Sequence[tuple[str, str | None]]
) -> dict[tuple[str, str | None], Any]:
    wanted = {
        "community": tenant_of(session),
        "externals": [value for of, value in names if of == "external_id" and value],
        "addresses": [value for of, value in names if of == "email" and value],
    }
    known: dict[tuple[str, str | None], Any] = {}
    for found in (await session.execute(statement, wanted)).mappings():
        for of, value in (
            ("external_id", found["external_id"]),
            ("email", found["address"]),
            ("login", found["email"]),
        ):
            if value is not None:
                known[of, value] = found
    return known


def _fresh(row: MemberRow) -> dict[str, Any]:
    member_id = new_id()
    empty: dict[str, Any] = {
        "bio": "", "skills_offered": [], "skills_wanted": [], "interests": [], "goals": [], "languages": [],
        "links": [], "experience_years": None, "weekly_hours": None, "time_zone": None, "availability": [],
        "availability_exceptions": [], "visibility": {},
    }  # fmt: skip
    return {
        **empty,
        "display_name": row.display_name or f"Member {row.external_id or member_id.hex[-6:]}",
        **_changes(row),
        "id": str(member_id),
        "address": row.email,
        "external_id": row.external_id,
        "digest": _digest(row).hex(),
    }


def _changes(row: MemberRow) -> dict[str, Any]:
    changes = row.changes()
    return {name: value for name, value in changes.items() if name in _COLUMNS}


def _digest(row: MemberRow) -> bytes:
    content = row.model_dump(mode="json", exclude={"line"}, exclude_unset=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()


async def _call(session: AsyncSession, found: Mapping[str, Any], row: MemberRow) -> bool:
    """Give a member the names of the row it lacks; False where another has come to have one of them meanwhile."""
    given = {"address": row.email, "external_id": row.external_id}
    lacking = {name: value for name, value in given.items() if value is not None and found[name] is None}
    if not lacking:
        return True
    try:
        async with session.begin_nested():
            await session.execute(update(Member).where(Member.id == found["id"]).values(lacking))
    except IntegrityError:
        return False
    return True


async def _update(session: AsyncSession, member_id: UUID, row: MemberRow) -> None:
    changes = {name: value for name, value in _changes(row).items() if name != "visibility"}  # that is theirs to choose
    member = await change_profile(session, member_id=member_id, changes=changes)
    member.import_digest = _digest(row)
