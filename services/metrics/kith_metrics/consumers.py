"""What metrics learns from everyone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.events import Received, View
from kith_events.projections import Projection, Projections
from kith_metrics.bonds import stand
from kith_metrics.interactions import TOGETHER, Firsts, Tie, met, write_ties

consumers = Consumers()
projections = Projections([Projection("members"), Projection("interactions"), Projection("bonds")])


class MemberJoined(View, type="identity.member_joined.v1"):
    member_id: UUID
    joined_at: datetime


class MemberLeft(View, type="identity.member_left.v1"):
    member_id: UUID


class PairingProposed(View, type="matching.pairing_proposed.v1"):
    mentor_id: UUID
    mentee_id: UUID


class PairingAccepted(View, type="matching.pairing_accepted.v1"):
    mentor_id: UUID
    mentee_id: UUID
    by_themselves: bool = True


class PairingDeclined(View, type="matching.pairing_declined.v1"):
    mentor_id: UUID
    mentee_id: UUID


class PairingEnded(View, type="matching.pairing_ended.v1"):
    mentor_id: UUID
    mentee_id: UUID


class TouchpointRecorded(View, type="matching.touchpoint_recorded.v1"):
    mentor_id: UUID
    mentee_id: UUID
    kind: str
    recorded_by: UUID
    happened_at: datetime


class GroupFormed(View, type="groups.group_formed.v1"):
    member_ids: list[UUID]


class MembershipStarted(View, type="groups.membership_started.v1"):
    member_id: UUID


class MembershipEnded(View, type="groups.membership_ended.v1"):
    member_id: UUID


class AttendanceRecorded(View, type="groups.attendance_recorded.v1"):
    present_ids: list[UUID]
    starts_at: datetime | None = None


class PostWritten(View, type="groups.post_written.v1"):
    author_id: UUID
    reply_to_id: UUID | None


class AnswerAccepted(View, type="groups.answer_accepted.v1"):
    answerer_id: UUID
    accepted_by: UUID
    asker_id: UUID | None = None


class KudosGiven(View, type="recognition.kudos_given.v1"):
    giver_id: UUID
    receiver_id: UUID


@consumers.on(MemberJoined)
async def joined(session: AsyncSession, events: Sequence[Received[MemberJoined]]) -> None:
    firsts = Firsts()
    for e in events:
        firsts.note(e.tenant, e.data.member_id, e.data.joined_at, "joined_at", active=False)
    await firsts.write(session)


@consumers.on(MemberLeft)
async def left(session: AsyncSession, events: Sequence[Received[MemberLeft]]) -> None:
    firsts = Firsts()
    for e in events:
        firsts.note(e.tenant, e.data.member_id, e.time, "left_at", active=False)
    await firsts.write(session)


def _both(event: Received[Any]) -> tuple[UUID, UUID]:
    return event.data.mentor_id, event.data.mentee_id


@consumers.on(PairingProposed)
async def proposed(session: AsyncSession, events: Sequence[Received[PairingProposed]]) -> None:
    firsts = Firsts()
    for e in events:
        for member_id in _both(e):
            firsts.note(e.tenant, member_id, e.time, "pairing_proposed_at", active=False)
    await firsts.write(session)
    await stand(session, "proposed", ((e, _both(e)) for e in events))


@consumers.on(PairingAccepted)
async def paired(session: AsyncSession, events: Sequence[Received[PairingAccepted]]) -> None:
    """Of a pairing that was accepted for them the two have done nothing yet, and may not have met."""
    firsts, ties = Firsts(), list[Tie]()
    for e in events:
        what = ("pairing_accepted_at", "contributed_at") if e.data.by_themselves else ("pairing_accepted_at",)
        for member_id in _both(e):
            firsts.note(e.tenant, member_id, e.time, *what, active=e.data.by_themselves)
        if e.data.by_themselves:
            ties += met(e.tenant, _both(e), event_id=e.id, kind="educational", source="pairing", at=e.time)
    await firsts.write(session)
    await write_ties(session, ties)
    await stand(session, "accepted", ((e, _both(e)) for e in events))


@consumers.on(PairingDeclined)
async def declined(session: AsyncSession, events: Sequence[Received[PairingDeclined]]) -> None:
    await stand(session, "over", ((e, _both(e)) for e in events))


@consumers.on(PairingEnded)
async def ended(session: AsyncSession, events: Sequence[Received[PairingEnded]]) -> None:
    await stand(session, "over", ((e, _both(e)) for e in events))


@consumers.on(TouchpointRecorded)
async def touched(session: AsyncSession, events: Sequence[Received[TouchpointRecorded]]) -> None:
    """Both met, or one reached out to the other."""
    ties = [
        tie
        for e in events
        for tie in met(
            e.tenant, _both(e), event_id=e.id, kind="educational", source="touchpoint", at=e.data.happened_at
        )
        if e.data.kind == "met" or tie.from_id == e.data.recorded_by
    ]
    await write_ties(session, ties)


@consumers.on(GroupFormed)
async def formed(session: AsyncSession, events: Sequence[Received[GroupFormed]]) -> None:
    firsts = Firsts()
    for e in events:
        for member_id in e.data.member_ids:
            firsts.note(e.tenant, member_id, e.time, "in_group_at", active=False)
    await firsts.write(session)
    await stand(session, "in_group", ((e, e.data.member_ids) for e in events))


@consumers.on(MembershipStarted)
async def came_in(session: AsyncSession, events: Sequence[Received[MembershipStarted]]) -> None:
    firsts = Firsts()
    for e in events:
        firsts.note(e.tenant, e.data.member_id, e.time, "in_group_at", active=False)
    await firsts.write(session)
    await stand(session, "in_group", ((e, [e.data.member_id]) for e in events))


@consumers.on(MembershipEnded)
async def went_out(session: AsyncSession, events: Sequence[Received[MembershipEnded]]) -> None:
    await stand(session, "over", ((e, [e.data.member_id]) for e in events))


@consumers.on(AttendanceRecorded)
async def attended(session: AsyncSession, events: Sequence[Received[AttendanceRecorded]]) -> None:
    firsts, ties = Firsts(), list[Tie]()
    for e in events:
        at = min(e.data.starts_at or e.time, e.time)  # who came is never known before they came
        for member_id in e.data.present_ids:
            firsts.note(e.tenant, member_id, at, "contributed_at")
        if len(e.data.present_ids) <= TOGETHER:
            ties += met(e.tenant, e.data.present_ids, event_id=e.id, kind="social", source="session", at=at)
    await firsts.write(session)
    await write_ties(session, ties)


@consumers.on(PostWritten)
async def wrote(session: AsyncSession, events: Sequence[Received[PostWritten]]) -> None:
    firsts, ties = Firsts(), list[Tie]()
    for e in events:
        author, other = e.data.author_id, e.data.reply_to_id
        firsts.note(e.tenant, author, e.time, "posted_at", "contributed_at")
        if other is not None and other != author:
            firsts.note(e.tenant, other, e.time, "replied_to_at", active=False)
            ties.append(Tie(e.tenant, author, other, e.id, "social", "reply", e.time))
    await firsts.write(session)
    await write_ties(session, ties)


@consumers.on(AnswerAccepted)
async def answered(session: AsyncSession, events: Sequence[Received[AnswerAccepted]]) -> None:
    """Whoever accepted it: an answer is for who asked."""
    ties = [
        Tie(e.tenant, e.data.answerer_id, e.data.asker_id or e.data.accepted_by, e.id, "educational", "answer", e.time)
        for e in events
    ]
    await write_ties(session, ties)


@consumers.on(KudosGiven)
async def thanked(session: AsyncSession, events: Sequence[Received[KudosGiven]]) -> None:
    firsts, ties = Firsts(), list[Tie]()
    for e in events:
        firsts.note(e.tenant, e.data.giver_id, e.time, "contributed_at")
        ties.append(Tie(e.tenant, e.data.giver_id, e.data.receiver_id, e.id, "social", "kudos", e.time))
    await firsts.write(session)
    await write_ties(session, ties)
