"""Who is let in."""

import time
from types import SimpleNamespace

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from kith_chassis.errors import Unauthenticated, Unavailable
from kith_chassis.tokens import TokenVerifier
from kith_testkit.probe import Actor

pytestmark = pytest.mark.integration


async def status(notes, token):
    answer = await notes.anonymous.get("/everything", headers={"Authorization": f"Bearer {token}".encode("latin-1")})
    return answer.status_code


async def test_a_good_token_is_let_in_and_none_is_not(notes, member):
    assert await status(notes, member.token()) == 200
    answer = await notes.anonymous.get("/everything")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_an_expired_token_is_refused_also_when_it_was_good_before(notes, member):
    assert await status(notes, member.token(expires_in=-1)) == 401
    token = member.token(expires_in=1)
    principal = await notes.app.state.tokens.verify(token)
    assert principal.subject == member.member_id
    while time.time() < principal.expires_at:
        await notes.anonymous.get("/health/live")
    assert await status(notes, token) == 401


async def test_forged_tokens_are_refused(notes, member):
    own = OKPKey.generate_key("Ed25519")
    own.ensure_kid()
    assert await status(notes, member.token(key=own)) == 401
    assert await status(notes, member.token(issuer="somebody else")) == 401
    head, body, signature = member.token().split(".")
    _, other, _ = Actor(member.community_id).token().split(".")
    assert await status(notes, f"{head}.{other}.{signature}") == 401
    assert await status(notes, f"{head}.{body}.") == 401
    published = (await notes.app.state.tokens.verify(member.token())).subject
    assert published == member.member_id


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "ey" * 5000, "e30.e30.e30", "\xff", "eyJhbGciOiJub25lIn0.e30."])
async def test_garbage_is_refused(notes, token):
    assert await status(notes, token) == 401


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(notes, member):
    keys = notes.app.state.tokens._keys or await notes.app.state.tokens.verify(member.token())
    public = notes.app.state.tokens._keys.keys[0] if keys else None
    secret = OctKey.import_key(public.as_dict(private=False)["x"])
    claims = {"iss": "kith", "sub": str(member.member_id), "tenant": str(member.community_id), "permissions": [],
              "exp": int(time.time()) + 60}  # fmt: skip
    assert await status(notes, jwt.encode({"alg": "HS256", "kid": public.kid}, claims, secret)) == 401


async def test_a_permission_one_does_not_hold_is_named(notes, member):
    answer = await notes.client(member).get("/secret")
    assert (answer.status_code, answer.json()["permission"]) == (403, "notes:read_secret")
    holder = Actor(member.community_id, permissions=frozenset({"notes:read_secret"}))
    assert (await notes.client(holder).get("/secret")).status_code == 200


class Published:
    """A key set that can change, or be away; how often it was asked for."""

    def __init__(self, *keys):
        self.keys, self.away, self.asked = keys, False, 0

    def __call__(self, _):
        self.asked += 1
        return httpx.Response(
            503 if self.away else 200, json={"keys": [key.as_dict(private=False) for key in self.keys]}
        )


@pytest.fixture
def keys():
    made = [OKPKey.generate_key("Ed25519", private=True) for _ in range(2)]
    for key in made:
        key.ensure_kid()
    return made


@pytest.fixture
def published(keys):
    return Published(*keys)


@pytest.fixture
def later(monkeypatch):
    """To let seconds pass for the verifier."""
    ahead, now = [0.0], time.monotonic
    # The verifier's name and not the module: what else runs in this process goes by the same clock.
    clock = SimpleNamespace(monotonic=lambda: now() + ahead[0], time=time.time)
    monkeypatch.setattr("kith_chassis.tokens.time", clock)

    def later(seconds):
        ahead[0] += seconds

    return later


async def test_a_key_that_is_published_no_more_lets_nobody_in_after_minutes(keys, published, later, member):
    verifier = TokenVerifier(jwks_url="http://keys/", issuer="kith", transport=httpx.MockTransport(published))
    withdrawn, kept = (member.token(key=key) for key in keys)
    for token in (withdrawn, kept):
        await verifier.verify(token)
    published.keys = keys[1:]
    later(299)
    assert verifier.known(withdrawn)
    later(2)
    published.away = True
    for _ in range(3):  # the keys of before serve, and whoever publishes them is not hammered
        assert verifier.known(withdrawn)
        await verifier._renewal
    assert published.asked == 2
    published.away = False
    later(11)
    assert await verifier.verify(withdrawn)  # nobody waits for new keys
    await verifier._renewal
    assert verifier.known(withdrawn) is None
    with pytest.raises(Unauthenticated):
        await verifier.verify(withdrawn)
    assert await verifier.verify(kept)
    assert published.asked == 3


async def test_what_was_verified_stays_known_while_the_keys_are_the_same(keys, published, later, member):
    verifier = TokenVerifier(jwks_url="http://keys/", issuer="kith", transport=httpx.MockTransport(published))
    token = member.token(key=keys[0])
    await verifier.verify(token)
    later(301)
    assert verifier.known(token)
    await verifier._renewal
    assert (published.asked, verifier.known(token) is not None) == (2, True)


async def test_keys_that_were_never_fetched_let_nobody_in(keys, published, member):
    verifier = TokenVerifier(jwks_url="http://keys/", issuer="kith", transport=httpx.MockTransport(published))
    published.away = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await verifier.verify(member.token(key=keys[0]))
    published.away = False
    assert await verifier.verify(member.token(key=keys[0]))
