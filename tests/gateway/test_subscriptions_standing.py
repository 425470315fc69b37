"""Who may go on listening, and for how long: expiry, logout, leaving, slow readers, and the end of a process."""

import asyncio
import socket

import pytest
from prometheus_client import REGISTRY

from kith_chassis.ids import new_id
from kith_gateway.ids import encode_id
from kith_gateway.live import feeds as feeds_module
from kith_testkit.probe import MEMBER, Actor, eventually

from .conftest import _placed, founding
from .listening import connected

pytestmark = pytest.mark.integration
POSTS = "subscription ($after: String) { postWritten(after: $after) { cursor post { body } } }"
LONG = f"subscription {{ postWritten {{ post {{ {' '.join(f'b{n}: body' for n in range(30))} }} }} }}"
LOG_IN = """
mutation ($input: LogInInput!) { logIn(input: $input) { login { accessToken refreshToken } errors { code } } }
"""


async def logged_in(gateway, body):
    owner = body["owner"]
    given = {"community": body["slug"], "email": owner["email"], "password": owner["password"]}
    return (await gateway.get(LOG_IN, {"input": given}))["logIn"]["login"]


@pytest.fixture
async def member(running, found):
    """Someone with a login of their own: what they signed in with."""
    body = founding()
    return await found(running, body), body


# -- logins ------------------------------------------------------------------------------------------------------------


async def test_what_listens_with_a_token_is_closed_when_it_expires_and_not_before(running):
    someone = Actor(new_id(), permissions=MEMBER)
    async with connected(running.url, someone.token(expires_in=3)) as client, connected(running.url, someone) as other:
        await client.subscribe(POSTS)
        assert await client.silent()
        code, reason = await client.closed()
        assert code == 4403
        assert "expired" in reason
        assert await other.silent()


async def test_logging_out_closes_what_listens_with_this_login_and_lets_nothing_in_with_it_again(running, member):
    _, body = member
    first, second = await logged_in(running, body), await logged_in(running, body)
    async with (
        connected(running.url, first["accessToken"]) as ended,
        connected(running.url, second["accessToken"]) as other,
    ):
        await ended.subscribe(POSTS)
        assert await ended.silent()
        await running.do("logOut", {"refreshToken": first["refreshToken"]}, want="")
        assert await ended.closed() == (4401, "This login has ended")
        assert await other.silent()
    async with connected(running.url) as client:
        await client.send(type="connection_init", payload={"authorization": f"Bearer {first['accessToken']}"})
        assert await client.closed() == (4401, "This login has ended")
    async with connected(running.url, second["accessToken"]) as client:
        assert await client.silent()


async def test_an_old_refresh_token_ends_its_login_here_too(running, member):
    _, body = member
    login = await logged_in(running, body)
    async with connected(running.url, login["accessToken"]) as client:
        given = {"refreshToken": login["refreshToken"]}
        renewed = (await running.do("refreshSession", given, want="login { accessToken refreshToken }"))["login"]
        await running.do("refreshSession", {"refreshToken": renewed["refreshToken"]}, want="login { accessToken }")
        assert await client.silent()
        async with connected(running.url, renewed["accessToken"]) as next_one:
            refused = await running.do("refreshSession", given, want="login { accessToken }")
            assert refused["login"] is None
            assert (await client.closed())[0] == (await next_one.closed())[0] == 4401


async def test_a_login_that_ended_before_this_process_began_is_not_let_in(live, found):
    body = founding()
    async with live() as first:
        await found(first, body)
        login = await logged_in(first, body)
        async with connected(first.url, login["accessToken"]) as client:
            await first.do("logOut", {"refreshToken": login["refreshToken"]}, want="")
            await client.closed()
    async with live() as second, connected(second.url) as client:
        await client.send(type="connection_init", payload={"authorization": f"Bearer {login['accessToken']}"})
        assert (await client.closed())[0] == 4401


async def test_who_leaves_or_is_removed_hears_no_more_and_is_not_let_in_again(running, place):
    owner, (leaving, removed) = place.owner, place.people
    async with connected(running.url, leaving) as one, connected(running.url, removed) as two:
        for each in (one, two):
            await each.subscribe(POSTS)
            assert await each.silent()
        await running.do("leaveCommunity", {}, by=leaving, want="")
        assert await one.closed() == (4401, "This login has ended")
        assert await two.silent()
        given = {"memberId": encode_id("Member", removed.member_id)}
        await running.do("removeMember", given, by=owner, want="")
        assert await two.closed() == (4401, "This login has ended")
    for each in place.people:
        async with connected(running.url) as client:
            await client.send(type="connection_init", payload={"authorization": f"Bearer {each.token()}"})
            assert (await client.closed())[0] == 4401


# -- slow readers ------------------------------------------------------------------------------------------------------


def narrow():
    """A socket that takes in little before its owner reads."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return one


async def test_who_reads_too_slowly_is_closed_and_nobody_waits_for_them(live):
    async with live(socket_queue_bytes=500_000) as running:
        place = await _placed(running)
        hub, at = running.app.state.hub, running.url.removeprefix("http://").split(":")
        sock = narrow()
        sock.connect((at[0], int(at[1])))
        sock.setblocking(False)
        # Its library reads ahead of who uses it, so much and no more.
        async with (
            connected(running.url, place.people[0], sock=sock, max_queue=(2, 1), ping_interval=None) as slow,
            connected(running.url, place.people[1]) as quick,
        ):
            await slow.subscribe(LONG)
            await quick.subscribe(POSTS)
            assert await quick.silent()
            [stuck] = [each for each in hub._sockets if each.listener.member == str(place.people[0].member_id)]
            size, wrote = 0, 0
            while stuck.code is None:
                assert wrote < 1000, "the reader was never found slow"
                await place.write(*("x" * 7000 for _ in range(10)))
                wrote += 10
                await quick.data(10)
                size = max(size, stuck._size)
            assert stuck.code == 4413
            assert size <= 500_000 + 30 * 7100

            async def forgotten():
                return stuck not in hub._sockets

            await eventually(forgotten, what="the slow one being cut off")
            await place.write("Still here.")
            assert (await quick.data())[0]["postWritten"]["post"]["body"] == "Still here."
            slow.socket.transport.abort()


async def test_a_feed_that_cannot_keep_up_says_so_and_can_be_taken_up_again(running, place, monkeypatch):
    monkeypatch.setattr(feeds_module, "MAX_PENDING", 5)
    go_on, call = asyncio.Event(), running.upstream.call

    async def slow(service, method, route, **rest):
        if route == "/read/posts":
            await go_on.wait()
        return await call(service, method, route, **rest)

    async with connected(running.url, place.people[1]) as client:
        cursor = client.cursor
        await client.subscribe(POSTS)
        assert await client.silent()
        monkeypatch.setattr(running.upstream, "call", slow)
        for number in range(9):
            await place.write(f"{number}")
            await place.heard()
        assert await client.error() == "FELL_BEHIND"
        go_on.set()
        monkeypatch.setattr(feeds_module, "MAX_PENDING", 2000)
        await client.subscribe(POSTS, {"after": cursor})
        come = [each["postWritten"]["post"]["body"] for each in await client.data(9)]
        assert come == [str(number) for number in range(9)]


# -- the end of a process ----------------------------------------------------------------------------------------------


async def test_a_process_that_drains_sends_everyone_elsewhere_and_lets_nobody_in(running):
    someone = Actor(new_id(), permissions=MEMBER)
    async with connected(running.url, someone) as one, connected(running.url, someone) as two:
        await one.subscribe(POSTS)
        assert await one.silent()
        running.app.state.draining = True
        for each in (one, two):
            assert await each.closed() == (1012, "This process is about to end; connect again")
        async with connected(running.url) as late:
            assert (await late.closed())[0] == 1012
    running.app.state.draining = False


async def test_while_the_stream_is_away_nobody_is_let_in_and_queries_are_answered(urls, gateway_to, served, identity):
    async with gateway_to(urls, identity, nats_url="nats://127.0.0.1:1") as running:
        running.app.state.draining = False
        async with served(running.app) as url:
            async with connected(url) as client:
                assert await client.closed() == (1013, "Nothing can be listened to right now")
            assert "errors" in await running.ask("{ viewer { roles } }")


async def test_connections_and_subscriptions_are_counted(running, place):
    def counted(name):
        return REGISTRY.get_sample_value(name) or 0

    before = counted("subscription_sockets"), counted("subscriptions")
    async with connected(running.url, place.people[0]) as client:
        await client.subscribe(POSTS)
        await client.subscribe("subscription { recognized { cursor } }", id_="2")
        assert await client.silent()
        assert (counted("subscription_sockets"), counted("subscriptions")) == (before[0] + 1, before[1] + 2)

    async def none():
        return (counted("subscription_sockets"), counted("subscriptions")) == before

    await eventually(none, what="the counts going back")
