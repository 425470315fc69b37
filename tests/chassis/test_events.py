"""Events: stored with the change, published in order, applied once."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from kith_chassis.consumers import Consumers, Lane, runs
from kith_chassis.database import Database
from kith_chassis.events import Event, emit
from kith_chassis.ids import new_id
from kith_chassis.outbox import publish_waiting, store_events
from kith_stream.pulling import Message
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration
TYPE = "elsewhere.counted.v1"


async def numbers(notes, tenant):
    rows = await notes.rows("SELECT number FROM seen WHERE tenant_id = :t ORDER BY place", t=tenant)
    return [row["number"] for row in rows]


async def on_stream(notes, tenant):
    """What the stream holds of a tenant, as envelopes, in order."""
    info = await notes.bus.js.stream_info("KITH")
    found = []
    for sequence in range(max(info.state.first_seq, 1), info.state.last_seq + 1):  # 0: it is empty
        message = await notes.bus.js.get_msg("KITH", sequence)
        envelope = json.loads(message.data)
        if envelope.get("tenant") == str(tenant):
            found.append(envelope)
    return found


async def test_each_write_reaches_the_stream_once_as_a_cloudevent(notes, member):
    client = notes.client(member, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    for number in range(5):
        await client.post("/notes", json={"body": str(number)})

    async def published():
        return len(await on_stream(notes, member.community_id)) == 5

    await eventually(published, what="publishing")
    first = (await on_stream(notes, member.community_id))[0]
    assert first["specversion"] == "1.0"
    assert (first["type"], first["source"], first["sequence"]) == ("notes.note_written.v1", "kith/notes", 1)
    assert first["subject"] == first["data"]["note_id"]
    assert first["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"


async def test_a_relay_that_died_between_publish_and_mark_publishes_nothing_twice(notes, member):
    client = notes.client(member)
    for number in range(3):
        await client.post("/notes", json={"body": str(number)})

    async def marked():
        sql = "SELECT count(*) AS n FROM outbox WHERE tenant_id = :t AND published_at IS NOT NULL"
        return (await notes.rows(sql, t=member.community_id))[0]["n"] == 3

    await eventually(marked, what="marking")
    async with notes.database.transaction() as session:
        await session.connection()
        await session.execute(
            text("UPDATE outbox SET published_at = NULL WHERE tenant_id = :t"), {"t": member.community_id}
        )
    await publish_waiting(notes.database, notes.bus)
    await eventually(marked, what="marking again")
    assert len(await on_stream(notes, member.community_id)) == 3


async def test_concurrent_writes_to_one_aggregate_are_numbered_without_gaps(notes, community_id):
    from kith_chassis.events import emit  # noqa: PLC0415

    class Changed(Event, type="notes.changed.v1", aggregate="thing"):
        """It changed."""

        thing: type(community_id)

    thing = new_id()

    async def change():
        async with notes.database.transaction() as session:
            emit(session, Changed(thing=thing), tenant=community_id)
            emit(session, Changed(thing=thing), tenant=community_id)

    await asyncio.gather(*(change() for _ in range(20)))
    rows = await notes.rows("SELECT sequence FROM outbox WHERE aggregate_id = :a ORDER BY position", a=thing)
    assert [row["sequence"] for row in rows] == list(range(1, 41))


async def test_an_event_delivered_twice_is_applied_once(notes, community_id):
    event_id, aggregate = new_id(), new_id()
    event = (event_id, community_id, TYPE, {"number": 1}, aggregate, 1)
    await notes.deliver_all([event])
    # Outside the stream's duplicate window the same event comes again under another message id.
    envelope = (await on_stream(notes, community_id))[0]
    await notes.bus.publish([(f"kith.{TYPE}", new_id().hex, json.dumps(envelope).encode())])
    await notes.deliver(community_id, TYPE, {"number": 2}, aggregate_id=aggregate, sequence=2)
    assert await numbers(notes, community_id) == [1, 2]


async def test_a_failing_event_holds_back_its_own_aggregate_and_nobody_else(notes, community_id):
    from kith_notes.main import broken  # noqa: PLC0415

    mine, others = new_id(), new_id()
    broken.add(13)
    events = [
        (new_id(), community_id, TYPE, {"number": 13}, mine, 1),
        (new_id(), community_id, TYPE, {"number": 1}, others, 1),
        (new_id(), community_id, TYPE, {"number": 14}, mine, 2),
        (new_id(), community_id, TYPE, {"number": 2}, others, 2),
    ]
    await notes.deliver_all(events, wait=False)
    await eventually(lambda: _are(notes, community_id, [1, 2]), what="going on with the others")
    broken.clear()
    await eventually(lambda: _are(notes, community_id, [1, 2, 13, 14]), what="catching up in order")


async def _are(notes, tenant, expected):
    return await numbers(notes, tenant) == expected


class Said(list):
    """What a lane answers the bus, in words."""

    async def answer(self, frames):
        for frame in frames:
            head, body = frame.split(b"\r\n", 2)[:2]
            assert head.startswith(b"PUB $JS.ACK.KITH.notes.")
            assert int(head.split()[2]) == len(body)
            self.append(body.decode())


REPLY = "$JS.ACK.KITH.notes.1.7.7.1700000000000000000.0"


def message(data, delivered=1):
    headers = f"NATS/1.0\r\nNats-Msg-Id: {new_id()}\r\n\r\n".encode()
    return Message(f"kith.{TYPE}", REPLY.replace(".1.7", f".{delivered}.7", 1), headers, data)


NOBODY = "00000000-0000-0000-0000-000000000000"
UNCOUNTED = f'{{"id": "{NOBODY}", "type": "x", "tenant": "{NOBODY}", "subject": "{NOBODY}", "sequence": Infinity}}'
DEEP = pytest.param(b"[" * 100_000, id="deep")
UNREADABLE = [b"", b"{", b"[]", b"null", b'{"id": 1}', b"\xff\xfe", b'{"id": "x", "data": {}}', b"9" * 5000, DEEP]


@pytest.mark.parametrize("data", [*UNREADABLE, UNCOUNTED.encode()])
async def test_what_cannot_be_read_is_set_aside_with_the_reason(notes, data):
    said, unreadable = Said(), message(data)
    lane = Lane(notes.app.state.consumers, notes.database, said.answer)
    await lane.work([unreadable])
    assert said == ["+TERM"]
    letters = await notes.rows("SELECT * FROM dead_letters WHERE event_id = :id", id=unreadable.header("Nats-Msg-Id"))
    assert bytes(letters[0]["payload"]) == data
    assert letters[0]["reason"].startswith("cannot be read")


def envelope(tenant, number):
    return {
        "id": str(new_id()), "type": TYPE, "tenant": str(tenant), "subject": str(new_id()), "sequence": 1,
        "time": "2026-03-01T00:00:00Z", "data": {"number": number},
    }  # fmt: skip


async def test_attempts_are_spaced_out_and_the_last_one_becomes_a_dead_letter(notes, community_id):
    from kith_notes.main import broken  # noqa: PLC0415

    said = Said()
    lane = Lane(notes.app.state.consumers, notes.database, said.answer)
    broken.add(99)
    body = json.dumps(envelope(community_id, 99)).encode()
    for delivered in range(1, 7):
        await lane.work([message(body, delivered)])
    broken.clear()
    waits = [f'-NAK {{"delay": {seconds}000000000}}' for seconds in (1, 5, 30, 120, 600)]
    assert said == [*waits, "+TERM"]
    letters = await notes.rows("SELECT * FROM dead_letters WHERE payload = :body", body=body)
    assert letters[0]["reason"] == "ValueError: cannot take 99"


async def test_a_database_that_is_away_costs_no_attempt_and_the_bus_is_told_to_wait(notes, community_id, monkeypatch):
    database = Database(str(notes.app.state.settings.worker_database_url))
    said = Said()
    lane = Lane(notes.app.state.consumers, database, said.answer, lease_seconds=1.5)
    away = [ConnectionRefusedError("away"), ConnectionRefusedError("away")]
    transaction, ready = database.transaction, database.ready

    def opening(**given):
        if away:
            raise away[0]
        return transaction(**given)

    async def asked():
        if away:
            raise away.pop()
        await ready()

    monkeypatch.setattr(database, "transaction", opening)
    monkeypatch.setattr(database, "ready", asked)
    await lane.work([message(json.dumps(envelope(community_id, 5)).encode())])
    await database.close()
    assert (said[0], said[-1]) == ("+WPI", "+ACK")
    assert await numbers(notes, community_id) == [5]


@pytest.mark.parametrize("state", ["53100", "53300", "57P01"])
async def test_a_database_without_room_or_going_down_costs_no_attempt_either(notes, community_id, state):
    view, handler = notes.app.state.consumers.of(TYPE)
    refusals = [state, state]

    async def refused_at_first(session, events):
        if refusals:
            await session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{refusals.pop()}'; END $$"))
        await handler(session, events)

    said = Said()
    lane = Lane(Consumers({TYPE: (view, refused_at_first)}), notes.database, said.answer)
    await lane.work([message(json.dumps(envelope(community_id, 6)).encode())])
    assert said == ["+ACK"]
    assert (refusals, await numbers(notes, community_id)) == ([], [6])


async def test_a_transaction_that_commits_late_is_not_skipped(notes, member):
    from kith_notes.main import NoteWritten  # noqa: PLC0415

    tenant, late = member.community_id, new_id()
    async with notes.app.state.database.transaction(tenant=tenant) as session:
        emit(session, NoteWritten(note_id=late))
        await store_events(session)  # its place in the outbox is drawn here, its commit comes after the others'
        for number in range(3):
            await notes.client(member).post("/notes", json={"body": str(number)})

        async def others_are_published():
            return len(await on_stream(notes, tenant)) == 3

        await eventually(others_are_published, what="publishing what was committed")

    async def all_are_published():
        return [each["subject"] for each in await on_stream(notes, tenant)][3:] == [str(late)]

    await eventually(all_are_published, what="publishing what was committed late")


async def test_a_type_must_be_named_as_events_are():
    with pytest.raises(ValueError, match="is not <service>"):
        type("Bad", (Event,), {"__annotations__": {}}, type="Bad", aggregate="x")
    with pytest.raises(ValueError, match="no field"):
        type("Bad", (Event,), {"__annotations__": {}}, type="a.b.v1", aggregate="x")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=30))
def test_a_batch_is_applied_in_runs_of_one_handler_and_in_order_per_aggregate(arrived):
    batch = [Arrived(handler, aggregate, place) for place, (handler, aggregate) in enumerate(arrived)]
    applied = list(runs(batch))
    assert all(len({each.handler for each in run}) == 1 for run in applied)
    flat = [each for run in applied for each in run]
    assert sorted(flat, key=lambda each: each.place) == batch
    for aggregate in range(5):
        places = [each.place for each in flat if each.event.aggregate_id == aggregate]
        assert places == sorted(places)


def test_events_of_two_kinds_that_alternate_are_two_runs():
    batch = [Arrived("joined" if place % 2 == 0 else "changed", place // 2, place) for place in range(100)]
    assert [len(run) for run in runs(batch)] == [50, 50]


class Arrived:
    def __init__(self, handler, aggregate, place):
        self.handler, self.place, self.event = handler, place, SimpleNamespace(aggregate_id=aggregate)
