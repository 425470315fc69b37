"""The plain HTTP beside GraphQL: keys, and tokens for apps as any OAuth client asks for them."""

import base64
from urllib.parse import quote_plus, urlencode

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from kith_chassis.ids import new_id

pytestmark = pytest.mark.integration
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GRANT = {"grant_type": "client_credentials"}
REGISTER = "keyedApp { secret app { id clientId name scopes registeredBy { displayName } revokedAt } }"


@pytest.fixture
async def app(gateway, founded):
    """An app that may read members: (client id, secret)."""
    owner, _ = founded
    given = {"name": "Calendar", "scopes": ["MEMBERS_READ"]}
    keyed = (await gateway.do("registerApp", given, by=owner, want=REGISTER))["keyedApp"]
    assert keyed["app"]["registeredBy"] == {"displayName": "Ada"}
    assert keyed["app"]["scopes"] == ["MEMBERS_READ"]
    return keyed["app"]["clientId"], keyed["secret"]


async def asked(gateway, body, **headers):
    content = body if isinstance(body, bytes | str) else urlencode(body)
    async with gateway.client() as client:
        return await client.post("/oauth/token", content=content, headers=FORM | headers)


def basic(app_id, secret):
    pair = f"{quote_plus(app_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


async def test_an_app_gets_a_token_by_header_or_body_and_asks_with_it(gateway, founded, app, identity):
    app_id, secret = app
    by_body = await asked(gateway, GRANT | {"client_id": app_id, "client_secret": secret})
    by_header = await asked(gateway, GRANT | {"scope": "members:read"}, **basic(app_id, secret))
    for answer in (by_body, by_header):
        assert answer.status_code == 200, answer.text
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        given = answer.json()
        assert set(given) == {"access_token", "token_type", "expires_in", "scope"}
        assert (given["token_type"], given["scope"]) == ("Bearer", "members:read")
    async with gateway.client(given["access_token"]) as client:
        text = "{ members { edges { node { displayName } } } viewer { permissions member { id } onboarding { key } } }"
        seen = (await client.post("/graphql", json={"query": text})).json()
        assert seen["data"]["members"]["edges"] == [{"node": {"displayName": "Ada"}}]
        assert seen["data"]["viewer"] == {"permissions": ["members:read"], "member": None, "onboarding": None}
        assert [error["extensions"]["code"] for error in seen["errors"]] == ["FORBIDDEN"]
        update = 'mutation { updateProfile(input: {bio: "x"}) { errors { code } } }'
        refused = (await client.post("/graphql", json={"query": update})).json()
        assert refused["data"]["updateProfile"]["errors"] == [{"code": "FORBIDDEN"}]


async def test_anybody_can_verify_a_token_by_the_published_keys(gateway, app):
    given = (await asked(gateway, GRANT, **basic(*app))).json()
    async with gateway.client() as client:
        keys = await client.get("/.well-known/jwks.json")
    assert keys.headers["cache-control"] == "public, max-age=300"
    claims = jwt.decode(given["access_token"], KeySet.import_key_set(keys.json()), algorithms=["Ed25519"]).claims
    assert (claims["sub"], claims["app"], claims["permissions"]) == (app[0], True, ["members:read"])
    assert all("d" not in key for key in keys.json()["keys"]), "never the private half"


async def test_a_revoked_app_and_an_old_secret_get_no_token(gateway, founded, app, key_of):
    owner, _ = founded
    query = "{ apps { edges { node { id clientId revokedAt } } } }"
    [edge] = (await gateway.get(query, by=owner))["apps"]["edges"]
    assert edge["node"]["clientId"] == app[0] == key_of(edge["node"]["id"])
    which = {"appId": edge["node"]["id"]}
    keyed = (await gateway.do("replaceAppSecret", which, by=owner, want=REGISTER))["keyedApp"]
    assert (await asked(gateway, GRANT, **basic(*app))).json()["error"] == "invalid_client"
    assert (await asked(gateway, GRANT, **basic(app[0], keyed["secret"]))).status_code == 200
    await gateway.do("revokeApp", which, by=owner, want="app { revokedAt }")
    refused = await asked(gateway, GRANT, **basic(app[0], keyed["secret"]))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.headers["www-authenticate"] == 'Basic realm="kith"'


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        ({}, {}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, {}, "unsupported_grant_type"),
        (GRANT, {}, "invalid_client"),
        (GRANT | {"client_id": "x"}, {}, "invalid_client"),
        (GRANT | {"client_id": "x", "client_secret": "y"}, {}, "invalid_client"),
        (GRANT | {"client_id": "x" * 101, "client_secret": "y"}, {}, "invalid_client"),
        (GRANT | {"client_id": "\u0000", "client_secret": "\u0000"}, {}, "invalid_client"),
        (GRANT | {"client_id": "x", "client_secret": "y"}, basic("x", "y"), "invalid_request"),
        (GRANT, {"Authorization": "Bearer x"}, "invalid_client"),
        (GRANT, {"Authorization": "Basic"}, "invalid_client"),
        (GRANT, {"Authorization": "Basic ***"}, "invalid_client"),
        (GRANT, {"Authorization": "Basic /////w=="}, "invalid_client"),
        (GRANT, {"Authorization": "Basic " + base64.b64encode(b"nothing").decode()}, "invalid_client"),
        ("grant_type=client_credentials&grant_type=client_credentials", {}, "invalid_request"),
        ("&".join(f"a{n}=1" for n in range(100)), {}, "invalid_request"),
        ("x" * 5000, {}, "invalid_request"),
        (b"grant_type=\xff\xfe", {}, "invalid_request"),
        ('{"grant_type": "client_credentials"}', {"Content-Type": "application/json"}, "invalid_request"),
    ],
)
async def test_what_no_client_should_send_is_refused_as_oauth_has_it(gateway, body, headers, error):
    answer = await asked(gateway, body, **headers)
    assert answer.json()["error"] == error
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


async def test_secrets_are_not_guessed_at_leisure(identity, identity_url, gateway_to):
    async with gateway_to({"identity": identity_url}, identity, address_burst=200, address_per_second=0.1) as gateway:
        wrong = GRANT | {"client_id": str(new_id()), "client_secret": "x"}
        answers = [await asked(gateway, wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2
    assert answers[-1].json()["error"] == "slow_down"


async def test_while_identity_is_away_the_doors_say_so(identity, gateway_to):
    async with gateway_to({}, identity) as gateway:
        answer = await asked(gateway, GRANT | {"client_id": "x", "client_secret": "y"})
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        async with gateway.client() as client:
            keys = await client.get("/.well-known/jwks.json")
    assert (keys.status_code, keys.json()["code"]) == (503, "SERVICE_UNAVAILABLE")


async def test_nobody_reads_the_doors_but_by_their_methods(gateway):
    async with gateway.client() as client:
        tries = [await client.get("/oauth/token"), await client.post("/.well-known/jwks.json")]
    assert [each.status_code for each in tries] == [httpx.codes.METHOD_NOT_ALLOWED] * 2
