"""What recognition learns from others, and from itself: points for kudos go the same way as all others."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.events import Received, View
from kith_events.projections import Projection, Projections
from kith_recognition import barriers
from kith_recognition.awards import Fact, facts_of
from kith_recognition.ledger import record

consumers = Consumers()
barriers.listen(consumers)
projections = Projections(
    [
        Projection("members", ignored=("listed",), swap="add"),  # whether they are listed, they say themselves
        Projection("departures"),
        Projection("barriers"),
        # Earned is earned, by the rules of that day; and which events fill a capped day depends on their order.
        Projection(
            "ledger_entries", key=("community_id", "member_id", "rule", "event_id"), ignored=("id",), swap="never"
        ),
        Projection("tallies"),
        # Which event completed a badge of many givers depends on who had given by then; that it was completed does not.
        Projection(
            "badge_awards",
            key=("community_id", "member_id", "badge_key"),
            ignored=("id", "evidence_id", "awarded_at"),
            rows="awarded_by IS NULL",
        ),
    ],
    given=("award_rules", "kudos"),
)

_MEET = text("""
INSERT INTO members (community_id, member_id)
SELECT * FROM unnest(CAST(:communities AS uuid[]), CAST(:members AS uuid[])) ON CONFLICT DO NOTHING
""")
_PART = text("""
INSERT INTO departures AS d (community_id, member_id, left_at)
SELECT c, m, min(t)
FROM unnest(CAST(:communities AS uuid[]), CAST(:members AS uuid[]), CAST(:times AS timestamptz[])) AS r(c, m, t)
GROUP BY c, m ORDER BY c, m
ON CONFLICT (community_id, member_id) DO UPDATE SET left_at = least(d.left_at, EXCLUDED.left_at)
""")


class MemberJoined(View, type="identity.member_joined.v1"):
    member_id: UUID


class MemberLeft(View, type="identity.member_left.v1"):
    member_id: UUID


class MicroTaskCompleted(View, type="identity.micro_task_completed.v1"):
    member_id: UUID


class PairingAccepted(View, type="matching.pairing_accepted.v1"):
    mentor_id: UUID
    mentee_id: UUID


class PostWritten(View, type="groups.post_written.v1"):
    author_id: UUID


class AnswerAccepted(View, type="groups.answer_accepted.v1"):
    answerer_id: UUID
    accepted_by: UUID


class AttendanceRecorded(View, type="groups.attendance_recorded.v1"):
    present_ids: list[UUID]


class KudosGiven(View, type="recognition.kudos_given.v1"):
    giver_id: UUID
    receiver_id: UUID


@consumers.on(MemberJoined)
async def meet(session: AsyncSession, events: Sequence[Received[MemberJoined]]) -> None:
    values = {"communities": [e.tenant for e in events], "members": [e.data.member_id for e in events]}
    await session.execute(_MEET, values)


@consumers.on(MemberLeft)
async def part(session: AsyncSession, events: Sequence[Received[MemberLeft]]) -> None:
    values = {
        "communities": [e.tenant for e in events],
        "members": [e.data.member_id for e in events],
        "times": [e.time for e in events],
    }
    await session.execute(_PART, values)


def _facts(event: Received[Any], *who: tuple[UUID, str]) -> list[Fact]:
    return facts_of(event.tenant, event.id, event.time, who)


@consumers.on(MicroTaskCompleted)
async def tasks(session: AsyncSession, events: Sequence[Received[MicroTaskCompleted]]) -> None:
    await record(session, [f for e in events for f in _facts(e, (e.data.member_id, "micro_task_completed"))])


@consumers.on(PairingAccepted)
async def pairings(session: AsyncSession, events: Sequence[Received[PairingAccepted]]) -> None:
    kind = "pairing_accepted"
    await record(session, [f for e in events for f in _facts(e, (e.data.mentor_id, kind), (e.data.mentee_id, kind))])


@consumers.on(PostWritten)
async def posts(session: AsyncSession, events: Sequence[Received[PostWritten]]) -> None:
    await record(session, [f for e in events for f in _facts(e, (e.data.author_id, "post_written"))])


@consumers.on(AnswerAccepted)
async def answers(session: AsyncSession, events: Sequence[Received[AnswerAccepted]]) -> None:
    accepted = [e for e in events if e.data.answerer_id != e.data.accepted_by]  # nobody earns by their own word
    await record(session, [f for e in accepted for f in _facts(e, (e.data.answerer_id, "answer_accepted"))])


@consumers.on(AttendanceRecorded)
async def sessions(session: AsyncSession, events: Sequence[Received[AttendanceRecorded]]) -> None:
    kind = "session_attended"
    await record(session, [f for e in events for f in _facts(e, *((each, kind) for each in e.data.present_ids))])


@consumers.on(KudosGiven)
async def kudos(session: AsyncSession, events: Sequence[Received[KudosGiven]]) -> None:
    facts = [
        fact
        for event in events
        for fact in _facts(event, (event.data.receiver_id, "kudos_received"), (event.data.giver_id, "kudos_given"))
    ]
    await record(session, facts)
