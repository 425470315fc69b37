"""graphql-transport-ws by the letter, and what becomes of clients that do not keep to it."""

import asyncio
import json
from contextlib import suppress

import pytest
import websockets
from joserfc.jwk import OKPKey

from kith_chassis.ids import new_id
from kith_testkit.probe import MEMBER, Actor, eventually

from .listening import connected

pytestmark = pytest.mark.integration
POSTS = "subscription { postWritten { cursor } }"
DEEP = "{ thread { posts" * 12 + " { id } " + "} }" * 12
MANY_ALIASES = " ".join(f"a{number}: cursor" for number in range(60))


@pytest.fixture
def someone():
    return Actor(new_id(), permissions=MEMBER)


async def gone(running):
    hub = running.app.state.hub

    async def empty():
        return not (hub._sockets or hub._feeds or hub._found or hub._of_member)

    return await eventually(empty, what="everything being forgotten")


# -- the way in --------------------------------------------------------------------------------------------------------


async def test_only_graphql_transport_ws_is_spoken_and_who_offers_another_hears_why(running):
    for offered in (["graphql-ws"], ["soap", "graphql-ws"], []):
        async with connected(running.url, subprotocols=offered) as client:
            code, reason = await client.closed()
            assert (code, reason) == (4406, "Subprotocol not acceptable: this server speaks graphql-transport-ws alone")
    async with connected(running.url, subprotocols=["graphql-ws", "graphql-transport-ws"]) as client:
        assert client.socket.subprotocol == "graphql-transport-ws"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://app.example.evil"])
async def test_a_page_of_another_origin_is_not_let_in(running, origin):
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with connected(running.url, origin=origin):
            pass
    assert refusal.value.response.status_code == 403


async def test_a_page_of_our_own_or_of_a_named_origin_is_let_in(live, someone):
    async with live(allowed_origins=["https://app.example"]) as running:
        for origin in (running.url, "https://app.example"):
            async with connected(running.url, someone, origin=origin) as client:
                assert await client.silent()


async def test_nothing_is_carried_out_before_the_acknowledgement(running):
    async with connected(running.url) as client:
        await client.send(type="ping")
        assert (await client.next())["type"] == "pong"
        await client.subscribe(POSTS)
        assert await client.closed() == (4401, "Unauthorized")
    await gone(running)


async def test_who_does_not_say_who_they_are_in_time_is_closed_also_when_they_keep_talking(live):
    async with live(socket_init_seconds=0.3) as running:
        async with connected(running.url) as client:
            assert await client.closed() == (4408, "Connection initialisation timeout")
        async with connected(running.url) as client:

            async def talk():
                while True:
                    await client.send(type="ping")
                    await asyncio.sleep(0.05)

            talking = asyncio.create_task(talk())
            assert (await client.closed())[0] == 4408
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        [],
        "text",
        {"authorization": None},
        {"authorization": {"a": 1}},
        {"authorization": "Bearer "},
        {"authorization": "Bearer x.y.z"},
        {"authorization": "Basic YTpi"},
    ],
)
async def test_a_connection_without_a_good_token_is_refused(running, payload):
    async with connected(running.url) as client:
        await client.send(type="connection_init", payload=payload)
        code, reason = await client.closed()
    assert code == 4403
    assert reason.startswith("Forbidden: ")


async def test_an_expired_token_or_one_signed_by_another_is_refused(running, someone):
    key = OKPKey.generate_key("Ed25519", private=True)
    key.ensure_kid()
    for token in (someone.token(expires_in=-5), someone.token(issuer="else"), someone.token(key=key)):
        async with connected(running.url) as client:
            await client.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
            assert (await client.closed())[0] == 4403


async def test_to_say_who_one_is_twice_ends_the_connection(running, someone):
    async with connected(running.url, someone) as client:
        await client.send(type="connection_init", payload={"authorization": f"Bearer {someone.token()}"})
        assert await client.closed() == (4429, "Too many initialisation requests")


# -- messages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "not json",
        "null",
        "[]",
        "1",
        '"ping"',
        "{}",
        '{"type": 1}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": ""}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
        json.dumps({"type": "subscribe", "id": "x" * 129, "payload": {"query": POSTS}}),
        '{"type": "complete"}',
        '{"type": "start", "id": "1", "payload": {}}',
        '{"type": "connection_terminate"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "ping"',
        "[" * 100_000,
        '{"type": "ping", "payload": ' + "[" * 50_000 + "]" * 50_000 + "}",
        b"\x00\x01",
        b'{"type": "ping"}',
    ],
    ids=lambda frame: repr(frame[:40]),
)
async def test_what_is_no_message_of_the_protocol_ends_the_connection(running, someone, frame):
    async with connected(running.url, someone) as client:
        await client.socket.send(frame)
        code, reason = await client.closed()
    assert code == 4400
    assert reason
    await gone(running)


async def test_pings_are_answered_and_pongs_borne_with_any_payload(running, someone):
    async with connected(running.url, someone) as client:
        await client.send(type="pong", payload={"a": [1]})
        await client.send(type="ping", payload={"deep": {"er": None}})
        assert (await client.next())["type"] == "pong"


async def test_a_message_that_is_too_large_ends_the_connection(running, someone):
    async with connected(running.url, someone) as client:
        await client.send(type="ping", payload="x" * 300_000)
        assert (await client.closed())[0] == 1009


async def test_a_message_in_a_thousand_fragments_counts_as_one_and_by_its_size(running, someone):
    async with connected(running.url, someone) as client:
        await client.socket.send(iter(['{"type": ', *[" "] * 1000, '"ping"}']))
        assert (await client.next())["type"] == "pong"
        await client.socket.send(iter(["x" * 10_000] * 40))
        assert (await client.closed())[0] == 1009


async def test_an_id_that_is_taken_ends_the_connection(running, someone):
    async with connected(running.url, someone) as client:
        await client.subscribe(POSTS)
        await client.subscribe(POSTS)
        assert await client.closed() == (4409, "Subscriber for 1 already exists")
    await gone(running)


async def test_what_was_never_begun_can_be_completed(running, someone):
    async with connected(running.url, someone) as client:
        await client.send(type="complete", id="never")
        assert await client.silent()


async def test_ids_come_back_as_they_were_given(running, someone):
    async with connected(running.url, someone) as client:
        for strange in ('"', "\\", "\u2028", "😀", "</script>", "a" * 128):
            await client.subscribe("{ community { name } }", id_=strange)
            assert await client.error(strange) == "NOT_A_SUBSCRIPTION"


# -- documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{ viewer { roles } }"}, "NOT_A_SUBSCRIPTION"),
        ({"query": "mutation { setRanking(input: {listed: true}) { clientMutationId } }"}, "NOT_A_SUBSCRIPTION"),
        ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "subscription { nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { postWritten { cursor } recognized { cursor } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { postWritten @skip(if: true) { cursor } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": f"{POSTS} {POSTS}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": POSTS, "operationName": "Other"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": POSTS, "operationName": 1}, "BAD_USER_INPUT"),
        ({"query": POSTS, "variables": []}, "BAD_USER_INPUT"),
        ({"query": "subscription ($s: ID!) { postWritten(spaceId: $s) { cursor } }"}, "BAD_USER_INPUT"),
        ({"query": 'subscription { postWritten(spaceId: "x") { cursor } }'}, "INVALID_ID"),
        ({"query": 'subscription { postWritten(spaceId: "VGhyZWFkOng") { cursor } }'}, "INVALID_ID"),
        ({"query": 'subscription { postWritten(after: "x") { cursor } }'}, "INVALID_CURSOR"),
        ({"query": "subscription { postWritten " + DEEP + "}"}, "TOO_DEEP"),
        ({"query": "subscription { postWritten { " + MANY_ALIASES + " } }"}, "TOO_LARGE"),
        ({"query": "subscription { postWritten { thread { posts(first: 100) { author { points roles groups { id "
                   "memberships { role } } } } } } }"}, "TOO_COSTLY"),
        ({"query": "#" * 210_000}, "TOO_LARGE"),
    ],
    ids=lambda found: str(found)[:60],
)  # fmt: skip
async def test_what_cannot_be_listened_to_is_refused_and_the_connection_goes_on(running, someone, payload, code):
    async with connected(running.url, someone) as client:
        await client.send(type="subscribe", id="1", payload=payload)
        assert await client.error() == code
        assert await client.silent()
        await client.subscribe(POSTS)
        assert await client.silent()
    await gone(running)


async def test_a_subscription_sent_with_post_is_told_where_to_go(running, someone):
    answer = await running.ask(POSTS, by=someone)
    assert answer["errors"][0]["extensions"]["code"] == "SUBSCRIPTION"


# -- too much ----------------------------------------------------------------------------------------------------------


async def test_a_connection_has_so_many_subscriptions_and_no_more_until_one_ends(live, someone):
    async with live(max_subscriptions=3) as running, connected(running.url, someone) as client:
        for number in range(3):
            await client.subscribe(POSTS, id_=f"{number}")
        await client.subscribe(POSTS, id_="more")
        assert await client.error("more") == "TOO_MANY_SUBSCRIPTIONS"
        await client.send(type="complete", id="1")
        await client.subscribe(POSTS, id_="more")
        assert await client.silent()


async def test_thousands_of_subscribe_messages_end_the_connection_and_leave_nothing(running, someone):
    async with connected(running.url, someone) as client:
        with suppress(websockets.ConnectionClosed):
            for number in range(5000):
                await client.subscribe(POSTS, id_=f"{number}")
        assert (await client.closed())[0] == 1008
    await gone(running)


async def test_pings_of_the_wire_are_answered_and_thousands_of_them_end_the_connection(running, someone):
    async with connected(running.url, someone, ping_interval=None) as client:
        await (await client.socket.ping())
        assert await client.silent()
        with suppress(websockets.ConnectionClosed):
            for number in range(5000):
                await client.socket.ping(b"%d" % number)
        assert await client.closed() == (1006, "")
    await gone(running)


async def test_a_member_has_so_many_connections_and_another_one_theirs(live, someone):
    other = Actor(someone.community_id, permissions=MEMBER)
    async with live(max_sockets_per_member=2) as running:
        async with connected(running.url, someone), connected(running.url, someone):
            async with connected(running.url) as third:
                await third.send(type="connection_init", payload={"authorization": f"Bearer {someone.token()}"})
                assert await third.closed() == (4430, "Too many connections of one member")
            async with connected(running.url, other) as client:
                assert await client.silent()
        await gone(running)
        async with connected(running.url, someone) as client:
            assert await client.silent()


async def test_a_process_has_so_many_connections_and_says_so(live, someone):
    async with live(max_sockets=2) as running:
        async with connected(running.url), connected(running.url), connected(running.url) as third:
            assert await third.closed() == (1013, "This process has as many connections as it takes")
        await gone(running)
        async with connected(running.url, someone) as client:
            assert await client.silent()
