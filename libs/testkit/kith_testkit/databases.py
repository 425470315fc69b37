"""A database per service and test process, cloned from a template that was migrated once."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from kith_chassis.migrations import upgrade

_PASSWORD = "test"  # noqa: S105 -- of a server that lives as long as the tests


@dataclass(frozen=True)
class ServiceDatabase:
    """Where one service's database is, as each of its roles."""

    service: str
    name: str
    admin_url: str

    def url(self, role: str) -> str:
        parts = urlsplit(self.admin_url)
        place = (parts.hostname or "127.0.0.1") + (f":{parts.port}" if parts.port else "")
        return urlunsplit(("postgresql", f"{self.service}_{role}:{_PASSWORD}@{place}", f"/{self.name}", "", ""))

    @property
    def api_url(self) -> str:
        return self.url("api")

    @property
    def worker_url(self) -> str:
        return self.url("worker")

    @property
    def owner_url(self) -> str:
        return self.url("owner")


@contextmanager
def _alone(directory: Path, name: str) -> Iterator[None]:
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _version(package: str) -> str:
    """Changes when a migration does."""
    history = hashlib.sha256()
    for each in sorted(Path(str(files(package) / "migrations" / "versions")).glob("*.py")):
        history.update(each.read_bytes())
    history.update(Path(str(files("kith_chassis") / "migrations.py")).read_bytes())
    return history.hexdigest()[:12]


async def clone(admin_url: str, service: str, *, suffix: str, directory: Path) -> ServiceDatabase:
    """A fresh database for `service`, from its template; `directory` holds the locks that test processes share."""
    template = ServiceDatabase(service, f"t_{service}_{_version(f'kith_{service}')}", admin_url)
    database = ServiceDatabase(service, f"{service}_{suffix}", admin_url)
    admin = await asyncpg.connect(admin_url)
    try:
        with _alone(directory, service):
            if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", template.name):
                await _create(admin, template)
                await upgrade(f"kith_{service}", template.owner_url)
            await admin.execute(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')
            await admin.execute(f'CREATE DATABASE "{database.name}" TEMPLATE "{template.name}" OWNER {service}_owner')
    finally:
        await admin.close()
    return database


async def empty(admin_url: str, service: str, *, suffix: str, directory: Path) -> ServiceDatabase:
    """A database for `service` as an operator makes it: roles and an owner, no table, nothing granted."""
    database = ServiceDatabase(service, f"empty_{service}_{suffix}", admin_url)
    admin = await asyncpg.connect(admin_url)
    try:
        with _alone(directory, service):
            await admin.execute(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')
            await _create(admin, database)
    finally:
        await admin.close()
    return database


async def _create(admin: "asyncpg.Connection[asyncpg.Record]", database: ServiceDatabase) -> None:
    for role in ("owner", "api", "worker"):
        name = f"{database.service}_{role}"
        if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
            await admin.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{_PASSWORD}'")
    await admin.execute(f'CREATE DATABASE "{database.name}" OWNER {database.service}_owner')
