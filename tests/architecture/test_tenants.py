"""No community reaches into another: every table, every route."""

import json
from pathlib import Path

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from kith_chassis.ids import new_id
from kith_chassis.migrations import CHASSIS_TABLES
from kith_testkit.contracts import example, services
from kith_testkit.probe import OWNER, Actor

pytestmark = pytest.mark.integration

# Tables that hold nothing of one community alone, and why.
WITHOUT_TENANT = {
    "communities": "names and slugs are public: whoever logs in must be able to name a community",
    "accounts": "one account may belong to several communities; found only by its address, in login",
    "failed_logins": "a digest of an address that may have no login anywhere; found by it alone, in login",
    "alembic_version": "the migration's own",
    "outbox_sequences": "numbers per aggregate id, nothing else",
    "inbox": "event ids; the API role cannot read it",
    "dead_letters": "the API role cannot read it",
    "idempotency_keys": "scoped by the caller's id",
}
TABLES = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS secured,
       array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns,
       array(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
"""


@pytest.mark.parametrize("name", services())
async def test_every_table_of_a_community_is_bound_by_row_level_security(start_service, name):
    service = await start_service(name)
    for table in await service.rows(TABLES):
        if table["relname"] in WITHOUT_TENANT:
            continue
        assert {"community_id", "tenant_id"} & set(table["columns"]), f"{table['relname']} belongs to no community"
        assert table["secured"], f"{table['relname']} lacks protect()"
        assert set(table["policies"]) == {"tenant", "background"}, table["relname"]


@pytest.mark.parametrize("name", services())
async def test_the_roles_a_service_runs_as_cannot_step_around_it(start_service, name):
    service = await start_service(name)
    sql = "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = ANY(:names)"
    names = [f"{name}_{role}" for role in ("owner", "api", "worker")]
    for role in await service.rows(sql, names=names):
        assert (role["rolsuper"], role["rolbypassrls"], role["rolcreaterole"]) == (False, False, False), role["rolname"]


@pytest.mark.parametrize("name", services())
async def test_models_and_migrated_tables_are_the_same(start_service, name):
    service = await start_service(name)
    engine = create_async_engine(service.urls.owner_url.replace("postgresql://", "postgresql+asyncpg://"))

    def differences(connection):
        base = _base(name)
        context = MigrationContext.configure(connection, opts={"include_object": _of_the_service, "compare_type": True})
        return compare_metadata(context, base.metadata)

    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []


def _of_the_service(_thing, name, kind, *_):
    return not (kind == "table" and name in CHASSIS_TABLES)


def _base(name):
    import importlib  # noqa: PLC0415

    package = importlib.import_module(f"kith_{name}.main")
    root = Path(package.__file__).parent
    for path in root.rglob("models.py"):
        importlib.import_module(".".join((f"kith_{name}", *path.relative_to(root).with_suffix("").parts)))
    for module in (f"kith_{name}.base", f"kith_{name}.models"):
        try:
            return importlib.import_module(module).Base
        except ModuleNotFoundError:
            continue
    raise LookupError(name)


# A row of each kind that a path may name, by the name of the path's parameter.
ROWS = {
    "member_id": ("identity", "INSERT INTO members (id, community_id, display_name) VALUES (:id, :c, 'X')"),
    "member_report_id": (
        "identity",
        "WITH another AS (INSERT INTO members (id, community_id, display_name)"
        " VALUES (gen_random_uuid(), :c, 'Y') RETURNING id)"
        " INSERT INTO member_reports (id, community_id, reporter_id, reported_id, reason, body, status)"
        " SELECT :id, :c, :member_id, id, 'other', 'x', 'open' FROM another",
    ),
    "app_id": (
        "identity",
        "INSERT INTO apps (id, community_id, name, scopes, secret_digest, registered_by, registered_at)"
        " VALUES (:id, :c, 'X', '{}', '', :id, now())",
    ),
    "program_id": (
        "matching",
        "INSERT INTO programs (id, community_id, name, kind, objectives, status, acceptance, request_expiry_days,"
        " weights, rules, coordinator_id) VALUES (:id, :c, 'X', 'mentoring', '', 'open', 'both', 7, '{}', '{}', :id)",
    ),
    "run_id": (
        "matching",
        "INSERT INTO match_runs (id, community_id, program_id, status, seed, pins, prohibited, requested_by)"
        " VALUES (:id, :c, :program_id, 'failed', 0, '[]', '[]', :id)",
    ),
    "other_id": (
        "matching",
        "INSERT INTO match_runs (id, community_id, program_id, status, seed, pins, prohibited, requested_by)"
        " VALUES (:id, :c, :program_id, 'solved', 0, '[]', '[]', :id)",
    ),
    "pairing_id": (
        "matching",
        "INSERT INTO pairings (id, community_id, program_id, mentor_id, mentee_id, status)"
        " VALUES (:id, :c, :program_id, :id, gen_random_uuid(), 'proposed')",
    ),
    "agreement_id": (
        "matching",
        "INSERT INTO agreements (id, community_id, pairing_id, version, support, boundaries, channel, every_days,"
        " proposed_by) VALUES (:id, :c, :pairing_id, 1, 'x', 'x', 'video', 7, :id)",
    ),
    "pulse_id": (
        "matching",
        "INSERT INTO pulses (id, community_id, pairing_id, member_id) VALUES (:id, :c, :pairing_id, :id)",
    ),
    "testimonial_id": (
        "matching",
        "INSERT INTO testimonials (id, community_id, pairing_id, author_id, subject_id, body)"
        " VALUES (:id, :c, :pairing_id, :id, :id, 'x')",
    ),
    "goal_id": (
        "matching",
        "INSERT INTO goals (id, community_id, pairing_id, title, progress, set_by)"
        " VALUES (:id, :c, :pairing_id, 'X', 0, :id)",
    ),
    "task_id": (
        "matching",
        "INSERT INTO tasks (id, community_id, pairing_id, title) VALUES (:id, :c, :pairing_id, 'X')",
    ),
    "template_id": (
        "matching",
        "INSERT INTO check_in_templates (id, community_id, program_id, name, agenda)"
        " VALUES (:id, :c, :program_id, 'X', '[]')",
    ),
    "resource_id": (
        "matching",
        "INSERT INTO resources (id, community_id, program_id, audience, title, url, note)"
        " VALUES (:id, :c, :program_id, 'pairs', 'X', 'https://example.org', '')",
    ),
    "module_id": (
        "matching",
        "INSERT INTO training_modules (id, community_id, program_id, title, body, position, required_for)"
        " VALUES (:id, :c, :program_id, 'X', '', 1, '{}')",
    ),
    "help_id": (
        "matching",
        "INSERT INTO help_requests (id, community_id, program_id, asked_by, topic, body, status)"
        " VALUES (:id, :c, :program_id, :id, 'X', '', 'open')",
    ),
    "request_id": (
        "matching",
        "INSERT INTO requests (id, community_id, program_id, mentee_id, mentor_id, message, status, expires_at)"
        " VALUES (:id, :c, :program_id, gen_random_uuid(), :id, 'x', 'pending', now() + interval '1 day')",
    ),
    "call_id": (
        "matching",
        "INSERT INTO open_calls (id, community_id, program_id, status, places, opened_at, ends_at)"
        " VALUES (:id, :c, :program_id, 'open', 1, now(), now() + interval '1 day')",
    ),
    "invitation_id": (
        "matching",
        "INSERT INTO call_invitations (id, community_id, call_id, program_id, member_id, status, skills, people,"
        " asked_at) VALUES (:id, :c, :call_id, :program_id, :id, 'asked', '{}', 1, now())",
    ),
    "preview_id": (
        "matching",
        "INSERT INTO previews (id, community_id, program_id, status, settings, requested_by)"
        " VALUES (:id, :c, :program_id, 'failed', '{}', :id)",
    ),
    "round_id": (
        "matching",
        "INSERT INTO introduction_rounds (id, community_id, program_id, number, status, form, seed, trios, automatic)"
        " VALUES (:id, :c, :program_id, 0, 'solved', 'meet', 0, true, false)",
    ),
    "group_id": (
        "groups",
        "INSERT INTO groups (id, community_id, kind, name, smallest, largest, reasons)"
        " VALUES (:id, :c, 'circle', 'X', 2, 9, '{}')",
    ),
    "session_id": (
        "groups",
        "INSERT INTO sessions (id, community_id, group_id, title, starts_at, time_zone, minutes, mode)"
        " VALUES (:id, :c, :group_id, 'X', now(), 'UTC', 60, 'video')",
    ),
    "space_id": ("groups", "INSERT INTO spaces (id, community_id, key, name) VALUES (:id, :c, 'x', 'X')"),
    "thread_id": (
        "groups",
        "INSERT INTO threads (id, community_id, space_id, author_id, kind, title)"
        " VALUES (:id, :c, :space_id, :id, 'question', 'X')",
    ),
    "report_id": (
        "metrics",
        "INSERT INTO reports (id, community_id, window_days, figures, provenance, requested_by)"
        " VALUES (:id, :c, 28, '{}', '{}', :id)",
    ),
    "endpoint_id": (
        "delivery",
        "INSERT INTO webhook_endpoints (id, community_id, url, event_types, secret)"
        " VALUES (:id, :c, 'https://example.org', '{}', 'whsec_eA==')",
    ),
    "event_id": (
        "delivery",
        "INSERT INTO outgoing_events (id, community_id, type, occurred_at, payload) VALUES (:id, :c, 'x', now(), '{}')",
    ),
    "delivery_id": (
        "delivery",
        "INSERT INTO deliveries (id, community_id, endpoint_id, event_id, event_type, due_at, status)"
        " VALUES (:id, :c, :endpoint_id, :event_id, 'x', now() + interval '1 day', 'failed')",
    ),
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def everything(start_service):
    """One row of each kind in one community: parameter name to id."""
    from sqlalchemy import text  # noqa: PLC0415

    community, ids = new_id(), {}
    probes = {name: await start_service(name) for name in services()}
    async with probes["identity"].database.transaction() as session:
        founded = "INSERT INTO communities (id, slug, name, mission) VALUES (:c, :slug, 'X', '')"
        await session.execute(text(founded), {"c": community, "slug": community.hex})
    for parameter, (service, sql) in ROWS.items():
        ids[parameter] = new_id()
        values = {"id": ids[parameter], "c": community} | {k: v for k, v in ids.items() if f":{k}" in sql}
        async with probes[service].database.transaction() as session:
            await session.execute(text(sql), values)
    return probes, community, ids


@pytest.mark.parametrize("name", services())
async def test_every_route_that_names_a_thing_answers_404_to_another_community(everything, name):
    probes, _, ids = everything
    service, stranger = probes[name], Actor(new_id(), permissions=OWNER)
    document = service.app.openapi()
    named = walked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parameters = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]
            named += "{" in path and parameters != ["key"]
            if not parameters or parameters == ["key"]:  # the key of a micro-task is the same word everywhere
                continue
            unknown = [each for each in parameters if each not in ids]
            assert not unknown, f"{name} {path}: say in ROWS how to make a {unknown}"
            url = path.format(**{each: ids[each] for each in parameters})
            answer = await service.client(stranger).request(method, url, json=_body(operation, document, ids))
            assert answer.status_code == 404, f"{method} {path} answered {answer.status_code}: {answer.text[:200]}"
            walked += 1
    assert walked == named


@pytest.mark.parametrize("name", services())
async def test_no_list_and_no_batch_tells_another_community_anything(everything, name):
    probes, community, ids = everything
    service, stranger = probes[name], Actor(new_id(), permissions=OWNER)
    client, document = service.client(stranger), service.app.openapi()
    secrets = {str(community), *(str(each) for each in ids.values())}
    for path, operations in document["paths"].items():
        if "{" in path:
            continue
        if "get" in operations and path != "/community":
            answer = await client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text[:200]}"
            assert not any(secret in answer.text for secret in secrets), path
        if path.startswith("/read/"):
            keys = [str(each) for each in ids.values()]
            answer = await client.post(path, json={"keys": keys})
            assert answer.status_code == 200, f"{path}: {answer.text[:200]}"
            assert len(answer.json()) == len(keys)
            assert not any(secret in answer.text for secret in secrets), path


def _body(operation, document, ids):
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = json.loads(json.dumps(content["schema"]))
    body = example(schema, name="body", definitions=document["components"]["schemas"])
    known = {"url": "https://example.org/hook"} | {key: str(value) for key, value in ids.items()}
    return {key: known.get(key, value) for key, value in body.items()}
