"""GraphQL over HTTP as specified: media types, methods, statuses, and what a browser may send unasked."""

import json

import pytest

from .from_npm import installed, run

pytestmark = pytest.mark.integration
GRAPHQL = "application/graphql-response+json"
NAMED = {"query": "query Named { __typename }", "operationName": "Named"}


async def test_every_audit_of_the_specification_is_passed_musts_shoulds_and_mays(gateway, served):
    place = installed()
    async with served(gateway.app) as url:
        audits = await run("node", "audits.mjs", f"{url}/graphql", place=place)
    assert len(audits) > 60
    assert {each["name"].split()[0] for each in audits} == {"MUST", "SHOULD", "MAY"}
    assert [each for each in audits if each["status"] != "ok"] == []


@pytest.mark.parametrize(
    ("accept", "modern"),
    [
        (GRAPHQL, True),
        (f"{GRAPHQL}; charset=utf-8", True),
        (f"{GRAPHQL},application/json;q=0.9", True),
        (f"{GRAPHQL}, application/graphql+json, application/json, text/event-stream, multipart/mixed", True),
        (f"application/json, {GRAPHQL};q=0.5", False),
        (f"{GRAPHQL};q=0, */*", False),
        (f"{GRAPHQL};q=x.y", True),
        (f"{GRAPHQL};q=1.1.1", False),
        ("*/*", False),
        ("application/*", False),
        ("text/html", False),
        ("", False),
        (",;,q=" * 5000, False),
        (f"application/json, not-{GRAPHQL}", False),
    ],
)
async def test_the_answer_has_the_media_type_a_client_likes_best(gateway, accept, modern):
    async with gateway.client(Accept=accept) as client:
        response = await client.post("/graphql", json={"query": "{ nothing }"})
    kind = GRAPHQL if modern else "application/json"
    assert response.headers["content-type"] == f"{kind}; charset=utf-8"
    assert response.status_code == (400 if modern else 200)
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json-patch+json",
        "application/jsonx",
        "application/json; charset=latin-1",
        'application/json; charset="utf-16"',
        "application/graphql",
    ],
)
async def test_a_body_that_a_browser_sends_without_asking_or_that_is_not_json_in_utf8_is_refused(gateway, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    async with gateway.client(**headers) as client:
        response = await client.post("/graphql", content=json.dumps(NAMED))
    assert response.status_code == 415
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["NOT_JSON"]
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "content_type", ["Application/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"']
)
async def test_json_in_utf8_may_say_so_in_every_way(gateway, content_type):
    async with gateway.client(**{"Content-Type": content_type}) as client:
        response = await client.post("/graphql", content=json.dumps({"query": '{ __type(name: "Läufer🏃") { name } }'}))
    assert response.json()["data"] == {"__type": None}


async def test_a_query_may_come_by_get_and_its_answer_is_kept_by_nobody(gateway, founded):
    owner, body = founded
    read = "community { name } member(id: $id) { id } members(first: $n) { edges { cursor } }"
    query = f"query Who($id: ID!, $n: Int!) {{ {read} }}"
    asked = {"query": query, "operationName": "Who", "variables": json.dumps({"id": "nothing", "n": 1})}
    async with gateway.client(owner) as client:
        response = await client.get("/graphql", params=asked | {"extensions": "{}"})
        posted = await client.post("/graphql", json=asked | {"variables": {"id": "nothing", "n": 1}})
    assert response.json() == posted.json()
    assert response.json()["data"]["community"] == {"name": body["name"]}
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_nothing_that_changes_something_comes_by_get(gateway, founded, accept):
    owner, _ = founded
    write = 'mutation W { completeMicroTask(input: {key: "say_when"}) { errors { code } } }'
    async with gateway.client(owner, Accept=accept) as client:
        refused = await client.get("/graphql", params={"query": write})
        among = await client.get(
            "/graphql", params={"query": f"query Q {{ __typename }} {write}", "operationName": "W"}
        )
        reading = await client.get(
            "/graphql", params={"query": f"query Q {{ __typename }} {write}", "operationName": "Q"}
        )
    for response in (refused, among):
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["METHOD_NOT_ALLOWED"]
        assert "data" not in response.json()
    assert reading.json()["data"] == {"__typename": "Query"}
    done = (await gateway.get("{ viewer { onboarding { key completedAt } } }", by=owner))["viewer"]["onboarding"]
    assert {"key": "say_when", "completedAt": None} in done


@pytest.mark.parametrize(
    "given",
    [
        {"query": ""},
        {"query": " \ufeff"},
        {"query": "{ __typename }", "variables": "[]"},
        {"query": "{ __typename }", "variables": "{"},
        {"query": "{ __typename }", "variables": "[" * 20_000},
        {"query": "{ __typename }", "extensions": '"text"'},
        {"query": "{ __typename }", "variables": '{"a": "\\ud800"}'},
    ],
)
async def test_an_address_that_asks_for_nothing_sensible_is_refused_as_a_body_would_be(gateway, given):
    async with gateway.client() as client:
        response = await client.get("/graphql", params=given)
    if response.status_code == 200:
        assert response.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    else:
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_taken(gateway, method):
    async with gateway.client() as client:
        response = await client.request(method, "/graphql", json=NAMED)
    assert response.status_code == 405
