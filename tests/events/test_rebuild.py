"""What a service learned from events is made anew from the log: compared, swapped, and nothing leaves meanwhile."""

import asyncio
import contextlib
from functools import partial

import pytest
from aiohttp import web
from nats.js.errors import NotFoundError
from sqlalchemy import text

from kith_chassis.ids import new_id
from kith_chassis.jobs import ended, lock_key
from kith_delivery.sender import Sender
from kith_delivery.settings import Settings
from kith_events.feed import CannotRebuild
from kith_events.projections import Projection, Projections
from kith_recognition import ledger
from kith_recognition.awards import DEFAULT_RULES
from kith_testkit.contracts import application, services
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
LISTENING = [name for name in services() if application(name).state.consumers is not None]


@pytest.fixture(autouse=True)
def no_pair_is_ever_full(monkeypatch):
    """As no day is: which of its events count then depends on the order between aggregates."""
    monkeypatch.setattr(ledger, "Rule", partial(ledger.Rule, pair_cap=1000))


async def furnish(live, story, told):
    """What requests have left in the database: rows that handlers read, and rows beside theirs; returns whose."""
    joined = [each.aggregate_id for each in told if each.type == "identity.member_joined.v1"]
    given = {"c": story.community, "one": (joined or story.people)[0]}
    if live.service == "recognition":
        # No day is ever full: which of its events count then depends on the order between aggregates.
        for kind in DEFAULT_RULES:
            await live.run("INSERT INTO award_rules VALUES (:c, :kind, 7, 1000)", kind=kind, c=story.community)
        await live.run("INSERT INTO members VALUES (:c, :one, false)", **given)
        for giver in story.people:
            await live.run(
                "INSERT INTO kudos (id, community_id, giver_id, receiver_id, message, value)"
                " VALUES (gen_random_uuid(), :c, :giver, :one, '', 'care')",
                giver=giver, **given,
            )  # fmt: skip
        await live.run(
            "INSERT INTO badge_awards (id, community_id, member_id, badge_key, repeatable, awarded_by)"
            " VALUES (gen_random_uuid(), :c, :one, 'by_hand', false, :one)", **given,
        )  # fmt: skip
    if live.service == "groups":
        await live.run("INSERT INTO spaces VALUES (gen_random_uuid(), :c, 'welcome', 'Come in')", **given)
    if live.service == "delivery":
        await endpoint(live, story)
    return given["one"]


async def endpoint(live, story, url="http://127.0.0.1:1/"):
    await live.run(
        "INSERT INTO webhook_endpoints (id, community_id, url, event_types, secret, created_at) VALUES"
        " (gen_random_uuid(), :c, :url, '{*}', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', now() - interval '9 days')",
        c=story.community, url=url,
    )  # fmt: skip


def counts(found):
    return {each.table: (each.only_live, each.only_rebuilt, each.different) for each in found.tables}


@pytest.mark.parametrize("service", LISTENING)
async def test_a_rebuilt_service_is_the_live_one_and_writes_only_what_it_declares(start, story, service):
    live = await start(service)
    telling = story(service, seed=1)
    told = telling.events(250)
    await furnish(live, telling, told)
    await live.tell(told)
    before = await live.learned()
    assert all(before.values()), "the story leaves a table empty, so nothing is said about it"
    found = await live.rebuild()
    assert (found.torn, found.behind, found.refused, found.swapped) == (None, 0, [], False)
    assert found.read == 250
    assert found.equal, [(e.table, e.examples) for e in found.tables if e.examples]
    assert {each.table: each.rebuilt for each in found.tables} == {name: len(rows) for name, rows in before.items()}
    assert not await live.leftovers()
    assert await live.learned() == before


# What goes wrong in live tables, and where each must be seen: (only live, only rebuilt, different).
ONE = "ctid = (SELECT ctid FROM {table} ORDER BY ctid LIMIT 1)"
TAMPERED = {
    "metrics": {
        "UPDATE members SET contributed_at = now() WHERE ": ("members", (0, 0, 1)),
        "DELETE FROM interactions WHERE ": ("interactions", (0, 1, 0)),
    },
    "matching": {"UPDATE participants SET interests = '{else}', sequence = 99 WHERE ": ("participants", (0, 0, 1))},
    "groups": {"DELETE FROM participants WHERE ": ("participants", (0, 1, 0))},
    "recognition": {
        "UPDATE tallies SET count = count + 1 WHERE ": ("tallies", (0, 0, 1)),
        "DELETE FROM badge_awards WHERE awarded_by IS NULL AND ": ("badge_awards", (0, 1, 0)),
    },
}


@pytest.mark.parametrize("service", TAMPERED)
async def test_a_row_that_was_tampered_with_is_found_and_mended(start, story, service):
    live = await start(service)
    telling = story(service, seed=2)
    told = telling.events(120)
    one_of_them = await furnish(live, telling, told)
    await live.tell(told)
    right = await live.learned()
    by_requests = (
        await live.rows("SELECT * FROM badge_awards WHERE awarded_by IS NOT NULL") if service == "recognition" else []
    )
    for sql, (table, _) in TAMPERED[service].items():
        one = ONE.format(table=f"{table} WHERE awarded_by IS NULL" if table == "badge_awards" else table)
        assert await live.run(sql + one) == 1
    if service != "groups":  # a row from nowhere
        table = "tallies" if service == "recognition" else live.projections.tables[0].table
        columns = {"tallies": "VALUES (:a, :b, 'post_written', 3)"}.get(
            table, "(community_id, member_id) VALUES (:a, :b)"
        )
        await live.run(f"INSERT INTO {table} {columns}", a=telling.community, b=new_id())
    wrong = await live.learned()
    assert wrong != right
    found = await live.rebuild()
    for table, expected in TAMPERED[service].values():
        assert counts(found)[table][1:] == expected[1:]
    assert any(each.only_live for each in found.tables) == (service != "groups")
    assert await live.learned() == wrong, "comparing changes nothing"
    swapped = await live.rebuild(swap=True)
    assert swapped.swapped
    assert await live.learned() == right
    assert (await live.rebuild()).equal
    if by_requests:
        assert await live.rows("SELECT * FROM badge_awards WHERE awarded_by IS NOT NULL") == by_requests
        assert (await live.rows("SELECT listed FROM members WHERE member_id = :m", m=one_of_them))[0] == {
            "listed": False
        }


async def test_events_that_arrive_during_a_swap_are_neither_lost_nor_doubled(start, story):
    live = await start("recognition")
    telling = story("recognition", seed=3)
    told = telling.events(100)
    await live.tell(told)
    stop = asyncio.Event()

    async def go_on():
        while not stop.is_set():
            some = telling.events(12)
            told.extend(some)
            await live.tell(some)

    talking = asyncio.create_task(go_on())
    for _ in range(4):
        await live.run("UPDATE tallies SET count = count + 5 WHERE " + ONE.format(table="tallies"))
        assert (await live.rebuild(swap=True)).swapped
    stop.set()
    await talking
    assert len(told) >= 100 + 12 * 4
    await live.applied(told)
    found = await live.rebuild()
    assert found.read == len(told)
    assert counts(found)["tallies"] == (0, 0, 0)  # a tally counts up: an event lost or applied twice would stay in it
    entries = await live.rows("SELECT sum(count) AS n FROM tallies WHERE kind = 'post_written'")
    assert entries[0]["n"] == sum(each.type == "groups.post_written.v1" for each in told)


async def test_what_is_swapped_in_is_not_applied_again_when_the_consumer_comes_back(start, story):
    live = await start("metrics")
    told = story("metrics", seed=4).events(60)
    await live.tell(told)
    right = await live.learned()
    # Lost with all it wrote, as by a restore; the stream calls it done.
    lost = await live.run("DELETE FROM inbox")
    await live.run("DELETE FROM members")
    swapped = await live.rebuild(swap=True)
    assert swapped.behind == lost
    assert await live.learned() == right
    await live.run("UPDATE members SET joined_at = NULL")  # would be set again
    await live.bus.js.delete_consumer(live.bus.stream, "metrics")  # it begins anew, with everything

    async def all_acknowledged():
        with contextlib.suppress(NotFoundError):
            info = await live.bus.js.consumer_info(live.bus.stream, "metrics")
            return not info.num_pending and not info.num_ack_pending
        return False

    await eventually(all_acknowledged, what="delivering all again")
    assert await live.rows("SELECT 1 FROM members WHERE joined_at IS NOT NULL") == []


async def test_what_was_earned_is_compared_and_never_swapped(start, story):
    live = await start("recognition")
    told = story("recognition", seed=14, people=40).events(30)  # so few that nobody's day is full: then order counts
    await live.tell(told)
    await live.run("DELETE FROM ledger_entries WHERE " + ONE.format(table="ledger_entries"))
    await live.run("UPDATE tallies SET count = 99")
    assert counts(await live.rebuild(swap=True))["tallies"][2] > 0
    after = counts(await live.rebuild())
    assert after["tallies"] == (0, 0, 0)
    assert after["ledger_entries"] == (0, 1, 0)
    unheard = next(each for each in told if live.consumers.of(each.type))
    await live.run("DELETE FROM inbox WHERE event_id = :id", id=unheard.event_id)
    with pytest.raises(CannotRebuild, match=r"1 events .* ledger_entries cannot be swapped"):
        await live.rebuild(swap=True)


async def test_rebuilding_publishes_nothing(start, story):
    live = await start("recognition")
    await live.tell(story("recognition", seed=5).events(60))
    emitted = await live.rows("SELECT event_id, published_at FROM outbox ORDER BY position")
    assert emitted, "this story makes the live one emit"
    place = (await live.bus.js.stream_info(live.bus.stream)).state.last_seq
    await live.run("DELETE FROM tallies")
    await live.rebuild()
    await live.rebuild(swap=True)
    assert (await live.bus.js.stream_info(live.bus.stream)).state.last_seq == place
    assert await live.rows("SELECT event_id, published_at FROM outbox ORDER BY position") == emitted


@contextlib.asynccontextmanager
async def receiving():
    """An app that hears webhooks: its address and the ids it got."""
    heard = []

    async def hear(request):
        heard.append(request.headers["webhook-id"])
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", heard
    await runner.cleanup()


@contextlib.asynccontextmanager
async def sending(live):
    """The sender of webhooks, as delivery's worker runs it."""
    given = {
        "database_url": live.place.api_url,
        "environment": "test",
        "allow_loopback_webhooks": True,
        "webhook_poll_seconds": 0.05,
    }
    sender = Sender(live.database, Settings(**given))
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        await ended(task)
        await sender.stop()


async def test_rebuilding_sends_no_webhook_and_cannot_be_swapped_in(start, story):
    live = await start("delivery")
    telling = story("delivery", seed=6)
    async with receiving() as (url, heard), sending(live):
        await endpoint(live, telling, url)
        told = telling.events(40)
        await live.tell(told)

        async def all_heard():
            return len(heard) >= len(told)

        await eventually(all_heard, what="sending")
        await live.run("DELETE FROM deliveries WHERE " + ONE.format(table="deliveries"))
        found = await live.rebuild()
        assert counts(found)["deliveries"] == (0, 1, 0)
        with pytest.raises(CannotRebuild, match="work for a job"):
            await live.rebuild(swap=True)
        told += (last := telling.events(1))
        await live.tell(last)  # sent after whatever a rebuild would have put in the queue
        await eventually(all_heard, what="sending")
    assert sorted(heard) == sorted(str(each.event_id) for each in told)


async def test_a_handler_that_writes_what_is_not_declared_ends_the_rebuild(start, story):
    live = await start("recognition")
    await live.tell(story("recognition", seed=7).events(30))
    fewer = [each for each in live.projections.tables if each.table != "tallies"]
    with pytest.raises(CannotRebuild, match=r"not declared.*tallies"):
        await live.rebuild(projections=Projections(fewer, live.projections.given))
    with pytest.raises(LookupError, match="horoscopes"):
        await live.rebuild(projections=Projections([Projection("horoscopes")]))
    assert not await live.leftovers()


async def test_a_log_that_is_not_whole_is_said_and_never_swapped_in(start, story):
    live = await start("metrics")
    telling = story("metrics", seed=8)
    await live.tell(telling.events(80))
    right = await live.learned()
    await live.bus.js.delete_msg(live.bus.stream, 40)
    found = await live.rebuild()
    assert "numbered" in found.torn or "aggregate" in found.torn
    with pytest.raises(CannotRebuild, match="not whole"):
        await live.rebuild(swap=True)
    await live.bus.js.purge_stream(live.bus.stream, seq=60)
    assert "begins with message 60" in (await live.rebuild()).torn
    with pytest.raises(CannotRebuild, match="not whole"):
        await live.rebuild(swap=True)
    assert await live.learned() == right


async def test_a_dead_letter_that_now_applies_is_swapped_in_and_gone(start, story):
    live = await start("matching")
    telling = story("matching", seed=9)
    await live.tell(telling.events(30))
    unlucky = telling.event("identity.member_joined.v1")
    await live.run(
        "INSERT INTO dead_letters VALUES (:id, :type, '', '', 'bad day', 6, NULL, now())",
        id=unlucky.event_id, type=unlucky.type,
    )  # fmt: skip
    await live.run("INSERT INTO inbox VALUES (:id)", id=unlucky.event_id)  # so that the live one passes it over
    await live.publish([unlucky])
    await live.tell([telling.event("identity.member_joined.v1")])
    await live.run("DELETE FROM inbox WHERE event_id = :id", id=unlucky.event_id)
    await live.rebuild(swap=True)
    assert await live.rows("SELECT 1 FROM dead_letters") == []
    assert await live.rows("SELECT 1 FROM inbox WHERE event_id = :id", id=unlucky.event_id)


async def test_events_that_are_refused_today_are_told_and_can_be_left_out(start, story):
    live = await start("matching")
    telling = story("matching", seed=10)
    await live.tell(telling.events(30))
    poison = telling.event("identity.member_joined.v1")._replace(data='{"member_id": "nobody"}')
    await live.publish([poison])

    async def buried():
        return await live.rows("SELECT 1 FROM dead_letters WHERE event_id = :id", id=poison.event_id)

    await eventually(buried, what="setting aside")
    assert (await live.rebuild()).refused == []  # it is a dead letter here and there
    await live.run("DELETE FROM dead_letters")  # discarded
    await live.run("INSERT INTO inbox VALUES (:id)", id=poison.event_id)
    [(event_id, _, reason)] = (await live.rebuild()).refused
    assert event_id == poison.event_id
    assert "cannot be read" in reason
    with pytest.raises(CannotRebuild, match="--without"):
        await live.rebuild(swap=True)
    assert (await live.rebuild(swap=True, without=[poison.event_id])).swapped


async def test_two_rebuilds_of_one_service_do_not_meet(start, story):
    live = await start("groups")
    await live.tell(story("groups", seed=11).events(10))
    async with live.owner.engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": lock_key("groups rebuild")})
        with pytest.raises(CannotRebuild, match="somebody else"):
            await live.rebuild()
