"""Thirteen hundred hostile requests: each is answered, in GraphQL's shape, with little work and little said."""

import cProfile
import logging
from pathlib import Path

import pytest
import pytest_asyncio
from bench.hostile_documents import FAMILIES, SIZES, Hostile, corpus

from kith_gateway.operations import remembered

from .at_random import Services

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
MOST_CALLS = 600_000
"""Functions called for one request: a little more than the largest input that is allowed takes."""
MOST_ANSWERED = 100_000
SCHEMA = (Path(__file__).parents[2] / "contracts/graphql/schema.graphql").stat().st_size
"""Bytes: who asks for the schema, where it is told at all, is answered with no more than it has."""
INSIDE = ("Traceback", 'File "', "asyncpg", "sqlalchemy", "SELECT ", "INSERT ", "kith_gateway", "0x7f")


class Willing(Services):
    """Services without a fault, that carry out whatever they are told."""

    def __init__(self):
        super().__init__(1)
        self.faults, self.odd = {}, 0.0

    def answer(self, method, route, given, query):
        if method != "GET" and "keys" not in given:
            return {}
        return super().answer(method, route, given, query)


@pytest_asyncio.fixture
async def willing(identity, gateway_to):
    async with gateway_to({}, identity) as running:
        real, running.app.state.resources.upstream = running.app.state.resources.upstream, Willing()
        yield running
        running.app.state.resources.upstream = real


def wrong_with(response, calls, records, most=MOST_ANSWERED):
    """What is wrong with an answer to a hostile request; nothing where nothing is. `most`: bytes of data."""
    answer = response.json()
    errors = answer.get("errors", [])
    most = most if "data" in answer else MOST_ANSWERED // 10
    checks = {
        f"status {response.status_code}": response.status_code not in {200, 400, 413},
        "no answer of GraphQL": not answer.keys() <= {"data", "errors", "extensions"}
        or not (errors or answer.get("data")),
        "more than ten errors": len(errors) > 10,
        "an error that is not the client's": any(
            not each["message"] or each["extensions"]["code"] in {"INTERNAL", ""} for each in errors
        ),
        "tells what is inside": errors and any(each in response.text for each in INSIDE),
        f"{len(response.content)} bytes answered": len(response.content) > most,
        f"{len(records)} lines of log": len(records) > 20 or sum(len(str(each.__dict__)) for each in records) > 20_000,
        f"{calls} calls": calls > MOST_CALLS,
    }
    return [wrong for wrong, is_so in checks.items() if is_so]


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_hostile_request_is_answered_with_little_work_and_little_said(willing, owner, caplog, family):
    caplog.set_level(logging.INFO)
    found = []
    async with willing.client(owner, **{"Content-Type": "application/json"}) as client:
        for each in corpus([family]):
            caplog.clear()
            work = cProfile.Profile()
            with work:
                response = await client.post("/graphql", content=each.body)
            calls = sum(entry.callcount for entry in work.getstats())
            most = SCHEMA if family.startswith("introspection") else MOST_ANSWERED
            if wrong := wrong_with(response, calls, caplog.records, most):
                found.append((each.family, each.size, wrong))
    assert found == []
    assert remembered.size <= 75_000


def test_there_are_more_than_a_thousand_of_them_and_each_is_another():
    bodies = [each.body for each in corpus()]
    assert len(bodies) == len(FAMILIES) * len(SIZES) > 1000
    assert len(set(bodies)) > 1000


def test_what_is_looked_for_in_answers_is_found_there():
    class Answer:
        def __init__(self, body, status=200):
            self.status_code, self.text, self.content, self._body = status, str(body), b"x", body

        def json(self):
            return self._body

    error = {"message": "m", "extensions": {"code": "C"}}
    assert not wrong_with(Answer({"errors": [error]}), 1, [])
    assert wrong_with(Answer({"errors": [error]}, 500), 1, [])
    assert wrong_with(Answer({"errors": [error] * 11}), 1, [])
    assert wrong_with(Answer({"errors": [error], "detail": ""}), 1, [])
    assert wrong_with(Answer({"errors": [error | {"message": "SELECT 1"}]}), 1, [])
    assert wrong_with(Answer({"errors": [error | {"extensions": {"code": "INTERNAL"}}]}), 1, [])
    assert wrong_with(Answer({"errors": [error]}), 1, [logging.makeLogRecord({})] * 21)
    assert wrong_with(Answer({"errors": [error]}), MOST_CALLS + 1, [])
    assert isinstance(next(corpus(["aliases"])), Hostile)
