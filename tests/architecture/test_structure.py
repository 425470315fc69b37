"""The rules of the house that a machine can hold."""

import ast
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kith_testkit.contracts import application, services

pytestmark = pytest.mark.unit
ROOT = Path(__file__).parents[2]
PACKAGES = {
    path.name: path
    for path in (*ROOT.glob("services/*/kith_*"), *ROOT.glob("gateway/kith_*"), *ROOT.glob("libs/*/kith_*"))
}
DEPLOYABLES = sorted(name for name, path in PACKAGES.items() if path.parts[-3] != "libs")
DOMAIN = re.compile(
    r"communit|\b(mentors?|mentees?|members?|newcomers?|pairings?|enrol|kudos|badges?|circles?|leaderboards?|cohorts?)\b",
    re.IGNORECASE,
)


def tracked(*patterns):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def lint(directory):
    command = [shutil.which("lint-imports", path=str(Path(sys.executable).parent)), "--no-cache"]
    # The packages of this directory come first, so that a planted copy is what is looked at.
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_the_import_contract_lists_every_deployable_and_library_on_disk():
    text = (ROOT / ".importlinter").read_text()
    sections = text.split("[importlinter")
    roots = next(part for part in sections if "root_packages" in part)
    assert all(name in roots for name in PACKAGES), "add the package to root_packages"
    for contract in ("independent", "layers", "images"):
        section = next(part for part in sections if part.startswith(f":contract:{contract}]"))
        missing = [name for name in DEPLOYABLES if name not in section]
        assert not missing, f"add {missing} to the contract {contract!r}"


@pytest.mark.parametrize(
    ("package", "line", "contract"),
    [
        ("kith_groups", "import kith_matching", "Deployables know nothing of each other"),
        ("kith_chassis", "import kith_groups", "Libraries lie below deployables"),
        ("kith_gateway", "import asyncpg", "The gateway has no database"),
        ("kith_gateway", "import kith_stream.publishing", "The gateway listens to the bus and writes nothing to it"),
        ("kith_metrics", "import kith_testkit", "No deployable carries the test kit or the local runner"),
    ],
)
def test_a_planted_violation_turns_the_import_contract_red(tmp_path, package, line, contract):
    for name, path in PACKAGES.items():
        shutil.copytree(path, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    (tmp_path / package / "planted.py").write_text(f"{line}\n")
    result = lint(tmp_path)
    assert result.returncode != 0
    assert f"{contract} BROKEN" in result.stdout


def test_no_domain_word_is_in_the_chassis():
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in PACKAGES["kith_chassis"].rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if DOMAIN.search(line) and "are members clients can read" not in line and "the extra members" not in line
    ]
    assert found == []


def test_no_file_is_over_400_lines_and_the_chassis_not_over_2000():
    lengths = {path: len(path.read_text().splitlines()) for path in tracked("*.py")}
    assert {str(path): n for path, n in lengths.items() if n > 400} == {}
    assert sum(n for path, n in lengths.items() if PACKAGES["kith_chassis"] in path.parents) < 2000


def test_every_permission_a_route_asks_for_is_one_a_role_or_a_scope_gives():
    from kith_identity.permissions import PERMISSIONS, SCOPES  # noqa: PLC0415 -- only this test looks into identity

    calls = [
        node
        for path in tracked("services/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "permitted"
    ]
    asked = {node.args[0].value for node in calls} - {None}  # None: any member
    read_elsewhere = {"members:read_private", "community:manage"}  # asked for with Principal.may, and to come
    assert asked | read_elsewhere == set().union(*PERMISSIONS.values())
    read_by_apps = {keyword.value.value for node in calls for keyword in node.keywords}
    assert read_by_apps <= set(SCOPES) <= asked | read_elsewhere | read_by_apps


@pytest.mark.parametrize("service", services())
def test_every_route_says_who_may_call_it(service):
    """A route without a token check is one of identity's doors before login."""
    open_doors = {"/.well-known/jwks.json", "/communities", "/join", "/sessions", "/sessions/refresh", "/sessions/end",
                  "/invitations/redeem", "/apps/token"}  # fmt: skip
    document = application(service).openapi()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path in open_doors and service == "identity":
                continue
            assert _guarded(application(service), path), f"{service} {operation['operationId']} asks for no token"


def _guarded(app, path):
    from kith_chassis.tokens import caller  # noqa: PLC0415

    def asks(dependant):
        return dependant.call is caller or any(asks(each) for each in dependant.dependencies)

    routes = [route for route in _routes(app.router) if getattr(route, "path", None) == path]
    return bool(routes) and all(asks(route.dependant) for route in routes)


def _routes(router):
    for route in router.routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            yield from _routes(inner)
        else:
            yield route


ISOLATED = """
import importlib, importlib.abc, importlib.metadata, json, pkgutil, sys
package, allowed = sys.argv[1], set(json.loads(sys.argv[2]))
owners = importlib.metadata.packages_distributions()
class Only(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        of = {each.lower().replace("_", "-") for each in owners.get(top, ())}
        if of and not of & allowed:
            raise ModuleNotFoundError(f"{name} is not among the dependencies of {package}", name=name)
        return None
sys.meta_path.insert(0, Only())
module = importlib.import_module(package)
for each in pkgutil.walk_packages(module.__path__, package + "."):
    if ".migrations" not in each.name and not each.name.endswith("__main__"):
        importlib.import_module(each.name)
"""


def _closure(requirements):
    """Names of the distributions these requirement strings bring, extras followed."""
    found, todo = set(), list(requirements)
    while todo:
        requirement = todo.pop()
        name, extras = re.match(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", requirement).groups()
        key = (name.lower().replace("_", "-").replace(".", "-"), tuple(sorted((extras or "").split(","))))
        if key in found:
            continue
        found.add(key)
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        wanted = [each.strip() for each in (extras or "").split(",")]
        for need in needs:
            marker = re.search(r"extra == ['\"]([^'\"]+)['\"]", need)
            if marker is None or marker.group(1) in wanted:
                todo.append(need)
    return sorted({name for name, _ in found})


@pytest.mark.parametrize("name", [name for name in sorted(PACKAGES) if name != "kith_testkit"])
def test_each_package_imports_with_nothing_but_what_it_declares(name):
    project = tomllib.loads((PACKAGES[name].parent / "pyproject.toml").read_text())["project"]
    extras = [each for some in project.get("optional-dependencies", {}).values() for each in some]
    allowed = [*_closure([*project["dependencies"], *extras]), name.replace("_", "-")]
    command = [sys.executable, "-W", "ignore", "-c", ISOLATED, name, json.dumps(allowed)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]


def test_the_repository_speaks_of_kith_alone():
    places = re.compile(r"(^|[^A-Za-z0-9_.])/(work|root|home/[a-z]+|tmp/bash_jobs)/|/\.library\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ""} and path.name != "uv.lock"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if places.search(line) and path != Path(__file__)
    ]
    assert found == []


def test_every_test_that_the_docs_name_is_there():
    text = (ROOT / "docs" / "events.md").read_text()
    named = re.findall(r"`(\w+/test_\w+\.py)(?:::(\w+))?", text)
    assert len(named) > 10
    for path, name in named:
        assert name in (ROOT / "tests" / path).read_text(), f"{path}::{name}"


@pytest.mark.parametrize("service", services())
def test_every_service_mends_what_it_misses(service):
    assert "reconciling" in (PACKAGES[f"kith_{service}"] / "main.py").read_text()


def test_the_gateway_joins_every_service_and_every_part_of_its_schema():
    from kith_gateway import joins, schema  # noqa: PLC0415 -- only this test looks into the gateway
    from kith_gateway.settings import Settings  # noqa: PLC0415 -- the same
    from kith_local.layout import SERVICES  # noqa: PLC0415 -- the same

    known = {each.name for each in vars(joins).values() if isinstance(each, joins.Service)}
    assert known == set(services()) == set(Settings().service_urls()) == set(SERVICES)
    parts = {path.stem for path in (PACKAGES["kith_gateway"] / "schema").glob("*.py")} - {"__init__"}
    assert parts == {
        each.__name__.rpartition(".")[2] for each in (*schema.QUERIES, *schema.MUTATIONS, schema.subscriptions)
    }


def test_the_actors_of_tests_may_do_what_those_who_sign_in_may():
    from kith_identity.permissions import permissions_of  # noqa: PLC0415 -- only this test looks into identity
    from kith_testkit import probe  # noqa: PLC0415 -- the same

    assert set(permissions_of([])) == probe.MEMBER
    assert set(permissions_of(["owner"])) == probe.OWNER


def test_no_test_changes_a_module_that_others_in_its_process_use():
    """A sleep that begins while `time.monotonic` is an hour ahead ends an hour late."""
    through = re.compile(r"""setattr\(\s*(?:"[\w.]+\.(?:time|asyncio|random)\.\w+"|(?:time|asyncio|random),)""")
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    assert [str(each) for each in tests if through.search(each.read_text())] == []
