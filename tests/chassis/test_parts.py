"""The smaller parts: leaders, pages, health, logs."""

import asyncio
import base64
import json
import logging
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kith_chassis.app import create_app
from kith_chassis.ids import new_id
from kith_chassis.jobs import Job, lead, lock_key
from kith_chassis.pages import InvalidCursor, decode_cursor, encode_cursor
from kith_chassis.settings import AppSettings
from kith_chassis.telemetry import configure_logging
from kith_testkit.probe import eventually
from kith_tracing.spans import spanned, trace_id


@pytest.mark.integration
async def test_of_two_only_one_leads_and_the_other_takes_over(notes):
    started = []

    def work(name):
        async def run():
            started.append(name)
            await asyncio.Event().wait()

        return run

    name = f"work {new_id()}"
    first = asyncio.create_task(lead(notes.database, name, work("first")))
    await eventually(lambda: _is(started, ["first"]), what="leading")
    second = asyncio.create_task(lead(notes.database, name, work("second")))
    await asyncio.sleep(0.2)
    assert started == ["first"]
    first.cancel()
    await eventually(lambda: _is(started, ["first", "second"]), what="taking over")
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


async def _is(one, other):
    return one == other


@pytest.mark.integration
async def test_a_job_that_fails_runs_again(notes):
    runs = []

    async def act(_):
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("once")

    task = asyncio.create_task(Job("sometimes", 0.01, act).run(notes.database))
    await eventually(lambda: _is(runs[:3], [1, 1, 1]), what="running again")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.integration
async def test_health_tells_started_live_ready_and_draining_apart(notes):
    for path in ("startup", "live", "ready"):
        assert (await notes.anonymous.get(f"/health/{path}")).status_code == 200
    notes.app.state.draining = True
    answer = await notes.anonymous.get("/health/ready")
    notes.app.state.draining = False
    assert (answer.status_code, answer.json()["draining"]) == (503, True)

    async def away():
        raise ConnectionError

    before = dict(notes.app.state.checks)
    notes.app.state.checks["database"] = away
    answer = await notes.anonymous.get("/health/ready")
    notes.app.state.checks = before
    assert (answer.status_code, answer.json()["parts"]["database"]) == (503, "ConnectionError")
    assert (await notes.anonymous.get("/health/live")).status_code == 200


@pytest.mark.integration
async def test_metrics_name_routes_and_never_paths(notes, member):
    secret = str(new_id())
    await notes.client(member).get(f"/for/{secret}")
    await notes.client(member).get(f"/nowhere/{secret}")
    text = (await notes.anonymous.get("/metrics")).text
    assert 'route="/notes"' in text or "http_request_seconds" in text
    assert secret not in text


def test_logs_are_json_and_withhold_what_is_personal(capsys):
    root = logging.getLogger()
    before = root.handlers, root.level
    configure_logging(AppSettings(log_level="INFO"), service="notes")
    logging.getLogger("x").info("someone came", extra={"email": "ada@example.org", "route": "/join"})
    root.handlers, root.level = before
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["service"], line["route"]) == ("someone came", "notes", "/join")
    assert line["email"] == "[withheld]"


def test_a_logged_exception_says_where_it_happened_and_nothing_of_what_people_wrote(capsys):
    root = logging.getLogger()
    before = root.handlers, root.level
    configure_logging(AppSettings(log_level="INFO"), service="notes")
    password = "hunter2hunter2"
    try:
        try:
            int(f"{password} of ada@example.org")  # says what it was given
        except ValueError as error:
            raise RuntimeError(password) from error
    except RuntimeError:
        logging.getLogger("x").exception("failed", extra={"odd": "\ud800", "key": uuid4()})
    root.handlers, root.level = before
    out = capsys.readouterr().out
    assert "hunter2" not in out
    assert "ada@" not in out
    found = json.loads(out)["exception"]
    assert [each["exc_type"] for each in found] == ["RuntimeError", "ValueError"]
    assert all(each["frames"][0]["name"].startswith("test_a_logged_exception") for each in found)


values = st.tuples(
    st.integers(-(2**62), 2**62),
    st.text(max_size=20),
    st.uuids(),
    st.datetimes(timezones=st.just(UTC)),
    st.floats(-9, 9),
)


@given(values)
def test_a_cursor_gives_back_what_went_in(row):
    assert tuple(decode_cursor(encode_cursor(row), [int, str, UUID, datetime, float])) == row


@given(st.text(max_size=60))
def test_any_other_text_is_an_invalid_cursor(text):
    with pytest.raises(InvalidCursor):
        decode_cursor(text, [UUID])


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        ("[1e30]", int),
        ('["999999999999999999999999"]', int),
        ("[9223372036854775808]", int),
        ('["0001-01-01T00:00:00+14:00"]', datetime),
    ],
)
def test_what_no_column_can_hold_is_an_invalid_cursor(plain, kind):
    with pytest.raises(InvalidCursor):
        decode_cursor(base64.urlsafe_b64encode(plain.encode()).decode(), [kind])


def test_a_time_in_a_cursor_has_its_offset():
    cursor = base64.urlsafe_b64encode(b'["2026-03-01"]').decode()
    assert decode_cursor(cursor, [datetime])[0].tzinfo is not None


def test_lock_keys_fit_postgres():
    assert 0 <= lock_key("matching relay") < 2**63


@pytest.mark.unit
async def test_a_request_is_one_span_and_tells_neither_its_path_nor_its_query(monkeypatch):
    routes = APIRouter()
    routes.add_api_route("/notes/{key}", lambda key: {"key": key}, methods=["GET"])
    app = create_app(name="spans", routers=[routes])
    app.state.settings = AppSettings(environment="test")
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("kith_tracing.spans.tracer", provider.get_tracer("kith"))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://spans")
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with app.router.lifespan_context(app), client:
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        answer = await client.get("/notes/secret-key?search=Ada", headers=headers)
    provider.shutdown()
    assert answer.json() == {"key": "secret-key"}
    # What runs beside it in this process has spans too.
    [span] = [each for each in exporter.get_finished_spans() if each.context.trace_id == int(trace, 16)]
    assert span.name == "GET /notes/{key}"
    assert "secret-key" not in span.to_json()
    assert "Ada" not in span.to_json()


@pytest.mark.unit
async def test_a_span_that_another_task_ends_is_no_error():
    async def within():
        with spanned("work"):
            yield trace_id()

    begun = within()
    assert await anext(begun) == trace_id()
    await asyncio.create_task(begun.aclose())
