"""Migrations: one alembic history per service, run by the role that owns the tables.

        python -m kith_chassis.migrations upgrade kith_orders      # KITH_DATABASE_URL is the owner's login

The first migration of a service calls `install()` for the chassis' own tables and `protect(...)` for each table with
a tenant column. Roles are named after the service: `<service>_owner`, `<service>_api`, `<service>_worker`. What the
last two may do in the owner's database is granted at every run: a fresh database needs nothing else.
"""

import asyncio
import os
import sys
from importlib.resources import files

from alembic import op
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_GRANTS = """
REVOKE ALL ON DATABASE "{database}" FROM PUBLIC;
GRANT CONNECT ON DATABASE "{database}" TO {service}_api;
GRANT CONNECT, TEMPORARY ON DATABASE "{database}" TO {service}_worker;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {service}_api, {service}_worker;
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service}_api, {service}_worker;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {service}_api, {service}_worker;
"""
CHASSIS_TABLES = frozenset({"outbox", "outbox_sequences", "inbox", "dead_letters", "idempotency_keys"})


def install() -> None:
    """Create the chassis' tables: outbox, its sequences, inbox, dead letters, idempotency keys."""
    for statement in files("kith_chassis").joinpath("tables.sql").read_text().strip().split(";\n"):
        op.execute(statement.rstrip(";"))
    protect("outbox", column="tenant_id")
    service = op.get_context().opts["service"]
    # What only background work touches is not the API's to read or write.
    op.execute(f"REVOKE ALL ON inbox, dead_letters FROM {service}_api")


def protect(*tables: str, column: str) -> None:
    """Bind each table to the transaction's tenant by row-level security; fails closed where none is set.

    `column` holds the tenant. The worker role, which serves all tenants, and the owner, who migrates, see every row.
    """
    service = op.get_context().opts["service"]
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        same = f"{column} = nullif(current_setting('app.tenant', true), '')::uuid"
        op.execute(f"CREATE POLICY tenant ON {table} TO {service}_api USING ({same}) WITH CHECK ({same})")
        everyone = f"{service}_worker, {service}_owner"
        op.execute(f"CREATE POLICY background ON {table} TO {everyone} USING (true) WITH CHECK (true)")


async def upgrade(package: str, url: str, *, schema: str = "public") -> list[str]:
    """Bring a schema at `url` to the newest revision of `package`; returns the revisions applied, in order."""
    where = {"server_settings": {"search_path": schema}}
    address = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(address, poolclass=NullPool, connect_args=where)
    try:
        async with engine.connect() as connection:
            applied = await connection.run_sync(_upgrade, package)
            await connection.commit()
            return applied
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, package: str) -> list[str]:
    service, database = package.removeprefix("kith_"), connection.engine.url.database
    config = Config()
    config.set_main_option("script_location", str(files(package) / "migrations"))
    script = ScriptDirectory.from_config(config)
    applied: list[str] = []

    def steps(revision: str, _: MigrationContext) -> list[object]:
        found = script._upgrade_revs("head", revision)  # noqa: SLF001 -- what alembic.command.upgrade itself calls
        applied.extend(step.revision.revision for step in found)
        return list(found)

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True, service=service)
        with environment.begin_transaction():
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            for grant in _GRANTS.format(service=service, database=database).strip().rstrip(";").split(";\n"):
                connection.execute(text(grant))
            environment.run_migrations()
    return applied


def main(command: str, package: str) -> None:
    if command != "upgrade":
        sys.exit(f"unknown command {command!r}; the only one is: upgrade")
    url = os.environ.get("KITH_DATABASE_URL") or sys.exit("set KITH_DATABASE_URL to the owner's login")
    for revision in asyncio.run(upgrade(package, url)):
        sys.stdout.write(f"{package}: {revision}\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
