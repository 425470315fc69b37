"""A database and three roles per service: the owner migrates, `…_api` and `…_worker` read and write rows.

Works on the embedded server and on any PostgreSQL 16 or newer, as a superuser or with CREATEROLE and CREATEDB.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

from kith_local.errors import LocalError

ROLES = ("owner", "api", "worker")
_OLDEST = 160_000

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def role_name(service: str, role: str) -> str:
    return f"{service}_{role}"


def database_name(service: str) -> str:
    return f"kith_{service}"


def login_url(admin_url: str, service: str, role: str, password: str) -> str:
    """The URL of a service's role on the server of `admin_url`, in its database, with that URL's options."""
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]
    # The services' driver layer calls `ssl` what libpq and everyone's URLs call `sslmode`.
    options = [("ssl" if name == "sslmode" else name, value) for name, value in parse_qsl(parts.query)]
    login = f"{quote(role_name(service, role), safe='')}:{quote(password, safe='')}"
    return urlunsplit(("postgresql", f"{login}@{place}", f"/{quote(database_name(service))}", urlencode(options), ""))


async def prepare(
    admin_url: str,
    services: Iterable[str],
    password: Callable[[str], str],
    *,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Create what is missing of each service's roles and database and set the roles' passwords; may be run again.

    `password(role_name)` gives each role's. LocalError when the server cannot be used.
    """
    admin = await _connect(admin_url)
    try:
        await _check(admin, admin_url)
        for service in services:
            say(service)
            await _prepare_roles(admin, service, password)
            name = database_name(service)
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                await admin.execute(f'CREATE DATABASE "{name}" OWNER {role_name(service, "owner")}')
    finally:
        await admin.close()


async def _connect(url: str) -> Connection:
    parts = urlsplit(url)
    place = f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
    try:
        return await asyncpg.connect(url, timeout=10, server_settings={"application_name": "kith up"})
    except (OSError, TimeoutError) as error:
        raise LocalError(
            f"No PostgreSQL answers at {place} ({error}). Start it, correct DATABASE_URL, or unset it to use the "
            "embedded server."
        ) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise LocalError(
            f"PostgreSQL at {place} refuses the login: {error}. Correct DATABASE_URL. For the embedded server the "
            "password is in secrets.json beside its data: restore that file, or move both away to begin anew."
        ) from error
    except (asyncpg.PostgresError, ValueError) as error:
        raise LocalError(f"PostgreSQL at {place} cannot be used: {error}. Correct DATABASE_URL.") from error


async def _check(admin: Connection, url: str) -> None:
    version = int(await admin.fetchval("SELECT current_setting('server_version_num')"))
    if version < _OLDEST:
        raise LocalError(f"PostgreSQL {version // 10_000} is too old; Kith needs 16 or newer. Correct DATABASE_URL.")
    may = await admin.fetchval(
        "SELECT rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
    )
    if not may:
        raise LocalError(
            f"The login {urlsplit(url).username} of DATABASE_URL may not create roles and databases. "
            f"As a superuser: ALTER ROLE {urlsplit(url).username} CREATEROLE CREATEDB;"
        )
    # Without this a CREATEROLE login may make a role and yet not hand it a database.
    await admin.execute("SET createrole_self_grant = 'set, inherit'")


async def _prepare_roles(admin: Connection, service: str, password: Callable[[str], str]) -> None:
    for role in ROLES:
        name = role_name(service, role)
        found = await admin.fetchrow("SELECT rolsuper OR rolbypassrls AS free FROM pg_roles WHERE rolname = $1", name)
        if found is None:
            # The password follows in ALTER ROLE, so that a role made by a run that was killed gets its own too.
            await admin.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB")
        elif found["free"]:
            raise LocalError(
                f"The role {name} of this server bypasses row-level security, which keeps communities apart. "
                f"As a superuser: ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS;"
            )
        # Passwords here are ours: URL-safe letters, so quoting them is not a question.
        await admin.execute(f"ALTER ROLE {name} LOGIN PASSWORD '{password(name)}'")
