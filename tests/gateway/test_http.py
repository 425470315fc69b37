"""GraphQL over HTTP, and what clients see of services that are away, slow or broken."""

import asyncio
import logging

import pytest
import pytest_asyncio
from fastapi import FastAPI, Request, Response

from kith_chassis.tokens import TokenVerifier
from kith_gateway.ids import encode_id
from kith_testkit.probe import OWNER, Actor

from .conftest import closed_port

pytestmark = pytest.mark.integration
JSON = {"Content-Type": "application/json"}


class Broken:
    """A service that answers what a test tells it to, and remembers what it was asked."""

    def __init__(self):
        self.app = FastAPI()
        self.answers, self.asked = [], []
        self.app.add_route("/{path:path}", self.answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])

    async def answer(self, request: Request):
        self.asked.append((request.method, request.url.path, dict(request.headers)))
        answer = self.answers.pop(0)
        if answer == "sleep":
            await asyncio.sleep(5)
        return answer if isinstance(answer, Response) else Response(answer, media_type="application/json")


@pytest_asyncio.fixture
async def broken(identity, gateway_to, served):
    service = Broken()
    async with (
        served(service.app) as url,
        gateway_to({"recognition": url, "identity": url}, identity, read_seconds=0.3) as running,
    ):
        service.gateway = running
        yield service


async def test_only_json_with_one_operation_is_taken(gateway):
    query = {"query": "{ community { name } }"}
    async with gateway.client() as client:
        assert (await client.get("/graphql")).status_code == 404
        assert (await client.post("/graphql", data=query)).status_code == 415
        assert (await client.post("/graphql", content=b'{"query": "{', headers=JSON)).status_code == 400
        assert (await client.post("/graphql", content=b"[" * 100_000, headers=JSON)).status_code == 400
        for body in ([query, query], [], {}, {"query": ""}, {"query": 3}, query | {"variables": []}, "text"):
            response = await client.post("/graphql", json=body)
            codes = [error["extensions"]["code"] for error in response.json()["errors"]]
            assert (response.status_code, codes) == (400, ["BAD_REQUEST"]), body
        large = await client.post("/graphql", content=b"x" * 9_000_000, headers=JSON)
        codes = [error["extensions"]["code"] for error in large.json()["errors"]]
        assert (large.status_code, codes) == (413, ["TOO_LARGE"])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT"),
        ("query A { viewer { permissions } } query B { viewer { permissions } }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment A on Viewer { permissions }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { anything }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_mistakes_in_a_document_have_codes_and_the_status_a_client_asks_for(gateway, query, code):
    modern = "application/graphql-response+json"
    async with gateway.client() as client:
        plain = await client.post("/graphql", json={"query": query})
        strict = await client.post("/graphql", json={"query": query}, headers={"Accept": modern})
    assert (plain.status_code, strict.status_code) == (200, 400)
    assert strict.headers["content-type"] == f"{modern}; charset=utf-8"
    assert plain.json()["errors"] == strict.json()["errors"]
    assert "data" not in plain.json()
    assert plain.json()["errors"][0]["extensions"]["code"] == code


async def test_a_hundred_mistakes_are_ten_errors_and_no_log(gateway, caplog):
    caplog.set_level(logging.INFO)
    answer = await gateway.ask("{" + "".join(f" wrong{n}" for n in range(100)) + " }")
    assert len(answer["errors"]) == 10
    assert "wrong" not in caplog.text


@pytest.mark.parametrize("environment", ["local", "production"])
async def test_graphiql_and_introspection_are_for_developers(identity, gateway_to, environment):
    async with gateway_to({}, identity, environment=environment) as gateway, gateway.client() as client:
        page = await client.get("/graphql")
        told = (await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})).json()
    logging.getLogger().handlers = []
    if environment == "local":
        assert "GraphiQL" in page.text
        assert told["data"]["__schema"]
    else:
        assert page.status_code == 404
        assert told["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_service_that_is_away_takes_only_its_own_fields_with_it(gateway, founded):
    owner, _ = founded
    query = "{ community { name } members { edges { node { displayName points badges { badgeKey } roles } } } }"
    answer = await gateway.ask(query, by=owner)
    node = {"displayName": "Ada", "points": None, "badges": None, "roles": ["owner"]}
    assert answer["data"]["members"]["edges"] == [{"node": node}]
    assert answer["data"]["community"] == {"name": "Makers"}
    for error in answer["errors"]:
        assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        assert error["extensions"]["service"] == "recognition"
        assert "recognition service cannot be reached" in error["message"]
    assert sorted(error["path"][-1] for error in answer["errors"]) == ["badges", "points"]


async def test_an_error_for_each_of_forty_members_is_ten_errors_and_a_count(gateway, founded):
    owner, _ = founded
    rows = [{"line": n, "external_id": f"m{n}"} for n in range(1, 40)]
    await gateway.do("importMembers", {"rows": rows}, by=owner, want="imported { created }")
    answer = await gateway.ask("{ members(first: 100) { edges { node { points } } } }", by=owner)
    assert len(answer["data"]["members"]["edges"]) == 40
    assert (len(answer["errors"]), answer["extensions"]["errorsLeftOut"]) == (10, 30)


async def test_a_write_to_a_service_that_is_away_is_an_error_of_the_operation(gateway, member):
    given = {"receiverId": encode_id("Member", member.member_id), "message": "Thanks"}
    query = "mutation ($input: GiveKudosInput!) { giveKudos(input: $input) { errors { code } } }"
    answer = await gateway.ask(query, {"input": given}, by=member)
    assert answer.get("data") == {"giveKudos": None}, answer
    assert answer["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"


async def test_while_nobody_can_tell_who_calls_nobody_is_called_a_stranger(gateway, member):
    gateway.app.state.tokens = TokenVerifier(jwks_url=closed_port(), issuer="kith")
    answer = await gateway.ask("{ viewer { permissions } }", by=member)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
    stranger = await gateway.ask("{ viewer { permissions } }")
    assert [error["extensions"]["code"] for error in stranger["errors"]] == ["UNAUTHENTICATED"]


TOTALS = b'{"kudos": 1, "entries": 2, "points": 3, "badges": 4}'
ASK = "{ recognitionTotals { points } }"


async def test_a_read_is_tried_a_second_time_and_carries_token_and_trace(broken, member):
    broken.answers = [Response(status_code=503), TOTALS]
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answer = await broken.gateway.ask(ASK, by=member, **trace)
    assert answer["data"] == {"recognitionTotals": {"points": 3}}
    assert len(broken.asked) == 2
    for _, _, headers in broken.asked:
        assert headers["authorization"].startswith("Bearer ")
        assert headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("answers", "code", "times"),
    [
        (["sleep"], "SERVICE_UNAVAILABLE", 1),
        ([Response("<html>not ours</html>", 200)], "SERVICE_UNAVAILABLE", 1),
        ([Response("<html>not ours</html>", 500)], "SERVICE_UNAVAILABLE", 1),
        ([Response('{"code": "internal", "detail": "Something went wrong here."}', 500)], "INTERNAL", 1),
        ([Response('{"code": "forbidden", "detail": "You may not."}', 403)], "FORBIDDEN", 1),
        ([Response(status_code=302, headers={"Location": "http://127.0.0.1:1/"})], "SERVICE_UNAVAILABLE", 1),
        ([b'{"kudos": 1}'], None, 1),
        ([b"[]"], "INTERNAL", 1),
    ],
)
async def test_whatever_a_service_answers_the_client_gets_an_error_with_a_code(broken, member, answers, code, times):
    broken.answers = list(answers)
    answer = await broken.gateway.ask(ASK, by=member)
    assert answer["data"]["recognitionTotals"] is None
    assert len(broken.asked) == times
    if code:
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


async def test_a_batched_read_that_is_not_aligned_with_its_keys_is_never_guessed_at(broken, member):
    broken.answers = [b'[{"id": 1}, {"id": 2}]']
    query = "query ($id: ID!) { node(id: $id) { id } }"
    answer = await broken.gateway.ask(query, {"id": encode_id("Member", member.member_id)}, by=member)
    assert answer["data"] == {"node": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]


async def test_a_write_is_sent_again_with_its_own_key_or_with_one_made_for_it(broken):
    by = Actor("0" * 32, permissions=OWNER)
    mutation = "mutation ($input: SetRankingInput!) { setRanking(input: $input) { errors { code } clientMutationId } }"
    made = []
    for given in ({"clientMutationId": "act-1"}, {}, {}):
        broken.asked.clear()
        broken.answers = [Response(status_code=503), Response(status_code=204)]
        answer = await broken.gateway.ask(mutation, {"input": {"listed": True} | given}, by=by)
        assert answer["data"]["setRanking"] == {"errors": [], "clientMutationId": given.get("clientMutationId")}
        first, second = (headers["idempotency-key"] for _, _, headers in broken.asked)
        assert first == second
        made.append(first)
    assert made[0] == "act-1"
    assert len(set(made)) == 3
    assert len(made[1]) >= 32  # nobody guesses it


async def test_signing_in_has_a_key_that_nobody_else_has(broken):
    mutation = "mutation ($input: LogInInput!) { logIn(input: $input) { errors { code } } }"
    given = {"community": "makers", "email": "ada@example.org", "password": "a password", "clientMutationId": "known"}
    broken.answers = [Response(status_code=503), Response(status_code=503), Response("{}")]
    await broken.gateway.ask(mutation, {"input": given})
    keys = {headers["idempotency-key"] for _, _, headers in broken.asked}
    assert len(broken.asked) == 3
    assert len(keys) == 1
    assert "known" not in keys
