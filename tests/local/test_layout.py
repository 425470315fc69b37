"""Directories, ports and secrets of an installation; what is said when they are taken."""

import errno
import json
import os
import socket
import stat

import pytest

from kith_local import environments, layout
from kith_local.credentials import Credentials
from kith_local.databases import login_url
from kith_local.errors import LocalError, explain
from kith_local.layout import SERVICES, Installation

pytestmark = pytest.mark.unit


def test_ports_follow_from_one_base(tmp_path):
    installation = Installation(tmp_path, 9000)
    names = ("gateway", *SERVICES, "nats", "nats health", "postgres")
    assert [installation.port(name) - 9000 for name in names] == [0, 1, 2, 3, 4, 5, 6, 22, 23, 32]


def test_the_environment_chooses_directory_port_and_outside_servers(tmp_path):
    given = {"KITH_HOME": str(tmp_path), "KITH_PORT": "9000", "DATABASE_URL": "postgresql://a@b/c", "NATS_URL": ""}
    assert Installation.from_environment(given) == Installation(tmp_path, 9000, "postgresql://a@b/c", None)


def test_the_nearest_directory_upwards_is_used_from_below(tmp_path, monkeypatch):
    (tmp_path / ".kith").mkdir()
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs" / "deep")
    assert Installation.from_environment({}).home == tmp_path / ".kith"


@pytest.mark.parametrize("given", ["abc", "-1", "80", "65530", "8400.5"])
def test_a_base_that_is_no_port_is_refused_with_an_example(given):
    with pytest.raises(LocalError, match=r"KITH_PORT=8500"):
        Installation.from_environment({"KITH_PORT": given})


def test_a_port_in_use_is_named_with_its_service_its_process_and_the_way_out(installation):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port("groups")))
        taken.listen()
        with pytest.raises(LocalError) as caught:
            installation.check_ports([*SERVICES, "gateway"])
    message = str(caught.value)
    assert f"port {installation.port('groups')} (groups) is in use by" in message
    assert "KITH_PORT=" in message
    installation.check_ports([*SERVICES, "gateway"])  # and free again


def test_a_directory_is_held_by_one_at_a_time(installation):
    other = Installation(installation.home, installation.base_port)
    with installation.locked(), pytest.raises(LocalError, match=r"already runs in .* KITH_HOME="), other.locked():
        pass
    with other.locked():
        pass


def test_a_directory_that_is_a_file_is_one_clear_message(tmp_path):
    (tmp_path / "kith").write_text("not a directory")
    with pytest.raises(LocalError, match=str(tmp_path)), Installation(tmp_path / "kith").locked():
        pass


def test_too_little_room_is_said_before_anything_starts(installation, monkeypatch):
    installation.home.mkdir()
    installation.check_space()
    monkeypatch.setattr(layout, "_NEEDED_BYTES", 1 << 62)
    with pytest.raises(LocalError, match=r"is full .* Free at least 300 MB"):
        installation.check_space()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free at least"),
        (errno.EACCES, "another user"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "start again"),
    ],
)
def test_each_operating_system_error_says_what_to_do(tmp_path, number, advice):
    assert advice in str(explain(OSError(number, "it failed", "/some/file"), tmp_path))


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path):
    path = tmp_path / "secrets.json"
    first = Credentials(path)["nats"]
    assert Credentials(path)["nats"] == first
    assert Credentials(path)["other"] != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first) == 43  # 32 bytes, base64url without padding


@pytest.mark.parametrize("content", ["", "{", "[]", "7"])
def test_a_damaged_file_of_secrets_is_left_alone(tmp_path, content):
    path = tmp_path / "secrets.json"
    path.write_text(content)
    with pytest.raises(LocalError, match="damaged"):
        Credentials(path)
    assert path.read_text() == content


def test_a_login_keeps_the_servers_address_and_options():
    url = login_url("postgresql://admin:p%40ss@db.example:6432/postgres?sslmode=require", "groups", "api", "a/b")
    assert url == "postgresql://groups_api:a%2Fb@db.example:6432/kith_groups?ssl=require"


def test_each_service_is_told_its_own_logins_and_the_gateway_none(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://root@elsewhere/")
    monkeypatch.setenv("KITH_OTLP_ENDPOINT", "http://collector")
    installation, credentials = Installation(tmp_path, 9000), Credentials(tmp_path / "secrets.json")
    admin = "postgresql://postgres:x@127.0.0.1:9032/postgres"
    told = {name: environments.service(installation, credentials, admin, name) for name in SERVICES}
    assert "postgresql://groups_api:" in told["groups"]["KITH_DATABASE_URL"]
    assert "postgresql://groups_worker:" in told["groups"]["KITH_WORKER_DATABASE_URL"]
    assert [name for name in SERVICES if "KITH_SECRET_KEY" in told[name]] == ["identity"]
    assert len({each["KITH_DATABASE_URL"] for each in told.values()}) == len(SERVICES)
    gateway = environments.gateway(installation, credentials)
    assert gateway["KITH_GROUPS_URL"] == "http://127.0.0.1:9003"
    added = set(gateway) - set(os.environ)
    assert not [name for name in added if "DATABASE" in name or "SECRET" in name]
    assert "DATABASE_URL" not in gateway
    assert {each["KITH_OTLP_ENDPOINT"] for each in (*told.values(), gateway)} == {"http://collector"}
    assert gateway["KITH_NATS_URL"] == told["groups"]["KITH_NATS_URL"]
    stored = json.loads((tmp_path / "secrets.json").read_text())
    assert told["matching"]["KITH_NATS_PASSWORD"] == stored["nats"]
