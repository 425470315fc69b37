"""The embedded servers: data directories of every kind, orphans, roles and what each may do."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import psutil
import pytest
import pytest_asyncio

from kith_local import accounts, postgres
from kith_local.accounts import account_for
from kith_local.databases import login_url, prepare
from kith_local.errors import LocalError
from kith_local.nats import Nats, greeting
from kith_local.postgres import UNSAFE_AND_FAST, Cluster
from kith_testkit.servers import nats_server, postgres_server

from .conftest import free_base, until

pytestmark = pytest.mark.integration
SERVICES = ("orchard", "meadow")


def password(role):
    return f"secret-of-{role}"


@pytest.fixture
def cluster(tmp_path):
    """A cluster whose data directory does not exist yet; ended with the test."""
    account = account_for(tmp_path / "data")
    one = Cluster(tmp_path / "data", free_base(), "secret", account, UNSAFE_AND_FAST)
    one.admit()
    yield one
    postgres.take_over(one.data)


def create(cluster):
    with cluster.creating() as argv:
        subprocess.run(argv, check=True, capture_output=True, cwd="/", **spawn(cluster))


def spawn(cluster):
    return {"env": dict(postgres.ENVIRONMENT), **(cluster.account.spawn if cluster.account else {})}


def serve(cluster, log):
    with log.open("a") as out:
        server = subprocess.Popen(cluster.argv, stdout=out, stderr=out, cwd="/", **spawn(cluster))
    until(lambda: cluster.ready() or server.poll() is not None, "it is ready or ended")
    return server


async def ask(url, sql):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_new_cluster_answers_on_loopback_to_who_knows_the_password(cluster, tmp_path):
    assert not cluster.exists()
    create(cluster)
    assert cluster.exists()
    with serve(cluster, tmp_path / "log") as server:
        assert (await ask(cluster.url, "SHOW server_version")).startswith("18")
        assert await ask(cluster.url, "SELECT lower('ÅSA')") == "åsa"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(cluster.url.replace("secret", "guess"), "SELECT 1")
        listening = [each for each in psutil.Process(server.pid).net_connections() if each.status == "LISTEN"]
        assert [each.laddr.ip for each in listening] == ["127.0.0.1"]
        server.send_signal(signal.SIGINT)
    assert server.returncode == 0
    assert not list(tmp_path.glob("password-*"))


async def test_what_was_stored_survives_the_death_of_the_server_and_a_stale_pid_file(cluster, tmp_path):
    create(cluster)
    with serve(cluster, tmp_path / "log") as server:
        await ask(cluster.url, "CREATE TABLE kept AS SELECT 7 AS n")
        await ask(cluster.url, "CHECKPOINT")
        server.kill()
    lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    # The process id has meanwhile gone to another program of the same user.
    with subprocess.Popen(["/bin/sleep", "600"], **spawn(cluster)) as other:  # noqa: ASYNC220 -- returns at once
        (cluster.data / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        postgres.take_over(cluster.data)
        assert other.poll() is None
        with serve(cluster, tmp_path / "log") as server:
            assert await ask(cluster.url, "SELECT n FROM kept") == 7
            server.send_signal(signal.SIGINT)
        other.kill()


async def test_a_server_left_over_is_shut_down_in_order(cluster, tmp_path):
    create(cluster)
    with serve(cluster, tmp_path / "log") as server:
        client = await asyncpg.connect(cluster.url)
        assert await asyncio.to_thread(postgres.take_over, cluster.data)
        assert server.wait(10) == 0  # an orderly shutdown, although a client is connected
        client.terminate()
    assert "database system is shut down" in (tmp_path / "log").read_text()
    assert not postgres.take_over(cluster.data)


def test_a_directory_of_another_version_is_left_alone_and_the_way_out_is_said(cluster):
    cluster.data.mkdir()
    (cluster.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(LocalError, match=r"written by PostgreSQL 15; this is PostgreSQL 18.*mv .*data.*pg_dumpall"):
        cluster.exists()
    assert (cluster.data / "PG_VERSION").read_text() == "15\n"


def test_a_directory_of_something_else_is_left_alone(cluster):
    cluster.data.mkdir()
    (cluster.data / "thesis.txt").write_text("years of work")
    with pytest.raises(LocalError, match="holds no PostgreSQL data"):
        cluster.exists()
    assert (cluster.data / "thesis.txt").exists()


def test_a_data_directory_appears_whole_or_not_at_all(cluster):
    cluster.data.mkdir()  # empty is as good as absent
    with pytest.raises(subprocess.CalledProcessError), cluster.creating() as argv:
        subprocess.run([*argv, "--no-such-option"], check=True, capture_output=True, cwd="/", **spawn(cluster))
    assert sorted(each.name for each in cluster.data.parent.iterdir()) == ["data"]
    assert not cluster.exists()
    (cluster.data.parent / "data.new").mkdir()  # of a run killed while it created
    create(cluster)
    assert cluster.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")
def test_root_opens_closed_directories_to_the_servers_account_alone():
    account = account_for(Path("/nonexistent"))
    with tempfile.TemporaryDirectory() as closed:
        inner = Path(closed) / "inner"
        inner.mkdir(mode=0o700)
        target = inner / "data"
        target.mkdir()
        assert accounts.admit(account, target) == [Path(closed), inner]
        assert accounts.admit(account, target) == []
        assert stat.S_IMODE(inner.stat().st_mode) & 0o007 == 0
        see = ["/bin/sh", "-c", f"test -x {inner} && ! test -r {inner}"]
        assert subprocess.run(see, check=False, cwd="/", **account.spawn).returncode == 0
        nobody = accounts.Account("nobody", 65534, 65534)
        assert subprocess.run(see, check=False, cwd="/", **nobody.spawn).returncode != 0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin():
    """The superuser's URL of a server that these tests have for themselves, with two services prepared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_XDIST_TESTRUNUID", f"roles-{os.getpid()}")
        with postgres_server() as server:
            await prepare(server.admin_url, SERVICES, password)
            yield server.admin_url


def url(admin, service, role):
    return login_url(admin, service, role, password(f"{service}_{role}"))


async def test_preparing_again_changes_nothing_and_mends_a_forgotten_password(admin):
    await ask(admin, "ALTER ROLE orchard_api PASSWORD 'another'")
    await prepare(admin, SERVICES, password)
    assert await ask(url(admin, "orchard", "api"), "SELECT current_database()") == "kith_orchard"
    attributes = "SELECT bool_or(rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole) FROM pg_roles"
    assert await ask(admin, f"{attributes} WHERE rolname LIKE 'orchard_%'") is False


async def test_a_login_that_may_create_roles_and_databases_is_enough(admin):
    await ask(admin, "CREATE ROLE operator LOGIN CREATEROLE CREATEDB PASSWORD 'operator'")
    operator = admin.replace("postgres:test@", "operator:operator@")
    await prepare(operator, ["harbor"], password)
    await prepare(operator, ["harbor"], password)
    assert await ask(url(admin, "harbor", "api"), "SELECT current_user") == "harbor_api"


async def test_a_login_that_may_not_is_told_what_it_lacks(admin):
    await ask(admin, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with pytest.raises(LocalError, match="ALTER ROLE guest CREATEROLE CREATEDB"):
        await prepare(admin.replace("postgres:test@", "guest:guest@"), ["pier"], password)


async def test_a_role_that_escapes_row_level_security_is_refused(admin):
    await ask(admin, "CREATE ROLE marsh_api LOGIN BYPASSRLS")
    with pytest.raises(LocalError, match="ALTER ROLE marsh_api NOSUPERUSER NOBYPASSRLS"):
        await prepare(admin, ["marsh"], password)


async def test_a_server_that_does_not_answer_or_refuses_is_one_clear_message(admin):
    with pytest.raises(LocalError, match=r"No PostgreSQL answers at 127.0.0.1:1 "):
        await prepare("postgresql://a@127.0.0.1:1/b", SERVICES, password)
    with pytest.raises(LocalError, match="refuses the login"):
        await prepare(admin.replace("postgres:test@", "postgres:wrong@"), SERVICES, password)
    with pytest.raises(LocalError, match="cannot be used"):
        await prepare(admin.rpartition("/")[0] + "/absent", SERVICES, password)


async def test_nats_tells_its_version_and_lets_in_who_knows_the_password(tmp_path):
    server = Nats(tmp_path / "nats", free_base(), "kith", "secret")
    argv = server.configure()
    assert stat.S_IMODE((tmp_path / "nats" / "server.conf").stat().st_mode) == 0o600
    assert await greeting(server.url) is None
    with (tmp_path / "log").open("w") as log, subprocess.Popen(argv, stderr=log, cwd="/") as process:  # noqa: ASYNC220 -- a test may wait
        try:
            await asyncio.to_thread(until, lambda: asyncio.run(server.ready()), "it is ready")
            info = await greeting(server.url)
            assert (str(info["version"])[:5], info["jetstream"], info["auth_required"]) == ("2.15.", True, True)
        finally:
            process.terminate()


def test_servers_of_tests_are_gone_when_the_test_process_is_killed(tmp_path):
    code = f"""
import time
from pathlib import Path
from kith_testkit.servers import nats_server, postgres_server
with postgres_server() as one, nats_server(Path({str(tmp_path)!r})) as other:
    print(one.pid, other.pid, flush=True)
    time.sleep(600)
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_TESTRUNUID"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True) as driver:
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        assert [psutil.pid_exists(pid) for pid in pids] == [True, True]
        driver.kill()
    until(lambda: not any(map(psutil.pid_exists, pids)), "both are gone", seconds=15)


def test_processes_of_one_run_share_a_server_until_the_last_has_left(monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", f"shared-{os.getpid()}")
    with postgres_server() as first:
        with postgres_server() as second:
            assert second == first
        assert psutil.pid_exists(first.pid)
    until(lambda: not psutil.pid_exists(first.pid), "it is gone", seconds=15)


def test_nats_is_gone_when_its_block_is_left(tmp_path):
    with nats_server(tmp_path) as server:
        assert psutil.pid_exists(server.pid)
    assert not psutil.pid_exists(server.pid)
    assert not list(tmp_path.iterdir())
