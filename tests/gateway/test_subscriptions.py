"""Subscriptions, end to end: what happens in real services comes over a real WebSocket, to those who may see it."""

import json
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from graphql import parse
from prometheus_client import REGISTRY

from kith_chassis.ids import new_id
from kith_chassis.tokens import Principal
from kith_gateway.ids import encode_id, split_id
from kith_gateway.live.feeds import Feed
from kith_gateway.live.log import Happened
from kith_gateway.live.sharing import is_same_for_all
from kith_gateway.live.standing import Listener
from kith_gateway.live.wishes import wished
from kith_gateway.schema import schema
from kith_gateway.upstream import ServiceUnavailableError
from kith_identity.permissions import PERMISSIONS, SCOPES, permissions_of_app
from kith_identity.profiles import HIDEABLE
from kith_testkit.permissions import YES, rows
from kith_testkit.probe import MEMBER, Actor, eventually

from .conftest import _placed
from .listening import POSTS, bodies, connected

pytestmark = pytest.mark.integration
PAGE = Path(__file__).parents[2] / "docs/graphql.md"


# -- what is told ------------------------------------------------------------------------------------------------------


async def test_a_post_comes_to_who_listens_to_its_space_as_a_query_would_show_it(running, place):
    async with connected(running.url, place.people[1]) as client:
        await client.subscribe(POSTS, {"space": place.space})
        assert await client.silent()
        await place.write("Like so.", "And so.")
        first, second = await client.data(2)
    told = first["postWritten"]
    assert told["post"]["body"] == "Like so."
    assert told["post"]["author"] == {"id": encode_id("Member", place.people[0].member_id), "displayName": "Person 1"}
    assert (told["spaceId"], told["threadId"], told["post"]["thread"]["title"]) == (place.space, place.thread, "How?")
    assert second["postWritten"]["cursor"] != told["cursor"]


async def test_the_example_of_the_page_for_frontends_works(running, place):
    [text] = re.findall(r"query: `(subscription .*?)`", PAGE.read_text(), re.DOTALL)
    async with connected(running.url, place.people[1]) as client:
        await client.subscribe(text, {"space": place.space, "after": None})
        assert await client.silent()
        await place.write("Like so.")
        assert bodies(await client.data()) == ["Like so."]


async def test_a_post_comes_to_who_listens_to_its_thread_or_to_all_and_to_nobody_else(
    running, place, start_founding, found
):
    elsewhere = await place.open_space()
    other = await place.open(elsewhere)
    await place.heard()
    stranger = Actor(new_id(), permissions=MEMBER)
    async with connected(running.url, place.people[0]) as client, connected(running.url, stranger) as outside:
        await outside.subscribe(POSTS)
        await client.subscribe(POSTS, {"space": place.space}, id_="space")
        await client.subscribe(POSTS, {"thread": other}, id_="thread")
        await client.subscribe(POSTS, {"space": elsewhere, "thread": place.thread}, id_="neither")
        await client.subscribe(POSTS, id_="all")
        assert await outside.silent()
        assert await client.silent()
        await place.write("In the first.")
        await place.write("In the other.", thread=other)
        come = [await client.next() for _ in range(4)]
        found = sorted((each["id"], *bodies([each["payload"]["data"]])) for each in come)
        assert found == [
            ("all", "In the first."), ("all", "In the other."), ("space", "In the first."), ("thread", "In the other."),
        ]  # fmt: skip
        assert await client.silent()
        assert await outside.silent()


async def test_what_ends_by_complete_says_no_more_and_its_id_is_free_again(running, place):
    async with connected(running.url, place.people[0]) as client:
        await client.subscribe(POSTS)
        await place.write("One.")
        await client.data()
        await client.send(type="complete", id="1")
        assert await client.silent()
        await place.write("Nobody hears this.")
        await place.heard()
        await client.subscribe(POSTS, {"thread": place.thread})
        assert await client.silent()
        await place.write("Two.")
        assert bodies(await client.data()) == ["Two."]


async def enrolled(running, place):
    """A program with both in it, a mentor and a mentee."""
    program = (await running.do("openProgram", {"name": "Spring"}, by=place.owner, want="program { id }"))["program"]
    for who, side in zip(place.people, ("MENTOR", "MENTEE"), strict=True):

        async def in_it(who=who, side=side):
            given = {"programId": program["id"], "side": side}
            return (await running.do("enroll", given, by=who, want="enrollment { id }"))["enrollment"]

        await eventually(in_it, what="matching hearing of them")
    return program["id"]


async def test_pairings_requests_and_match_runs_come_as_they_go_on_to_whom_they_concern(running, place, key_of):
    owner, (mentor, mentee) = place.owner, place.people
    program = await enrolled(running, place)
    requests = "subscription { requestChanged { became request { status message mentor { id } } } }"
    pairings = "subscription { pairingChanged { became pairing { status mentee { displayName } } } }"
    runs = "subscription ($p: ID!) { matchRunChanged(programId: $p) { became matchRun { id status failure } } }"
    async with (
        connected(running.url, mentor) as one,
        connected(running.url, mentee) as two,
        connected(running.url, owner) as coordinator,
    ):
        await one.subscribe(requests)
        await two.subscribe(requests)
        await one.subscribe(pairings, id_="2")
        await coordinator.subscribe(requests)
        await coordinator.subscribe(runs, {"p": program}, id_="runs")
        assert [await each.silent() for each in (one, two, coordinator)] == [True] * 3
        run = (await running.do("startMatchRun", {"programId": program}, by=owner, want="matchRun { id }"))["matchRun"]
        begun, solved = await coordinator.data(2, of="runs")
        assert begun["matchRunChanged"]["became"] == "SOLVING"
        assert solved["matchRunChanged"]["became"] == "SOLVED", solved
        assert solved["matchRunChanged"]["matchRun"] == {"id": run["id"], "status": "SOLVED", "failure": None}
        given = {"programId": program, "mentorId": encode_id("Member", mentor.member_id), "message": "Would you?"}
        asked = (await running.do("askMentor", given, by=mentee, want="request { id }"))["request"]["id"]
        for each in (one, two):
            [made] = await each.data()
            assert made["requestChanged"]["became"] == "PENDING"
            assert made["requestChanged"]["request"]["message"] == "Would you?"
        await running.do("answerRequest", {"requestId": asked, "to": "ACCEPTED"}, by=mentor, want="request { id }")
        [accepted] = await two.data()
        assert accepted["requestChanged"] | {"request": None} == {"became": "ACCEPTED", "request": None}
        come = [await one.next() for _ in range(3)]
        became = [(m["id"], *(each["became"] for each in m["payload"]["data"].values())) for m in come]
        assert sorted(became) == [("1", "ACCEPTED"), ("2", "ACCEPTED"), ("2", "PROPOSED")]
        assert await coordinator.silent()


async def test_who_asks_somebody_that_blocked_them_hears_of_it_as_ever_and_nobody_else_does(running, place):
    mentor, mentee = place.people
    program = await enrolled(running, place)
    blocked = {"memberId": encode_id("Member", mentee.member_id)}
    assert (await running.do("blockMember", blocked, by=mentor, want=""))["errors"] == []
    given = {"programId": program, "side": "MENTEE", "otherId": encode_id("Member", mentor.member_id)}

    async def heard():  # a pairing with who is kept apart is one with nobody
        tried = await running.do("bringPairing", given, by=mentee, want="pairing { id }")
        if tried["pairing"]:
            await running.do("declinePairing", {"pairingId": tried["pairing"]["id"]}, by=mentor, want="")
        return [each["code"] for each in tried["errors"]] == ["NO_SUCH_PARTICIPANT"]

    await eventually(heard, what="matching hearing of the block")
    requests = "subscription { requestChanged { became request { status message } } }"
    async with connected(running.url, mentor) as one, connected(running.url, mentee) as two:
        await one.subscribe(requests)
        await two.subscribe(requests)
        assert [await each.silent() for each in (one, two)] == [True] * 2
        asked = {"programId": program, "mentorId": encode_id("Member", mentor.member_id), "message": "Would you?"}
        made = (await running.do("askMentor", asked, by=mentee, want="request { id }"))["request"]["id"]
        [told] = await two.data()
        pending = {"became": "PENDING", "request": {"status": "PENDING", "message": "Would you?"}}
        assert told["requestChanged"] == pending
        await running.do("withdrawRequest", {"requestId": made}, by=mentee, want="request { id }")
        [told] = await two.data()
        assert told["requestChanged"]["became"] == "WITHDRAWN"
        assert await one.silent()


async def test_thanks_and_badges_come_to_who_gets_them(running, place):
    giver, receiver = place.people
    query = "subscription { recognized { became kudos { message giver { displayName } } badgeAward { badgeKey } } }"
    async with connected(running.url, receiver) as client, connected(running.url, giver) as other:
        await client.subscribe(query)
        await other.subscribe(query)
        assert await client.silent()
        assert await other.silent()

        async def thanked():
            given = {"receiverId": encode_id("Member", receiver.member_id), "message": "You saved my day."}
            return (await running.do("giveKudos", given, by=giver, want="kudos { id }"))["kudos"]

        await eventually(thanked, what="recognition hearing of them")
        kudos, badge = [each["recognized"] for each in await client.data(2)]
        thanks = {"message": "You saved my day.", "giver": {"displayName": "Person 1"}}
        assert kudos == {"became": "KUDOS", "kudos": thanks, "badgeAward": None}
        assert badge == {"became": "BADGE", "kudos": None, "badgeAward": {"badgeKey": "first_kudos"}}
        own = None
        while own != "first_thanks":  # the one for a first post may have come before
            [told] = await other.data()
            own = told["recognized"]["badgeAward"]["badgeKey"]


async def test_nobody_is_shown_what_a_query_would_not_show_them(running, place):
    author, reader = place.people
    await running.do(
        "updateProfile", {"bio": "Secret.", "visibility": {"bio": "self"}}, by=author, want="member { id }"
    )
    query = "subscription { postWritten { post { author { id bio } } } }"
    async with connected(running.url, author) as own, connected(running.url, reader) as other:
        for each in (own, other):
            await each.subscribe(query)
            assert await each.silent()
        await place.write("Here I am.", by=author)
        shown = [(await each.data())[0]["postWritten"]["post"]["author"]["bio"] for each in (own, other)]
    assert shown == ["Secret.", ""]


async def test_who_is_not_permitted_cannot_listen(running, place):
    async with connected(running.url, place.people[0]) as client:
        await client.subscribe("subscription { matchRunChanged { became } }")
        assert await client.error() == "FORBIDDEN"
        assert await client.silent()


LISTENING = [row for row in rows() if row.field.startswith("Subscription.")]


@pytest.mark.parametrize("row", LISTENING, ids=[row.field for row in LISTENING])
async def test_each_role_listens_to_what_its_row_says(running, place, row):
    community = place.owner.community_id
    roles = {role: Actor(community, permissions=held) for role, held in PERMISSIONS.items()}
    roles["app"] = Actor(community, permissions=frozenset(permissions_of_app(SCOPES)), app=True)
    roles["app without"] = Actor(community, permissions=frozenset(), app=True)
    tried = {}
    for role, who in roles.items():
        async with connected(running.url, who) as client:
            await client.subscribe(f"subscription {{ {row.field.partition('.')[2]} {{ cursor }} }}")
            await client.send(type="ping")
            message = await client.next()
            tried[role] = YES if message["type"] == "pong" else message["payload"][0]["extensions"]["code"]
    assert tried == {role: row.who[role] for role in roles}


async def test_whatever_stands_on_the_stream_listening_goes_on(running, place, probes):
    community, subject = str(place.owner.community_id), "kith.groups.post_written.v1"
    envelope = {"id": "x", "type": "groups.post_written.v1", "tenant": community, "time": "2026-01-01T00:00:00Z"}
    hostile = [
        b"", b"{", b"null", b"\xff\xfe", b"[" * 50_000, json.dumps(envelope).encode(),
        json.dumps(envelope | {"id": str(new_id()), "data": []}).encode(),
        json.dumps(envelope | {"id": str(new_id()), "data": {"post_id": 5, "thread_id": place.thread}}).encode(),
        json.dumps(envelope | {"id": str(new_id()), "data": {"post_id": str(new_id()), "thread_id": "x"}}).encode(),
    ]  # fmt: skip
    async with connected(running.url, place.people[0]) as client:
        await client.subscribe("subscription { postWritten { threadId post { body } } }")
        assert await client.silent()
        await probes["groups"].bus.publish([(subject, str(new_id()), each) for each in hostile])
        await place.write("Still here.")
        told = {}
        while not told or told["post"] is None:
            message = await client.next()
            assert message["type"] == "next"
            told = message["payload"]["data"]["postWritten"] or {}
    assert told["post"]["body"] == "Still here."


async def test_a_service_that_is_away_leaves_its_part_null_and_says_so(running, place, monkeypatch):
    query = "subscription { postWritten { cursor threadId post { body } } }"
    async with connected(running.url, place.people[0]) as client:
        await client.subscribe(query)
        assert await client.silent()
        await running.do("setRanking", {"listed": True}, by=place.people[0], want="")
        call = running.upstream.call

        async def away(service, method, route, **rest):
            if route == "/read/posts":
                raise ServiceUnavailableError(service, "cannot be reached")
            return await call(service, method, route, **rest)

        monkeypatch.setattr(running.upstream, "call", away)
        await place.write("Unread.")
        payload = (await client.next())["payload"]
    assert payload["data"]["postWritten"]["post"] is None
    assert payload["data"]["postWritten"]["threadId"] == place.thread
    assert [each["extensions"]["code"] for each in payload["errors"]] == ["SERVICE_UNAVAILABLE"]


@pytest.mark.parametrize("plans", [True, False])
async def test_both_executors_tell_the_same(live, plans):
    query = """subscription ($short: Boolean!) {
      told: postWritten { ...T __typename post @skip(if: $short) { __typename text: body author { id roles points } } }
    }
    fragment T on PostWritten { spaceId thread { id posts(first: 1) { body } } }"""
    async with live(plans=plans) as running:
        place = await _placed(running)
        async with connected(running.url, place.people[0]) as client:
            await client.subscribe(query, {"short": False})
            await client.subscribe(query, {"short": True}, id_="short")
            assert await client.silent()
            await place.write("Told.")
            come = {m["id"]: m["payload"]["data"]["told"] for m in [await client.next(), await client.next()]}
    thread = {"id": place.thread, "posts": [{"body": "How?"}]}
    rest = {"spaceId": place.space, "thread": thread, "__typename": "PostWritten"}
    author = {
        "id": encode_id("Member", place.people[0].member_id),
        "roles": [],
        "points": come["1"]["post"]["author"]["points"],
    }
    assert come["1"] == rest | {"post": {"__typename": "Post", "text": "Told.", "author": author}}
    assert come["short"] == rest


# -- once for all ------------------------------------------------------------------------------------------------------


async def test_what_shows_all_the_same_is_read_and_encoded_once_for_all_of_them(running, place):
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(12):
            who = place.people[number % 2]
            clients.append(await stack.enter_async_context(connected(running.url, who)))
            await clients[-1].subscribe(POSTS, {"space": place.space}, id_=f"id-{number}")
            assert await clients[-1].silent()
        before = dict(running.calls)
        await place.write("Once.")
        for number, each in enumerate(clients):
            assert bodies(await each.data(of=f"id-{number}")) == ["Once."]
        assert running.calls["groups POST /read/posts"] - before.get("groups POST /read/posts", 0) == 1
        assert REGISTRY.get_sample_value("subscription_feeds") == 1


async def test_what_is_declared_to_show_all_the_same_does(running, place):
    """The table is the proof's premise: each of its fields, asked for as two members with the same permissions."""
    for author in place.people:
        visibility = dict.fromkeys(HIDEABLE, "self")
        await running.do("updateProfile", {"bio": "Me.", "visibility": visibility}, by=author, want="member { id }")
    member = "{ id displayName joinedAt __typename }"
    thread = "{ id spaceId kind title openedAt acceptedPostId author " + member + " }"
    query = (
        "subscription { postWritten { cursor happenedAt spaceId threadId thread " + thread
        + " post { id body writtenAt replyToPostId author " + member + " thread " + thread + " } } }"
    )  # fmt: skip
    context = running.app.state.hub._context
    known = running.app.state.hub._log
    answers = []
    for who in place.people:
        listener = Listener.of(Principal(who.member_id, who.community_id, who.permissions, 2e9), who.token())
        wish, _, shared = wished(context(listener, None), query)
        assert shared
        event = Happened("x", "groups.post_written.v1", str(who.community_id), "2026-01-01T00:00:00Z", {}, known.newest)
        thread_id, space_id = (split_id(each)[1] for each in (place.thread, place.space))
        posts = await running.get("query ($id: ID!) { posts(threadId: $id) { edges { node { id } } } }",
                                  {"id": place.thread}, by=who)  # fmt: skip
        post_id = split_id(posts["posts"]["edges"][0]["node"]["id"])[1]
        event.data |= {"thread_id": thread_id, "space_id": space_id, "post_id": post_id}
        answers += await Feed(wish, known, context).read(listener, [event])
    assert answers[0] == answers[1]
    assert "errors" not in answers[0]
    assert place.thread in answers[0]


@pytest.mark.parametrize(
    ("selected", "same"),
    [
        ("post { id body author { displayName } }", True),
        ("... on PostWritten { post { ...P } }", True),
        ("post { author { bio } }", False),
        ("post { author { ...M } }", False),
        ("thread { posts { body } }", False),
        ("post { author { points } }", False),
    ],
)
def test_only_what_is_known_to_show_all_the_same_is_shared(selected, same):
    text = "subscription { postWritten { %s } } fragment P on Post { id } fragment M on Member { id bio }"
    document = parse(text % selected)
    [operation, *_] = document.definitions
    assert is_same_for_all(schema._schema, document, operation) is same
