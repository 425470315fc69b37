"""Operations by their hashes: registered by use, or on a list that is trusted."""

import json
from hashlib import sha256

import pytest
from graphql import GraphQLError

from kith_chassis.ids import new_id
from kith_gateway.persisted import Persisted, WrongListError, read_list
from kith_testkit.probe import MEMBER, Actor

from .listening import connected

COMMUNITY = "{ community { name } }"
RECOGNIZED = "subscription { recognized { cursor } }"
REFRESH = "mutation ($i: RefreshSessionInput!) { refreshSession(input: $i) { errors { code } } }"
MODERN = {"Accept": "application/graphql-response+json"}


def hash_of(text):
    return sha256(text.encode()).hexdigest()


def by_hash(text, **rest):
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}} | rest


def parameters(text, **rest):
    return {name: json.dumps(each) for name, each in by_hash(text, **rest).items()}


def code_of(response):
    [error] = response.json()["errors"]
    return error["extensions"]["code"]


@pytest.mark.integration
async def test_a_text_is_sent_once_and_from_then_on_its_hash_suffices_also_with_get(gateway, founded):
    owner, _ = founded
    async with gateway.client(owner) as client:
        unknown = await client.post("/graphql", json=by_hash(COMMUNITY))
        assert (unknown.status_code, code_of(unknown)) == (200, "PERSISTED_QUERY_NOT_FOUND")
        assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"  # Apollo's clients look for it
        assert (await client.post("/graphql", json=by_hash(COMMUNITY), headers=MODERN)).status_code == 400
        assert code_of(await client.get("/graphql", params=parameters(COMMUNITY))) == "PERSISTED_QUERY_NOT_FOUND"
        first = await client.post("/graphql", json=by_hash(COMMUNITY, query=COMMUNITY))
        again = await client.post("/graphql", json=by_hash(COMMUNITY))
        got = await client.get("/graphql", params=parameters(COMMUNITY))
    for each in (first, again, got):
        assert each.json()["data"] == {"community": {"name": "Makers"}}
    assert got.headers["cache-control"] == "no-store"


@pytest.mark.integration
async def test_get_changes_nothing_and_says_what_is_wrong_with_it(gateway):
    given = {"i": {"refreshToken": "x"}}
    async with gateway.client() as client:
        posted = await client.post("/graphql", json=by_hash(REFRESH, query=REFRESH, variables=given))
        assert "data" in posted.json()
        before = sum(gateway.calls.values())
        got = await client.get("/graphql", params=parameters(REFRESH, variables=given))
        assert (got.status_code, got.headers["allow"], code_of(got)) == (405, "POST", "METHOD_NOT_ALLOWED")
        assert "data" not in got.json()
        assert sum(gateway.calls.values()) == before
        for wrong in (
            parameters(COMMUNITY, variables=[]),
            parameters(COMMUNITY) | {"variables": "{"},
            {"extensions": "[" * 5000},
            {"extensions": "{}"},
        ):
            assert (await client.get("/graphql", params=wrong)).status_code == 400, wrong
        both = await client.get("/graphql", params=parameters(COMMUNITY) | {"query": COMMUNITY})
        assert both.json()["data"] is not None
        assert (await client.put("/graphql", json={"query": COMMUNITY})).status_code == 405


@pytest.mark.integration
@pytest.mark.parametrize(
    "extensions",
    [
        [],
        "text",
        {"persistedQuery": 1},
        {"persistedQuery": {}},
        {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}},
        {"persistedQuery": {"version": 1, "sha256Hash": "0" * 63}},
        {"persistedQuery": {"version": 1, "sha256Hash": "A" * 64}},
        {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64 + chr(10)}},
        {"persistedQuery": {"version": 1, "sha256Hash": ["0" * 64]}},
    ],
)
async def test_what_is_no_hash_is_a_bad_request(gateway, extensions):
    async with gateway.client() as client:
        for rest in ({}, {"query": COMMUNITY}):
            response = await client.post("/graphql", json={"extensions": extensions} | rest)
            assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


@pytest.mark.integration
async def test_nothing_is_registered_under_another_hash_nor_what_is_no_operation(gateway):
    async with gateway.client() as client:
        wrong = await client.post("/graphql", json=by_hash("{ other }", query=COMMUNITY))
        assert code_of(wrong) == "BAD_USER_INPUT"
        for text in ("{", "{ nothing }", "{ a" + chr(0xD800).encode("utf-8", "replace").decode() + " }"):
            await client.post("/graphql", json=by_hash(text, query=text))
    assert len(gateway.app.state.resources.persisted) == 0


@pytest.mark.integration
async def test_where_only_the_list_is_trusted_nobody_gets_around_it(
    identity, identity_url, gateway_to, found, start_founding, tmp_path
):
    listed = {hash_of(text): text for text in (COMMUNITY, "{ __typename }")}
    (tmp_path / "relay.json").write_text(json.dumps(listed))
    founder = {"identity": identity_url}
    async with gateway_to(founder, identity) as gateway:
        owner = await found(gateway, start_founding())
    only = {"trusted_documents": str(tmp_path), "trusted_only": True}
    async with gateway_to(founder, identity, **only) as gateway, gateway.client(owner) as client:
        for body in (by_hash(COMMUNITY), by_hash(COMMUNITY, query=COMMUNITY), {"query": COMMUNITY}):
            assert (await client.post("/graphql", json=body)).json()["data"] == {"community": {"name": "Makers"}}
        assert "data" in (await client.get("/graphql", params=parameters(COMMUNITY))).json()
        before, other = sum(gateway.calls.values()), COMMUNITY + " "
        schema = {"query": "{ __schema { types { name } } }"}
        for body in (by_hash(other), by_hash(other, query=other), {"query": other}, schema):
            assert code_of(await client.post("/graphql", json=body)) == "PERSISTED_QUERY_NOT_IN_LIST"
        stolen = by_hash(COMMUNITY, query="{ members { edges { cursor } } }")
        assert code_of(await client.post("/graphql", json=stolen)) == "BAD_USER_INPUT"
        assert sum(gateway.calls.values()) == before


@pytest.mark.integration
async def test_a_subscription_is_known_by_its_hash_once_its_text_came_with_it(running):
    async with connected(running.url, Actor(new_id(), permissions=MEMBER)) as client:
        await client.send(type="subscribe", id="1", payload=by_hash(RECOGNIZED))
        assert await client.error() == "PERSISTED_QUERY_NOT_FOUND"
        await client.send(type="subscribe", id="1", payload=by_hash("{ other }", query=RECOGNIZED))
        assert await client.error() == "BAD_USER_INPUT"
        await client.send(type="subscribe", id="1", payload=by_hash(RECOGNIZED, query=RECOGNIZED))
        await client.send(type="subscribe", id="2", payload=by_hash(RECOGNIZED))
        assert await client.silent()


@pytest.mark.integration
async def test_where_only_the_list_is_trusted_nothing_else_is_listened_to(live, tmp_path):
    (tmp_path / "relay.json").write_text(json.dumps({hash_of(RECOGNIZED): RECOGNIZED}))
    only = {"trusted_documents": str(tmp_path), "trusted_only": True}
    async with live(**only) as gateway, connected(gateway.url, Actor(new_id(), permissions=MEMBER)) as client:
        other = RECOGNIZED + " "
        for payload in ({"query": other}, by_hash(other), by_hash(other, query=other)):
            await client.send(type="subscribe", id="1", payload=payload)
            assert await client.error() == "PERSISTED_QUERY_NOT_IN_LIST"
        await client.send(type="subscribe", id="1", payload={"query": RECOGNIZED})
        await client.send(type="subscribe", id="2", payload=by_hash(RECOGNIZED))
        assert await client.silent()


@pytest.mark.integration
async def test_a_gateway_that_trusts_only_a_list_it_was_not_given_does_not_start(identity, gateway_to):
    with pytest.raises(WrongListError):
        async with gateway_to({}, identity, trusted_only=True):
            pass


@pytest.mark.unit
def test_registered_texts_are_bounded_by_their_length_and_those_used_last_stay():
    persisted = Persisted({}, remembered=1000)
    kept = "k" * 100
    persisted.register(hash_of(kept), kept)
    for n in range(100):
        text = f"{n:03}" * 30
        persisted.register(hash_of(text), text)
        assert persisted.text(None, hash_of(kept)) == kept
        assert persisted.size <= 1000
    assert len(persisted) == 11
    persisted.register(hash_of("x" * 1001), "x" * 1001)
    assert len(persisted) == 11
    none = Persisted({})
    none.register(hash_of(kept), kept)
    with pytest.raises(GraphQLError, match="PersistedQueryNotFound"):
        none.text(None, hash_of(kept))


@pytest.mark.unit
def test_both_kinds_of_manifest_are_read_and_a_folder_of_them(tmp_path):
    apollo = {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": hash_of(COMMUNITY), "name": "A", "type": "query", "body": COMMUNITY}],
    }
    (tmp_path / "apollo.json").write_text(json.dumps(apollo))
    (tmp_path / "relay.json").write_text(json.dumps({hash_of(REFRESH): REFRESH}))
    (tmp_path / "readme.txt").write_text("not a list")
    assert read_list(tmp_path) == {hash_of(COMMUNITY): COMMUNITY, hash_of(REFRESH): REFRESH}
    assert read_list(tmp_path / "apollo.json") == {hash_of(COMMUNITY): COMMUNITY}


@pytest.mark.unit
@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        "3",
        "{}",
        json.dumps({"0" * 64: COMMUNITY}),
        json.dumps({"a name": COMMUNITY}),
        json.dumps({hash_of(COMMUNITY): {"text": COMMUNITY}}),
        json.dumps({"operations": ["x"]}),
        json.dumps({"operations": [{"id": hash_of(COMMUNITY)}]}),
        json.dumps({"operations": [{"id": [1], "body": COMMUNITY}]}),
        json.dumps({hash_of("x" * 200_001): "x" * 200_001}),
    ],
)
def test_a_list_that_is_not_right_is_refused_whole_before_anything_is_served(tmp_path, content):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(WrongListError):
        read_list(tmp_path)


@pytest.mark.unit
def test_a_list_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.json"):
        with pytest.raises(WrongListError):
            read_list(path)


@pytest.mark.integration
@pytest.mark.parametrize(("environment", "told"), [("production", False), ("test", True)])
@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ comunity { name } }", {}),
        ("{ community { nane } }", {}),
        ("{ leaderboard(perod: WEEK) { rank } }", {}),
        ("{ leaderboard(period: WEAK) { rank } }", {}),
        ("query ($p: Perod) { leaderboard(period: $p) { rank } }", {}),
        ("query ($p: Period!) { leaderboard(period: $p) { rank } }", {"p": "WEAK"}),
        ("mutation ($i: LogInInput!) { logIn(input: $i) { clientMutationId } }", {"i": {"passwort": "x"}}),
    ],
)
async def test_in_production_nothing_is_suggested(identity, gateway_to, environment, told, text, variables):
    async with gateway_to({}, identity, environment=environment) as gateway:
        answer = await gateway.ask(text, variables, by=Actor("0" * 32))
    assert answer["errors"]
    assert any("Did you mean" in error["message"] for error in answer["errors"]) is told
