"""Operations of callers who are known are answered past ASGI, as they are within it."""

import json
import logging

import httpx
import pytest
import pytest_asyncio

from kith_chassis.telemetry import HTTP_SECONDS
from kith_gateway import routes

pytestmark = pytest.mark.integration
MODERN = {"Accept": "application/graphql-response+json"}


@pytest_asyncio.fixture
async def served_and_known(gateway, served, founded):
    """The gateway as uvicorn serves it, and a caller whose token was met before."""
    owner, _ = founded
    headers = {"Authorization": f"Bearer {owner.token()}"}
    async with served(gateway.app) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        await client.get("/graphql?query={viewer{permissions}}")
        yield client


@pytest.fixture
def short_only(served_and_known, gateway, monkeypatch):
    async def ordinary(*_):
        raise AssertionError("it was handed on")

    monkeypatch.setattr(gateway.app, "middleware_stack", ordinary)
    return served_and_known


def counted(gateway, monkeypatch):
    """The paths that are asked for within ASGI from now on."""
    seen, stack = [], gateway.app.middleware_stack

    async def ordinary(scope, receive, send):
        seen.append(scope["path"])
        await stack(scope, receive, send)

    monkeypatch.setattr(gateway.app, "middleware_stack", ordinary)
    return seen


def said(response):
    """Status, headers and body, but for what is left of a budget."""
    body = json.loads(response.content)
    body.get("extensions", {}).get("cost", {}).pop("remaining", None)
    headers = {name: value for name, value in response.headers.items() if name not in {"date", "content-length"}}
    return response.status_code, headers, body


ASKED = {
    "a query": {"json": {"query": "{ viewer { permissions member { id displayName } } }"}},
    "variables": {"json": {"query": "query ($n: Int) { members(first: $n) { totalCount } }", "variables": {"n": 1}}},
    "a wrong variable": {"json": {"query": "query ($n: Int!) { members(first: $n) { totalCount } }"}},
    "a part is away": {"json": {"query": "{ viewer { permissions } programs { edges { node { id } } } }"}},
    "a mutation": {"json": {"query": 'mutation { updateProfile(input: {bio: "new"}) { errors { code } } }'}},
    "no such field": {"json": {"query": "{ nothing }"}},
    "no such field, modern": {"json": {"query": "{ nothing }"}, "headers": MODERN},
    "no document": {"json": {"query": "{"}},
    "named": {"json": {"query": "query A { __typename } query B { viewer { permissions } }", "operationName": "B"}},
    "unnamed": {"json": {"query": "query A { __typename } query B { viewer { permissions } }"}},
    "an unknown hash": {
        "json": {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
    },
    "a batch": {"json": [{"query": "{ __typename }"}]},
    "a text": {"content": b'"query"', "headers": {"Content-Type": "application/json"}},
    "nothing": {"content": b"", "headers": {"Content-Type": "application/json"}},
    "no JSON": {"content": b'{"query"', "headers": {"Content-Type": "application/json"}},
    "no UTF-8": {"content": b'{"query": "\xff"}', "headers": {"Content-Type": "application/json"}},
    "another charset": {"content": b"{}", "headers": {"Content-Type": "application/json; charset=utf-16"}},
    "a form": {"data": {"query": "{ __typename }"}},
    "many commas": {"content": b"[" + b"," * 60_000, "headers": {"Content-Type": "application/json"}},
    "a header of any bytes": {"json": {"query": "{ __typename }"}, "headers": [(b"traceparent", b"\xff\xfe")]},
}


@pytest.mark.parametrize("case", ASKED)
async def test_both_ways_answer_alike(served_and_known, gateway, monkeypatch, case):
    handed_on = counted(gateway, monkeypatch)
    within = said(await served_and_known.post("/graphql?of=uvicorn", **ASKED[case]))
    assert handed_on == ["/graphql"]
    past = said(await served_and_known.post("/graphql", **ASKED[case]))
    assert handed_on == ["/graphql"]
    assert past == within


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer made.up.token"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
    ],
)
async def test_who_is_not_known_is_answered_the_ordinary_way(served_and_known, gateway, monkeypatch, headers):
    handed_on = counted(gateway, monkeypatch)
    response = await served_and_known.post("/graphql", json={"query": "{ viewer { permissions } }"}, headers=headers)
    assert response.status_code == 200
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert handed_on == ["/graphql"]


async def test_pages_of_other_origins_are_answered_within_asgi_where_any_are_named(
    gateway_to, served, identity, identity_url, founded, monkeypatch
):
    owner, _ = founded
    page = "https://app.example.org"
    headers = {"Authorization": f"Bearer {owner.token()}", "Origin": page}
    asked = {"json": {"query": "{ viewer { permissions } }"}, "headers": headers}
    for named, within in (([], []), ([page], ["/graphql"])):
        async with (
            gateway_to({"identity": identity_url}, identity, allowed_origins=named) as gateway,
            served(gateway.app) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as client,
        ):
            await client.post("/graphql?of=uvicorn", **asked)  # so that the token is known
            handed_on = counted(gateway, monkeypatch)
            response = await client.post("/graphql", **asked)
            monkeypatch.undo()
        assert response.headers.get("access-control-allow-origin") == (page if named else None)
        assert handed_on == within


async def test_an_operation_past_asgi_is_traced_measured_and_logged_as_any_other(short_only, caplog):
    measured = HTTP_SECONDS.labels("POST", "/graphql", "200")
    before = measured._sum.get()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with caplog.at_level(logging.INFO, "kith.access"):
        await short_only.post("/graphql", json={"query": "{ viewer { permissions } }"}, headers={"traceparent": trace})
    (line,) = [each for each in caplog.records if each.getMessage() == "request"]
    assert (line.method, line.route, line.status) == ("POST", "/graphql", 200)
    assert measured._sum.get() > before


async def test_what_goes_wrong_past_asgi_is_a_500_that_tells_nothing_and_the_connection_goes_on(
    short_only, monkeypatch
):
    async def broken(*_, **__):
        raise RuntimeError("secret")

    with monkeypatch.context() as within:
        within.setattr(routes, "carry_out", broken)
        response = await short_only.post("/graphql", json={"query": "{ viewer { permissions } }"})
    assert response.status_code == 500
    assert "secret" not in response.text
    assert (await short_only.post("/graphql", json={"query": "{ viewer { permissions } }"})).json()["data"]["viewer"]
