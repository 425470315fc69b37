"""What the owner's migrations grant, and to whom."""

import asyncpg
import pytest
import pytest_asyncio

from kith_chassis.migrations import upgrade

FORBIDDEN = ("CREATE TABLE mine ()", "DROP TABLE trees", "TRUNCATE trees")


async def ask(url, sql):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def urls(notes):
    """Where the database is, its owner having migrated it: a copy of a database has none of its grants."""
    assert await upgrade("kith_notes", notes.urls.owner_url) == []
    return notes.urls


async def test_no_other_role_gets_into_the_database(urls):
    if not await ask(urls.admin_url, "SELECT 1 FROM pg_roles WHERE rolname = 'passer_by'"):
        await ask(urls.admin_url, "CREATE ROLE passer_by LOGIN PASSWORD 'test'")
    stranger = urls.api_url.replace("notes_api:", "passer_by:", 1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="CONNECT"):
        await ask(stranger, "SELECT 1")


async def test_tables_of_the_owner_are_open_to_api_and_worker_without_further_grants(urls):
    await ask(urls.owner_url, "CREATE TABLE trees (id bigserial PRIMARY KEY, name text)")
    try:
        for url in (urls.api_url, urls.worker_url):
            assert await ask(url, "INSERT INTO trees (name) VALUES ('ash') RETURNING name") == "ash"
            for forbidden in FORBIDDEN:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await ask(url, forbidden)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(urls.api_url, "CREATE TEMP TABLE mine ()")
    finally:
        await ask(urls.owner_url, "DROP TABLE trees")
