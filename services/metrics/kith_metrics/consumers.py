"""What metrics learns from everyone."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kith_chassis.consumers import Consumers
from kith_chassis.events import Received, View
from kith_events.projections import Projection, Projections
from kith_metrics.interactions import Firsts, Tie, met, write_ties

consumers = Consumers()
projections = Projections([Projection("members"), Projection("interactions")])


class MemberJoined(View, type="identity.member_joined.v1"):
    member_id: UUID
    joined_at: datetime


class PairingProposed(View, type="matching.pairing_proposed.v1"):
    mentor_id: UUID
    mentee_id: UUID


class PairingAccepted(View, type="matching.pairing_accepted.v1"):
    mentor_id: UUID
    mentee_id: UUID


class GroupFormed(View, type="groups.group_formed.v1"):
    member_ids: list[UUID]


class MembershipStarted(View, type="groups.membership_started.v1"):
    member_id: UUID


class AttendanceRecorded(View, type="groups.attendance_recorded.v1"):
    present_ids: list[UUID]


class PostWritten(View, type="groups.post_written.v1"):
    author_id: UUID
    reply_to_id: UUID | None


class AnswerAccepted(View, type="groups.answer_accepted.v1"):
    answerer_id: UUID
    accepted_by: UUID


class KudosGiven(View, type="recognition.kudos_given.v1"):
    giver_id: UUID
    receiver_id: UUID


@consumers.on(MemberJoined)
async def joined(session: AsyncSession, events: Sequence[Received[MemberJoined]]) -> None:
    firsts = Firsts()
    for e in events:
        firsts.note(e.tenant, e.data.member_id, e.data.joined_at, "joined_at", active=False)
    await firsts.write(session)


@consumers.on(PairingProposed)
async def proposed(session: AsyncSession, events: Sequence[Received[PairingProposed]]) -> None:
    firsts = Firsts()
    for e in events:
        for member_id in (e.data.mentor_id, e.data.mentee_id):
            firsts.note(e.tenant, member_id, e.time, "pairing_proposed_at", active=False)
    await firsts.write(session)


@consumers.on(PairingAccepted)
async def paired(session: AsyncSession, events: Sequence[Received[PairingAccepted]]) -> None:
    firsts, ties = Firsts(), list[Tie]()
    for e in events:
        both = (e.data.mentor_id, e.data.mentee_id)
        for member_id in both:
            firsts.note(e.tenant, member_id, e.time, "pairing_accepted_at", "contributed_at")
        ties += met(e.tenant, both, event_id=e.id, kind="educational", source="pairing", at=e.time)
    await firsts.write(session)
    await write_ties(session, ties)


@consumers.on(GroupFormed)
async def formed(session: AsyncSession, events: Sequence[Received[GroupFormed]]) -> None:
    firsts = Firsts()
    for e in events:
        for member_id in e.data.member_ids:
            firsts.note(e.tenant, member_id, e.time, "in_group_at", active=False)
    await firsts.write(session)


@consumers.on(MembershipStarted)
async def came_in(session: AsyncSession, events: Sequence[Received[MembershipStarted]]) -> None:
    firsts = Firsts()
    for e in events:
        firsts.note(e.tenant, e.data.member_id, e.time, "in_group_at")
    await firsts.write(session)


@consumers.on(AttendanceRecorded)
async def attended(session: AsyncSession, events: Sequence[Received[AttendanceRecorded]]) -> None:
    firsts, ties = Firsts(), list[Tie]()
    for e in events:
        for member_id in e.data.present_ids:
            firsts.note(e.tenant, member_id, e.time, "contributed_at")
        ties += met(e.tenant, e.data.present_ids, event_id=e.id, kind="social", source="session", at=e.time)
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
    ties = [
        Tie(e.tenant, e.data.answerer_id, e.data.accepted_by, e.id, "educational", "answer", e.time) for e in events
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
