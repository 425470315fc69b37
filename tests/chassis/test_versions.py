"""A breaking change: the new version beside the old one, told together, each read by whoever reads it."""

import json
from collections.abc import Sequence
from uuid import UUID

import pytest

from kith_chassis.consumers import Consumers
from kith_chassis.events import Event, Received, View, emit, received
from kith_chassis.ids import new_id
from kith_testkit.probe import eventually

pytestmark = pytest.mark.integration


class Moved(Event, type="notes.note_moved.v1", aggregate="note_id"):
    """A note lies elsewhere."""

    note_id: UUID
    place: str


class MovedV2(Event, type="notes.note_moved.v2", aggregate="note_id"):
    """A note lies elsewhere, in a folder of a shelf."""

    note_id: UUID
    shelf: str
    folder: int


class OldView(View, type="notes.note_moved.v1"):
    place: str


class NewView(View, type="notes.note_moved.v2"):
    shelf: str
    folder: int


async def test_both_versions_reach_the_stream_numbered_and_each_view_reads_its_own(notes, community_id):
    note_id = new_id()
    async with notes.database.transaction() as session:
        emit(session, Moved(note_id=note_id, place="A7"), tenant=community_id)
        emit(session, MovedV2(note_id=note_id, shelf="A", folder=7), tenant=community_id)

    async def published():
        sql = "SELECT 1 FROM outbox WHERE aggregate_id = :a AND published_at IS NOT NULL"
        return len(await notes.rows(sql, a=note_id)) == 2

    await eventually(published, what="publishing")
    messages = []
    for type_ in (Moved.type, MovedV2.type):
        message = await notes.bus.js.get_last_msg(notes.bus.stream, f"kith.{type_}")
        assert json.loads(message.data)["subject"] == str(note_id)
        messages.append(message.data)

    consumers, seen = Consumers(), []

    @consumers.on(OldView)
    async def old(_, events: Sequence[Received[OldView]]):
        seen.extend((e.sequence, e.data.place) for e in events)

    @consumers.on(NewView)
    async def new(_, events: Sequence[Received[NewView]]):
        seen.extend((e.sequence, f"{e.data.shelf}{e.data.folder}") for e in events)

    for type_, message in zip((Moved.type, MovedV2.type), messages, strict=True):
        view, handler = consumers.of(type_)
        await handler(None, [received(message, view)])
    assert seen == [(1, "A7"), (2, "A7")]
