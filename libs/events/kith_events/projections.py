"""What a service's handlers write, declared beside them; how a rebuilt table is compared with the live one and put in
its place. All of it is SQL over two schemas of one database, so that both sides are seen at the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LIVE, SCRATCH = "public", "rebuild"
_COLUMNS = text("""
SELECT a.attname AS name, coalesce(a.attnum = ANY(i.indkey), false) AS key
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
""")


@dataclass(frozen=True)
class Projection:
    """A table that handlers write.

    key      columns that name a row on both sides; by default the primary key
    ignored  columns that differ without meaning (ids drawn anew, the time of writing) or that belong to requests
    rows     SQL condition of the rows that come from events; `{schema}` in it is the schema they are in
    swap     replace: the rebuilt rows are the truth
             add: missing rows are added and nothing else, because requests write there too
             never: only compared, because a row is work that a job would do again, or is kept for ever as it was
    """

    table: str
    key: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    rows: str = "true"
    swap: Literal["replace", "add", "never"] = "replace"


@dataclass(frozen=True)
class Projections:
    """All tables that the handlers of a service write, in an order in which rows can be inserted.

    `given` are the service's own tables that handlers read; they are copied, not rebuilt.
    """

    tables: Sequence[Projection]
    given: Sequence[str] = ()


@dataclass(frozen=True)
class Compared:
    """How a rebuilt table differs from the live one, in rows; `examples` are keys of some rows that differ."""

    table: str
    live: int
    rebuilt: int
    only_live: int
    only_rebuilt: int
    different: int
    examples: Sequence[str]

    @property
    def equal(self) -> bool:
        return not (self.only_live or self.only_rebuilt or self.different)


@dataclass(frozen=True)
class Pair:
    """A projection in both schemas, with its columns."""

    projection: Projection
    columns: Sequence[str]
    key: Sequence[str]

    @property
    def compared(self) -> list[str]:
        return [each for each in self.columns if each not in (*self.key, *self.projection.ignored)]

    def of(self, schema: str) -> str:
        return f"(SELECT * FROM {schema}.{self.projection.table} WHERE {self.projection.rows.format(schema=schema)})"

    def same(self, one: str, other: str) -> str:
        return " AND ".join(f"{one}.{name} = {other}.{name}" for name in self.key)

    def differs(self, one: str, other: str) -> str:
        either = " OR ".join(f"{one}.{name} IS DISTINCT FROM {other}.{name}" for name in self.compared)
        return f"({either or 'false'})"

    async def compare(self, connection: AsyncConnection) -> Compared:
        both = f"""
        FROM (SELECT true AS here, l.* FROM {self.of(LIVE)} l) l
        FULL JOIN (SELECT true AS here, r.* FROM {self.of(SCRATCH)} r) r ON {self.same("l", "r")}"""
        differs = f"l.here AND r.here AND {self.differs('l', 'r')}"
        counts = f"""
        SELECT count(l.here), count(r.here), count(*) FILTER (WHERE r.here IS NULL),
               count(*) FILTER (WHERE l.here IS NULL), count(*) FILTER (WHERE {differs}) {both}"""
        names = ", ".join(f"'{name}=' || coalesce(l.{name}, r.{name})" for name in self.key)
        shown = f"""
        SELECT CASE WHEN r.here IS NULL THEN 'only live' WHEN l.here IS NULL THEN 'only rebuilt' ELSE 'different' END
               || '  ' || concat_ws(' ', {names})
        {both} WHERE l.here IS NULL OR r.here IS NULL OR {self.differs("l", "r")} ORDER BY 1 LIMIT 3"""
        live, rebuilt, only_live, only_rebuilt, different = (await connection.execute(text(counts))).one()
        examples: Sequence[str] = ()
        if only_live or only_rebuilt or different:
            examples = (await connection.execute(text(shown))).scalars().all()
        return Compared(self.projection.table, live, rebuilt, only_live, only_rebuilt, different, examples)

    async def remove(self, connection: AsyncConnection) -> None:
        """Remove what only the live table has. Tables that refer to others come first."""
        table, rebuilt = self.projection.table, self.of(SCRATCH)
        mine = self.projection.rows.format(schema=LIVE)
        gone = f"NOT EXISTS (SELECT FROM {rebuilt} r WHERE {self.same(table, 'r')})"
        if self.projection.swap == "replace":
            await connection.execute(text(f"DELETE FROM {LIVE}.{table} WHERE ({mine}) AND {gone}"))

    async def put(self, connection: AsyncConnection) -> None:
        """Change what differs and add what is missing."""
        table, rebuilt, names = self.projection.table, self.of(SCRATCH), ", ".join(self.columns)
        if self.projection.swap == "replace" and self.compared:
            changes = ", ".join(f"{name} = r.{name}" for name in self.compared)
            both = f"{rebuilt} r JOIN {self.of(LIVE)} l ON {self.same('l', 'r')}"
            where = f"{self.same(table, 'r')} AND {self.differs('l', 'r')}"
            await connection.execute(text(f"UPDATE {LIVE}.{table} SET {changes} FROM {both} WHERE {where}"))
        if self.projection.swap != "never":
            missing = f"SELECT {names} FROM {rebuilt} r WHERE NOT EXISTS (SELECT FROM {LIVE}.{table} WHERE "
            missing += f"{self.same(table, 'r')}) ON CONFLICT DO NOTHING"
            await connection.execute(text(f"INSERT INTO {LIVE}.{table} ({names}) {missing}"))


async def columns_of(connection: AsyncConnection, table: str) -> tuple[list[str], list[str]]:
    """The columns of a table (with its schema) and those of its primary key; both empty when there is no such table."""
    rows = (await connection.execute(_COLUMNS, {"table": table})).all()
    return [row.name for row in rows], [row.name for row in rows if row.key]


async def pairs(connection: AsyncConnection, projections: Projections) -> list[Pair]:
    """Each declared table, in order. LookupError when the service has no such table or column."""
    found = []
    for each in projections.tables:
        columns, primary = await columns_of(connection, f"{SCRATCH}.{each.table}")
        if unknown := {*each.key, *each.ignored} - set(columns) or ({each.table} if not columns else set()):
            raise LookupError(f"{each.table} is declared with {', '.join(sorted(unknown))}, which is not there")
        found.append(Pair(each, columns, each.key or primary))
    return found


async def copy_given(connection: AsyncConnection, table: str) -> None:
    """Bring the copy of one of the service's own tables up to the live one."""
    names, key = await columns_of(connection, f"{LIVE}.{table}")
    same = " AND ".join(f"l.{name} = {table}.{name}" for name in key)
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in names)
    listed = ", ".join(names)
    await connection.execute(
        text(f"DELETE FROM {SCRATCH}.{table} WHERE NOT EXISTS (SELECT FROM {LIVE}.{table} l WHERE {same})")
    )
    await connection.execute(
        text(
            f"INSERT INTO {SCRATCH}.{table} ({listed}) SELECT {listed} FROM {LIVE}.{table} "
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
        )
    )
