"""What recognition learns from others, and from itself: points for kudos go the same way as all others."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kith_barriers import barriers
from kith_chassis.consumers import Consumers
from kith_chassis.events import Received, View
from kith_events.projections import Projection, Projections
from kith_recognition.awards import Fact
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
            "ledger_entries",
            key=("community_id", "member_id", "rule", "event_id"),
            ignored=("id", "other_id"),  # with whom, entries did not always say
            swap="never",
        ),
        Projection("recognized"),
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
    by_themselves: bool = True


class PostWritten(View, type="groups.post_written.v1"):
    author_id: UUID


class AnswerAccepted(View, type="groups.answer_accepted.v1"):
    answerer_id: UUID
    accepted_by: UUID
    asker_id: UUID | None = None


class AttendanceRecorded(View, type="groups.attendance_recorded.v1"):
    present_ids: list[UUID]
    starts_at: datetime | None = None
    recorded_by: UUID | None = None


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


def _fact(event: Received[Any], kind: str, member_id: UUID, **more: Any) -> Fact:
    return Fact(
        **{"at": event.time} | more, community_id=event.tenant, member_id=member_id, kind=kind, event_id=event.id
    )


@consumers.on(MicroTaskCompleted)
async def tasks(session: AsyncSession, events: Sequence[Received[MicroTaskCompleted]]) -> None:
    await record(session, [_fact(e, "micro_task_completed", e.data.member_id) for e in events])


@consumers.on(PairingAccepted)
async def pairings(session: AsyncSession, events: Sequence[Received[PairingAccepted]]) -> None:
    """Once for the same two, however often they part and come together; nothing where nobody asked them."""
    facts = []
    for e in events:
        both = e.data.mentor_id, e.data.mentee_id
        two = uuid5(min(both), str(max(both)))
        if e.data.by_themselves:
            for one, other in (both, both[::-1]):
                facts.append(_fact(e, "pairing_accepted", one, other_id=other, thing_id=two))
    await record(session, facts)


@consumers.on(PostWritten)
async def posts(session: AsyncSession, events: Sequence[Received[PostWritten]]) -> None:
    await record(session, [_fact(e, "post_written", e.data.author_id) for e in events])


@consumers.on(AnswerAccepted)
async def answers(session: AsyncSession, events: Sequence[Received[AnswerAccepted]]) -> None:
    """Once for each thread, however often another answer is accepted in between. Nobody earns by their own word."""
    facts = []
    for e in events:
        answerer, asker = e.data.answerer_id, e.data.asker_id or e.data.accepted_by
        if answerer not in {asker, e.data.accepted_by}:
            facts.append(_fact(e, "answer_accepted", answerer, other_id=asker, thing_id=e.aggregate_id))
    await record(session, facts)


@consumers.on(AttendanceRecorded)
async def sessions(session: AsyncSession, events: Sequence[Received[AttendanceRecorded]]) -> None:
    """When the session was held, not when it was recorded. Who recorded it earns nothing by their own word."""
    facts = [
        _fact(e, "session_attended", each, at=min(e.data.starts_at or e.time, e.time), thing_id=e.aggregate_id)
        for e in events
        for each in e.data.present_ids
        if each != e.data.recorded_by
    ]
    await record(session, facts)


@consumers.on(KudosGiven)
async def kudos(session: AsyncSession, events: Sequence[Received[KudosGiven]]) -> None:
    facts = []
    for e in events:
        giver, receiver = e.data.giver_id, e.data.receiver_id
        facts.append(_fact(e, "kudos_received", receiver, other_id=giver))
        facts.append(_fact(e, "kudos_given", giver, other_id=receiver))
    await record(session, facts)
