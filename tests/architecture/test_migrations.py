"""Migrations that can run while the version before still serves: every statement passes squawk."""

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from kith_chassis.migrations import upgrade
from kith_testkit.databases import empty

SERVICES = sorted(path.parent.name for path in Path(__file__).parents[2].glob("services/*/pyproject.toml"))
SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"
# upgrade() sets the lock timeout and runs in one transaction; attempts and HTTP states are numbers that stay small.
EXCLUDED = ("prefer-robust-stmts", "require-timeout-settings", "prefer-bigint-over-int", "prefer-bigint-over-smallint")


def complaints(sql, path):
    path.write_text(sql)
    argv = [SQUAWK, "--reporter", "json", "--assume-in-transaction", f"--exclude={','.join(EXCLUDED)}", path]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    return [(each["rule_name"], sql.splitlines()[each["line"]]) for each in json.loads(answer)]


@pytest.mark.parametrize("service", SERVICES)
async def test_no_statement_locks_out_or_breaks_the_version_before(servers, service, tmp_path):
    database = await empty(servers.admin_url, service, suffix=f"lint_{servers.worker}", directory=servers.directory)
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert await upgrade(f"kith_{service}", database.owner_url)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    changes = [each for each in statements if each.split()[0].upper() in {"CREATE", "ALTER", "DROP"}]
    changes = [each for each in changes if "alembic_version" not in each]
    assert len(changes) > 10
    assert complaints(";\n".join(changes) + ";\n", tmp_path / "migration.sql") == []


def test_a_statement_that_would_lock_a_table_is_found(tmp_path):
    found = complaints("CREATE INDEX people_by_name ON people (name);\n", tmp_path / "migration.sql")
    assert [rule for rule, _ in found] == ["require-concurrent-index-creation"]
