"""Pages on other hosts: those that are named can call the API from a browser, all others read nothing of it."""

import httpx
import pytest
from pydantic import ValidationError

from kith_gateway.settings import Settings

APP, OTHER = "https://app.example.org", "https://evil.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.mark.unit
@pytest.mark.parametrize(
    "origin",
    [
        "*", "null", "", "app.example.org", "https://", "https://*.example.org", "https://app.example.org/",
        "HTTPS://app.example.org", "https://App.example.org", "https://app.example.org/path", "https://a.example?x",
        "https://a@b.example.org", "https://a.example:443", "http://a.example:80", "https://a.example:port",
        "ftp://a.example", "https://[::1", "https://a.example, https://b.example", " https://a.example",
        "javascript:alert(1)", "https://a.example\n", "https://exämple.org", "https://a.example:999999",
    ],
)  # fmt: skip
def test_what_no_browser_would_send_keeps_the_gateway_from_starting(origin):
    with pytest.raises(ValidationError, match="an origin"):
        Settings(allowed_origins=[origin])


@pytest.mark.unit
@pytest.mark.parametrize("origin", [APP, "http://localhost:5173", "http://127.0.0.1:8000", "http://[::1]:3000"])
def test_what_browsers_send_is_taken_as_it_is(origin):
    assert Settings(allowed_origins=[origin]).allowed_origins == [origin]
    assert Settings().allowed_origins == []


def client(gateway, origin):
    headers = {} if origin is None else {"Origin": origin}
    transport = httpx.ASGITransport(gateway.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)


def granted(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def asked(gateway, origin, path="/graphql"):
    async with client(gateway, origin) as pages:
        return await pages.post(path, json={"query": "{ __typename }"})


async def preflight(gateway, origin, path="/graphql", **headers):
    async with client(gateway, origin) as pages:
        return await pages.options(path, headers=PREFLIGHT | headers)


@pytest.mark.integration
async def test_unless_it_is_named_no_page_of_another_host_is_let_in(gateway):
    answer = await asked(gateway, OTHER)
    assert (answer.status_code, granted(answer)) == (200, {})
    refused = await preflight(gateway, OTHER)
    assert (refused.status_code, granted(refused)) == (405, {})


@pytest.mark.integration
async def test_a_page_that_is_named_may_ask_and_read_and_no_other(gateway_to, identity, identity_url):
    async with gateway_to({"identity": identity_url}, identity, allowed_origins=[APP]) as gateway:
        before = await preflight(gateway, APP)
        assert before.status_code == 200
        allowed = granted(before)
        assert allowed["access-control-allow-origin"] == APP
        assert allowed["access-control-allow-methods"] == "GET, POST"
        assert {"authorization", "content-type"} <= set(allowed["access-control-allow-headers"].lower().split(", "))
        assert "origin" in before.headers["vary"].lower()
        assert "access-control-allow-credentials" not in allowed
        answer = await asked(gateway, APP)
        assert (answer.status_code, answer.json()["data"]) == (200, {"__typename": "Query"})
        assert granted(answer) == {
            "access-control-allow-origin": APP, "access-control-expose-headers": "Retry-After",
        }  # fmt: skip
        assert {"accept", "origin"} <= {each.strip().lower() for each in answer.headers["vary"].split(",")}
        for origin in (
            OTHER,
            "null",
            "*",
            APP + ".evil.org",
            APP.upper(),
            "http://app.example.org",
            APP + ":444",
            "x" * 9000,
        ):
            refused = await preflight(gateway, origin)
            assert refused.status_code == 400
            assert "access-control-allow-origin" not in granted(refused)
            unread = await asked(gateway, origin)
            assert "access-control-allow-origin" not in granted(unread)
        assert granted(await asked(gateway, None)) == {}


@pytest.mark.integration
async def test_what_is_not_asked_for_by_name_is_not_allowed(gateway_to, identity, identity_url):
    async with gateway_to({"identity": identity_url}, identity, allowed_origins=[APP]) as gateway:
        for odd in ({"Access-Control-Request-Method": "DELETE"}, {"Access-Control-Request-Headers": "x-anything"}):
            assert (await preflight(gateway, APP, **odd)).status_code == 400
        for path in ("/metrics", "/health/ready", "/anything"):
            assert granted(await asked(gateway, APP, path)) == {}
            assert granted(await preflight(gateway, APP, path)) == {}


@pytest.mark.integration
async def test_a_page_that_is_named_can_read_also_that_it_was_refused(gateway_to, identity, identity_url):
    async with (
        gateway_to({"identity": identity_url}, identity, allowed_origins=[APP]) as gateway,
        client(gateway, APP) as pages,
    ):
        for body in (b"{", b"[]", b'{"query": "{ viewer { permissions } }"}'):
            answer = await pages.post("/graphql", content=body, headers={"Content-Type": "application/json"})
            assert answer.json()["errors"]
            assert granted(answer)["access-control-allow-origin"] == APP
